"""The same molecule over consecutive frames."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QSpinBox

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.layers.tables import Placement
from napari_pinpoint.plugin.layers.tracks import tracks_layer_data
from napari_pinpoint.plugin.results.panel import Panel
from napari_pinpoint.plugin.results.sessions import Outcome, Session, Work
from napari_pinpoint.plugin.widgets.fields import Choice, NumberField
from napari_pinpoint.plugin.work.jobs import Reporter


class LinkPanel(Panel):
    """Links localizations of consecutive frames, merges them, and shows the ways of molecules as tracks."""

    title = "Link"
    summary = "A molecule that shines for several frames is found once in each: find these again, and make them one."
    button_text = "Link"
    running_text = "Linking"

    def __init__(self) -> None:
        super().__init__()
        self.radius = NumberField(
            "Radius",
            "needed",
            "How far a molecule's positions in two frames may be apart; about five times their uncertainty",
            limits=(0, float("inf")),
            above=True,
        )
        self.radius.setAccessibleName("Radius")
        self.unit_choice = Choice("Nanometres need the size of a pixel")
        self.unit_choice.setAccessibleName("Unit of the radius")
        for words, key in (("nm", "radius_nm"), ("pixels", "radius_px")):
            self.unit_choice.addItem(words, key)
        self.dark_frames = QSpinBox()
        self.dark_frames.setRange(0, 100_000)
        self.dark_frames.setToolTip("For how many frames in a row a molecule may be missing")
        self.dark_frames.setAccessibleName("Dark frames")
        self.merge_box = QCheckBox("One row for each molecule")
        self.merge_box.setChecked(True)
        self.merge_box.setToolTip(
            "Positions are averaged by their uncertainties, photons summed, and n_frames says of how many. Without it, "
            "every row stays, and particle says which molecule it is"
        )
        self.tracks_box = QCheckBox("Show tracks")
        self.tracks_box.setToolTip("Add a Tracks layer of napari with the way of every molecule that was linked")
        radius = QHBoxLayout()
        radius.addWidget(self.radius, stretch=1)
        radius.addWidget(self.unit_choice, stretch=1)
        self.form.addRow("Radius", radius)
        self.form.addRow("Dark frames", self.dark_frames)
        self.form.addRow(self.merge_box)
        self.form.addRow(self.tracks_box)
        self._proposed = ""
        self._placement: Placement | None = None
        self._name = ""

    def show_layer(self, placement: Placement | None, name: str) -> None:
        """Where tracks belong, and whose they are."""
        self._placement, self._name = placement, name

    def show_session(self, session: Session | None, table: Localizations) -> None:
        """Propose a radius by the uncertainties; a number that the user typed stays."""
        super().show_session(session, table)
        if not len(table) or self.radius.text() not in ("", self._proposed):
            return
        from napari_pinpoint.postprocessing import suggested_radius_px

        sample = table.select(slice(None, None, max(1, len(table) // 100_000)))
        radius = suggested_radius_px(sample) or 1.0
        key = "radius_px" if table.pixel_size_nm is None else "radius_nm"
        self.unit_choice.setCurrentIndex(self.unit_choice.findData(key))
        self._proposed = f"{radius * (table.pixel_size_nm or 1):.2g}"
        self.radius.setText(self._proposed)

    def work(self) -> Work:
        """Link, and merge if that is wanted."""
        radius = self.radius.value()
        if radius is None:
            raise PinpointError("Give the radius: how far a molecule's positions in two frames may be apart.")
        settings: dict[str, Any] = {
            str(self.unit_choice.currentData()): radius,
            "dark_frames": self.dark_frames.value(),
        }
        merged, placement, name = self.merge_box.isChecked(), self._placement, f"{self._name} tracks"
        if not self.tracks_box.isChecked():
            placement = None

        def do(table: Localizations, reporter: Reporter) -> Outcome:
            from napari_pinpoint.postprocessing import link, merge

            linked = link(table, **settings)
            n = int(linked["particle"].max(initial=-1)) + 1
            words = f"{len(table):,} localizations are {n:,} molecules"
            layers = [] if placement is None else [tracks_layer_data(linked, placement, name=name)]
            if merged and not reporter.cancel.is_set():
                linked = merge(linked)
                words += ", each one row"
            return Outcome(f"{words}.", linked, layers=layers)

        return do
