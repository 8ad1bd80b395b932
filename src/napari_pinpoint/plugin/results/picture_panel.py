"""All points of all frames as one picture, in the viewer or in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtWidgets import QFileDialog, QPushButton

from napari_pinpoint.localizations import Localizations, field_of
from napari_pinpoint.plugin.layers.live_picture import LivePicture
from napari_pinpoint.plugin.layers.pictures import picture_layer_data
from napari_pinpoint.plugin.layers.tables import Placement
from napari_pinpoint.plugin.results.panel import Panel
from napari_pinpoint.plugin.results.sessions import Outcome, Session, Work
from napari_pinpoint.plugin.widgets.fields import Choice, NumberField
from napari_pinpoint.plugin.widgets.table_view import label_of
from napari_pinpoint.plugin.work.jobs import Reporter

_FILES = "OME-TIFF, the picture itself (*.ome.tif);;PNG, a figure (*.png);;SVG, a figure (*.svg)"
#: Columns that most users colour by come first.
_FIRST = ("frame", "z", "photons", "uncertainty_x", "particle")


class PicturePanel(Panel):
    """Makes a picture layer of the rows that pass, or a file."""

    title = "Picture"
    summary = (
        "The points of all frames as one image over the movie. It is drawn anew as you zoom and move: at once as "
        "counts, then each point as wide as its uncertainty."
    )
    button_text = "Show as a picture"
    running_text = "Making the picture"

    def __init__(self) -> None:
        super().__init__()
        self.method_choice = Choice(
            "Each point as a Gaussian as wide as its uncertainty, where that is known; or the number of points"
        )
        self.method_choice.setAccessibleName("Draw as")
        for words, method in (("Gaussians", "gaussian"), ("Counts", "histogram")):
            self.method_choice.addItem(words, method)
        self.color_choice = Choice("What the hue says, as the mean of the points at a place; brightness says how many")
        self.color_choice.setAccessibleName("Colour by")
        self.pixel = NumberField(
            "Pixel in a file",
            "automatic",
            "Size of the picture's pixels in a file, in nanometres, else a tenth of the movie's; on screen, they are "
            "as fine as you zoom in",
            limits=(0, float("inf")),
            above=True,
        )
        self.pixel.setAccessibleName("Pixel in a file, in nm")
        self.save_button = QPushButton("Save the picture...")
        self.save_button.setToolTip(
            "As OME-TIFF, with the number of points in each pixel and its size; or as a figure with a scale bar, PNG "
            "or SVG"
        )
        self.save_button.clicked.connect(self._save)
        self.form.addRow("Draw as", self.method_choice)
        self.form.addRow("Colour by", self.color_choice)
        self.form.addRow("File pixel (nm)", self.pixel)
        self.body.addWidget(self.save_button)
        self._placement: Placement | None = None
        self._name = ""

    def show_layer(self, placement: Placement | None, name: str) -> None:
        """Where the picture belongs, and what of."""
        self._placement, self._name = placement, name

    def show_session(self, session: Session | None, table: Localizations) -> None:
        """Offer the columns of numbers; the one that was chosen stays so where the table has it."""
        super().show_session(session, table)
        numbers = [name for name in table if table[name].dtype.kind in "iuf"] if len(table) else []
        names = [name for name in _FIRST if name in numbers] + [name for name in numbers if name not in _FIRST]
        offered = ["", *names]
        if offered != [self.color_choice.itemData(i) for i in range(self.color_choice.count())]:
            chosen = self.color_choice.currentData()
            self.color_choice.clear()
            for name in offered:
                self.color_choice.addItem(label_of(name) if name else "nothing", name)
            self.color_choice.setCurrentIndex(max(offered.index(chosen) if chosen in offered else 0, 0))

    def set_busy(self, is_busy: bool) -> None:
        """Whether another step is under way, or there is nothing to draw."""
        super().set_busy(is_busy)
        self.save_button.setEnabled(not is_busy)

    def work(self) -> Work:
        """Make a layer; the picture itself is drawn when it is looked at."""
        column, method = self.color_choice.currentData() or None, self.method_choice.currentData()
        placement, name = self._placement or Placement(), f"{self._name} picture"

        def do(table: Localizations, reporter: Reporter) -> Outcome:
            from napari_pinpoint.rendering import Coloring

            coloring = None if column is None else Coloring.of(table, column)
            data = picture_layer_data(table, placement, field_of(table), name=name, coloring=coloring, deferred=True)
            live: LivePicture = data[0][0].picture
            live.show_gaussians(method == "gaussian")
            words = f"{name!r} shows {len(table):,} points"
            if coloring is not None:
                words += f", in hues from {coloring.low:.3g} to {coloring.high:.3g} by {label_of(coloring.column)}"
            return Outcome(f"{words}.", layers=[data])

        return do

    def _save(self) -> None:
        """Ask for a file, and write it as the command `pinpoint render` does."""
        path, chosen = QFileDialog.getSaveFileName(self, "Save the picture", f"{self._name} picture.ome.tif", _FILES)
        if not path:
            return
        suffix = chosen.partition("*")[2].rstrip(")") or ".ome.tif"
        if not path.lower().endswith((".ome.tif", ".ome.tiff", ".png", ".svg")):
            path += suffix
        how: dict[str, Any] = {
            "color_by": self.color_choice.currentData() or None,
            "picture_pixel_nm": self.pixel.value(),
        }
        method = self.method_choice.currentData()

        def do(table: Localizations, reporter: Reporter) -> Outcome:
            from napari_pinpoint.io.pictures import write_rendered

            known = "uncertainty_y" in table and "uncertainty_x" in table
            drawn = method if known else "histogram"
            written = write_rendered(table, path, shape=field_of(table), method=drawn, overwrite=True, **how)
            rows, columns = written["shape"][:2]
            words = f"{Path(path).name} has {rows:,} x {columns:,} pixels and {written['shown']:,} points."
            outside = len(table) - written["shown"]
            return Outcome(words + (f" {outside:,} points lie outside the field of the movie." if outside else ""))

        self.started.emit("Writing the picture", do)
