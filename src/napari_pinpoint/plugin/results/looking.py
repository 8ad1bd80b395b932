"""What the tab shows of a table, found out in a thread: which rows pass, in which order, and how they are spread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.results.working import State
from napari_pinpoint.postprocessing import rows_that_pass

Array = np.ndarray[Any, Any]

#: Bars of a histogram.
BINS = 40
#: Rows of which the range of a histogram is found, and the part of them that lies beyond each of its ends.
_SAMPLE, _BEYOND = 200_000, 0.005
#: Rows that are counted at once: other threads get their turn in between.
_BLOCK = 1 << 18


@dataclass(frozen=True)
class Spread:
    """How a column is spread: counts of `BINS` bars from `low` to `high`, of all rows and of those that pass.

    The bars at both ends hold what lies beyond, too.
    """

    low: float
    high: float
    everything: Array
    passing: Array


@dataclass(frozen=True)
class Look:
    """What is shown of a state."""

    state: State
    passing: Array | None  # (n,) bool, None where all rows pass
    rows: Array  # rows of the state's table, from top to bottom
    place: int | None  # of the chosen row among them
    n_frames: int
    spreads: dict[str, Spread]


@dataclass(frozen=True)
class Question:
    """What is to be shown: the columns of histograms, the column to sort by (None: as in the table), the chosen row."""

    state: State
    columns: tuple[str, ...] = ()
    sorted_by: str | None = None
    descending: bool = False
    chosen: int | None = None


class Looker:
    """Looks at a table again and again; what does not depend on the filter is found out once. For one thread."""

    def __init__(self) -> None:
        self.table = Localizations.empty()
        self._order: tuple[str | None, bool, Array] | None = None
        self._bars: dict[str, tuple[float, float, Array, Array]] = {}
        self._n_frames = 0

    def look(self, question: Question) -> Look:
        """Find out what passes, in which order, and how columns are spread."""
        state = question.state
        if state.table is not self.table:
            self.table, self._order, self._bars = state.table, None, {}
            self._n_frames = _distinct(self.table["frame"])
        expression = state.filter.expression
        passing = rows_that_pass(self.table, expression) if expression else None
        spreads = {name: self._spread(name, passing) for name in question.columns if name in self.table}
        rows = self._rows(passing, question.sorted_by, question.descending)
        found = np.flatnonzero(rows == question.chosen) if question.chosen is not None else rows[:0]
        return Look(state, passing, rows, int(found[0]) if len(found) else None, self._n_frames, spreads)

    def _rows(self, passing: Array | None, sorted_by: str | None, descending: bool) -> Array:
        if sorted_by is None or sorted_by not in self.table:
            return np.arange(len(self.table)) if passing is None else np.flatnonzero(passing)
        if self._order is None or self._order[:2] != (sorted_by, descending):
            self._order = sorted_by, descending, row_order(self.table[sorted_by], descending)
        order = self._order[2]
        return order if passing is None else order[passing[order]]

    def _spread(self, name: str, passing: Array | None) -> Spread:
        if name not in self._bars:
            low, high = _ends(self.table[name])
            bars = _bars(self.table[name], low, high)
            self._bars[name] = low, high, bars, _counted(bars, None)
        low, high, bars, everything = self._bars[name]
        return Spread(low, high, everything, everything if passing is None else _counted(bars, passing))


def _distinct(frame: Array) -> int:
    """How many frames have rows."""
    if frame.max(initial=0) > 10 * len(frame) + 1_000_000:
        return len(np.unique(frame))
    seen = np.zeros(int(frame.max(initial=0)) + 1, dtype=bool)
    seen[frame] = True
    return int(np.count_nonzero(seen))


def row_order(values: Array, descending: bool) -> Array:
    """Rows (n,) in the order of their values; what is not known comes last, equal ones stay in the table's order."""
    if values.dtype.kind == "O":
        unknown = np.array([value is None for value in values], dtype=bool)
        values = np.where(unknown, "", values).astype(str)
    else:
        unknown = np.isnan(values) if values.dtype.kind == "f" else np.zeros(len(values), dtype=bool)
    # The unknown ones are put behind by themselves: no number is sure to be beyond all others.
    known = np.flatnonzero(~unknown)
    if descending:  # turned round twice, equal values stay in the table's order
        known = known[::-1]
        known = known[np.argsort(values[known], kind="stable")[::-1]]
    else:
        known = known[np.argsort(values[known], kind="stable")]
    return np.concatenate([known, np.flatnonzero(unknown)])


def _ends(values: Array) -> tuple[float, float]:
    """Round numbers between which all but a few of the values lie."""
    sample = values[:: max(1, len(values) // _SAMPLE)]
    sample = sample[np.isfinite(sample)] if sample.dtype.kind == "f" else sample
    if not len(sample):
        return 0.0, 1.0
    least, most = float(sample.min()), float(sample.max())
    low, high = (float(v) for v in np.quantile(sample, (_BEYOND, 1 - _BEYOND)))
    # Only a long tail is cut off.
    low = least if low - least < 0.5 * (high - low) else low
    high = most if most - high < 0.5 * (high - low) else high
    if high <= low:
        return low - 0.5, low + 0.5
    step = 10.0 ** np.floor(np.log10((high - low) / BINS))
    return float(np.floor(low / step) * step), float(np.ceil(high / step) * step)


def _bars(values: Array, low: float, high: float) -> Array:
    """The bar (n,) uint8 that each value belongs to; `BINS` for what is not known."""
    bars = np.empty(len(values), dtype=np.uint8)
    for start in range(0, len(values), _BLOCK):
        part = values[start : start + _BLOCK].astype(np.float64)
        unknown = np.isnan(part)
        place = np.clip((np.where(unknown, low, part) - low) * (BINS / (high - low)), 0, BINS - 1)
        bars[start : start + _BLOCK] = np.where(unknown, BINS, place)
    return bars


def _counted(bars: Array, passing: Array | None) -> Array:
    counts = np.zeros(BINS + 1, dtype=np.int64)
    for start in range(0, len(bars), _BLOCK):
        block = slice(start, start + _BLOCK)
        counts += np.bincount(bars[block] if passing is None else bars[block][passing[block]], minlength=BINS + 1)
    return counts[:BINS]
