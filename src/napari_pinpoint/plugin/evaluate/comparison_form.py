"""What is to be compared: found points, the truth, other points, and how far apart a pair may be."""

from __future__ import annotations

from functools import partial
from typing import Any

from qtpy.QtCore import Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import QCheckBox, QFileDialog, QFormLayout, QHBoxLayout, QLabel, QPushButton, QWidget

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.plugin.evaluate.truth import (
    likely_found,
    likely_truth,
    read_truth,
    table_filter,
    truth_filter,
    truth_layers,
)
from napari_pinpoint.plugin.files.opening import read_table, telling_user
from napari_pinpoint.plugin.layers.calibration import pixel_size_of
from napari_pinpoint.plugin.layers.result_layers import images_of, table_layers
from napari_pinpoint.plugin.widgets.fields import Choice, NumberField
from napari_pinpoint.plugin.widgets.layer_choice import LayerChoice

#: What is proposed as the largest distance of a pair.
_TOLERANCE = {"tolerance_nm": 100.0, "tolerance_px": 2.0}


class ComparisonForm(QWidget):
    """`chosen` when other layers are, `submitted` when the user presses Return in a field."""

    chosen = Signal()
    submitted = Signal()

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self.viewer = viewer
        self.found_choice = LayerChoice(
            viewer,
            table_layers,
            "The points to judge: what a model found, or what was clicked",
            prefer=likely_found,
            proposes_again=True,
        )
        self.truth_choice = LayerChoice(
            viewer,
            truth_layers,
            "What is really there, or what to compare with: points, boxes (Shapes) or objects (Labels)",
            prefer=likely_truth,
            proposes_again=True,
        )
        self.second_choice = LayerChoice(
            viewer,
            table_layers,
            "Other points in the same frames, as of a second model: both are scored, and their difference is told",
            prefer=likely_found,
            nobody="nothing",
        )
        points = "Take these points from a file: a table; it becomes a layer"
        self.found_file_button = _file_button("File of the found points", points)
        self.truth_file_button = _file_button(
            "File of the truth",
            "Take the truth from a file: a table, boxes (Pascal VOC, COCO) or a label image; it becomes a layer",
        )
        self.second_file_button = _file_button("File of the second points", points)
        self.tolerance = NumberField(
            "Tolerance",
            "needed",
            "How far apart two points may be to count as the same. Wider ones flatter.",
            limits=(0, float("inf")),
            above=True,
        )
        self.unit_choice = Choice("Nanometres need the size of a pixel in one of the layers")
        self.unit_choice.setAccessibleName("Unit of the tolerance")
        for words, key in (("nm", "tolerance_nm"), ("pixels", "tolerance_px")):
            self.unit_choice.addItem(words, key)
        self.reference_box = QCheckBox("With the reference")
        self.reference_box.setToolTip(
            "Also tell what the truth itself would score, moved by the errors that the image allows (Cramer-Rao): a "
            "line to compare with. Needs the photons, background and spot width of the truth, as simulated truth has "
            "them."
        )
        self._lay_out()
        self._propose_tolerance()
        self._connect()

    @property
    def layers(self) -> list[Any]:
        """The layers that are chosen: found, truth and second, without those that are none."""
        return [choice.layer for choice in self._choices() if choice.layer is not None]

    def how(self) -> dict[str, float]:
        """The tolerance under the name of its unit, as `evaluate` takes it."""
        tolerance = self.tolerance.value()
        if tolerance is None:
            raise PinpointError("Give the tolerance: how far apart two points may be to count as the same.")
        return {self.unit_choice.currentData(): tolerance}

    def found_layers(self) -> list[Any]:
        """The one or two layers to judge; PinpointError where layers are chosen twice."""
        found, truth, second = (choice.layer for choice in self._choices())
        if found == truth:
            raise PinpointError("Found and Truth are the same layer: choose two.")
        if second is None:
            return [found]
        if second in (found, truth):
            raise PinpointError("Second is the same layer as Found or Truth: choose another one, or nothing.")
        return [found, second]

    def follow(self) -> None:
        """Keep up with the viewer's layers from now on."""
        for choice in self._choices():
            choice.follow()

    def unfollow(self) -> None:
        """Keep up with them no longer."""
        for choice in self._choices():
            choice.unfollow()

    def _choices(self) -> tuple[LayerChoice, ...]:
        return self.found_choice, self.truth_choice, self.second_choice

    def _choose(self) -> None:
        self._propose_tolerance()
        self.chosen.emit()

    def _propose_tolerance(self) -> None:
        """Nanometres where a layer knows its pixels; a number that the user typed stays."""
        proposals = {f"{value:.10g}" for value in _TOLERANCE.values()} | {""}
        if self.tolerance.text() not in proposals:
            return
        key = "tolerance_nm" if any(map(_knows_its_pixels, self.layers)) else "tolerance_px"
        self.unit_choice.setCurrentIndex(self.unit_choice.findData(key))
        self.tolerance.set_value(_TOLERANCE[key])

    def _open_found(self) -> None:
        self._open(self.found_choice, "Open found points", table_filter())

    def _open_second(self) -> None:
        self._open(self.second_choice, "Open other points", table_filter())

    def _open_truth(self) -> None:
        image = next((image.name for image in images_of(self.viewer)), "")
        self._open(self.truth_choice, "Open what is true", truth_filter(), read=partial(read_truth, image=image))

    def _open(self, choice: LayerChoice, title: str, kinds: str, **how: Any) -> None:
        """Ask for a file, and choose it in `choice` once it is a layer; what else is chosen stays."""
        path, _ = QFileDialog.getOpenFileName(self, title, "", kinds)
        if path:
            others = [(other, other.layer) for other in self._choices() if other is not choice]
            with telling_user():
                read_table(self.viewer, path, added=partial(self._take, choice, others), **how)

    def _take(self, choice: LayerChoice, others: list[tuple[LayerChoice, Any]], layer: Any) -> None:
        """Choose a layer that was read; as the newest one it would be proposed elsewhere, too."""
        choice.choose(layer)
        for other, before in others:
            if before is not None and before in self.viewer.layers:
                other.choose(before)

    def _connect(self) -> None:
        for choice in self._choices():
            choice.chosen.connect(self._choose)
        self.tolerance.returnPressed.connect(self.submitted)
        self.found_file_button.clicked.connect(self._open_found)  # no lambdas: PySide would keep the form with them
        self.truth_file_button.clicked.connect(self._open_truth)
        self.second_file_button.clicked.connect(self._open_second)

    def _lay_out(self) -> None:
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        files = (self.found_file_button, self.truth_file_button, self.second_file_button)
        names = ("Found", "Truth", "Second")
        fields = [*zip(names, self._choices(), files, strict=True), ("Tolerance", self.tolerance, self.unit_choice)]
        for name, field, beside in fields:
            field.setAccessibleName(name)
            row = QHBoxLayout()
            row.addWidget(field, stretch=1)
            row.addWidget(beside, stretch=1 if beside is self.unit_choice else 0)
            label = QLabel(name)
            label.setBuddy(field)
            label.setToolTip(field.toolTip())
            form.addRow(label, row)
        form.addRow(self.reference_box)


def _file_button(name: str, tooltip: str) -> QPushButton:
    button = QPushButton("File...")
    button.setAccessibleName(name)
    button.setToolTip(tooltip)
    return button


def _knows_its_pixels(layer: Any) -> bool:
    return pixel_size_of(layer.scale, layer.units, layer.metadata) is not None
