"""Region: the part of an image that points are wanted from, as labels of pixels."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_pinpoint.errors import PinpointError

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Region:
    """Labels of an image's pixels: 0 is outside, every other number is a part of the region (a cell, a drawn shape).

    A point belongs to the pixel that its centre lies in, and so to that pixel's label; a point just beyond the border
    of the image belongs to the nearest pixel.

    Parameters
    ----------
    labels
        Whole numbers or booleans of shape (Y, X), one for each pixel of the image; in a stack of planes or frames the
        same labels hold in all of them. Copied.
    name
        What users call it: a layer, a file.
    path
        The file it came from, if any.

    Raises
    ------
    PinpointError
        If the labels are no image of whole numbers, or nothing is inside.

    Examples
    --------
    >>> import numpy as np
    >>> labels = np.zeros((8, 8), np.uint8)
    >>> labels[2:5, 2:5] = 7
    >>> region = Region(labels, name="cell 7")
    >>> region.labels_at(np.array([1.4, 1.6]), np.array([3.0, 3.0]))
    array([0, 7])
    >>> Region.from_record(region.to_record()).name
    'cell 7'
    """

    labels: Array
    name: str = ""
    path: str | None = None

    def __post_init__(self) -> None:
        labels = np.asarray(self.labels)
        if labels.ndim != 2 or labels.dtype.kind not in "bui":
            raise PinpointError(
                f"{self.words} must be one image (rows, columns) of whole numbers, 0 outside; it has shape "
                f"{labels.shape} and pixels of type {labels.dtype}."
            )
        if not labels.any():
            raise PinpointError(
                f"{self.words} is empty: no pixel of it is other than 0. Draw or choose what to look at."
            )
        smallest = np.result_type(np.min_scalar_type(labels.min()), np.min_scalar_type(labels.max()))
        kept = labels.astype(smallest if smallest.kind in "ui" else np.uint8)
        kept.flags.writeable = False
        object.__setattr__(self, "labels", kept)

    @property
    def words(self) -> str:
        """What to call it at the beginning of a message."""
        return f"The region {self.name!r}" if self.name else "The region"

    def labels_at(self, y: Array, x: Array) -> Array:
        """The label, (n,) int64, of the pixel that holds each position in pixels; 0 is outside."""
        row, column = (
            np.clip(np.floor(place + 0.5), 0, n - 1).astype(np.int64)
            for place, n in zip((y, x), self.labels.shape, strict=True)
        )
        found: Array = self.labels[row, column].astype(np.int64)
        return found

    def bounds(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """The rows and the columns, each (start, stop), that hold all of it."""
        inside = self.labels != 0
        rows, columns = (np.flatnonzero(inside.any(axis=axis)) for axis in (1, 0))
        return (int(rows[0]), int(rows[-1]) + 1), (int(columns[0]), int(columns[-1]) + 1)

    def to_record(self) -> dict[str, Any]:
        """Everything that makes it again, as plain JSON values: the runs of equal labels along the rows, packed."""
        flat = self.labels.ravel()
        starts = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1])
        runs = np.stack([flat[starts], np.diff(starts, append=flat.size)]).astype("<i8").tobytes()
        return {
            "name": self.name,
            "path": self.path,
            "shape": list(self.labels.shape),
            "sha256": hashlib.sha256(runs).hexdigest(),
            "runs": base64.b64encode(zlib.compress(runs)).decode("ascii"),
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Region:
        """The region of a record that `to_record` made.

        Raises
        ------
        PinpointError
            If the record is damaged.
        """
        try:
            runs = zlib.decompress(base64.b64decode(record["runs"], validate=True))
            if hashlib.sha256(runs).hexdigest() != record["sha256"]:
                raise ValueError("its labels are not what they were")
            values, lengths = np.frombuffer(runs, dtype="<i8").reshape(2, -1)
            return cls(np.repeat(values, lengths).reshape(record["shape"]), record["name"], record["path"])
        except (KeyError, TypeError, ValueError, zlib.error) as error:  # a wrong base64 is a ValueError
            raise PinpointError(f"The region in the table's record is damaged ({error}).") from error
