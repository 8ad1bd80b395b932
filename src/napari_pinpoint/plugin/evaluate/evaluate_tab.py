"""The tab Evaluate: how well points agree with the truth, or with any other points."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from napari.utils.notifications import show_error
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import QFileDialog, QMessageBox, QPushButton, QVBoxLayout, QWidget

from napari_pinpoint.camera import Camera
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.plugin.evaluate.comparing import (
    Difference,
    compare,
    difference_layer_data,
    earlier_differences,
    pairs_layer_data,
    write_report,
)
from napari_pinpoint.plugin.evaluate.comparison_form import ComparisonForm
from napari_pinpoint.plugin.evaluate.figures_window import Drawn, FiguresWindow, draw
from napari_pinpoint.plugin.evaluate.scores_panel import ScoresPanel
from napari_pinpoint.plugin.evaluate.truth import table_source
from napari_pinpoint.plugin.files.opening import telling_user
from napari_pinpoint.plugin.layers.calibration import camera_of, own_metadata
from napari_pinpoint.plugin.layers.result_layers import add_layer, images_of, placement_of, shape_of
from napari_pinpoint.plugin.widgets.fields import Note, fill_with_scrolling
from napari_pinpoint.plugin.work.tasks import tasks_of


class EvaluateTab(QWidget):
    """Compares layers of points with the truth, and shows on request where they differ."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.viewer = napari_viewer
        self.tasks = tasks_of(napari_viewer)
        self._compared: tuple[Any, Any] = (None, None)
        #: What the task that runs for this tab does, in words; empty where none runs for it.
        self._doing = ""
        self.form = ComparisonForm(napari_viewer)
        self.compare_button = QPushButton("Compare")
        self.compare_button.setToolTip("Pair the points frame by frame, as many as possible and the closest of them")
        self.messages = Note()
        self.scores = ScoresPanel()
        self.figures_window = FiguresWindow(self)
        self._lay_out()
        self._connect()
        self.form.follow()
        self._update_buttons()

    def _compare(self) -> None:
        """Compare in the background; the scores are shown when they are there."""
        self.scores.show_difference(None)
        try:
            how, layers, truth = self.form.how(), self.form.found_layers(), self.form.truth_choice.layer
            names = [layer.name for layer in layers]
            tables = {name: table_source(layer) for name, layer in zip(names, layers, strict=True)}
            work = partial(
                compare,
                tables,
                table_source(truth),
                how,
                shape_of(self.viewer, layers[0]),
                reference=self.form.reference_box.isChecked(),
                camera=self._camera(),
            )
            self._compared = (layers[0], truth)
            self._do("Comparing...", work, self._show_scores)
        except PinpointError as error:
            self._doing = ""
            show_error(str(error))
            self.messages.setText(f"Error: {error}")

    def _do(self, doing: str, work: Callable[[], Any], finish: Callable[[Any, Any], str]) -> None:
        """Work in the background, told of below the button."""
        self._doing = doing
        self.tasks.start(lambda _: work(), finish)

    def _show_scores(self, viewer: Any, difference: Difference) -> str:
        if not self._doing:
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
        if self._doing:
            text = self._doing if running else status.text
            text = f"Error: {text}" if status.state == "failed" else text
            self.messages.setText("\n".join([text, *(f"Warning: {w}" for w in status.warnings)]))
            self._doing = self._doing if running else ""
        self._update_buttons()

    def _update_buttons(self) -> None:
        running = self.tasks.is_running
        chosen = (self.form.found_choice.layer, self.form.truth_choice.layer)
        ready = None not in chosen and chosen[0] is not chosen[1]
        self.compare_button.setEnabled(ready and not running)
        self.scores.let_work(not running)
        if not ready and not running and self.scores.difference is None:
            self.messages.setText(
                "Two layers are needed: points that were found, and what is true. File > Open Sample > Pinpoint has "
                "movies with their truth; File... beside Truth reads your own."
            )

    def _draw_figures(self) -> None:
        """Draw all figures in the background, and show them in a window."""
        difference = self.scores.difference
        if difference is not None:
            with telling_user():
                self._do("Drawing the figures...", lambda: draw(difference.fully()), self._show_figures)

    def _show_figures(self, viewer: Any, drawn: list[Drawn]) -> str:
        if not self._doing:
            return ""
        found, truth = (layer.name for layer in self._compared)
        self.figures_window.show_figures(drawn, f"{found} against {truth}")
        return f"{len(drawn)} figures were drawn."

    def _write_report(self) -> None:
        """Ask for a folder, and write the report into it in the background."""
        difference = self.scores.difference
        folder = QFileDialog.getExistingDirectory(self, "A folder for the report") if difference else ""
        if not folder or difference is None:
            return
        replace = (Path(folder) / "index.html").exists()
        if replace:
            answer = QMessageBox.question(self, "Replace the report?", f"{folder} holds a report already. Replace it?")
            if answer != QMessageBox.StandardButton.Yes:
                return
        found, truth = (layer.name for layer in self._compared)
        title = f"{found} against {truth}"
        work = partial(write_report, difference, folder, truth=truth, title=title, overwrite=replace)
        with telling_user():
            self._do("Writing the report...", work, _tell_report)

    def _camera(self) -> Camera | None:
        """The camera of an image, where one knows it."""
        known = (image.metadata for image in images_of(self.viewer) if own_metadata(image.metadata).get("camera"))
        metadata = next(known, None)
        return None if metadata is None else camera_of(metadata)

    def _add_missed(self) -> None:
        self._add_points("missed")

    def _add_false(self) -> None:
        self._add_points("false")

    def _add_right(self) -> None:
        self._add_points("right")

    def _add_pairs(self) -> None:
        found, difference = self._compared[0], self.scores.difference
        if difference is not None:
            self._replace("pairs", pairs_layer_data(difference.pairing, placement_of(found), name=found.name))

    def _add_points(self, kind: str) -> None:
        """Add the layer of right, missed or false points."""
        found = self._compared[0]
        table = getattr(self.scores.difference, kind)
        self._replace(kind, difference_layer_data(table, placement_of(found), kind=kind, name=found.name))

    def _replace(self, kind: str, data: Any) -> None:
        """Add a layer; an earlier one of this kind and comparison gives way."""
        for earlier in earlier_differences(self.viewer, kind=kind, name=self._compared[0].name):
            self.viewer.layers.remove(earlier)
        add_layer(self.viewer, data)

    def _tell_copied(self) -> None:
        self.messages.setText("The scores were copied.")

    def _forget(self) -> None:
        """Other layers: scores of the ones before would mislead, also those that are on their way."""
        self._doing = ""
        self.scores.show_difference(None)
        self.messages.setText("")
        self._update_buttons()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Take up what happened while nobody looked."""
        super().showEvent(event)
        self.form.follow()
        self._update_buttons()

    def hideEvent(self, event: QHideEvent | None) -> None:
        """A dock that is closed only hides its widget: the viewer's events may not go on reaching it."""
        super().hideEvent(event)
        self.form.unfollow()

    def _connect(self) -> None:
        self.form.chosen.connect(self._forget)
        self.form.submitted.connect(self.compare_button.click)
        self.compare_button.clicked.connect(self._compare)
        panel = self.scores
        panel.missed_button.clicked.connect(self._add_missed)  # no lambdas: PySide would keep the tab with them
        panel.false_button.clicked.connect(self._add_false)
        panel.right_button.clicked.connect(self._add_right)
        panel.pairs_button.clicked.connect(self._add_pairs)
        panel.figures_button.clicked.connect(self._draw_figures)
        panel.report_button.clicked.connect(self._write_report)
        panel.copied.connect(self._tell_copied)
        self.tasks.changed.connect(self._show_task)

    def _lay_out(self) -> None:
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.addWidget(self.form)
        column.addWidget(self.compare_button)
        column.addWidget(self.messages)
        column.addWidget(self.scores)
        column.addStretch()
        fill_with_scrolling(self, inside)


def _tell_report(viewer: Any, page: Path) -> str:
    return f"The report is {page}."
