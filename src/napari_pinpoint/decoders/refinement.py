r"""Sub-pixel refinement: the vertex of a parabola through a peak and its two neighbours, along each axis.

For values l, c, r at cells -1, 0 and 1 the vertex is at (l - r) / (2 (l - 2 c + r)). Of the logarithms of a sampled
Gaussian it is the exact centre, whatever its width and height; of the values themselves it is drawn towards the cell's
centre by up to some hundredths of a cell, and noise on low values matters less.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Refinement = Literal["none", "quadratic", "gaussian"]

#: Values below this are taken for this before the logarithm.
_LEAST = 1e-6


def refine(heat: Tensor, index: Tensor, refinement: Refinement) -> Tensor:
    r"""How far peaks are from the centres of their cells.

    Parameters
    ----------
    heat
        (B, C, \*cells).
    index
        (n, 2 + D): image, class and cell of each peak.
    refinement
        "none", "quadratic" (parabola through values) or "gaussian" (through their logarithms).

    Returns
    -------
    (n, D) float32 in cells, each at most 0.5 from the centre. At a border, where one neighbour is missing, the
    parabola goes through the peak and the two cells on the other side. Where it has no maximum, and along an axis of
    fewer than three cells, the offset is 0.
    """
    cells = heat.shape[2:]
    offset = torch.zeros(len(index), len(cells), device=heat.device)
    if refinement == "none":
        return offset
    for axis, n in enumerate(cells):
        if n < 3:
            continue
        middle = index[:, 2 + axis].clamp(1, n - 2)
        values = []
        for step in (-1, 0, 1):
            at = list(index.unbind(dim=1))
            at[2 + axis] = middle + step
            values.append(heat[tuple(at)].float())
        left, centre, right = (torch.log(v.clamp(min=_LEAST)) for v in values) if refinement == "gaussian" else values
        bend = left - 2 * centre + right
        away = middle - index[:, 2 + axis]  # of the parabola's middle cell; not 0 at borders only
        vertex = away + (left - right) / (2 * bend)
        offset[:, axis] = torch.where(bend < 0, vertex, 0.0).clamp(-0.5, 0.5)
    return offset
