"""Points: what methods learn from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import FLAGS, Localizations

Array = np.ndarray[Any, Any]

_AXES = ("z", "y", "x")
#: The column that says how far an object extends along an axis.
_EXTENTS = {"y": "height", "x": "width"}
#: Pixels around an emitter too faint to be seen in which nothing is taught.
IGNORE_RADIUS = 1.5


@dataclass(frozen=True)
class Points:
    """Padded points of a batch of images.

    Parameters
    ----------
    positions
        (B, N, D) float32, pixels, in the order of the spatial axes.
    mask
        (B, N) bool, true where a row is a point and not padding.
    labels
        (B, N) int64, index of the class.
    photons
        (B, N) float32, photoelectrons; NaN where unknown.
    background
        (B, N) float32, photoelectrons per pixel; NaN where unknown (None: everywhere).
    sizes
        (B, N, D) float32, extent of the object along each axis in pixels; NaN where unknown (None: everywhere).
    """

    positions: Tensor
    mask: Tensor
    labels: Tensor
    photons: Tensor
    background: Tensor = None  # type: ignore[assignment]
    sizes: Tensor = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        for name, like in (("background", self.photons), ("sizes", self.positions)):
            if getattr(self, name) is None:
                object.__setattr__(self, name, torch.full_like(like, math.nan))

    @property
    def counts(self) -> Tensor:
        """(B,) number of points of each image."""
        return self.mask.sum(dim=1)

    def to(self, device: torch.device | str) -> Points:
        return Points(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})


def points_of(
    table: Localizations, *, n_frames: int, shape: tuple[int, ...], classes: tuple[str, ...] = ()
) -> tuple[Points, Tensor]:
    """Points of the frames 0 to n_frames - 1 of a table, and where the annotation can be believed.

    Returns
    -------
    points, valid
        `valid` has the shape (n_frames, \\*shape); it is false around emitters that are marked "ignore", except
        where another emitter is nearer.
    """
    axes = _AXES[-len(shape) :] if len(shape) > 1 else ("t",) if "t" in table else ("x",)
    frame = table["frame"]
    order = np.argsort(frame, kind="stable")
    position = np.stack([table[axis] for axis in axes], axis=1).astype(np.float32)
    ignored = (table["flags"] & FLAGS["ignore"]) > 0 if "flags" in table else np.zeros(len(table), dtype=bool)
    values = {
        "positions": position,
        "mask": np.ones(len(table), bool),
        "labels": _indices(table, classes),
        "photons": _known(table, "photons"),
        "background": _known(table, "background"),
        "sizes": np.stack([_known(table, _EXTENTS.get(axis, "")) for axis in axes], axis=1),
    }

    kept = order[~ignored[order]]
    counts = np.bincount(frame[kept], minlength=n_frames)
    slot = np.arange(len(kept)) - np.repeat(np.cumsum(counts) - counts, counts)
    width = max(1, int(counts.max(initial=0)))
    padded = {
        "positions": np.zeros((n_frames, width, len(shape)), np.float32),
        "mask": np.zeros((n_frames, width), bool),
        "labels": np.zeros((n_frames, width), np.int64),
        "photons": np.full((n_frames, width), np.nan, np.float32),
        "background": np.full((n_frames, width), np.nan, np.float32),
        "sizes": np.full((n_frames, width, len(shape)), np.nan, np.float32),
    }
    for name, target in padded.items():
        target[frame[kept], slot] = values[name][kept]
    points = Points(**{name: torch.from_numpy(target) for name, target in padded.items()})
    valid = np.ones((n_frames, *shape), dtype=bool)
    _hide(valid, (frame[ignored], position[ignored]), (frame[kept], position[kept]))
    return points, torch.from_numpy(valid)


def joined(parts: Sequence[Points]) -> Points:
    """The points of several batches of images as those of one, in order."""
    width = max(part.mask.shape[1] for part in parts)

    def padded(values: Tensor) -> Tensor:
        rest = values.new_zeros((values.shape[0], width - values.shape[1], *values.shape[2:]))
        return torch.cat([values, rest], dim=1)

    return Points(**{f.name: torch.cat([padded(getattr(part, f.name)) for part in parts]) for f in fields(Points)})


def _known(table: Localizations, name: str) -> Array:
    """A column of floats, NaN where the table has none of this name."""
    return table[name] if name in table else np.full(len(table), np.nan, np.float32)


def _indices(table: Localizations, classes: tuple[str, ...]) -> Array:
    """(n,) index of every row's class; without names of classes all are of one kind."""
    if not classes or "label" not in table:
        return np.zeros(len(table), np.int64)
    index = {name: i for i, name in enumerate(classes)}
    unknown = set(table["label"]) - set(index)
    if unknown:
        raise PinpointError(
            f"There are points of the class {sorted(map(str, unknown))[0]!r}; the model tells {', '.join(classes)}."
        )
    return np.array([index[label] for label in table["label"]], dtype=np.int64)


def _hide(valid: Array, ignored: tuple[Array, Array], others: tuple[Array, Array]) -> None:
    """Make `valid` (n_frames, \\*shape) false near ignored emitters, where none of the others is nearer.

    Both are given as frames (n,) and positions (n, D).
    """
    frame, position = ignored
    if len(frame) == 0:
        return
    dims, reach = position.shape[1], math.ceil(IGNORE_RADIUS)
    around = np.stack(np.meshgrid(*[np.arange(-reach, reach + 1)] * dims, indexing="ij"), axis=-1).reshape(-1, dims)
    pixel = np.rint(position).astype(np.int64)[:, None] + around  # (n, W, D)
    distance = np.linalg.norm(pixel - position[:, None], axis=-1)
    near = (distance <= IGNORE_RADIUS) & ((pixel >= 0) & (pixel < valid.shape[1:])).all(axis=-1)
    pixel, distance, frames = pixel[near], distance[near], np.broadcast_to(frame[:, None], near.shape)[near]
    # Frames are pulled apart along an axis of their own, so that one tree serves all of them.
    apart = 4 * IGNORE_RADIUS
    if len(others[0]) and len(pixel):
        tree = cKDTree(np.column_stack([others[0] * apart, others[1]]))
        nearest, _ = tree.query(np.column_stack([frames * apart, pixel]), distance_upper_bound=2 * IGNORE_RADIUS)
        pixel, frames = pixel[distance < nearest], frames[distance < nearest]
    valid[(frames, *pixel.T)] = False
