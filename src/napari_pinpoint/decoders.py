"""Decoders: maps to points. What a network answers in cells becomes rows of the table here."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Protocol

import numpy as np
import torch
from pydantic import BaseModel, Field
from scipy.spatial import cKDTree
from torch import Tensor

from napari_pinpoint.localizations import Localizations
from napari_pinpoint.registry import Registry


class Decoder(Protocol):
    """What a third party writes to add a decoder; its options are the fields of a pydantic model."""

    #: Names of the maps that it reads.
    needs: ClassVar[tuple[str, ...]]
    #: "local" if a point depends on its surroundings only, "frame" if on the whole frame.
    scope: ClassVar[Literal["local", "frame"]]
    #: Names of the images that it makes besides points.
    images: ClassVar[tuple[str, ...]]
    #: The option that users know as the threshold.
    threshold: float
    #: Pixels within which points influence each other.
    reach: float

    def __call__(self, maps: dict[str, Tensor], *, stride: int) -> Localizations:
        """Points of a batch: `frame` (of traces: `trace`) is the index in it, positions are pixels of the input."""


DECODERS: Registry[type[Any]] = Registry(
    "decoder",
    (
        "pooled_mass",
        "Joins the probability of neighbouring candidates and keeps what adds up to a point.",
        "napari_pinpoint.decoders:PooledMass",
    ),
)


class PooledMass(BaseModel, extra="forbid", frozen=True):
    """Points where the probability of candidates that agree on a place adds up.

    A network that is trained without assignment may say one emitter in several halves. Candidates are taken from the
    most probable down; each gathers the free ones within `radius`, and a group whose probabilities add up to the
    threshold is one localization at their weighted mean.
    """

    needs: ClassVar[tuple[str, ...]] = ("logit", "offset")
    scope: ClassVar[Literal["local", "frame"]] = "local"
    images: ClassVar[tuple[str, ...]] = ()

    threshold: float = Field(default=0.5, gt=0, le=1, description="Least probability of a localization.")
    radius: float = Field(default=0.55, gt=0, description="Distance within which candidates are one point, px.")
    least: float = Field(default=0.08, ge=0, lt=1, description="Candidates below this probability are noise.")

    @property
    def reach(self) -> float:
        return 4 * self.radius

    def __call__(self, maps: dict[str, Tensor], *, stride: int) -> Localizations:
        frame, label, probability, position = _candidates(maps["logit"], maps["offset"], stride, self.least)
        # Frames and classes are pulled apart along an axis of their own, so that one tree serves all of them.
        apart = (frame * maps["logit"].shape[1] + label)[:, None] * (4 * self.radius)
        owner = _gather(np.concatenate([apart, position], axis=1), probability, self.radius)
        groups, member = np.unique(owner, return_inverse=True)
        mass = np.bincount(member, probability, len(groups))
        mean = [np.bincount(member, probability * axis, len(groups)) / mass for axis in position.T]
        # Compared as the table holds it, so that selecting rows of the table later is the same.
        probability = np.minimum(mass, 1.0).astype(np.float32)
        kept = probability >= np.float32(self.threshold)
        columns = _columns(frame[groups][kept], [axis[kept] for axis in mean])
        if maps["logit"].shape[1] > 1:
            columns["label"] = label[groups][kept]
        return Localizations(columns | {"probability": probability[kept]})


def _columns(image: np.ndarray, position: list[np.ndarray]) -> dict[str, Any]:
    """Columns of points at `position`, one array for each spatial axis, in the images of a batch."""
    if len(position) > 1:
        return {"frame": image} | dict(zip("zyx"[-len(position) :], position, strict=True))
    # A trace has one axis, and that is time.
    t = np.maximum(position[0], -0.5)
    zero = np.zeros(len(t))
    return {"frame": np.floor(t + 0.5), "y": zero, "x": zero, "t": t, "trace": image}


def _candidates(
    logit: Tensor, offset: Tensor, stride: int, least: float
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


def _gather(points: np.ndarray, weight: np.ndarray, radius: float) -> np.ndarray:
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
