"""The tab Evaluate: how well points agree with the truth, or with any other points."""

from __future__ import annotations

from functools import partial
from typing import Any

from napari.utils.notifications import show_error
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import QFileDialog, QFormLayout, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.plugin.evaluate.comparing import Difference, compare, difference_layer_data, earlier_differences
from napari_pinpoint.plugin.evaluate.scores_panel import ScoresPanel
from napari_pinpoint.plugin.evaluate.truth import (
    likely_found,
    likely_truth,
    read_truth,
    table_source,
    truth_filter,
    truth_layers,
)
from napari_pinpoint.plugin.files.opening import read_table, telling_user
from napari_pinpoint.plugin.layers.calibration import pixel_size_of
from napari_pinpoint.plugin.layers.result_layers import add_layer, images_of, placement_of, shape_of, table_layers
from napari_pinpoint.plugin.widgets.fields import Choice, Note, NumberField, fill_with_scrolling
from napari_pinpoint.plugin.widgets.layer_choice import LayerChoice
from napari_pinpoint.plugin.work.tasks import tasks_of

#: What is proposed as the largest distance of a pair.
_TOLERANCE = {"tolerance_nm": 100.0, "tolerance_px": 2.0}


class EvaluateTab(QWidget):
    """Compares two layers of points, and shows on request where they differ."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.viewer = napari_viewer
        self.tasks = tasks_of(napari_viewer)
        self._compared: tuple[Any, Any] = (None, None)
        self._comparing = False
        self.found_choice = LayerChoice(
            napari_viewer,
            table_layers,
            "The points to judge: what a model found, or what was clicked",
            prefer=likely_found,
            proposes_again=True,
        )
        self.truth_choice = LayerChoice(
            napari_viewer,
            truth_layers,
            "What is really there, or what to compare with: points, boxes (Shapes) or objects (Labels)",
            prefer=likely_truth,
            proposes_again=True,
        )
        self.file_button = QPushButton("File...")
        self.file_button.setToolTip(
            "Take the truth from a file: a table, boxes (Pascal VOC, COCO) or a label image; it becomes a layer"
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
        self.scores = ScoresPanel()
        self._lay_out()
        self._propose_tolerance()
        self._connect()
        for choice in (self.found_choice, self.truth_choice):
            choice.follow()
        self._update_button()

    def _start(self) -> None:
        """Compare in the background; the scores are shown when they are there."""
        self.scores.show_difference(None)
        found, truth = self.found_choice.layer, self.truth_choice.layer
        try:
            tolerance = self.tolerance.value()
            if tolerance is None:
                raise PinpointError("Give the tolerance: how far apart two points may be to count as the same.")
            if found == truth:
                raise PinpointError("Found and Truth are the same layer: choose two.")
            tables = table_source(found), table_source(truth)
            how, shape = {self.unit_choice.currentData(): tolerance}, shape_of(self.viewer, found)
            self._compared, self._comparing = (found, truth), True
            self.tasks.start(lambda _: compare(*tables, how, shape), self._finish)
        except PinpointError as error:
            self._comparing = False
            show_error(str(error))
            self.messages.setText(f"Error: {error}")

    def _finish(self, viewer: Any, difference: Difference) -> str:
        if not self._comparing:
            return ""
        self.scores.show_difference(difference)
        scores = difference.scores
        words = f"{scores.tp:,} points agree."
        if scores.n_ignored:
            words += f" To be ignored are {scores.n_ignored:,} true points, which need not be found, and "
            words += f"{scores.n_excused:,} found at them, which count neither as right nor as wrong."
        return words

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
        if len(layers) < 2 and not self.tasks.is_running and self.scores.difference is None:
            self.messages.setText(
                "Two layers are needed: points that were found, and what is true. File > Open Sample > Pinpoint has "
                "movies with their truth; File... beside Truth reads your own."
            )

    def _add_missed(self) -> None:
        self._add_differences("missed")

    def _add_false(self) -> None:
        self._add_differences("false")

    def _add_differences(self, kind: str) -> None:
        """Add the layer of missed or false points; an earlier one of this comparison gives way."""
        found = self._compared[0]
        table = getattr(self.scores.difference, kind)
        data = difference_layer_data(table, placement_of(found), kind=kind, name=found.name)
        for earlier in earlier_differences(self.viewer, kind=kind, name=found.name):
            self.viewer.layers.remove(earlier)
        add_layer(self.viewer, data)

    def _tell_copied(self) -> None:
        self.messages.setText("The scores were copied.")

    def _open_truth(self) -> None:
        """Ask for a file, and take it for the truth once it is a layer."""
        path, _ = QFileDialog.getOpenFileName(self, "Open what is true", "", truth_filter())
        if path:
            image = next((image.name for image in images_of(self.viewer)), "")
            added = partial(self._take_truth, self.found_choice.layer)
            with telling_user():
                read_table(self.viewer, path, read=partial(read_truth, image=image), added=added)

    def _take_truth(self, found: Any, layer: Any) -> None:
        """Choose a layer that was read; as the newest one it would be proposed as what was found."""
        self.truth_choice.choose(layer)
        if found is not None and found in self.viewer.layers:
            self.found_choice.choose(found)

    def _choose(self) -> None:
        """Other layers: scores of the ones before would mislead, also those that are on their way."""
        self._comparing = False
        self.scores.show_difference(None)
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
        self.scores.missed_button.clicked.connect(self._add_missed)  # no lambdas: PySide would keep the tab with them
        self.scores.false_button.clicked.connect(self._add_false)
        self.scores.copied.connect(self._tell_copied)
        self.file_button.clicked.connect(self._open_truth)
        self.tasks.changed.connect(self._show_task)

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        form.addRow("Found", self.found_choice)
        truth = QHBoxLayout()
        truth.addWidget(self.truth_choice, stretch=1)
        truth.addWidget(self.file_button)
        form.addRow("Truth", truth)
        tolerance = QHBoxLayout()
        tolerance.addWidget(self.tolerance, stretch=1)
        tolerance.addWidget(self.unit_choice, stretch=1)
        form.addRow("Tolerance", tolerance)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.addLayout(form)
        column.addWidget(self.compare_button)
        column.addWidget(self.messages)
        column.addWidget(self.scores)
        column.addStretch()
        fill_with_scrolling(self, inside)


def _knows_its_pixels(layer: Any) -> bool:
    return pixel_size_of(layer.scale, layer.units, layer.metadata) is not None
