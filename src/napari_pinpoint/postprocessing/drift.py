"""Drift: how far the sample was from its place in every frame, and tables without it.

The one sign of it all: ``corrected = measured - drift(frame)``.
"""

from __future__ import annotations

import base64
import hashlib
import warnings
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from napari_pinpoint.errors import PinpointError, PinpointWarning
from napari_pinpoint.localizations import Localizations, read_only

Array = np.ndarray[Any, Any]

#: Steps that leave every row where it is, so that drift can be put back after them.
_LEAVE_IN_PLACE = {"filter", "select", "link"}


@dataclass(frozen=True, eq=False)
class Drift:
    """Where the sample was in every frame, relative to its place in the first of them.

    Parameters
    ----------
    frame
        (n,) whole numbers, one after the other.
    y, x
        (n,) in pixels: what a molecule's measured position is too much by. Kept in single precision.
    pixel_size_nm
        Size of a pixel, None where it is unknown.
    method
        How it was found.
    settings
        With what, as plain JSON values.

    Examples
    --------
    >>> drift = Drift([0, 1, 2], y=[0, 0.5, 1], x=[0, 0, 0])
    >>> table = Localizations({"frame": [0, 2], "y": [5, 6], "x": [3, 3]})
    >>> correct_drift(table, drift)["y"]
    array([5., 5.])
    """

    frame: Array
    y: Array
    x: Array
    pixel_size_nm: float | None = None
    method: str = "given"
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        frame = np.asarray(self.frame)
        y, x = (np.array(values, dtype=np.float32) for values in (self.y, self.x))
        if not (frame.ndim == 1 and len(frame) and frame.shape == y.shape == x.shape):
            raise PinpointError(
                f"Drift needs a y and an x for every frame, at least one; it has {frame.shape}, {y.shape}, {x.shape}."
            )
        if not (np.isfinite(y).all() and np.isfinite(x).all()):
            raise PinpointError("Drift must be a finite number in every frame.")
        first = int(frame[0]) if np.isfinite(frame[0]) else 0
        if first < 0 or not np.array_equal(frame, np.arange(first, first + len(frame))):
            raise PinpointError("Drift must name every frame from its first to its last, in order, from 0 on.")
        object.__setattr__(self, "frame", read_only(np.arange(first, first + len(frame))))
        object.__setattr__(self, "y", read_only(y))
        object.__setattr__(self, "x", read_only(x))

    def at(self, frame: Array) -> tuple[Array, Array]:
        """(y, x) in the given frames, in pixels; before its first and behind its last frame as it is there."""
        index = np.clip(np.asarray(frame) - self.frame[0], 0, len(self.frame) - 1)
        return self.y[index], self.x[index]

    def to_record(self) -> dict[str, Any]:
        """Everything that makes it again, as plain JSON values."""
        packed = np.stack([self.y, self.x]).astype("<f4").tobytes()
        return {
            "method": self.method,
            "settings": dict(self.settings),
            "pixel_size_nm": self.pixel_size_nm,
            "first_frame": int(self.frame[0]),
            "n_frames": len(self.frame),
            "sha256": hashlib.sha256(packed).hexdigest(),
            "yx": base64.b64encode(zlib.compress(packed)).decode("ascii"),
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Drift:
        """The drift of a record that `to_record` made.

        Raises
        ------
        PinpointError
            If the record is damaged.
        """
        try:
            packed = zlib.decompress(base64.b64decode(record["yx"], validate=True))
            if hashlib.sha256(packed).hexdigest() != record["sha256"]:
                raise ValueError("its numbers are not what they were")
            y, x = np.frombuffer(packed, dtype="<f4").reshape(2, record["n_frames"])
            frame = np.arange(record["n_frames"]) + record["first_frame"]
            return cls(frame, y, x, record["pixel_size_nm"], record["method"], record["settings"])
        except (KeyError, TypeError, ValueError, zlib.error) as error:
            raise PinpointError(f"The drift in the table's record is damaged ({error}).") from error


def correct_drift(table: Localizations, drift: Drift) -> Localizations:
    """The table without drift: ``corrected = measured - drift(frame)``.

    The record holds the drift itself, packed (about 6 bytes a frame), so that the same is done again whatever becomes
    of the estimate, and so that a table of another channel can be given the same drift.

    Warns
    -----
    PinpointWarning
        If there are rows in frames that the drift does not know; they get that of the nearest frame.
    """
    outside = int(np.count_nonzero((table["frame"] < drift.frame[0]) | (table["frame"] > drift.frame[-1])))
    if outside:
        warnings.warn(
            f"{outside:,} localizations lie outside the frames {drift.frame[0]} to {drift.frame[-1]} that the drift is "
            "known for; they are moved as in the nearest of these.",
            PinpointWarning,
            stacklevel=2,
        )
    return _moved(table, drift, -1).with_step("drift", **drift.to_record())


def remove_drift_correction(table: Localizations) -> Localizations:
    """The table as it was before its drift was corrected (the last time, if several), to rounding.

    Rows that were filtered out meanwhile stay out. The correction leaves the record.

    Raises
    ------
    PinpointError
        If the drift was not corrected, or rows were moved or merged since.
    """
    steps = table.record.get("steps", [])
    last = max((index for index, step in enumerate(steps) if step.get("step") == "drift"), default=None)
    if last is None:
        raise PinpointError("The drift of this table was not corrected, so there is nothing to undo.")
    since = [str(step.get("step")) for step in steps[last + 1 :] if step.get("step") not in _LEAVE_IN_PLACE]
    if since:
        raise PinpointError(
            f"The table was changed after its drift was corrected ({', '.join(since)}), so that this cannot be undone "
            "any more; go back to the table before."
        )
    before = _moved(table, Drift.from_record(steps[last]), +1)
    return before.with_record({**table.record, "steps": [*steps[:last], *steps[last + 1 :]]})


def _moved(table: Localizations, drift: Drift, sign: int) -> Localizations:
    y, x = drift.at(table["frame"])
    return table.with_columns(y=read_only(table["y"] + sign * y), x=read_only(table["x"] + sign * x))
