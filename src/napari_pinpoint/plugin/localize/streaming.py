"""Points that appear while a job still looks for more."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from qtpy.QtCore import QObject, QTimer

from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.layers.tables import Placement, points_layer_data, transient_metadata

#: Seconds between two changes of the layer, at least; and at least so many times what the last change took.
_INTERVAL_S = 0.5
_REST = 10
#: Seconds that a change may take; the number of points is cut down to what can be shown in this time.
_MOST_S = 0.03
_MOST_POINTS = 4000


class LivePoints(QObject):
    """A layer of what has been found so far, changed in batches.

    Giving napari N points takes time in proportion to N, so beyond some thousands the layer holds only those of the
    frames around the one that is shown. A layer that the user removes does not come back. `appeared(viewer)` is
    called when it is there for the first time.
    """

    def __init__(
        self, viewer: Any, placement: Placement, name: str, *, appeared: Callable[[Any], None] = lambda viewer: None
    ) -> None:
        super().__init__()
        self.layer: Any = None
        self._appeared = appeared  # no signal: PySide would keep what a lambda that is connected to it knows
        self._viewer, self._placement, self._name = viewer, placement, name
        self._tables: list[Localizations] = []
        self._count, self._most = 0, _MOST_POINTS
        self._shown: tuple[int, int] = (0, 0)  # rows of all tables that the layer holds
        self._next = 0.0
        self._timer = QTimer(self)
        self._timer.setInterval(int(_INTERVAL_S * 500))
        self._timer.timeout.connect(self._refresh)
        self._timer.start()

    def add(self, table: Localizations) -> None:
        """More points, in frames behind those of the ones before; they show with the next batch."""
        if len(table):
            self._tables.append(table)
            self._count += len(table)

    def stop(self) -> None:
        """Show nothing more; the layer stays."""
        self._timer.stop()
        self._tables.clear()

    def become(self, final: Any) -> bool:
        """Turn the layer into `final`, which has all points; False if that is no Points layer, or this is not there.

        To remove a layer and add another takes napari several times as long.
        """
        layer = self.layer
        if layer is None or layer not in self._viewer.layers or type(layer) is not type(final):
            return False
        layer.data = final.data
        layer.features = final.features
        layer.feature_defaults = final.feature_defaults
        if "label" in final.features:
            layer.border_color, layer.symbol = final.border_color, final.symbol  # they tell classes apart
        layer.metadata = final.metadata
        layer.name = final.name
        self.stop()
        self.layer = None
        return True

    def remove(self) -> None:
        """Take the layer away."""
        self.stop()
        if self.layer is not None and self.layer in self._viewer.layers:
            self._viewer.layers.remove(self.layer)
        self.layer = None

    def _refresh(self) -> None:
        now = time.monotonic()
        if now < self._next or not self._tables:
            return
        if self.layer is not None and self.layer not in self._viewer.layers:
            self.stop()
            return
        rows = self._rows_to_show()
        if self.layer is not None and rows == self._shown:
            return
        table, self._shown = self._rows(*rows), rows
        if self.layer is None:
            empty = Localizations.empty(record=table.record, pixel_size_nm=table.pixel_size_nm)
            data, attributes, _ = points_layer_data(empty, self._placement, name=self._name)
            attributes["metadata"] = transient_metadata()  # it is no result yet
            self.layer = self._viewer.add_points(data, **attributes)
            self._appeared(self._viewer)
            now = time.monotonic()
        self.layer.data = self._placement.coordinates(table, table["y"], table["x"])
        took = time.monotonic() - now
        self._next = now + max(_INTERVAL_S, _REST * took)
        if took > _MOST_S:
            self._most = max(500, int(min(self._most, len(table)) * _MOST_S / took))

    def _rows_to_show(self) -> tuple[int, int]:
        """First and last + 1 of the rows to show: all, or those around the frame that the viewer shows."""
        if self._count <= self._most:
            return 0, self._count
        first, last = self._shown
        frame = self._frame()
        starts = np.cumsum([0] + [len(table) for table in self._tables])
        n = int(np.clip(np.searchsorted([t["frame"][-1] for t in self._tables], frame), 0, len(self._tables) - 1))
        low, high = (int(starts[n] + np.searchsorted(self._tables[n]["frame"], value)) for value in (frame, frame + 1))
        if first <= low and high <= last and self._most / 2 <= last - first <= self._most:
            return first, last
        start = max(0, min((low + high - self._most) // 2, self._count - self._most))
        return start, start + self._most

    def _rows(self, start: int, stop: int) -> Localizations:
        """Some rows of all tables, without joining these."""
        parts, before = [], 0
        for table in self._tables:
            a, b = max(0, start - before), min(len(table), stop - before)
            if a < b:
                parts.append(table.select(slice(a, b)))
            before += len(table)
        return Localizations.concatenate(parts)

    def _frame(self) -> int:
        """The frame that the viewer shows."""
        axis = self._placement.time_axis
        if axis is None:
            return 0
        place = self.layer.world_to_data(self._viewer.dims.point) if self.layer is not None else None
        return 0 if place is None else int(np.rint(place[axis]))
