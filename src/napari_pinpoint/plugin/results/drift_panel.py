"""How the sample moved while it was looked at, and the table without that."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Points, Shapes
from qtpy.QtWidgets import QPushButton

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.layers.regions import marked_places
from napari_pinpoint.plugin.layers.tables import Placement, is_transient
from napari_pinpoint.plugin.results.figure_view import Drawn, FigureView
from napari_pinpoint.plugin.results.panel import Panel
from napari_pinpoint.plugin.results.sessions import Outcome, Session, Work
from napari_pinpoint.plugin.widgets.fields import Choice, NumberField
from napari_pinpoint.plugin.widgets.layer_choice import LayerChoice
from napari_pinpoint.plugin.work.jobs import Reporter

_METHODS = (("the structure itself", "correlation"), ("fiducials that I mark", "fiducials"))


class DriftPanel(Panel):
    """Corrects drift, and shows it against time."""

    title = "Drift"
    summary = "Samples move while they are imaged. Find out how far in every frame, and move all points back."
    button_text = "Correct the drift"
    running_text = "Estimating the drift"

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._placement: Placement | None = None
        self.method_choice = Choice(
            "What to see the drift by: parts of the movie are laid over each other, or beads are followed"
        )
        for words, key in _METHODS:
            self.method_choice.addItem(words, key)
        self.segment = NumberField(
            "Points per part",
            "automatic",
            "How many points each part of the movie has: fewer follow fast drift, more are surer",
            limits=(50, float("inf")),
        )
        self.fiducials_choice = LayerChoice(
            viewer,
            marked_layers,
            "A layer with a point on each bead, or a shape around it. Beads are seen in nearly all frames",
            prefer=lambda layers: layers[0],
        )
        self.fiducials_choice.setPlaceholderText("add a Points layer, click beads")
        self.radius = NumberField(
            "Radius (px)",
            "5",
            "How far around a point its bead is looked for, in all frames",
            limits=(0, 1e6),
            above=True,
        )
        self.undo_button = QPushButton("Undo the correction")
        self.undo_button.setToolTip("Back to the table before its drift was corrected")
        self.figure = FigureView("drift")
        self.form.addRow("Seen by", self.method_choice)
        self.form.addRow("Points per part", self.segment)
        self.form.addRow("Fiducials", self.fiducials_choice)
        self.form.addRow("Radius (px)", self.radius)
        self.body.addWidget(self.undo_button)
        self.body.addWidget(self.figure)
        self.method_choice.currentIndexChanged.connect(self._show_method)
        self._show_method()

    def show_session(self, session: Session | None, table: Localizations) -> None:
        """The drift that was corrected in the table, if any."""
        super().show_session(session, table)
        steps = table.record.get("steps", [])
        corrected = [step for step in steps if step.get("step") == "drift"]
        self.undo_button.setEnabled(bool(steps) and steps[-1].get("step") == "drift")
        notes = {} if session is None else session.notes.get("drift", {})
        self.figure.show_figure(notes.get(corrected[-1].get("sha256")) if corrected else None)

    def show_layer(self, placement: Placement | None, name: str) -> None:
        """Where the table's pixels lie."""
        self._placement = placement

    def work(self) -> Work:
        """Estimate the drift and correct it."""
        settings: dict[str, Any] = {}
        regions: Any = None
        if self.method_choice.currentData() == "fiducials":
            layer = self.fiducials_choice.layer
            if layer is None:
                raise PinpointError(
                    "Mark the fiducials first: add a Points layer of napari and click on each bead, or a Shapes layer "
                    "with a shape around each."
                )
            places = marked_places(layer, self._placement or Placement())
            if not len(places):
                raise PinpointError(f"The layer {layer.name!r} is empty: click on each bead in it.")
            regions, radius = places[:, :2], float(places[:, 2].max()) or self.radius.value()
            settings = {} if radius is None else {"radius_px": radius}
        else:
            wanted = self.segment.value()
            settings = {} if wanted is None else {"localizations_per_segment": int(wanted)}
        return _correction(regions, settings)

    def _show_method(self) -> None:
        by_beads = self.method_choice.currentData() == "fiducials"
        self.form.setRowVisible(self.segment, not by_beads)
        for field in (self.fiducials_choice, self.radius):
            self.form.setRowVisible(field, by_beads)


def marked_layers(viewer: Any) -> list[Any]:
    """Layers in which fiducials can be marked: what the user has drawn, the newest first."""
    return [
        layer
        for layer in reversed(viewer.layers)
        if isinstance(layer, Points | Shapes)
        and not is_transient(layer)
        and "record" not in layer.metadata.get("pinpoint", {})
    ]


def _correction(regions: Any, settings: dict[str, Any]) -> Work:
    """Estimates the drift, by regions with fiducials where there are any, and corrects it."""

    def do(table: Localizations, reporter: Reporter) -> Outcome:
        from napari_pinpoint.postprocessing import (
            correct_drift,
            drift_figure,
            estimate_drift,
            estimate_drift_from_fiducials,
        )

        if regions is None:
            drift = estimate_drift(table, **settings)
        else:
            drift = estimate_drift_from_fiducials(table, regions, **settings)
        size, unit = (drift.pixel_size_nm, "nm") if drift.pixel_size_nm else (1.0, "px")
        far = float(np.hypot(drift.y - drift.y[0], drift.x - drift.x[0]).max()) * size
        words = (
            f"The sample had moved by up to {far:.3g} {unit}; all points were moved back to where they were at first."
        )
        drawn = Drawn.of(lambda: drift_figure(drift), words)
        return Outcome(words, correct_drift(table, drift), notes={"drift": {drift.to_record()["sha256"]: drawn}})

    return do
