"""What is done with a table, and back again: the table that was there first, and every one since. No Qt in here.

Tables never change, so that the history is a list of them. A filter is no table of its own but words beside the table
that it is asked of, so that ten million rows are held once, whatever passes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from napari_pinpoint.localizations import Localizations
from napari_pinpoint.postprocessing import filter_rows

#: How many times one can go back.
_MOST_STATES = 50


@dataclass(frozen=True)
class Range:
    """Limits of one column, which pass themselves; None for no limit."""

    column: str
    at_least: float | None = None
    at_most: float | None = None

    @property
    def expression(self) -> str:
        """The limits as a condition, empty if there are none."""
        name = self.column if self.column.isidentifier() else f"`{self.column}`"
        limits = ((">=", self.at_least), ("<=", self.at_most))
        return " and ".join(f"{name} {sign} {limit:.10g}" for sign, limit in limits if limit is not None)


@dataclass(frozen=True)
class Filter:
    """What is to pass: a condition in words, and ranges of columns that were drawn; all of it must hold."""

    text: str = ""
    ranges: tuple[Range, ...] = ()

    @property
    def expression(self) -> str:
        """All of it as one condition, as `filter_rows` takes it; empty where everything passes."""
        parts = [text for text in (self.text.strip(), *(one.expression for one in self.ranges)) if text]
        if len(parts) > 1 and self.text.strip():
            parts[0] = f"({parts[0]})"  # it may hold an "or"
        return " and ".join(parts)


@dataclass(frozen=True)
class State:
    """A table, and the filter through which it is looked at."""

    table: Localizations
    filter: Filter = field(default_factory=Filter)

    def result(self) -> Localizations:
        """The rows that pass, with the filter in the record; it takes a while in large tables."""
        expression = self.filter.expression
        return filter_rows(self.table, expression) if expression else self.table


class Working:
    """A table and all that was done with it; nothing is ever lost.

    Examples
    --------
    >>> table = Localizations({"frame": [0, 1], "y": [1, 2], "x": [3, 4], "photons": [100, 900]})
    >>> working = Working(table)
    >>> working.filter(Filter("photons > 300"))
    >>> len(working.state.result()), len(working.original)
    (1, 2)
    >>> working.undo()
    >>> len(working.state.result())
    2
    """

    def __init__(self, table: Localizations) -> None:
        self.original = table
        self._states = [State(table)]
        self._at = 0
        self._drawing = False

    @property
    def state(self) -> State:
        """What is looked at now."""
        return self._states[self._at]

    @property
    def can_undo(self) -> bool:
        return self._at > 0

    @property
    def can_redo(self) -> bool:
        return self._at < len(self._states) - 1

    @property
    def is_original(self) -> bool:
        """Whether all rows of the first table are there, as they were."""
        return self.state.table is self.original and not self.state.filter.expression

    def filter(self, filter: Filter) -> None:
        """Look at the table through another filter; all changes until `settle` are one step back."""
        if filter == self.state.filter:
            return
        if self._drawing:
            self._states[self._at] = replace(self.state, filter=filter)
            return
        self._push(State(self.state.table, filter))
        self._drawing = True

    def settle(self) -> None:
        """The filter is as it was meant to be: what comes next is a step of its own."""
        self._drawing = False

    def put(self, table: Localizations) -> None:
        """Go on with another table, made from what is looked at now."""
        self._push(State(table))

    def edit(self, table: Localizations) -> None:
        """The rows were changed by hand; the filter stays. Before anything else was done, it is a new beginning."""
        if len(self._states) == 1:
            self.original, self._states = table, [State(table)]
        else:
            self._push(State(table, self.state.filter))

    def reset(self) -> None:
        """Go on with the first table, without a filter; this can be undone as well."""
        if not self.is_original:
            self._push(State(self.original))

    def undo(self) -> None:
        """One step back."""
        self._go(self._at - 1)

    def redo(self) -> None:
        """One step forth again."""
        self._go(self._at + 1)

    def _go(self, at: int) -> None:
        self._at = min(max(at, 0), len(self._states) - 1)
        self._drawing = False

    def _push(self, state: State) -> None:
        self._states[self._at + 1 :] = [state]
        self._states = self._states[-_MOST_STATES:]
        self._at = len(self._states) - 1
        self._drawing = False
