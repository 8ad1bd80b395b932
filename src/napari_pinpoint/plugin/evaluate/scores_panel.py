"""What a comparison gives, as tables, and what can be done with it."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import QApplication, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_pinpoint.evaluation import (
    CLASS_COLUMNS,
    Comparison,
    class_rows,
    count_rows,
    difference_rows,
    reference_rows,
    score_rows,
)
from napari_pinpoint.evaluation.summary import Row, side_by_side
from napari_pinpoint.plugin.evaluate.comparing import Difference
from napari_pinpoint.plugin.widgets.fields import Section
from napari_pinpoint.plugin.widgets.small_table import SmallTable

_SCORE_COLUMNS = {"Score": "What was measured; point at a row for its definition", "Value": "The value, and its unit"}
_SECOND_COLUMN = {"Second": "The value of the second points"}
_DIFFERENCE_COLUMNS = {
    "Score": "What was measured; point at a row for more",
    "Found - Second": "The difference, and between which limits it would be with other frames (95 % of the time)",
}
#: Of CLASS_COLUMNS what a narrow dock has room for; the last one only where there are boxes.
_CLASS_COLUMNS = ("class", "true", "found", "F1 %", "MAE", "AP 0.5")


class ScoresPanel(QWidget):
    """Tables of scores, of counts and of classes, as far as there are any; `copied` when the user has copied them.

    `layer_buttons` say how many points agree and differ, and leave it to others to show them, as `figures_button` and
    `report_button` do.
    """

    copied = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.difference: Difference | None = None
        self.table = SmallTable("Scores", _SCORE_COLUMNS | _SECOND_COLUMN, even=True)
        self.models = SmallTable("Difference of the two", _DIFFERENCE_COLUMNS)
        self.models_section = Section(
            "Difference of the two",
            "By how much the first points are better, and whether that may be chance",
            self.models,
        )
        self.reference = SmallTable("Reference", _SCORE_COLUMNS)
        self.reference_section = Section(
            "Reference",
            "What the truth itself would score, moved by the errors that the image allows: a line to compare with, not "
            "a bound. A method with a good prior beats it where emitters overlap.",
            self.reference,
        )
        self.counts = SmallTable("Errors of the counts", _SCORE_COLUMNS | _SECOND_COLUMN, even=True)
        self.counts_section = Section(
            "Counts", "How many were found in each frame, and in each part of it, whatever their distance", self.counts
        )
        self.classes = SmallTable("Scores of each class", {name: CLASS_COLUMNS[name] for name in _CLASS_COLUMNS})
        self.classes_section = Section("Classes", "The scores of each class by itself", self.classes)
        self.missed_button = _button(
            "Show missed points", "Add a layer of the true points that nothing was found for (crosses)"
        )
        self.false_button = _button("Show false points", "Add a layer of the found points that match nothing true (x)")
        self.right_button = _button(
            "Show right points", "Add a layer of the found points that have a true one (diamonds)"
        )
        self.pairs_button = _button(
            "Show pairs", "Add a layer of arrows from where points truly are to where they were found"
        )
        self.figures_button = _button(
            "Figures...", "Show curves and histograms: errors, recall, uncertainties and more"
        )
        self.report_button = _button(
            "Report...", "Write all scores and figures as one HTML page, with the data behind them"
        )
        self.copy_button = _button("Copy scores", "Copy the table of scores, to be pasted into a spreadsheet")
        self.copy_button.clicked.connect(self._copy)
        for section in (self.models_section, self.reference_section):
            section.set_open(True)
        self._lay_out()
        self.show_difference(None)

    def show_difference(self, difference: Difference | None) -> None:
        """The scores, or nothing."""
        self.difference = difference
        comparison = difference.comparison if difference else None
        for table, rows in ((self.table, self._rows()), (self.counts, self._count_rows())):
            cells = [(name, *(f"{value} {unit}".strip() for value in values)) for name, unit, *values, _ in rows]
            table.setColumnHidden(2, difference is None or difference.second is None)
            table.show_rows(cells, [row[-1] for row in rows])
        for section, table, told in (
            (self.models_section, self.models, self._model_rows()),
            (self.reference_section, self.reference, self._reference_rows()),
        ):
            cells = [(name, f"{value} {unit}".strip()) for name, value, unit, _ in told]
            table.show_rows(cells, [meaning for *_, meaning in told])
            section.setVisible(bool(told))
        shown = [list(CLASS_COLUMNS).index(name) for name in _CLASS_COLUMNS]
        classes = [[row[column] for column in shown] for row in class_rows(comparison)] if comparison else []
        self.classes.show_rows(classes)
        self.classes.setColumnHidden(len(shown) - 1, comparison is None or comparison.boxes is None)
        self.counts_section.setVisible(comparison is not None)
        self.classes_section.setVisible(bool(classes))
        for section in (self.models_section, self.reference_section, self.counts_section, self.classes_section):
            section.set_open(section.is_open)  # a table with new rows is shown, also in a closed section
        for button, kind in (
            (self.missed_button, "missed"),
            (self.false_button, "false"),
            (self.right_button, "right"),
        ):
            count = len(getattr(difference, kind)) if difference else 0
            button.setText(f"Show {count:,} {kind}" if difference else f"Show {kind} points")
            button.setEnabled(count > 0)
        self.pairs_button.setEnabled(difference is not None and len(difference.right) > 0)
        self.copy_button.setEnabled(difference is not None)
        self.let_work(True)

    def let_work(self, is_idle: bool) -> None:
        """Let figures and reports be made, unless something else is being done."""
        for button in (self.figures_button, self.report_button):
            button.setEnabled(is_idle and self.difference is not None)

    def _rows(self) -> list[tuple[str, ...]]:
        """What is said of pairs, distances, boxes, uncertainties and probabilities: name, unit, values, meaning."""
        return side_by_side([score_rows(comparison, counts=False) for comparison in self._comparisons()])

    def _count_rows(self) -> list[tuple[str, ...]]:
        return side_by_side([count_rows(comparison.counts) for comparison in self._comparisons()])

    def _comparisons(self) -> list[Comparison]:
        if self.difference is None:
            return []
        return [self.difference.comparison, *([self.difference.second[1]] if self.difference.second else [])]

    def _model_rows(self) -> list[Row]:
        models = self.difference.models if self.difference else None
        return difference_rows(models, "found", "second") if models else []

    def _reference_rows(self) -> list[Row]:
        reference = self.difference.reference if self.difference else None
        return reference_rows(reference) if reference else []

    def _copy(self) -> None:
        clipboard = QApplication.clipboard()
        if self.difference is None or clipboard is None:
            return
        parts: list[Sequence[Sequence[str]]] = [self._rows() + self._count_rows()]
        parts += [rows for rows in (self._model_rows(), self._reference_rows()) if rows]
        if self.difference.comparison.classes:
            parts.append([list(CLASS_COLUMNS), *class_rows(self.difference.comparison)])
        clipboard.setText("\n\n".join("\n".join("\t".join(row) for row in rows) for rows in parts))
        self.copied.emit()

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.table)
        column.addWidget(self.models_section)
        column.addWidget(self.reference_section)
        for left, right in (
            (self.missed_button, self.false_button),
            (self.right_button, self.pairs_button),
            (self.figures_button, self.report_button),
        ):
            row = QHBoxLayout()
            row.addWidget(left)
            row.addWidget(right)
            column.addLayout(row)
        column.addWidget(self.counts_section)
        column.addWidget(self.classes_section)
        column.addWidget(self.copy_button)


def _button(text: str, tooltip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tooltip)
    return button
