"""A table of localizations on the screen: as many rows as there are, of which Qt only knows those in sight.

Qt keeps a section for every row, and taking away millions of them takes it minutes. So its model has the rows that fit
into the view, and the scroll bar says which these are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt, Signal  # type: ignore[attr-defined]
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from napari_pinpoint.localizations import COLUMNS, Localizations

_ROLE = Qt.ItemDataRole
_NOWHERE = QModelIndex()
#: Decimals of numbers whose size is known; other numbers get five digits.
_DECIMALS = {"px": 3, "photoelectrons": 0, "photoelectrons/px": 1}


class TableModel(QAbstractTableModel):
    """A window of some rows of a table in some order; the table itself is neither copied nor changed."""

    def __init__(self) -> None:
        super().__init__()
        self.table = Localizations.empty()
        #: Rows of the table from top to bottom, of which `length` from the `first` on are in the window.
        self.rows = np.empty(0, dtype=np.intp)
        self.first = self.length = 0
        self.names: list[str] = list(self.table)

    def show(self, table: Localizations, rows: np.ndarray[Any, Any], first: int, length: int) -> None:
        """Show a window of the given rows (n,) of the table."""
        self.beginResetModel()
        self.table, self.names, self.rows = table, list(table), rows
        self.first, self.length = first, length
        self.endResetModel()

    def move(self, first: int) -> None:
        """Move the window."""
        self.first = first
        if self.length:
            self.dataChanged.emit(self.index(0, 0), self.index(self.length - 1, len(self.names) - 1))
            self.headerDataChanged.emit(Qt.Orientation.Vertical, 0, self.length - 1)

    def stretch(self, length: int) -> None:
        """Make the window shorter or longer."""
        if length > self.length:
            self.beginInsertRows(_NOWHERE, self.length, length - 1)
            self.length = length
            self.endInsertRows()
        elif length < self.length:
            self.beginRemoveRows(_NOWHERE, length, self.length - 1)
            self.length = length
            self.endRemoveRows()

    def rowCount(self, parent: QModelIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else self.length

    def columnCount(self, parent: QModelIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self.names)

    def data(self, index: QModelIndex, role: int = _ROLE.DisplayRole) -> Any:
        name = self.names[index.column()]
        if role == _ROLE.DisplayRole:
            return _words(name, self.table[name][self.rows[self.first + index.row()]])
        if role == _ROLE.TextAlignmentRole and self.table[name].dtype.kind in "biuf":
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _ROLE.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Vertical:
            return f"{self.rows[self.first + section] + 1:,}" if role == _ROLE.DisplayRole else None
        name = self.names[section]
        if role == _ROLE.DisplayRole:
            return label_of(name)
        if role == _ROLE.ToolTipRole:
            known = COLUMNS.get(name)
            return f"{known.meaning}. Click to sort." if known else "Click to sort."
        return None


class TableView(QTableView):
    """The table; `jumped` gives the row of the table that the user goes to, by mouse or keys.

    `sorting_changed` says that the user wants another order: who shows rows puts them into it (see `sorting`).
    """

    jumped = Signal(int)
    sorting_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._model = TableModel()
        self._place: int | None = None  # of the chosen row among the rows that are shown
        self._following = False
        self.setModel(self._model)
        self.setAccessibleName("Localizations")
        self.setToolTip("Click a row, or move with the arrow keys: the viewer goes to the frame and centres the point")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.setMinimumHeight(self.fontMetrics().lineSpacing() * 8)
        rows: Any = self.verticalHeader()
        columns: Any = self.horizontalHeader()
        bar: Any = self.verticalScrollBar()
        selection: Any = self.selectionModel()
        self._columns, self._bar, self._selection = columns, bar, selection
        self._row_height = self.fontMetrics().lineSpacing() + 6
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(self._row_height)
        columns.setResizeContentsPrecision(30)  # rows whose width is measured
        columns.setSectionsClickable(True)
        columns.setSortIndicatorShown(True)
        columns.setSortIndicatorClearable(True)
        columns.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        columns.sortIndicatorChanged.connect(self._tell_sorting)
        selection.currentRowChanged.connect(self._jump)

    @property
    def table(self) -> Localizations:
        return self._model.table

    @property
    def rows(self) -> np.ndarray[Any, Any]:
        """The rows of the table that are shown, from top to bottom, also those out of sight."""
        return self._model.rows

    @property
    def sorting(self) -> tuple[str | None, bool]:
        """The column that the user sorts by, None for the order of the table; and whether the largest come first."""
        section = self._columns.sortIndicatorSection()
        name = self._model.names[section] if 0 <= section < len(self._model.names) else None
        return name, self._columns.sortIndicatorOrder() == Qt.SortOrder.DescendingOrder

    @property
    def chosen(self) -> int | None:
        """The row of the table that is chosen."""
        return None if self._place is None else int(self.rows[self._place])

    def show_table(self, table: Localizations, rows: np.ndarray[Any, Any], place: int | None = None) -> None:
        """Show the given rows of `table`, the one at a `place` chosen; the view stays about where it was."""
        same_columns, had_rows = list(table) == self._model.names, bool(len(self.rows))
        capacity = self._capacity()
        first = min(self._model.first, max(0, len(rows) - capacity))
        with self._quietly():
            self._model.show(table, rows, first, min(capacity, len(rows)))
        self._place = place
        if not same_columns:
            self._columns.blockSignals(True)
            self._columns.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
            self._columns.blockSignals(False)
        if not same_columns or not had_rows:
            self.resizeColumnsToContents()
        self.updateGeometries()
        self._show_chosen()

    def go(self, place: int) -> None:
        """Choose the row at a place from the top, and bring it into sight."""
        if not len(self.rows):
            return
        place = min(max(place, 0), len(self.rows) - 1)
        length = self._model.length
        if not self._model.first <= place < self._model.first + length:
            self._bar.setValue(place if place < self._model.first else place - length + 1)
        current = self._model.index(place - self._model.first, max(self.currentIndex().column(), 0))
        self.setCurrentIndex(current)
        if self._place != place:  # the same line of the window as before: Qt sees no change
            self._jump(current)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Move through all rows, also those that Qt does not know of."""
        if event is None:
            return
        page, last = max(self._model.length - 1, 1), len(self.rows) - 1
        here = -1 if self._place is None else self._place
        keys = Qt.Key
        moves: dict[int, int] = {
            keys.Key_Down: here + 1,
            keys.Key_Up: here - 1,
            keys.Key_PageDown: here + page,
            keys.Key_PageUp: here - page,
            keys.Key_Home: 0,
            keys.Key_End: last,
        }
        if event.key() in moves:
            self.go(moves[event.key()])
        else:
            super().keyPressEvent(event)

    def updateGeometries(self) -> None:
        """Let the scroll bar go over all rows, and the window hold those that fit."""
        if not hasattr(self, "_bar"):  # Qt asks before the view is made
            super().updateGeometries()
            return
        with self._quietly():  # Qt sets the bar for the rows that it knows of
            super().updateGeometries()
            capacity, n = self._capacity(), len(self.rows)
            first = self._model.first = min(self._model.first, max(0, n - capacity))
            self._model.stretch(min(capacity, n))
            self._bar.setRange(0, max(0, n - capacity))
            self._bar.setPageStep(capacity)
            self._bar.setSingleStep(1)
            self._bar.setValue(first)
        self._show_chosen()

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        """Move the window; only sideways the view moves by itself."""
        if dy and not self._following:
            self._model.move(self._bar.value())
            self._show_chosen()
        super().scrollContentsBy(dx, 0)

    def scrollToBottom(self) -> None:
        """To the last of all rows."""
        self._bar.setValue(self._bar.maximum())

    def _capacity(self) -> int:
        """Rows that fit."""
        viewport: Any = self.viewport()
        return max(1, int(viewport.height()) // self._row_height)

    def _show_chosen(self) -> None:
        """Mark the chosen row where it is in sight, without going there again."""
        with self._quietly():
            place = None if self._place is None else self._place - self._model.first
            if place is None or not 0 <= place < self._model.length:
                self._selection.clear()
            elif self.currentIndex().row() != place or not self._selection.hasSelection():
                self.setCurrentIndex(self._model.index(place, max(self.currentIndex().column(), 0)))

    def _jump(self, current: QModelIndex) -> None:
        if current.isValid() and not self._following:
            self._place = self._model.first + current.row()
            self.jumped.emit(int(self.rows[self._place]))

    def _tell_sorting(self) -> None:
        self.sorting_changed.emit()

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        """While it lasts, what changes in the view is not the user's doing."""
        before, self._following = self._following, True
        try:
            yield
        finally:
            self._following = before


def label_of(name: str) -> str:
    """A column and its unit, for example "y (px)"."""
    unit = COLUMNS[name].unit if name in COLUMNS else ""
    shown = {"photoelectrons": "e⁻", "photoelectrons/px": "e⁻/px", "frames": ""}.get(unit, unit)
    return f"{name} ({shown})" if shown else name


def _words(name: str, value: Any) -> str:
    """One value as it is read; a dash where it is not known."""
    if value is None or value != value:
        return "–"
    if isinstance(value, np.floating | float):
        decimals = _DECIMALS.get(COLUMNS[name].unit) if name in COLUMNS else None
        if name in ("probability", "contrast"):
            decimals = 3 if name == "probability" else 1
        return f"{value:.5g}" if decimals is None else f"{value:.{decimals}f}"
    return str(value)
