"""A table as a picture that one can zoom and move in: sorted once, then every window of it is drawn at once."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.rendering.coloring import values_of
from napari_pinpoint.rendering.drawing import as_drawing, histogram, uncertainties
from napari_pinpoint.rendering.gaussians import REACH, add_gaussians, morton
from napari_pinpoint.rendering.quadtree import BITS, Level, pyramid

Array = np.ndarray[Any, Any]

#: Single localizations are drawn, whatever the size of the pixels, where no more than this many are to be seen; beyond,
#: those in a quarter of a pixel's area as one; and those in a whole pixel, where that leaves more than `_MANY`.
_FEW, _MANY = 300_000, 1_000_000
#: The smallest pixel of a picture, in units: 1/512 of a pixel of the stack.
_LEAST_PIXEL = 3
#: Rows that are drawn between two looks at the clock.
_STEP = 1 << 16


@dataclass(frozen=True)
class PictureRegion:
    """A part of a picture, on a grid that does not depend on which part it is: nothing flickers when it is moved.

    Attributes
    ----------
    density
        (rows, columns) float32, localizations per pixel of this image.
    mean
        (rows, columns) float32, mean of the column that colours are made of; NaN where nothing is known, None
        without such a column.
    top, left
        Where the corner of its first pixel is, in pixels of the stack, counted from the centre of the stack's first.
    pixel
        Side of its pixels, in pixels of the stack: a power of 2.
    """

    density: Array
    mean: Array | None
    top: float
    left: float
    pixel: float


class Picture:
    """Localizations, ready to be drawn at any place and size.

    Building it sorts the table, about a second for a million rows; the table itself is not kept.

    Parameters
    ----------
    table
        The localizations; those outside the stack are left out.
    shape
        (rows, columns) of the stack.
    color_by
        A column whose mean is wanted, too (see `napari_pinpoint.rendering.Coloring`).
    sigma
        One standard deviation for all Gaussians instead of the uncertainties, in pixels of the stack.

    Examples
    --------
    >>> table = Localizations({"frame": [0, 1], "y": [0.0, 1.2], "x": [0.0, 0.8]})
    >>> Picture(table, shape=(2, 2)).region(-0.5, 1.5, -0.5, 1.5, shape=(2, 2)).density
    array([[1., 0.],
           [0., 1.]], dtype=float32)
    """

    def __init__(
        self,
        table: Localizations,
        *,
        shape: tuple[int, int],
        color_by: str | None = None,
        sigma: float | None = None,
    ) -> None:
        self.shape = (int(shape[0]), int(shape[1]))
        self.color_by = color_by
        if max(self.shape) >= 1 << (31 - BITS):
            raise PinpointError(f"Pictures are made of stacks of up to {(1 << (31 - BITS)) - 1:,} pixels, not {shape}.")
        y, x = ((table[name] + 0.5) * 2**BITS for name in ("y", "x"))
        inside = (y >= 0) & (x >= 0) & (y < self.shape[0] << BITS) & (x < self.shape[1] << BITS)
        row, column = y.astype(np.int32), x.astype(np.int32)
        del y, x
        code = morton(row, column)
        code[~inside] = np.iinfo(np.uint64).max
        #: Rows of the table, in the order in which they are held.
        self.order = np.argsort(code)[: int(np.count_nonzero(inside))].astype(np.uint32)
        variance_y = variance_x = None
        #: Whether the widths of Gaussians are known.
        self.has_widths = sigma is not None or ("uncertainty_y" in table and "uncertainty_x" in table)
        if self.has_widths:
            widths = uncertainties(table, sigma, self.shape)
            variance_y, variance_x = (np.square(width[self.order]) for width in widths)
        value = None if color_by is None else values_of(table, color_by)[self.order].astype(np.float32)
        count = np.ones(len(self.order), np.float32)
        place = (code[self.order], row[self.order], column[self.order])
        self._set(Level(0, *place, count, variance_y, variance_x, value))

    def __len__(self) -> int:
        return len(self._rows)

    def where(self, passing: Array) -> Picture:
        """The picture of some of the table's rows, which `passing` (n,) bool tells: much quicker than a new one."""
        kept = np.flatnonzero(passing[self.order])
        return self._with(self._rows.take(kept), order=self.order[kept])

    def colored_by(self, table: Localizations, column: str | None) -> Picture:
        """The picture with the means of another column of its table."""
        value = None if column is None else values_of(table, column)[self.order].astype(np.float32)
        return self._with(replace(self._rows, value=value), color_by=column)

    def region(self, y0: float, y1: float, x0: float, x1: float, *, shape: tuple[int, int]) -> PictureRegion:
        """The histogram of a part of the stack.

        Parameters
        ----------
        y0, y1, x0, x1
            Its edges, in pixels of the stack (the corner of the first pixel is at -0.5).
        shape
            (rows, columns) of what it is shown on: an image has about as many pixels, at least half as many along each
            axis and at most twice as many, for its pixels are those of the stack divided or multiplied by 2, 4, 8...
        """
        grid = self._grid(y0, y1, x0, x1, shape)
        level = self._level(grid.size)
        return grid.result(self._histogram(grid, _joined(level, level.window(*grid.window(0)))))

    def gaussians(
        self, y0: float, y1: float, x0: float, x1: float, *, shape: tuple[int, int], every_s: float = 0.15
    ) -> Iterator[PictureRegion]:
        """A part of the stack with each localization as a Gaussian as wide as its uncertainties, better and better.

        The parameters are those of `region`. The first picture is its histogram; then, every `every_s` seconds, one in
        which more of the localizations are Gaussians; all are in the last. Where pixels are so coarse that hundreds of
        thousands are to be seen, those within a quarter of a pixel's area are drawn as one, of their common spread; of
        millions, those within a pixel.
        """
        if not self.has_widths:
            raise PinpointError("Gaussians need the columns uncertainty_y and uncertainty_x, or one sigma for all.")
        grid = self._grid(y0, y1, x0, x1, shape)
        margin = math.ceil(REACH * self._widest * 2**BITS)
        level = self._rows
        runs = level.window(*grid.window(margin))
        for size, most in ((grid.size - 1, _FEW), (grid.size, _MANY)):
            if sum(run.stop - run.start for run in runs) > most:
                level = self._level(size)
                runs = level.window(*grid.window(margin))
        rows = _joined(level, runs)
        yield grid.result(self._histogram(grid, rows))
        images = np.zeros((len(_weights(rows)), *grid.shape), np.float32)
        shown = time.monotonic()
        for start in range(0, len(rows), _STEP):
            _add(images, grid, rows.take(slice(start, start + _STEP)))
            if time.monotonic() - shown > every_s and start + _STEP < len(rows):
                waiting = self._histogram(grid, rows.take(slice(start + _STEP, None)))
                yield grid.result(images + waiting)
                shown = time.monotonic()
        if len(rows):
            yield grid.result(images)

    def _set(self, rows: Level) -> None:
        self._rows = rows
        self._levels = pyramid(rows, max(self.shape) << BITS)
        self._widest = 0.0
        if len(rows) and rows.variance_y is not None and rows.variance_x is not None:
            # What is wider than all but a few begins to be seen a little late at the edge of a window.
            widest = np.maximum(rows.variance_y, rows.variance_x)
            self._widest = math.sqrt(float(np.quantile(widest[:: max(len(rows) // 100_000, 1)], 0.999)))

    def _with(self, rows: Level, **changes: Any) -> Picture:
        picture = object.__new__(Picture)
        picture.__dict__.update(self.__dict__, **changes)
        picture._set(rows)
        return picture

    def _level(self, size: int) -> Level:
        """The coarsest level of which the cells are at most 2**size units."""
        return next((level for level in reversed(self._levels) if level.size <= size), self._rows)

    def _grid(self, y0: float, y1: float, x0: float, x1: float, shape: tuple[int, int]) -> _Grid:
        if not (math.isfinite(y0 + y1 + x0 + x1) and y0 < y1 and x0 < x1):
            raise PinpointError(f"A part of a picture needs y0 < y1 and x0 < x1, not {y0:g}, {y1:g}, {x0:g}, {x1:g}.")
        wanted = max((y1 - y0) / max(shape[0], 1), (x1 - x0) / max(shape[1], 1))
        size = max(round(math.log2(wanted)) + BITS, _LEAST_PIXEL)
        pixel = 2.0 ** (size - BITS)
        top, left = (max(math.floor((low + 0.5) / pixel), 0) for low in (y0, x0))
        bottom, right = (
            max(min(math.ceil((high + 0.5) / pixel), math.ceil(side / pixel)), low + 1)
            for high, side, low in ((y1, self.shape[0], top), (x1, self.shape[1], left))
        )
        return _Grid(size, top, bottom, left, right)

    def _histogram(self, grid: _Grid, rows: Level) -> Array:
        size, (height, width) = grid.size, grid.shape
        row, column = (rows.row >> size) - grid.top, (rows.column >> size) - grid.left
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        if not inside.all():
            row, column = row[inside], column[inside]
            rows = rows.take(inside)
        row *= width
        row += column
        return histogram(row, (height, width), _weights(rows))


@dataclass(frozen=True)
class _Grid:
    """Pixels of 2**size units, from `top` to `bottom` - 1 and from `left` to `right` - 1."""

    size: int
    top: int
    bottom: int
    left: int
    right: int

    @property
    def shape(self) -> tuple[int, int]:
        return self.bottom - self.top, self.right - self.left

    def window(self, margin: int) -> tuple[int, int, int, int]:
        """top, bottom, left and right in units, with a margin in units."""
        low, high = -margin, margin
        return (
            (self.top << self.size) + low,
            (self.bottom << self.size) + high,
            (self.left << self.size) + low,
            (self.right << self.size) + high,
        )

    def result(self, images: Array) -> PictureRegion:
        drawing = as_drawing(images)
        pixel = 2.0 ** (self.size - BITS)
        return PictureRegion(drawing.density, drawing.mean, self.top * pixel - 0.5, self.left * pixel - 0.5, pixel)


def _add(images: Array, grid: _Grid, rows: Level) -> None:
    """Add the Gaussians of these rows to images (channels, rows, columns) of the grid."""
    unit = 2.0**-grid.size
    y = (rows.row + 0.5) * unit - grid.top
    x = (rows.column + 0.5) * unit - grid.left
    variances = (variance for variance in (rows.variance_y, rows.variance_x) if variance is not None)
    sigma_y, sigma_x = (np.sqrt(variance) * np.float32(2.0 ** (BITS - grid.size)) for variance in variances)
    add_gaussians(images, rows.code, y, x, sigma_y, sigma_x, _weights(rows), pixel_bits=grid.size)


def _weights(rows: Level) -> Array:
    """What is summed up in each pixel (see `drawing.channels`), for rows that count more than once."""
    if rows.value is None:
        return rows.count[None]
    known = np.isfinite(rows.value)
    weight = np.where(known, rows.count, np.float32(0))
    return np.stack([rows.count, np.where(known, rows.value, np.float32(0)) * weight, weight])


def _joined(level: Level, runs: list[slice]) -> Level:
    """The rows of all runs."""
    if len(runs) == 1:
        return level.take(runs[0])
    index = np.concatenate([np.arange(run.start, run.stop) for run in runs] or [np.empty(0, np.intp)])
    return level.take(index)
