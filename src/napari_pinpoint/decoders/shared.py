"""What decoders share: columns of points, candidates above a probability, and groups of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

Array = np.ndarray[Any, Any]

#: Reach of what compares a cell with those around it: a point may come from the cell beside the one that it lies in,
#: and that one is compared with the next. Two cells of up to 4 px.
NEIGHBOURS_PX = 8.0


def spatial_axes(dims: int) -> tuple[str, ...]:
    """Names of a table's columns along the spatial axes; the one axis of a trace is time."""
    return ("t",) if dims == 1 else ("z", "y", "x")[-dims:]


def columns_of(image: np.ndarray, position: list[np.ndarray]) -> dict[str, Any]:
    """Columns of points at `position`, one array for each spatial axis, in the images of a batch."""
    if len(position) > 1:
        return {"frame": image} | dict(zip(spatial_axes(len(position)), position, strict=True))
    # A trace has one axis, and that is time.
    t = np.maximum(position[0], -0.5)
    zero = np.zeros(len(t))
    return {"frame": np.floor(t + 0.5), "y": zero, "x": zero, "t": t, "trace": image}


@dataclass(frozen=True)
class Candidates:
    """Candidates of a batch whose probability is above some value, as arrays on the CPU.

    Attributes
    ----------
    image, label
        (n,) index in the batch and of the class.
    probability
        (n,) float64.
    position
        (n, D) float64, pixels of the input.
    more
        Further maps of the candidates that were there, by name: (n, D) or (n,) float64.
    """

    image: Array
    label: Array
    probability: Array
    position: Array
    more: dict[str, Array]

    @classmethod
    def above(cls, least: float, maps: dict[str, Tensor], *, stride: int) -> Candidates:
        """Those with a probability above `least`; only these leave the device."""
        probability, offset = torch.sigmoid(maps["logit"]), maps["offset"]
        index = torch.nonzero(probability > least)
        image, label, candidate, *cell = index.unbind(dim=1)
        at: Any = (image, candidate)
        dims = offset.shape[2]

        def picked(values: Tensor) -> Array:
            """Values of the chosen candidates, (n, D) or (n,)."""
            if values.dim() == offset.dim():
                values = torch.stack([values[(*at, axis, *cell)] for axis in range(dims)], dim=1)
            else:
                values = values[(*at, *cell)]
            return values.float().cpu().numpy().astype(np.float64)

        centre = torch.stack(cell, dim=1).to(torch.float32) * stride + (stride - 1) / 2
        return cls(
            image.cpu().numpy(),
            label.cpu().numpy(),
            probability[tuple(index.unbind(dim=1))].float().cpu().numpy().astype(np.float64),
            # Cells are whole numbers: adding them in float64 keeps every digit of the offset.
            centre.cpu().numpy().astype(np.float64) + picked(offset),
            {name: picked(values) for name, values in maps.items() if name not in ("logit", "offset")},
        )


def gather(points: np.ndarray, weight: np.ndarray, radius: float) -> np.ndarray:
    """Group points greedily from the heaviest down; returns the index of the point that each one belongs to."""
    n = len(points)
    owner = np.arange(n)
    if n < 2:
        return owner
    order = np.lexsort((*points.T[::-1], -weight))  # place decides between equal weights, not the order of the rows
    rank = np.empty(n, dtype=np.int64)
    rank[order] = np.arange(n)
    pairs = cKDTree(points).query_pairs(radius, output_type="ndarray")
    a = np.concatenate([pairs[:, 0], pairs[:, 1]])
    b = np.concatenate([pairs[:, 1], pairs[:, 0]])
    free = np.ones(n, dtype=bool)
    while len(a):
        # A free point that outranks all its free neighbours leads a group; all of these are settled at once.
        best = np.full(n, n)
        np.minimum.at(best, a, rank[b])
        leads = free & (rank < best)
        joins = leads[b]
        leader = np.full(n, n)
        np.minimum.at(leader, a[joins], rank[b[joins]])
        joined = leader < n
        owner[joined] = order[leader[joined]]
        free &= ~(leads | joined)
        left = free[a] & free[b]
        a, b = a[left], b[left]
    return owner
