"""Tables of a few rows that show all of themselves: the form around scrolls, they do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem


class SmallTable(QTableWidget):
    """Read only; what a column or a cell means is in its tooltip.

    Parameters
    ----------
    name
        What screen readers call it.
    columns
        Titles, and what they mean.
    even
        Whether all columns are equally wide; else the first one has what the others leave.
    """

    def __init__(self, name: str, columns: Mapping[str, str], *, even: bool = False) -> None:
        super().__init__(0, len(columns))
        self.setAccessibleName(name)
        for column, (title, meaning) in enumerate(columns.items()):
            item = QTableWidgetItem(title)
            item.setToolTip(meaning)
            self.setHorizontalHeaderItem(column, item)
        rows: Any = self.verticalHeader()
        rows.hide()
        header: Any = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        if len(columns) > 2 and not even:  # the names take what is left
            for column in range(1, len(columns)):
                header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTabKeyNavigation(False)
        self.show_rows([])

    def show_rows(self, rows: Sequence[Sequence[str]], meanings: Sequence[str] = ()) -> None:
        """Show these rows, each with a tooltip where `meanings` has one."""
        self.setRowCount(len(rows))
        for row, cells in enumerate(rows):
            for column, words in enumerate(cells):
                item = QTableWidgetItem(words)
                item.setToolTip(meanings[row] if meanings else words)
                self.setItem(row, column, item)
        self._fit()
        self.setVisible(bool(rows))

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Words wrap otherwise in columns of another width."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Make rows as high as their words need, and the table as high as its rows."""
        self.resizeRowsToContents()
        header: Any = self.horizontalHeader()
        rows = sum(self.rowHeight(row) for row in range(self.rowCount()))
        self.setFixedHeight(header.sizeHint().height() + 4 + rows)
