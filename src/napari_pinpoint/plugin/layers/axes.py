"""What the axes of a layer mean, as far as its labels and its shape say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

#: What a layer's axis labels mean, in lower case; napari's own "-3", "-2" and "-1" mean nothing.
_LETTERS = {
    "t": "T", "time": "T", "frame": "T", "frames": "T",
    "c": "C", "channel": "C", "channels": "C",
    "z": "Z", "plane": "Z", "planes": "Z", "depth": "Z",
    "p": "P", "position": "P", "positions": "P",
}  # fmt: skip


def axis_letters(axis_labels: Sequence[str]) -> tuple[str | None, ...]:
    """The meaning (P, T, C or Z) of each axis ahead of y and x, None where its label says nothing new."""
    letters: list[str | None] = []
    for label in axis_labels[:-2]:
        letter = _LETTERS.get(str(label).strip().lower())
        letters.append(None if letter in letters else letter)
    return tuple(letters)


def guess_time_axis(axis_labels: Sequence[str], shape: Sequence[int]) -> int | None:
    """The axis that is labelled as time; else the first one without a meaning that is longer than 1; else None."""
    letters = axis_letters(axis_labels)
    if "T" in letters:
        return letters.index("T")
    return next((axis for axis, letter in enumerate(letters) if letter is None and shape[axis] > 1), None)


def full_shape(layer: Any) -> tuple[int, ...]:
    """Shape of a layer's data at full resolution, without the axis of colours."""
    return tuple(layer.data[0].shape if layer.multiscale else layer.data.shape)[: layer.ndim]


def axis_names(layer: Any) -> list[str]:
    """What to call the axes ahead of y and x; napari's own labels ("-3") tell users nothing."""
    labels = enumerate(layer.axis_labels[:-2])
    return [f"axis {axis}" if label.lstrip("-").isdigit() else label for axis, label in labels]
