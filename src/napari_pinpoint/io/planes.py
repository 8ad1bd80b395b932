"""PlaneArray: planes of image files as one lazy array with its axes in the order of a stack."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.stack import AXES, AXIS_WORDS


class Pages(Protocol):
    """Numbered pages of one kind, in one file or in several."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of a page."""

    @property
    def samples(self) -> int:
        """Values of each pixel (the colours)."""

    @property
    def dtype(self) -> np.dtype[Any]: ...

    def read(self, numbers: Sequence[int], rows: slice, columns: slice) -> np.ndarray[Any, Any]:
        """Pages as an array of shape (pages, samples, rows, columns); the slices have step 1."""


class PlaneArray:
    """A lazy array: indexing by integers and slices reads just those planes, rows and columns, as numpy.

    Parameters
    ----------
    pages
        What the planes are read from.
    table
        The number of the page at every index along the axes before Y and X; -1 where the file has none.
    axes
        The letters of the table's axes (a part of ``"PTCZ"``), in any order; then that of the pages' samples where
        there are several. The array's own axes are in the order of `AXES`.
    name
        What to call it in a message.
    """

    def __init__(self, pages: Pages, table: np.ndarray[Any, Any], axes: str, name: str) -> None:
        letters = axes[: table.ndim]
        order = sorted(range(table.ndim), key=lambda i: AXES.index(letters[i]))
        self._pages = pages
        self._table = table.transpose(order)
        self._outer = "".join(letters[i] for i in order)
        self._sample_axis = axes[table.ndim :]
        self._name = name
        self.axes = "".join(sorted(axes, key=AXES.index)) + "YX"
        sizes = dict(zip(self._outer, self._table.shape, strict=True))
        if self._sample_axis:
            sizes[self._sample_axis] = pages.samples
        sizes["Y"], sizes["X"] = pages.shape
        self.shape: tuple[int, ...] = tuple(sizes[axis] for axis in self.axes)
        self.dtype: np.dtype[Any] = pages.dtype

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return int(math.prod(self.shape))

    @property
    def nbytes(self) -> int:
        return self.size * int(self.dtype.itemsize)

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        values: np.ndarray[Any, Any] = self[...]
        return values if dtype is None else values.astype(dtype)

    def __repr__(self) -> str:
        return f"<PlaneArray {self.axes} {self.shape} {self.dtype} of {self._name}>"

    def __getitem__(self, index: Any) -> np.ndarray[Any, Any]:
        chosen, dropped = _normalise(index, self.shape)
        by_axis = dict(zip(self.axes, chosen, strict=True))
        numbers = self._table[tuple(_slice(by_axis[axis]) for axis in self._outer)]
        block: np.ndarray[Any, Any]
        if 0 in map(len, chosen):
            block = np.empty([len(r) for r in chosen], self.dtype)[dropped]
            return block
        if numbers.min() < 0:
            raise self._missing(numbers, by_axis)
        rows, columns = by_axis["Y"], by_axis["X"]
        block = self._pages.read(
            numbers.ravel().tolist(), slice(rows.start, rows.stop), slice(columns.start, columns.stop)
        )[:, :, :: rows.step, :: columns.step]
        block = block.reshape(*numbers.shape, *block.shape[1:])  # (*outer, samples, Y, X)
        if self._sample_axis:
            block = block[(..., _slice(by_axis[self._sample_axis]), slice(None), slice(None))]
            block = np.moveaxis(block, numbers.ndim, self.axes.index(self._sample_axis))
        else:
            block = block[..., 0, :, :]
        block = block[dropped]
        return block

    def _missing(self, numbers: np.ndarray[Any, Any], by_axis: dict[str, range]) -> PinpointError:
        first = np.argwhere(numbers < 0)[0]
        place = ", ".join(
            f"{AXIS_WORDS[axis]} {by_axis[axis][int(i)]}" for axis, i in zip(self._outer, first, strict=True)
        )
        return PinpointError(f"{self._name} has no image at {place}: it is announced in the file but was not saved.")


def _slice(indices: range) -> slice:
    return slice(indices.start, indices.stop, indices.step)


def _normalise(index: Any, shape: tuple[int, ...]) -> tuple[list[range], tuple[Any, ...]]:
    """The indices along every axis as a range, and the index that drops the axes that an integer was given for."""
    items = list(index) if isinstance(index, tuple) else [index]
    if Ellipsis in items:
        at = items.index(Ellipsis)
        items[at : at + 1] = [slice(None)] * (len(shape) - len(items) + 1)
    if len(items) > len(shape):
        raise IndexError(f"{len(items)} indices for {len(shape)} axes")
    items += [slice(None)] * (len(shape) - len(items))
    ranges: list[range] = []
    dropped: list[Any] = []
    for item, size in zip(items, shape, strict=True):
        if isinstance(item, slice):
            ranges.append(range(*item.indices(size)))
            dropped.append(slice(None))
            if ranges[-1].step < 0:
                raise IndexError("planes are read forwards: the step of a slice must be above 0")
        else:
            i = operator.index(item)
            if not -size <= i < size:
                raise IndexError(f"index {i} is out of range for an axis of length {size}")
            ranges.append(range(i % size, i % size + 1))
            dropped.append(0)
    return ranges, tuple(dropped)
