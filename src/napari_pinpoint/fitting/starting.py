"""Where a fit starts: at the given places, with photons and background by least squares, and the width that fits best.

Moments of the pixels would tell the width, too, but neighbours and a high background spoil them; for some widths to be
tried out, photons and background follow from linear equations, whatever lies beside.
"""

from __future__ import annotations

import torch
from torch import Tensor

from napari_pinpoint.fitting.likelihood import Patches, deviance_of_pixels, expected, n_emitters, photons_of, shares

#: Widths that are tried, over that of the stack.
WIDTHS = (0.7, 0.85, 1.0, 1.2, 1.45)
_LEAST = 1.0


def starting_parameters(given: Tensor, patches: Patches, *, psf_sigma: float) -> Tensor:
    """Parameters (G, P) to start from, of which only the positions are taken from `given` (G, P)."""
    best = given.clone()
    least = torch.full_like(given[:, 0], torch.inf)
    for width in WIDTHS:
        trial = _linear(given, patches, width * psf_sigma)
        rows, columns = shares(trial, *patches.data.shape[1:])
        light = expected(trial, patches, rows, columns) + trial[:, -3, None, None]
        deviance = deviance_of_pixels(light, patches).sum(dim=(1, 2))
        better = deviance < least
        best = torch.where(better[:, None], trial, best)
        least = torch.where(better, deviance, least)
    return best


def _linear(given: Tensor, patches: Patches, sigma: float) -> Tensor:
    """Parameters with photons and background that fit best, in least squares, at this width."""
    k, trial = n_emitters(given), given.clone()
    trial[:, -2:] = sigma
    rows, columns = shares(trial, *patches.data.shape[1:])
    shapes = rows.value[:, :, :, None] * columns.value[:, :, None, :] * patches.exists[:, :, None, None]
    design = torch.cat([shapes, torch.ones_like(shapes[:, :1])], dim=1).flatten(2)
    weighted = design * patches.known.flatten(1)[:, None]
    seen = (patches.photoelectrons() - patches.others).flatten(1)
    matrix = weighted @ design.transpose(1, 2)
    # Two at one place share the light, and what is only padding has none.
    matrix = matrix + torch.diag_embed(1e-4 * torch.diagonal(matrix, dim1=1, dim2=2) + 1e-6)
    root, _ = torch.linalg.cholesky_ex(matrix)
    solved = torch.cholesky_solve(weighted @ seen[:, :, None], root)[:, :, 0]
    solved = torch.nan_to_num(solved).clamp(min=_LEAST)
    trial[:, 2 * k : 3 * k], trial[:, -3] = solved[:, :k], solved[:, k]
    trial[:, 2 * k : 3 * k] = photons_of(trial, patches)
    return trial
