"""What is kept for a layer while it is worked on: its tables, how it shows them, what was found out about them.

A session belongs to the layer: tabs come and go, and a step that takes long ends whether somebody looks or not.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.layers.calibration import own_metadata
from napari_pinpoint.plugin.layers.result_layers import LayerData, add_layer
from napari_pinpoint.plugin.layers.tables import table_from_layer
from napari_pinpoint.plugin.layers.working_layers import WorkingLayer
from napari_pinpoint.plugin.results.looking import Look
from napari_pinpoint.plugin.results.working import Filter, Working
from napari_pinpoint.plugin.work.jobs import Reporter
from napari_pinpoint.plugin.work.tasks import tasks_of


@dataclass(frozen=True)
class Outcome:
    """What came of a step: words on it, and what else there is.

    `table` is what to go on with; `notes` are shown by the panels that they are named after; `layers` are added.
    """

    words: str
    table: Localizations | None = None
    notes: dict[str, Any] = field(default_factory=dict)
    layers: Sequence[LayerData] = ()


#: A step: takes the rows that pass, runs in a thread.
Work = Callable[[Localizations, Reporter], Outcome]


class Session:
    """The tables of a layer, from the first to the one that it shows."""

    def __init__(self, layer: Any) -> None:
        table = table_from_layer(layer, hidden=True)
        self.working = Working(table)
        shown = own_metadata(layer.metadata).get("filter")
        if shown:
            self.working.filter(Filter(str(shown)))
            self.working.settle()
        self.shown = WorkingLayer(layer, table)
        self.notes: dict[str, Any] = {}
        #: Pictures that were made of the layer and show what it shows.
        self.pictures: weakref.WeakKeyDictionary[Any, WorkingLayer] = weakref.WeakKeyDictionary()
        #: Whether the layer changes by our own doing.
        self.is_applying = False

    def read(self, layer: Any) -> None:
        """Take up what was done to the layer by hand."""
        held, table = self.shown.table, table_from_layer(layer, hidden=True)
        if not _same(held, table):
            self.shown.table = table
            self.working.edit(table)

    def apply(self, layer: Any, look: Look, made: LayerData | None) -> None:
        """Have the layer show a state."""
        self.show(layer, look.state.table, look.passing, look.state.filter.expression, made)

    def show(
        self,
        layer: Any,
        table: Localizations,
        passing: np.ndarray[Any, Any] | None,
        expression: str,
        made: LayerData | None,
    ) -> None:
        """Have the layer, and the pictures that were made of it, show a table (see `WorkingLayer.show`)."""
        with self._applying():
            self.shown.show(layer, table, passing, expression, made)
        for picture, shown in list(self.pictures.items()):
            if picture not in _SESSIONS:  # nobody works on it by itself
                shown.show(picture, table, passing, expression, None)

    def add_picture(self, layer: Any) -> None:
        """Let a picture that was made of what passes follow from now on."""
        self.pictures[layer] = WorkingLayer(layer, table_from_layer(layer, hidden=True))

    @contextmanager
    def _applying(self) -> Iterator[None]:
        self.is_applying = True
        try:
            yield
        finally:
            self.is_applying = False


#: No layer is kept alive by its session.
_SESSIONS: weakref.WeakKeyDictionary[Any, Session] = weakref.WeakKeyDictionary()


def session_of(layer: Any) -> Session:
    """The session of a layer, also of one behind napari's proxy for plugins; a new one if there is none."""
    layer = getattr(layer, "__wrapped__", layer)
    if layer not in _SESSIONS:
        _SESSIONS[layer] = Session(layer)
    return _SESSIONS[layer]


def start_step(viewer: Any, layer: Any, work: Work) -> None:
    """Do a step with what passes now, in the background; the viewer's tasks tell how it goes (see `tasks_of`).

    Raises
    ------
    PinpointError
        If another task is running.
    """
    session = session_of(layer)
    working = session.working
    working.settle()
    before = working.state

    def do(reporter: Reporter) -> tuple[Outcome, LayerData | None] | None:
        outcome = work(before.result(), reporter)
        if reporter.cancel.is_set():
            return None
        return outcome, None if outcome.table is None else session.shown.make(outcome.table)

    def finish(viewer: Any, ended: tuple[Outcome, LayerData | None] | None) -> str:
        if ended is None:
            return "Cancelled: nothing was changed."
        outcome, made = ended
        if outcome.table is not None:
            if working.state != before:
                return "The table was changed meanwhile; the step was left out. Do it again."
            working.put(outcome.table)
            session.show(layer, outcome.table, None, "", made)
        session.notes.update(outcome.notes)
        for data in outcome.layers:
            added = add_layer(viewer, data)
            if "picture" in own_metadata(added.metadata):
                session.add_picture(added)
        return outcome.words

    tasks_of(viewer).start(do, finish)


def _same(a: Localizations, b: Localizations) -> bool:
    """Whether two tables hold the same values."""
    if a is b:
        return True
    if set(a) != set(b) or len(a) != len(b):
        return False
    return all(
        np.array_equal(a[name], b[name], equal_nan=a[name].dtype.kind == b[name].dtype.kind == "f") for name in a
    )
