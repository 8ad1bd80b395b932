"""Points: what methods learn from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from napari_pinpoint.localizations import FLAGS, Localizations

_AXES = ("z", "y", "x")
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
    """

    positions: Tensor
    mask: Tensor
    labels: Tensor
    photons: Tensor

    @property
    def counts(self) -> Tensor:
        """(B,) number of points of each image."""
        return self.mask.sum(dim=1)

    def to(self, device: torch.device | str) -> Points:
        return Points(self.positions.to(device), self.mask.to(device), self.labels.to(device), self.photons.to(device))


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
    photons = table["photons"] if "photons" in table else np.full(len(table), np.nan, np.float32)
    labels = np.zeros(len(table), np.int64)
    if classes and "label" in table:
        labels = np.array([classes.index(label) for label in table["label"]], dtype=np.int64)

    kept = order[~ignored[order]]
    counts = np.bincount(frame[kept], minlength=n_frames)
    slot = np.arange(len(kept)) - np.repeat(np.cumsum(counts) - counts, counts)
    width = max(1, int(counts.max(initial=0)))
    padded = {
        "positions": np.zeros((n_frames, width, len(shape)), np.float32),
        "mask": np.zeros((n_frames, width), bool),
        "labels": np.zeros((n_frames, width), np.int64),
        "photons": np.full((n_frames, width), np.nan, np.float32),
    }
    values = {"positions": position, "mask": np.ones(len(table), bool), "labels": labels, "photons": photons}
    for name, target in padded.items():
        target[frame[kept], slot] = values[name][kept]
    points = Points(**{name: torch.from_numpy(target) for name, target in padded.items()})
    valid = torch.ones((n_frames, *shape), dtype=torch.bool)
    for row in np.flatnonzero(ignored):
        _hide_around(valid[frame[row]], position[row], points.positions[frame[row]][points.mask[frame[row]]])
    return points, valid


def _hide_around(valid: Tensor, position: np.ndarray, others: Tensor) -> None:
    """Make `valid` (\\*shape) false within IGNORE_RADIUS of `position`, where none of `others` (n, D) is nearer."""
    low = [max(0, int(np.floor(p - IGNORE_RADIUS))) for p in position]
    high = [min(size, int(np.ceil(p + IGNORE_RADIUS)) + 1) for p, size in zip(position, valid.shape, strict=True)]
    if any(a >= b for a, b in zip(low, high, strict=True)):
        return
    ranges = [torch.arange(a, b) for a, b in zip(low, high, strict=True)]
    pixels = torch.stack(torch.meshgrid(*ranges, indexing="ij"), dim=-1).float()
    distance = (pixels - torch.from_numpy(position)).norm(dim=-1)
    hidden = distance <= IGNORE_RADIUS
    if len(others):
        nearest = torch.cdist(pixels.reshape(-1, pixels.shape[-1]), others).amin(dim=1).reshape(hidden.shape)
        hidden &= distance < nearest
    window = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    valid[window] &= ~hidden
