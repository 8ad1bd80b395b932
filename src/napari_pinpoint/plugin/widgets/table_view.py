"""A table of localizations on the screen: as many rows as there are, of which only those in sight are looked at."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt, Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from napari_pinpoint.localizations import COLUMNS, Localizations

_ROLE = Qt.ItemDataRole
_NOWHERE = QModelIndex()
#: Decimals of numbers whose size is known; other numbers get five digits.
_DECIMALS = {"px": 3, "photoelectrons": 0, "photoelectrons/px": 1}


class TableModel(QAbstractTableModel):
    """Some rows of a table in some order; the table itself is neither copied nor changed."""

    def __init__(self) -> None:
        super().__init__()
        self.table = Localizations.empty()
        #: Rows of the table that pass, and all that are shown from top to bottom.
        self._passing = self.rows = np.empty(0, dtype=np.intp)
        self._names: list[str] = list(self.table)
        self._sorted: tuple[int, Qt.SortOrder] = (-1, Qt.SortOrder.AscendingOrder)

    def show(self, table: Localizations, passing: np.ndarray[Any, Any]) -> None:
        """Show the rows of `table` at which `passing` (n,) is true, sorted as the rows before."""
        self.beginResetModel()
        if list(table) != self._names:
            self._names, self._sorted = list(table), (-1, Qt.SortOrder.AscendingOrder)
        self.table, self._passing = table, np.flatnonzero(passing)
        self.rows = self._in_order()
        self.endResetModel()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column; -1 is the order of the table. Values that are not known come last, either way."""
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        old = [int(self.rows[index.row()]) for index in before]
        self._sorted = (column, order)
        self.rows = self._in_order()
        places = np.empty(len(self.table), dtype=np.intp)
        places[self.rows] = np.arange(len(self.rows))
        after = [self.index(int(places[row]), index.column()) for row, index in zip(old, before, strict=True)]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def rowCount(self, parent: QModelIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._names)

    def data(self, index: QModelIndex, role: int = _ROLE.DisplayRole) -> Any:
        name = self._names[index.column()]
        if role == _ROLE.DisplayRole:
            return _words(name, self.table[name][self.rows[index.row()]])
        if role == _ROLE.TextAlignmentRole and self.table[name].dtype.kind in "biuf":
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _ROLE.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Vertical:
            return f"{self.rows[section] + 1:,}" if role == _ROLE.DisplayRole else None
        name = self._names[section]
        if role == _ROLE.DisplayRole:
            return label_of(name)
        if role == _ROLE.ToolTipRole:
            known = COLUMNS.get(name)
            return f"{known.meaning}. Click to sort." if known else "Click to sort."
        return None

    def _in_order(self) -> np.ndarray[Any, Any]:
        """The passing rows by the column that is sorted by; equal ones stay in the table's order."""
        column, order = self._sorted
        if column < 0:
            return self._passing
        values = self.table[self._names[column]][self._passing]
        if values.dtype.kind == "O":
            unknown = np.array([value is None for value in values], dtype=bool)
            values = np.where(unknown, "", values).astype(str)
        else:
            unknown = np.isnan(values) if values.dtype.kind == "f" else np.zeros(len(values), dtype=bool)
        # The unknown ones are put behind by themselves: no number is sure to be beyond all others.
        known = np.flatnonzero(~unknown)
        if order == Qt.SortOrder.DescendingOrder:  # turned round twice, equal values stay in the table's order
            by_value = len(known) - 1 - np.argsort(values[known][::-1], kind="stable")[::-1]
        else:
            by_value = np.argsort(values[known], kind="stable")
        sorted_rows: np.ndarray[Any, Any] = self._passing[np.concatenate([known[by_value], np.flatnonzero(unknown)])]
        return sorted_rows


class TableView(QTableView):
    """The table; `jumped` gives the row of the table that the user goes to, by mouse or arrow keys."""

    jumped = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._model = TableModel()
        self.setModel(self._model)
        self.setAccessibleName("Localizations")
        self.setToolTip("Click a row, or move with the arrow keys: the viewer goes to the frame and centres the point")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.setAlternatingRowColors(False)
        self.setMinimumHeight(self.fontMetrics().lineSpacing() * 8)
        rows: Any = self.verticalHeader()
        columns: Any = self.horizontalHeader()
        bar: Any = self.verticalScrollBar()
        selection: Any = self.selectionModel()
        self._columns, self._bar = columns, bar
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(self.fontMetrics().lineSpacing() + 6)
        columns.setResizeContentsPrecision(30)  # rows whose width is measured
        columns.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.setSortingEnabled(True)
        selection.currentRowChanged.connect(self._jump)

    @property
    def table(self) -> Localizations:
        return self._model.table

    @property
    def rows(self) -> np.ndarray[Any, Any]:
        """The rows of the table that are shown, from top to bottom."""
        return self._model.rows

    def show_table(self, table: Localizations, passing: np.ndarray[Any, Any]) -> None:
        """Show the rows of `table` at which `passing` is true; the view stays about where it was."""
        new_columns, place = list(table) != list(self.table), self._bar.value()
        self._model.show(table, passing)
        if new_columns:
            self._columns.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
            self.resizeColumnsToContents()
        self._bar.setValue(place)

    def _jump(self, current: QModelIndex) -> None:
        if current.isValid():
            self.jumped.emit(int(self.rows[current.row()]))


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
