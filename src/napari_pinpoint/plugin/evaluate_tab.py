"""The tab Evaluate: how well points agree with the truth, or with any other points."""

from __future__ import annotations

from typing import Any

from napari.utils.notifications import show_error
from qtpy.QtCore import Qt
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QScrollArea,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.evaluation import rows_of
from napari_pinpoint.plugin.comparing import Comparison, compare, difference_layer_data
from napari_pinpoint.plugin.fields import Choice, Note, NumberField
from napari_pinpoint.plugin.layer_choice import LayerChoice
from napari_pinpoint.plugin.layers import table_from_layer
from napari_pinpoint.plugin.result_layers import add_layer, newest_result, placement_of, table_layers
from napari_pinpoint.plugin.tasks import tasks_of

#: What is proposed as the largest distance of a pair.
_TOLERANCE = {"tolerance_nm": 100.0, "tolerance_px": 2.0}


class EvaluateTab(QWidget):
    """Compares two layers of points, and shows on request where they differ."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.viewer = napari_viewer
        self.tasks = tasks_of(napari_viewer)
        self.comparison: Comparison | None = None
        self._compared: tuple[Any, Any] = (None, None)
        self._comparing = False
        self.found_choice = LayerChoice(
            napari_viewer,
            table_layers,
            "The points to judge: what a model found, or what was clicked",
            prefer=_found,
            proposes_again=True,
        )
        self.truth_choice = LayerChoice(
            napari_viewer,
            table_layers,
            "What is really there, or what to compare with",
            prefer=_truth,
            proposes_again=True,
        )
        self.tolerance = NumberField(
            "Tolerance",
            "needed",
            "How far apart two points may be to count as the same. Wider ones flatter.",
            limits=(0, float("inf")),
            above=True,
        )
        self.tolerance.setAccessibleName("Tolerance")
        self.unit_choice = Choice("Nanometres need the size of a pixel in one of the layers")
        self.unit_choice.setAccessibleName("Unit of the tolerance")
        for words, key in (("nm", "tolerance_nm"), ("pixels", "tolerance_px")):
            self.unit_choice.addItem(words, key)
        self.compare_button = QPushButton("Compare")
        self.compare_button.setToolTip("Pair the points frame by frame, as many as possible and the closest of them")
        self.messages = Note()
        self.table = _score_table()
        self.missed_button = QPushButton("Show missed points")
        self.missed_button.setToolTip("Add a layer of the true points that nothing was found for (crosses)")
        self.false_button = QPushButton("Show false points")
        self.false_button.setToolTip("Add a layer of the found points that match nothing true (x)")
        self.copy_button = QPushButton("Copy scores")
        self.copy_button.setToolTip("Copy the table of scores, to be pasted into a spreadsheet")
        self._lay_out()
        self._propose_tolerance()
        self._connect()
        for choice in (self.found_choice, self.truth_choice):
            choice.follow()
        self._show(None)
        self._update_button()

    def _start(self) -> None:
        """Compare in the background; the scores are shown when they are there."""
        self._show(None)
        found, truth = self.found_choice.layer, self.truth_choice.layer
        try:
            tolerance = self.tolerance.value()
            if tolerance is None:
                raise PinpointError("Give the tolerance: how far apart two points may be to count as the same.")
            if found == truth:
                raise PinpointError("Found and Truth are the same layer: choose two.")
            tables = table_from_layer(found), table_from_layer(truth)
            how = {self.unit_choice.currentData(): tolerance}
            self._compared, self._comparing = (found, truth), True
            self.tasks.start(lambda _: compare(*tables, how), self._finish)
        except PinpointError as error:
            self._comparing = False
            show_error(str(error))
            self.messages.setText(f"Error: {error}")

    def _finish(self, viewer: Any, comparison: Comparison) -> str:
        self._show(comparison)
        return f"{comparison.scores.tp:,} points agree."

    def _show(self, comparison: Comparison | None) -> None:
        """The scores, or nothing."""
        self.comparison = comparison
        rows = rows_of(comparison.scores) if comparison else []
        self.table.setRowCount(len(rows))
        for row, (name, value, unit, meaning) in enumerate(rows):
            for column, words in enumerate((name, f"{value} {unit}".strip())):
                item = QTableWidgetItem(words)
                item.setToolTip(meaning)
                self.table.setItem(row, column, item)
        header: Any = self.table.horizontalHeader()
        height = header.sizeHint().height() + 4
        self.table.setFixedHeight(height + sum(self.table.rowHeight(row) for row in range(len(rows))))
        self.table.setVisible(bool(rows))
        for button, kind in ((self.missed_button, "missed"), (self.false_button, "false")):
            count = len(getattr(comparison, kind)) if comparison else 0
            button.setText(f"Show {count:,} {kind}" if comparison else f"Show {kind} points")
            button.setEnabled(count > 0)
        self.copy_button.setEnabled(bool(rows))

    def _show_task(self) -> None:
        """Tell how the comparison goes; the tasks of other tabs are none of this one's."""
        status, running = self.tasks.status, self.tasks.is_running
        if not self._comparing:
            self._update_button()
            return
        self._comparing = running
        text = "Comparing..." if running else status.text
        texts = [f"Error: {text}" if status.state == "failed" else text, *(f"Warning: {w}" for w in status.warnings)]
        self.messages.setText("\n".join(texts))
        self._update_button()

    def _update_button(self) -> None:
        layers = {id(choice.layer) for choice in (self.found_choice, self.truth_choice) if choice.layer is not None}
        self.compare_button.setEnabled(len(layers) == 2 and not self.tasks.is_running)
        if len(layers) < 2 and not self.tasks.is_running and self.comparison is None:
            self.messages.setText(
                "Two layers of points are needed: what was found, and what is true. File > Open Sample > Pinpoint has "
                "movies with their truth; a table is opened by File > IO Utilities."
            )

    def _add_missed(self) -> None:
        self._add_differences("missed")

    def _add_false(self) -> None:
        self._add_differences("false")

    def _add_differences(self, kind: str) -> None:
        """Add the layer of missed or false points; an earlier one of this comparison gives way."""
        found, truth = self._compared
        table, layer = getattr(self.comparison, kind), (truth if kind == "missed" else found)
        data = difference_layer_data(table, placement_of(layer), kind=kind, name=found.name)
        for earlier in [layer for layer in self.viewer.layers if layer.name == data[1]["name"]]:
            self.viewer.layers.remove(earlier)
        add_layer(self.viewer, data)

    def _copy(self) -> None:
        clipboard = QApplication.clipboard()
        if self.comparison is not None and clipboard is not None:
            clipboard.setText("\n".join("\t".join(row) for row in rows_of(self.comparison.scores)))
            self.messages.setText("The scores were copied.")

    def _choose(self) -> None:
        """Other layers: scores of the ones before would mislead."""
        self._show(None)
        self.messages.setText("")
        self._propose_tolerance()
        self._update_button()

    def _propose_tolerance(self) -> None:
        """Nanometres where a layer knows its pixels; a number that the user typed stays."""
        proposals = {f"{value:.10g}" for value in _TOLERANCE.values()} | {""}
        if self.tolerance.text() not in proposals:
            return
        key = "tolerance_nm" if any(map(_knows_its_pixels, self._layers())) else "tolerance_px"
        self.unit_choice.setCurrentIndex(self.unit_choice.findData(key))
        self.tolerance.set_value(_TOLERANCE[key])

    def _layers(self) -> list[Any]:
        return [choice.layer for choice in (self.found_choice, self.truth_choice) if choice.layer is not None]

    def showEvent(self, event: QShowEvent | None) -> None:
        """Take up what happened while nobody looked."""
        super().showEvent(event)
        for choice in (self.found_choice, self.truth_choice):
            choice.follow()
        self._update_button()

    def hideEvent(self, event: QHideEvent | None) -> None:
        """A dock that is closed only hides its widget: the viewer's events may not go on reaching it."""
        super().hideEvent(event)
        for choice in (self.found_choice, self.truth_choice):
            choice.unfollow()

    def _connect(self) -> None:
        for choice in (self.found_choice, self.truth_choice):
            choice.chosen.connect(self._choose)
        self.compare_button.clicked.connect(self._start)
        self.tolerance.returnPressed.connect(self.compare_button.click)
        self.missed_button.clicked.connect(self._add_missed)  # no lambdas: PySide would keep the tab with them
        self.false_button.clicked.connect(self._add_false)
        self.copy_button.clicked.connect(self._copy)
        self.tasks.changed.connect(self._show_task)

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        form.addRow("Found", self.found_choice)
        form.addRow("Truth", self.truth_choice)
        tolerance = QHBoxLayout()
        tolerance.addWidget(self.tolerance, stretch=1)
        tolerance.addWidget(self.unit_choice, stretch=1)
        form.addRow("Tolerance", tolerance)
        differences = QHBoxLayout()
        differences.addWidget(self.missed_button)
        differences.addWidget(self.false_button)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.addLayout(form)
        column.addWidget(self.compare_button)
        column.addWidget(self.messages)
        column.addWidget(self.table)
        column.addLayout(differences)
        column.addWidget(self.copy_button)
        column.addStretch()
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidget(inside)
        outside = QVBoxLayout(self)
        outside.setContentsMargins(0, 0, 0, 0)
        outside.addWidget(scroll)


def _score_table() -> QTableWidget:
    """Two columns, read only; what each score means is in its tooltip."""
    table = QTableWidget(0, 2)
    table.setAccessibleName("Scores")
    table.setHorizontalHeaderLabels(["Score", "Value"])
    rows: Any = table.verticalHeader()
    rows.hide()
    columns: Any = table.horizontalHeader()
    columns.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    table.setTabKeyNavigation(False)
    return table


def _truth(layers: list[Any]) -> Any:
    """The layer that is called truth, or else the oldest."""
    return next((layer for layer in layers if "truth" in layer.name.lower()), layers[-1])


def _found(layers: list[Any]) -> Any:
    """The newest result that is not taken for the truth."""
    truth = _truth(layers)
    return newest_result([layer for layer in layers if layer is not truth] or layers)


def _knows_its_pixels(layer: Any) -> bool:
    try:
        return table_from_layer(layer).pixel_size_nm is not None
    except PinpointError:
        return False
