"""A few columns of numbers as a table that scrolls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt
from qtpy.QtWidgets import QAbstractItemView, QTableView

_ROLE = Qt.ItemDataRole
_NOWHERE = QModelIndex()


class _Columns(QAbstractTableModel):
    """Columns of equal length, by name."""

    def __init__(self) -> None:
        super().__init__()
        self.columns: dict[str, Any] = {}

    def rowCount(self, parent: QModelIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(next(iter(self.columns.values()), ()))

    def columnCount(self, parent: QModelIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self.columns)

    def data(self, index: QModelIndex, role: int = _ROLE.DisplayRole) -> Any:
        value = list(self.columns.values())[index.column()][index.row()]
        if role == _ROLE.TextAlignmentRole and not isinstance(value, str):
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role != _ROLE.DisplayRole:
            return None
        if isinstance(value, float | np.floating):
            return "–" if np.isnan(value) else f"{value:.5g}"
        return str(value)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _ROLE.DisplayRole) -> Any:
        if role != _ROLE.DisplayRole or orientation == Qt.Orientation.Vertical:
            return None
        return list(self.columns)[section]


class ColumnView(QTableView):
    """Shows columns of equal length, read only."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._model = _Columns()
        self.setModel(self._model)
        self.setAccessibleName(name)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setTabKeyNavigation(False)
        self.setMinimumHeight(self.fontMetrics().lineSpacing() * 8)
        rows: Any = self.verticalHeader()
        rows.hide()
        rows.setDefaultSectionSize(self.fontMetrics().lineSpacing() + 6)

    def show_columns(self, columns: Mapping[str, Any]) -> None:
        """Show these columns in the place of others."""
        self._model.beginResetModel()
        self._model.columns = dict(columns)
        self._model.endResetModel()
        self.resizeColumnsToContents()
