"""What few users need: device, other threshold, decoder, how to cut the work, and what becomes of the result."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import QCheckBox, QFormLayout, QLabel, QWidget

from napari_pinpoint.plugin.localize.decoder_form import DecoderForm
from napari_pinpoint.plugin.localize.localizing import Output
from napari_pinpoint.plugin.localize.model_facts import ModelFacts
from napari_pinpoint.plugin.preferences import preference
from napari_pinpoint.plugin.widgets.fields import Choice, Note, NumberField

_DEVICES = (
    ("auto", "automatic"),
    ("cpu", "processor (cpu)"),
    ("cuda", "NVIDIA graphics card (cuda)"),
    ("mps", "Mac's graphics (mps)"),
)
_INFINITY = float("inf")


class AdvancedForm(QWidget):
    """Starts with the user's preferences; `changed` is emitted by what changes the points."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.device = Choice("What to compute on; automatic takes a graphics card where there is one")
        for name, words in _DEVICES:
            self.device.addItem(words, name)
        self.device.setCurrentIndex(max(0, self.device.findData(preference("device"))))
        self.rerun = Choice("What becomes of the earlier result of the same image when you press Localize again")
        self.rerun.addItem("replaces earlier", "replace")
        self.rerun.addItem("is added", "add")
        self.rerun.setCurrentIndex(max(0, self.rerun.findData(preference("rerun"))))
        self.offsets = QCheckBox("Offsets as vectors")
        self.offsets.setToolTip("Also add a layer of lines from the centre of each point's pixel to the point")
        self.offsets.setChecked(bool(preference("offsets")))
        self.other = NumberField("Least probability", "the model's own", "", limits=(0, 1), above=True)
        self.other_label = QLabel()
        self.batch = NumberField(
            "Batch", "automatic", "Tiles that go through the network at once; fewer need less memory", limits=(1, 1e6)
        )
        self.tile = NumberField(
            "Tile (px)", "automatic", "Side of the tiles that images are cut into; smaller ones need less memory",
            limits=(16, 1e6),
        )  # fmt: skip
        self.fit = QCheckBox("Fit each point to its pixels")
        self.fit.setToolTip(
            "Measure position, photons, background, width and their uncertainties again by a maximum-likelihood fit, "
            "neighbours together. Needs the camera's offset and electrons per count, and takes longer; the preview "
            "shows the points before the fit"
        )
        self.decoding = DecoderForm(self)
        self.device_words, self.parts = Note(), Note()
        self._control = ""
        self._lay_out()
        for field in (self.other, self.batch, self.tile):
            field.editingFinished.connect(self.changed)
        self.device.currentIndexChanged.connect(self.changed)
        self.decoding.changed.connect(self.changed)
        self.show_facts(None)

    def settings(self) -> dict[str, Any]:
        """Fields of `LocalizeSettings`; PinpointError for what makes no sense."""
        other = "threshold" if self._control == "contrast" else "min_contrast"
        whole = {"batch": self.batch.value(), "tile": self.tile.value()}
        return {
            other: self.other.value(),
            "decoder": self.decoding.value(),
            "refine": "mle" if self.fit.isChecked() else "none",
            **{name: None if n is None else int(n) for name, n in whole.items()},
        }

    def output(self) -> Output:
        """What becomes of the points."""
        return Output(
            replace=self.rerun.currentData() == "replace",
            offsets=self.offsets.isChecked(),
            most_markers=int(preference("most_points")),
        )

    def show_facts(self, facts: ModelFacts | None) -> None:
        """Show what a model is made of, and offer what it is not controlled by."""
        control = "probability" if facts is None else facts.control
        if control != self._control:
            self._control = control
            self.other.clear()
            if control == "contrast":
                self.other.name, self.other.limits, self.other.above = "Least probability", (0, 1), True
                placeholder, tooltip = "the model's own", "How sure the model must be of a point besides, from 0 to 1"
            else:
                self.other.name, self.other.limits, self.other.above = "Least contrast", (0, _INFINITY), False
                placeholder = "not measured"
                tooltip = "How far a spot must stand out of its surroundings besides, in multiples of their noise"
            self.other.setPlaceholderText(placeholder)
            self.other.setToolTip(tooltip)
            self.other.setAccessibleName(self.other.name)
            self.other_label.setText(self.other.name)
        self.decoding.show_facts(facts)
        for note, text in (
            (self.device_words, facts.device if facts else ""),
            (self.parts, facts.parts if facts else ""),
        ):
            note.setText(text)
            note.setVisible(bool(text))

    def show_problem(self, problem: str) -> None:
        """Say why a model cannot be read."""
        self.parts.setText(f"Error: {problem}")
        self.parts.show()

    def _lay_out(self) -> None:
        self.other_label.setBuddy(self.other)
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        form.addRow("New result", self.rerun)
        form.addRow(self.offsets)
        form.addRow(self.fit)
        form.addRow(self.other_label, self.other)
        self.decoding.add_to(form)
        form.addRow("Compute on", self.device)
        form.addRow(self.device_words)
        form.addRow("Tile (px)", self.tile)
        form.addRow("Batch", self.batch)
        form.addRow(self.parts)
        for field in (self.batch, self.tile):
            field.setAccessibleName(field.name)
