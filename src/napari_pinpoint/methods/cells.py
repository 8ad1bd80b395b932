r"""Cells: where a network's answers lie, which of them may be believed, and which are near a point."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor


def cell_centres(cells: tuple[int, ...], stride: int, like: Tensor) -> Tensor:
    r"""(D, \*cells) positions of the centres of output cells, in pixels of the input."""
    axes = [torch.arange(n, device=like.device, dtype=like.dtype) * stride + (stride - 1) / 2 for n in cells]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"))


def cells_of(valid: Tensor, cells: tuple[int, ...]) -> Tensor:
    r"""(B, \*cells): a cell is believed where all its pixels are."""
    shape: list[Any] = [valid.shape[0]]
    for size, n in zip(valid.shape[1:], cells, strict=True):
        shape += [n, size // n]
    blocks = valid.reshape(shape)
    for axis in range(len(cells), 0, -1):
        blocks = blocks.all(dim=2 * axis)
    return blocks


def is_believed(valid: Tensor, positions: Tensor) -> Tensor:
    """(B, N): whether the pixel that each position lies in is believed; false outside the image."""
    size = torch.tensor(valid.shape[1:], device=valid.device)
    pixel = positions.round().long()
    inside = ((pixel >= 0) & (pixel < size)).all(dim=-1)
    pixel = pixel.clamp(min=0).minimum(size - 1)
    batch = torch.arange(valid.shape[0], device=valid.device)[:, None].expand(pixel.shape[:2])
    return valid[(batch, *pixel.unbind(dim=-1))] & inside


def windows_around(positions: Tensor, cells: tuple[int, ...], *, reach: int) -> tuple[Tensor, Tensor]:
    r"""The cells around points.

    Parameters
    ----------
    positions
        (B, N, D) in cells.
    cells
        Number of cells along each axis.
    reach
        Cells to each side of the one that holds the point.

    Returns
    -------
    index, inside
        (B, N, W) index into the flattened cells, and whether that cell exists; others have the index of one that does.
    """
    dims = positions.shape[-1]
    steps = torch.arange(-reach, reach + 1, device=positions.device)
    around = torch.stack(torch.meshgrid(*[steps] * dims, indexing="ij"), dim=-1).reshape(-1, dims)
    cell = positions.round().long()[:, :, None] + around  # (B, N, W, D)
    size = torch.tensor(cells, device=positions.device)
    inside = ((cell >= 0) & (cell < size)).all(dim=-1)
    stride = torch.tensor([math.prod(cells[d + 1 :]) for d in range(dims)], device=positions.device)
    return (cell.clamp(min=0).minimum(size - 1) * stride).sum(dim=-1), inside
