"""What decoders share: columns of points, candidates above a probability, and groups of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor


def columns_of(image: np.ndarray, position: list[np.ndarray]) -> dict[str, Any]:
    """Columns of points at `position`, one array for each spatial axis, in the images of a batch."""
    if len(position) > 1:
        return {"frame": image} | dict(zip("zyx"[-len(position) :], position, strict=True))
    # A trace has one axis, and that is time.
    t = np.maximum(position[0], -0.5)
    zero = np.zeros(len(t))
    return {"frame": np.floor(t + 0.5), "y": zero, "x": zero, "t": t, "trace": image}


def candidates_above(
    least: float, logit: Tensor, offset: Tensor, *, stride: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Image, class, probability and position (n, D) of the candidates above `least`; only these leave the device."""
    probability = torch.sigmoid(logit)
    index = torch.nonzero(probability > least)
    image, label, candidate, *cell = index.unbind(dim=1)
    at: Any = (image, candidate)
    dims = offset.shape[2]
    centre = torch.stack(cell, dim=1).to(torch.float32) * stride + (stride - 1) / 2
    moved = torch.stack([offset[(*at, axis, *cell)] for axis in range(dims)], dim=1)
    # Cells are whole numbers: adding them in float64 keeps every digit of the offset.
    position = centre.cpu().numpy().astype(np.float64) + moved.float().cpu().numpy()
    p = probability[tuple(index.unbind(dim=1))].float().cpu().numpy().astype(np.float64)
    return image.cpu().numpy(), label.cpu().numpy(), p, position


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
