"""How many points lie in each object of a Labels layer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Labels
from qtpy.QtWidgets import QFileDialog, QPushButton

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations, field_of
from napari_pinpoint.plugin.layers.regions import labels_of
from napari_pinpoint.plugin.layers.tables import Placement
from napari_pinpoint.plugin.results.panel import Panel
from napari_pinpoint.plugin.results.sessions import Outcome, Session, Work
from napari_pinpoint.plugin.widgets.column_view import ColumnView
from napari_pinpoint.plugin.widgets.layer_choice import LayerChoice
from napari_pinpoint.plugin.work.jobs import Reporter

Columns = dict[str, np.ndarray[Any, Any]]


class CountPanel(Panel):
    """Counts points per object, and shows and writes the counts."""

    title = "Count per object"
    summary = "How many points lie in each object of a Labels layer, for example in each cell; those without any too."
    button_text = "Count"
    running_text = "Counting"

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._placement: Placement | None = None
        self._shape: tuple[int, int] = (1, 1)
        self._name = ""
        self.labels_choice = LayerChoice(
            viewer,
            lambda viewer: [layer for layer in reversed(viewer.layers) if isinstance(layer, Labels)],
            "The objects: a Labels layer, painted or from a segmentation; one image, or one for each frame",
            prefer=lambda layers: layers[0],
        )
        self.labels_choice.setPlaceholderText("no Labels layer")
        self.form.addRow("Objects", self.labels_choice)
        self.view = ColumnView("Points per object")
        self.save_button = QPushButton("Save the counts...")
        self.save_button.setToolTip("Write the counts to a CSV file, which Excel and R read")
        self.save_button.clicked.connect(self._save)
        self.body.addWidget(self.view)
        self.body.addWidget(self.save_button)
        self._counts: Columns | None = None
        self._show(None)

    def show_layer(self, placement: Placement | None, name: str) -> None:
        """Where the table's pixels lie."""
        self._placement, self._name = placement, name

    def show_session(self, session: Session | None, table: Localizations) -> None:
        """The counts of this layer, if there are any."""
        super().show_session(session, table)
        self._shape = field_of(table)
        self._show(None if session is None else session.notes.get("count"))

    def work(self) -> Work:
        """Count what passes."""
        layer = self.labels_choice.layer
        if layer is None:
            raise PinpointError("Counting needs a Labels layer with the objects: paint one in napari, or segment.")
        labels = labels_of(layer, self._placement or Placement(), self._shape)
        name = layer.name

        def do(table: Localizations, reporter: Reporter) -> Outcome:
            from napari_pinpoint.postprocessing import count_objects

            counts = count_objects(table, labels)
            inside, objects = int(counts["localizations"].sum()), len(np.unique(counts["object"]))
            words = f"{inside:,} of {len(table):,} points lie in {objects:,} objects of {name!r}."
            return Outcome(words, notes={"count": counts})

        return do

    def _show(self, counts: Columns | None) -> None:
        self._counts = counts
        self.view.show_columns(counts or {})
        for widget in (self.view, self.save_button):
            widget.setVisible(counts is not None)

    def _save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Save the counts", f"{self._name} counts.csv", "CSV (*.csv)")
        if path and self._counts is not None:
            import pandas as pd

            target = Path(path)
            try:
                pd.DataFrame(self._counts).to_csv(target.with_suffix(target.suffix or ".csv"), index=False)
            except OSError as error:
                self.failed.emit(f"{target} cannot be written: {error.strerror}.")
