"""The tab Results: look at what was found, go to any point, filter, export."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Points
from napari.utils.notifications import show_error
from qtpy.QtCore import QTimer
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import QFormLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.files.export import ask_and_export, format_names, losses, problem_with, title_of
from napari_pinpoint.plugin.layers.result_layers import add_layer, filtered_layer_data, newest_result, table_layers
from napari_pinpoint.plugin.layers.tables import table_from_layer
from napari_pinpoint.plugin.results.navigation import go_to
from napari_pinpoint.plugin.widgets.fields import Choice, Note, NumberField, fill_with_scrolling
from napari_pinpoint.plugin.widgets.layer_choice import LayerChoice
from napari_pinpoint.plugin.widgets.table_view import TableView, label_of
from napari_pinpoint.plugin.work.pictures import follow_pictures
from napari_pinpoint.plugin.work.tasks import tasks_of
from napari_pinpoint.postprocessing import filter_column, passes

#: Milliseconds without a change, after which what was typed or drawn is looked at.
_PATIENCE_MS = 150
#: Columns that most users filter by come first.
_FIRST = ("probability", "contrast", "photons", "uncertainty_x", "uncertainty_y", "psf_sigma_x", "psf_sigma_y")


class ResultsTab(QWidget):
    """Shows the table of a layer; whatever is made of it becomes a layer or a file, and the layer itself stays."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.viewer = napari_viewer
        self.tasks = tasks_of(napari_viewer)
        follow_pictures(napari_viewer)
        self._table = Localizations.empty()
        self._watched: Any = None
        self._exporting = False
        self.layer_choice = LayerChoice(
            napari_viewer,
            table_layers,
            "The layer whose points are listed: any Points layer, or a rendered picture",
            prefer=newest_result,
            proposes_again=True,
        )
        self.summary = Note()
        self.column_choice = Choice("The measurement to filter by")
        self.at_least = NumberField("At least", "no limit", "Points with a smaller value are left out")
        self.at_most = NumberField("At most", "no limit", "Points with a larger value are left out")
        self.count = Note()
        self.keep_button = QPushButton("Keep as new layer")
        self.keep_button.setToolTip("Make a layer of the points that pass; the present one stays, hidden")
        self.clear_button = QPushButton("Clear")
        self.clear_button.setToolTip("Remove both limits")
        self.view = TableView()
        self.format_choice = Choice("The kind of file to write")
        self.format_note = Note()
        self.export_button = QPushButton("Export...")
        self.export_button.setToolTip("Write the points that are listed, and how they were made, to a file")
        self.messages = Note()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_PATIENCE_MS)
        for name in format_names():
            self.format_choice.addItem(title_of(name), name)
        self._lay_out()
        self._connect()
        self.layer_choice.follow()
        self.refresh()

    @property
    def layer(self) -> Any:
        """The layer whose table is shown, None if there is none."""
        return self.layer_choice.layer

    def refresh(self) -> None:
        """Read the chosen layer again, and show what passes the filter."""
        self._watch(self.layer)
        self.messages.setText("")
        self._table = Localizations.empty()
        if self.layer is not None:
            try:
                self._table = table_from_layer(self.layer)
            except PinpointError as error:
                self.messages.setText(f"Error: {error}")
        self._offer_columns()
        self.summary.setText(_summary(self.layer, self._table))
        self._show_rows()

    def _show_rows(self) -> None:
        """Show the rows that pass; limits that make no sense are explained and let all pass."""
        table, passing = self._table, np.ones(len(self._table), dtype=bool)
        try:
            limits = self._limits()
            if self._column in table:
                passing = passes(table, self._column, **limits)
            words = _count(table, self._column, passing) if any(v is not None for v in limits.values()) else ""
        except PinpointError as error:
            words = f"Error: {error}"
        self.count.setText(words)
        self.count.setVisible(bool(words))
        self.view.show_table(table, passing)
        shown = int(passing.sum())
        self.keep_button.setEnabled(0 < shown < len(table))
        for field in (self.column_choice, self.at_least, self.at_most):
            field.setEnabled(bool(len(table)))
        self.clear_button.setEnabled(bool(self.at_least.text() or self.at_most.text()))
        self._describe_format()

    def _describe_format(self) -> None:
        """What the chosen format cannot hold, ahead of any writing."""
        shown, name = len(self.view.rows), self.format_choice.currentData()
        problem = problem_with(name, self._table) if shown else ""
        self.format_note.setText((problem or losses(name, self._table)) if shown else "")
        self.format_note.setVisible(bool(shown))
        self.export_button.setText(f"Export {shown:,} point{'s' if shown != 1 else ''}..." if shown else "Export...")
        self.export_button.setEnabled(bool(shown) and not problem and not self.tasks.is_running)

    @property
    def _column(self) -> str:
        return str(self.column_choice.currentData() or "")

    def _limits(self) -> dict[str, float | None]:
        return {"at_least": self.at_least.value(), "at_most": self.at_most.value()}

    def _listed(self) -> Localizations:
        """The rows that are listed, in the table's order, with the filter in the record."""
        if len(self.view.rows) == len(self._table):
            return self._table
        return filter_column(self._table, self._column, **self._limits())

    def _keep(self) -> None:
        """Make a layer of what is listed, and go on with that."""
        layer = self.layer
        words = " and ".join(
            f"{sign} {value:g}"
            for sign, value in zip(("≥", "≤"), self._limits().values(), strict=True)
            if value is not None
        )
        passing = np.zeros(len(self._table), dtype=bool)
        passing[self.view.rows] = True
        data = filtered_layer_data(
            self.viewer, layer, self._listed(), passing, name=f"{layer.name}, {self._column} {words}"
        )
        kept = add_layer(self.viewer, data)
        layer.visible = False
        self.layer_choice.choose(kept)
        self._clear()
        self.messages.setText(f"{layer.name!r} is still there with all its points; it is only hidden.")

    def _clear(self) -> None:
        self.at_least.clear()
        self.at_most.clear()
        self._timer.stop()
        self._show_rows()

    def _export(self) -> None:
        try:
            self._exporting = ask_and_export(
                self.viewer,
                self._listed(),
                layer_name=self.layer.name,
                name=self.format_choice.currentData(),
                parent=self,
            )
        except PinpointError as error:
            show_error(str(error))
            self.messages.setText(f"Error: {error}")

    def _show_task(self) -> None:
        """Tell how the export goes; the tasks of other tabs are none of this one's."""
        status = self.tasks.status
        if self._exporting:
            words = {"running": "Writing...", "failed": f"Error: {status.text}", "done": status.text}
            self.messages.setText(words.get(status.state, ""))
            self._exporting = self.tasks.is_running
        self._describe_format()

    def _jump(self, row: int) -> None:
        if self.layer is not None and row < len(self._table):
            go_to(self.viewer, self.layer, self._table, row)

    def _offer_columns(self) -> None:
        """The columns of numbers; the one that was chosen stays so where the table has it."""
        table = self._table if len(self._table) else ()
        numbers = [name for name in table if self._table[name].dtype.kind in "iuf"]
        names = [name for name in _FIRST if name in numbers] + [name for name in numbers if name not in _FIRST]
        if names == [self.column_choice.itemData(i) for i in range(self.column_choice.count())]:
            return
        chosen = self._column
        self.column_choice.blockSignals(True)
        self.column_choice.clear()
        for name in names:
            self.column_choice.addItem(label_of(name), name)
        self.column_choice.setCurrentIndex(names.index(chosen) if chosen in names else 0 if names else -1)
        self.column_choice.blockSignals(False)

    def _watch(self, layer: Any) -> None:
        """Follow what the user does to the points of a layer, and of no other."""
        for watched, act in ((self._watched, "disconnect"), (layer, "connect")):
            if isinstance(watched, Points):
                for event in (watched.events.data, watched.events.features):
                    getattr(event, act)(self._wait)
        self._watched = layer

    def _wait(self, event: Any = None) -> None:
        self._timer.start()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Take up what happened while nobody looked."""
        super().showEvent(event)
        self.layer_choice.follow()
        self.refresh()

    def hideEvent(self, event: QHideEvent | None) -> None:
        """A dock that is closed only hides its widget: no layer's events may go on reaching it."""
        super().hideEvent(event)
        self.layer_choice.unfollow()
        self._watch(None)
        self._timer.stop()

    def _connect(self) -> None:
        self.layer_choice.chosen.connect(self.refresh)
        self.column_choice.currentIndexChanged.connect(self._show_rows)
        for field in (self.at_least, self.at_most):
            field.textChanged.connect(self._wait)
        self._timer.timeout.connect(self.refresh)
        self.keep_button.clicked.connect(self._keep)
        self.clear_button.clicked.connect(self._clear)
        self.view.jumped.connect(self._jump)
        self.format_choice.currentIndexChanged.connect(self._describe_format)
        self.export_button.clicked.connect(self._export)
        self.tasks.changed.connect(self._show_task)

    def _lay_out(self) -> None:
        """One column that scrolls where the dock is short; the table takes what is left."""
        top = QFormLayout()
        top.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        top.addRow("Layer", self.layer_choice)
        top.addRow(self.summary)
        top.addRow("Filter by", self.column_choice)
        limits = QHBoxLayout()
        for field in (self.at_least, self.at_most):
            label = QLabel(field.name)
            label.setBuddy(field)
            field.setAccessibleName(field.name)
            limits.addWidget(label)
            limits.addWidget(field, stretch=1)
        top.addRow(limits)
        top.addRow(self.count)
        buttons = QHBoxLayout()
        buttons.addWidget(self.keep_button, stretch=2)
        buttons.addWidget(self.clear_button, stretch=1)
        bottom = QFormLayout()
        bottom.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        bottom.addRow("File", self.format_choice)
        bottom.addRow(self.format_note)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.addLayout(top)
        column.addLayout(buttons)
        column.addWidget(self.view, stretch=1)
        column.addLayout(bottom)
        column.addWidget(self.export_button)
        column.addWidget(self.messages)
        fill_with_scrolling(self, inside)


def _summary(layer: Any, table: Localizations) -> str:
    """How many points there are, and what made them, in a line or two."""
    if layer is None:
        return "There are no points yet: find some in the tab Localize, or open a table (File > IO Utilities)."
    if not len(table):
        return "The layer has no points."
    frames = len(np.unique(table["frame"]))
    size = "pixel size not known" if table.pixel_size_nm is None else f"pixels of {table.pixel_size_nm:g} nm"
    model = table.record.get("model", {}).get("name")
    words = f"{len(table):,} points in {frames:,} frame{'s' if frames > 1 else ''}; {size}"
    return f"{words}; found by {model}." if model else f"{words}."


def _count(table: Localizations, column: str, passing: np.ndarray[Any, Any]) -> str:
    """How many points pass, and how many cannot because they have no value."""
    words = f"{int(passing.sum()):,} of {len(table):,} points pass."
    unknown = int(np.isnan(table[column]).sum()) if table[column].dtype.kind == "f" else 0
    return f"{words} {unknown:,} have no {column}, and do not." if unknown else words
