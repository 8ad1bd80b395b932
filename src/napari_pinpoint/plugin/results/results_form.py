"""The fields of the tab Results, from top to bottom: the table with its filter, what can be done with it, the file."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtWidgets import QFormLayout, QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.files.export import format_names, title_of
from napari_pinpoint.plugin.results.count_panel import CountPanel
from napari_pinpoint.plugin.results.drift_panel import DriftPanel
from napari_pinpoint.plugin.results.filter_form import FilterForm
from napari_pinpoint.plugin.results.link_panel import LinkPanel
from napari_pinpoint.plugin.results.looking import Look
from napari_pinpoint.plugin.results.panel import Panel
from napari_pinpoint.plugin.results.picture_panel import PicturePanel
from napari_pinpoint.plugin.results.resolution_panel import ResolutionPanel
from napari_pinpoint.plugin.results.sessions import Session
from napari_pinpoint.plugin.results.steps_panel import StepsPanel
from napari_pinpoint.plugin.widgets.fields import Choice, Note, Section, fill_with_scrolling
from napari_pinpoint.plugin.widgets.layer_choice import LayerChoice
from napari_pinpoint.plugin.widgets.table_view import TableView

_NO_ROWS = np.empty(0, dtype=np.intp)


class ResultsForm:
    """Puts the widgets of a tab together and shows what it is told; what they do is the tab's business."""

    def __init__(self, tab: QWidget, viewer: Any, layer_choice: LayerChoice) -> None:
        self.layer_choice = layer_choice
        self._about = ""
        self.summary = Note()
        self.filters = FilterForm()
        self.count = Note()
        self.view = TableView()
        self.undo_button = _button("Undo", "One step back: a filter, a link, a drift correction... (Ctrl+Z)")
        self.redo_button = _button("Redo", "One step forth again (Ctrl+Shift+Z)")
        self.reset_button = _button("Reset", "All points as they were first; this, too, can be undone")
        self.keep_button = _button(
            "Keep as new layer", "Make a layer of the points that pass; the present one stays, hidden, with all points"
        )
        self.steps = StepsPanel()
        self.link = LinkPanel()
        self.drift = DriftPanel(viewer)
        self.counts = CountPanel(viewer)
        self.picture = PicturePanel()
        self.resolution = ResolutionPanel()
        self.panels: tuple[Panel, ...] = (
            self.steps,
            self.drift,  # in the order in which they are done
            self.link,
            self.counts,
            self.picture,
            self.resolution,
        )
        self.sections: dict[str, Section] = {panel.title: panel.section() for panel in self.panels}
        self.format_choice = Choice("The kind of file to write")
        self.format_choice.setAccessibleName("File")
        for name in format_names():
            self.format_choice.addItem(title_of(name), name)
        self.format_note = Note()
        self.export_button = _button("Export...", "Write the points that are listed, and how they were made, to a file")
        self.messages = Note()
        self.bar = QProgressBar()
        self.bar.setRange(0, 0)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Progress")
        self.cancel_button = _button("Cancel", "Stop; the table stays as it is")
        self._lay_out(tab)
        self.show_running(False)

    def show_layer(self, layer: Any, session: Session | None, table: Localizations) -> None:
        """Show what is known of a layer and its table at once."""
        self._about = _origin(layer, table)
        self.summary.setText(f"{len(table):,} points; {self._about}" if len(table) else self._about)
        for panel in self.panels:
            panel.show_session(session, table)
        if session is not None:
            self.steps.show_state(session.working.state)

    def show_look(self, look: Look | None) -> None:
        """Show the rows that pass, and how the columns are spread."""
        table = Localizations.empty() if look is None else look.state.table
        if look is None:
            self.view.show_table(table, _NO_ROWS)
            self.count.hide()
            return
        n, passing = len(table), len(look.rows)
        if n:
            frames = f"{look.n_frames:,} frame{'s' if look.n_frames != 1 else ''}"
            self.summary.setText(f"{n:,} points in {frames}; {self._about}")
        self.count.setText(f"{passing:,} of {n:,} points pass.")
        self.count.setVisible(look.passing is not None)
        self.filters.show_spreads(look.spreads)
        self.steps.show_state(look.state)
        self.view.show_table(table, look.rows, look.place)

    def show_running(self, is_running: bool) -> None:
        """Whether a step is under way."""
        self.bar.setVisible(is_running)
        self.cancel_button.setVisible(is_running)

    def follow(self) -> None:
        """Keep up with the layers of the viewer."""
        for choice in (self.drift.fiducials_choice, self.counts.labels_choice):
            choice.follow()

    def unfollow(self) -> None:
        """Keep up no longer."""
        for choice in (self.drift.fiducials_choice, self.counts.labels_choice):
            choice.unfollow()

    def _lay_out(self, tab: QWidget) -> None:
        """One column that scrolls where the dock is short; what goes on is told below, always in sight."""
        top, bottom = QFormLayout(), QFormLayout()
        for form in (top, bottom):
            form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        top.addRow("Layer", self.layer_choice)
        top.addRow(self.summary)
        bottom.addRow("File", self.format_choice)
        bottom.addRow(self.format_note)
        history = QHBoxLayout()
        for button in (self.undo_button, self.redo_button, self.reset_button):
            history.addWidget(button)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.addLayout(top)
        column.addWidget(self.filters)
        column.addWidget(self.count)
        column.addWidget(self.view, stretch=1)
        column.addLayout(history)
        column.addWidget(self.keep_button)
        for section in self.sections.values():
            column.addWidget(section)
        column.addLayout(bottom)
        column.addWidget(self.export_button)
        outside, running = QWidget(), QHBoxLayout()
        fill_with_scrolling(outside, inside)
        running.addWidget(self.bar, stretch=1)
        running.addWidget(self.cancel_button)
        whole = QVBoxLayout(tab)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(outside, stretch=1)
        whole.addLayout(running)
        whole.addWidget(self.messages)
        self.messages.setContentsMargins(9, 0, 9, 4)


def _button(words: str, tooltip: str) -> QPushButton:
    button = QPushButton(words)
    button.setToolTip(tooltip)
    return button


def _origin(layer: Any, table: Localizations) -> str:
    """Where the points come from, in a line or two."""
    if layer is None:
        return "There are no points yet: find some in the tab Localize, or open a table (File > IO Utilities)."
    if not len(table):
        return "The layer has no points."
    size = "pixel size not known" if table.pixel_size_nm is None else f"pixels of {table.pixel_size_nm:g} nm"
    model = table.record.get("model", {}).get("name")
    return f"{size}; found by {model}." if model else f"{size}."
