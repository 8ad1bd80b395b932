"""What a comparison gives, as tables, and what can be done with it."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import QApplication, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_pinpoint.evaluation import CLASS_COLUMNS, box_rows, chamfer_rows, class_rows, count_rows, rows_of
from napari_pinpoint.plugin.evaluate.comparing import Difference
from napari_pinpoint.plugin.widgets.fields import Section
from napari_pinpoint.plugin.widgets.small_table import SmallTable

_SCORE_COLUMNS = {"Score": "What was measured; point at a row for its definition", "Value": "The value, and its unit"}
#: Of CLASS_COLUMNS what a narrow dock has room for; the last one only where there are boxes.
_CLASS_COLUMNS = ("class", "true", "found", "F1 %", "MAE", "AP 0.5")


class ScoresPanel(QWidget):
    """Tables of scores, of counts and of classes, as far as there are any; `copied` when the user has copied them.

    `missed_button` and `false_button` say how many points differ, and leave it to others to show them.
    """

    copied = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.difference: Difference | None = None
        self.table = SmallTable("Scores", _SCORE_COLUMNS)
        self.counts = SmallTable("Errors of the counts", _SCORE_COLUMNS)
        self.counts_section = Section(
            "Counts", "How many were found in each frame, and in each part of it, whatever their distance", self.counts
        )
        self.classes = SmallTable("Scores of each class", {name: CLASS_COLUMNS[name] for name in _CLASS_COLUMNS})
        self.classes_section = Section("Classes", "The scores of each class by itself", self.classes)
        self.missed_button = QPushButton("Show missed points")
        self.missed_button.setToolTip("Add a layer of the true points that nothing was found for (crosses)")
        self.false_button = QPushButton("Show false points")
        self.false_button.setToolTip("Add a layer of the found points that match nothing true (x)")
        self.copy_button = QPushButton("Copy scores")
        self.copy_button.setToolTip("Copy the table of scores, to be pasted into a spreadsheet")
        self.copy_button.clicked.connect(self._copy)
        self._lay_out()
        self.show_difference(None)

    def show_difference(self, difference: Difference | None) -> None:
        """The scores, or nothing."""
        self.difference = difference
        comparison = difference.comparison if difference else None
        for table, rows in ((self.table, self._rows()), (self.counts, self._count_rows())):
            cells = [(name, f"{value} {unit}".strip()) for name, value, unit, _ in rows]
            table.show_rows(cells, [meaning for *_, meaning in rows])
        shown = [list(CLASS_COLUMNS).index(name) for name in _CLASS_COLUMNS]
        classes = [[row[column] for column in shown] for row in class_rows(comparison)] if comparison else []
        self.classes.show_rows(classes)
        self.classes.setColumnHidden(len(shown) - 1, comparison is None or comparison.boxes is None)
        self.counts_section.setVisible(comparison is not None)
        self.classes_section.setVisible(bool(classes))
        for section in (self.counts_section, self.classes_section):
            section.set_open(section.is_open)  # a table with new rows is shown, also in a closed section
        for button, kind in ((self.missed_button, "missed"), (self.false_button, "false")):
            count = len(getattr(difference, kind)) if difference else 0
            button.setText(f"Show {count:,} {kind}" if difference else f"Show {kind} points")
            button.setEnabled(count > 0)
        self.copy_button.setEnabled(difference is not None)

    def _rows(self) -> list[tuple[str, str, str, str]]:
        """What is said of pairs, distances and boxes."""
        if self.difference is None:
            return []
        comparison = self.difference.comparison
        rows = rows_of(self.difference.scores) + chamfer_rows(comparison.chamfer)
        return rows + (box_rows(comparison.boxes) if comparison.boxes else [])

    def _count_rows(self) -> list[tuple[str, str, str, str]]:
        return count_rows(self.difference.comparison.counts) if self.difference else []

    def _copy(self) -> None:
        clipboard = QApplication.clipboard()
        if self.difference is None or clipboard is None:
            return
        parts: list[Sequence[Sequence[str]]] = [self._rows() + self._count_rows()]
        if self.difference.comparison.classes:
            parts.append([list(CLASS_COLUMNS), *class_rows(self.difference.comparison)])
        clipboard.setText("\n\n".join("\n".join("\t".join(row) for row in rows) for rows in parts))
        self.copied.emit()

    def _lay_out(self) -> None:
        differences = QHBoxLayout()
        differences.addWidget(self.missed_button)
        differences.addWidget(self.false_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.table)
        column.addLayout(differences)
        column.addWidget(self.counts_section)
        column.addWidget(self.classes_section)
        column.addWidget(self.copy_button)
