"""Localizations in an order in which those near each other follow each other, and merged into ever larger cells.

Positions are whole numbers of 2**-BITS pixels of the stack from the corner of its first pixel; sorted by their Morton
codes, every square of a quadtree is one run of rows. Where a picture's pixels are larger than the distances, many rows
fall into one cell: a level of the pyramid has one row for all of them, of their number, mean place and total spread, so
that a picture costs what it has pixels, not what the table has rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from napari_pinpoint.rendering.gaussians import morton

Array = np.ndarray[Any, Any]

#: Positions are rounded to 1 / 4096 of a pixel: 0.02 nm where pixels have 100 nm.
BITS = 12
#: A level is kept where it has at most this part of the rows of the level below.
_WORTH = 0.7
#: Cells of the finest level have 2**_FINEST units: 1/32 of a pixel.
_FINEST = 7
#: A window is looked up as squares of which at most this many lie along its longer side.
_SQUARES = 16


@dataclass(frozen=True)
class Level:
    """Rows sorted by their place, each of one localization or of all in one cell.

    `size` is log2 of the side of a cell in units, 0 for single localizations; `row`, `column` (n,) int32 are the mean
    places in units, `count` (n,) float32 how many localizations each row is, `variance_y`, `variance_x` (n,) float32
    the mean squared widths of their Gaussians and the spread of their places, in square pixels of the stack, and
    `value` (n,) float32 the mean of the column that colours are made of, NaN where it is not known.
    """

    size: int
    code: Array
    row: Array
    column: Array
    count: Array
    variance_y: Array | None
    variance_x: Array | None
    value: Array | None

    def __len__(self) -> int:
        return len(self.code)

    def take(self, rows: Any) -> Level:
        """Some of the rows."""
        arrays: dict[str, Any] = {}
        for name in ("code", "row", "column", "count", "variance_y", "variance_x", "value"):
            array = getattr(self, name)
            arrays[name] = None if array is None else array[rows]
        return replace(self, **arrays)

    def window(self, top: int, bottom: int, left: int, right: int) -> list[slice]:
        """Runs of rows that hold all in top <= row < bottom, left <= column < right, in units, and a few besides."""
        side = max(bottom - top, right - left, 1)
        bits = max(side // _SQUARES, 1).bit_length()
        squares = np.stack(
            np.meshgrid(
                np.arange(max(top, 0) >> bits, (max(bottom, 1) - 1 >> bits) + 1),
                np.arange(max(left, 0) >> bits, (max(right, 1) - 1 >> bits) + 1),
            )
        ).reshape(2, -1)
        codes = np.sort(morton(squares[0], squares[1]))
        shift = np.uint64(2 * bits)
        starts = np.searchsorted(self.code, codes << shift)
        stops = np.searchsorted(self.code, (codes + np.uint64(1)) << shift)
        runs: list[slice] = []
        for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
            if runs and runs[-1].stop == start:
                runs[-1] = slice(runs[-1].start, stop)
            elif stop > start:
                runs.append(slice(start, stop))
        return runs

    def merged(self, size: int) -> Level:
        """The level with cells of 2**size units."""
        cell = self.code >> np.uint64(2 * size)
        starts = np.flatnonzero(np.concatenate([[True], cell[1:] != cell[:-1]]))
        count = np.add.reduceat(self.count, starts, dtype=np.float64)

        def mean(values: Array) -> Array:
            sums: Array = np.add.reduceat(values * self.count, starts, dtype=np.float64) / count
            return sums

        row, variance_y = self._mean_place(starts, mean, self.row, self.variance_y)
        column, variance_x = self._mean_place(starts, mean, self.column, self.variance_x)
        value = None if self.value is None else self._mean_value(self.value, starts)
        code = morton(row, column)
        return Level(size, code, row, column, count.astype(np.float32), variance_y, variance_x, value)

    @staticmethod
    def _mean_place(
        starts: Array, mean: Callable[[Array], Array], place: Array, variance: Array | None
    ) -> tuple[Array, Array | None]:
        """Mean place along one axis in each cell, and the mean variance with that of the places."""
        first = place[starts]
        # Counted from the first of the cell, lest float32 loses the last bits.
        away = (place - np.repeat(first, np.diff(starts, append=len(place)))).astype(np.float32)
        middle = mean(away)
        merged = first + np.floor(middle).astype(np.int32)
        if variance is None:
            return merged, None
        spread = (mean(np.square(away)) - np.square(middle)) / 4.0**BITS
        return merged, (mean(variance) + spread).astype(np.float32)

    def _mean_value(self, value: Array, starts: Array) -> Array:
        """Mean value of the rows that have one in each cell."""
        known = np.where(np.isfinite(value), self.count, np.float32(0))
        sums = np.add.reduceat(np.nan_to_num(value) * known, starts, dtype=np.float64)
        weights = np.add.reduceat(known, starts, dtype=np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            means: Array = (sums / weights).astype(np.float32)
        return means


def pyramid(rows: Level, side: int) -> tuple[Level, ...]:
    """The levels above single localizations that are worth having, fine ones first; `side` of the field in units."""
    levels = [rows]
    for size in range(_FINEST, side.bit_length() + 1):
        if len(levels[-1]) <= 1:
            break
        cell = levels[-1].code >> np.uint64(2 * size)
        n_cells = 1 + int(np.count_nonzero(cell[1:] != cell[:-1]))
        if n_cells <= _WORTH * len(levels[-1]):
            levels.append(levels[-1].merged(size))
    return tuple(levels[1:])
