"""Heat maps with a Gaussian at every point, computed only where it is not zero."""

from __future__ import annotations

import math
from typing import Literal

import torch
from pydantic import BaseModel, Field
from torch import Tensor

from napari_pinpoint.methods.cells import cell_centres, windows_around
from napari_pinpoint.methods.points import Points

Combine = Literal["sum", "max", "union"]

#: Standard deviations after which a Gaussian is nothing: exp(-5.5^2 / 2) < 3e-7.
_CUTOFF = 5.5
#: Values of windows that are in memory at a time.
_VALUES = 2**22
_REDUCE = {"sum": "sum", "max": "amax", "union": "prod"}


class GaussianTarget(BaseModel, extra="forbid", frozen=True):
    """A Gaussian of height 1 at every point, centred where the point is, not at the nearest pixel.

    Where Gaussians of one class overlap they are added and cut at 1 ("sum", as locating-centers does), the higher one
    counts ("max", as in CenterNet), or they join as independent probabilities do, 1 - prod(1 - g) ("union"). A sum
    has plateaus between points that are nearer than about two sigma; a maximum keeps each point's own peak longest.
    """

    sigma_px: float = Field(default=1.0, gt=0, description="Standard deviation of the Gaussians, pixels.")
    combine: Combine = Field(default="max", description="What overlapping Gaussians become.")

    def __call__(self, points: Points, shape: tuple[int, ...], *, stride: int, classes: int) -> Tensor:
        return gaussian_heatmap(
            points.positions,
            points.mask,
            points.labels,
            self.sigma_px,
            cells=tuple(n // stride for n in shape),
            stride=stride,
            classes=classes,
            combine=self.combine,
        )


def gaussian_heatmap(
    positions: Tensor,
    mask: Tensor,
    labels: Tensor,
    sigmas: Tensor | float,
    *,
    cells: tuple[int, ...],
    stride: int = 1,
    classes: int = 1,
    combine: Combine = "max",
    reaches: Tensor | None = None,
) -> Tensor:
    r"""Gaussians exp(-|(x - t) / sigma|^2 / 2) of height 1 at the points t, at the centres x of cells.

    Parameters
    ----------
    positions, mask, labels
        (B, N, D) pixels, within the image; (B, N) which rows are points; (B, N) index of the class, left out from
        `classes` on.
    sigmas
        Standard deviations in pixels: one for all, or (B, N, D) for every point and axis.
    cells, stride
        Cells along each axis, and their width in pixels.
    combine
        What Gaussians of one class that overlap become: "sum" (cut at 1), "max" or "union", 1 - prod(1 - g).
    reaches
        (B, N) pixels along each axis beyond which Gaussians end, so that their windows are squares; None leaves them
        whole.

    Returns
    -------
    (B, classes, \*cells) in [0, 1]. Time and memory grow with the points and their widths, not with points times cells.
    """
    batch, size = len(positions), math.prod(cells)
    heat = positions.new_full((batch * classes * size,), 1.0 if combine == "union" else 0.0)
    image, row = torch.nonzero(mask & (labels < classes), as_tuple=True)
    at = positions[image, row]
    widths = torch.as_tensor(sigmas, dtype=at.dtype, device=at.device).expand(positions.shape)[image, row]
    ends = _CUTOFF * widths.amax(dim=1) if reaches is None else reaches[image, row]
    first = (image * classes + labels[image, row]) * size
    reach = min(max(cells), math.ceil(float(ends.max()) / stride) + 1) if len(at) else 0
    centres = cell_centres(cells, stride, at).flatten(1)
    step = max(1, _VALUES // (2 * reach + 1) ** len(cells))
    for start in range(0, len(at), step):
        here = slice(start, start + step)
        index, inside = windows_around((at[None, here] - (stride - 1) / 2) / stride, cells, reach=reach)
        index, inside = index[0], inside[0]
        away = centres[:, index] - at[here].T[..., None]  # (D, P, W)
        if reaches is not None:
            inside &= (away.abs() <= ends[here, None]).all(dim=0)
        away /= widths[here].T[..., None]
        values = torch.exp(away.square().sum(dim=0) / -2)[inside]
        heat.scatter_reduce_(
            0,
            (first[here, None] + index)[inside],
            1 - values if combine == "union" else values,
            reduce=_REDUCE[combine],
        )
    heat = 1 - heat if combine == "union" else heat.clamp(max=1)
    return heat.reshape(batch, classes, *cells)
