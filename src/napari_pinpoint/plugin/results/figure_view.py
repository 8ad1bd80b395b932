"""A figure in the dock, drawn in a thread by matplotlib, and on request in a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QImage, QPixmap, QResizeEvent
from qtpy.QtWidgets import QFileDialog, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Inches and dots per inch of a figure in a narrow dock, on screens of whatever resolution.
_SIZE, _DPI = (3.4, 2.4), 200


@dataclass(frozen=True)
class Drawn:
    """A figure as pixels (rows, columns, 4) uint8, the words that say the same, and what draws it for a file."""

    pixels: np.ndarray[Any, Any]
    words: str
    draw: Callable[[], Figure]

    @classmethod
    def of(cls, draw: Callable[[], Figure], words: str) -> Drawn:
        """Draw a figure small; takes a while, in any thread."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.gridspec import GridSpec

        figure = draw()
        for axes in figure.axes[1:]:  # there is no room for more than one
            axes.remove()
        figure.axes[0].set_subplotspec(GridSpec(1, 1, figure=figure)[0])
        figure.set_size_inches(*_SIZE)
        figure.set_dpi(_DPI)
        canvas: Any = FigureCanvasAgg(figure)
        canvas.draw()
        return cls(np.array(canvas.buffer_rgba()), words, draw)


class FigureView(QWidget):
    """Shows a figure as wide as there is room, and saves it larger."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._drawn: Drawn | None = None
        self._pixmap = QPixmap()
        self._name = name
        self._picture = QLabel()
        self._picture.setAccessibleName(name)
        self._picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._picture.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.save_button = QPushButton("Save the figure...")
        self.save_button.setToolTip("Write the whole figure to a PNG, SVG or PDF file")
        self.save_button.clicked.connect(self._save)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._picture)
        column.addWidget(self.save_button)
        self.hide()

    def show_figure(self, drawn: Drawn | None) -> None:
        """Show a figure, or nothing."""
        if drawn is self._drawn:
            return
        self._drawn = drawn
        if drawn is not None:
            rows, columns = drawn.pixels.shape[:2]
            image = QImage(drawn.pixels.tobytes(), columns, rows, 4 * columns, QImage.Format.Format_RGBA8888)
            self._pixmap = QPixmap.fromImage(image.copy())
            self._picture.setToolTip(drawn.words)
            self._picture.setAccessibleDescription(drawn.words)
            self._fit()
        self.setVisible(drawn is not None)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Fill the width."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        if self._drawn is None:
            return
        ratio = self.devicePixelRatioF()
        width = min(self.width(), int(_SIZE[0] * 120))
        height = round(width * self._pixmap.height() / max(1, self._pixmap.width()))
        fitting = self._pixmap.scaled(
            QSize(round(width * ratio), round(height * ratio)),
            Qt.AspectRatioMode.KeepAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
        fitting.setDevicePixelRatio(ratio)
        self._picture.setPixmap(fitting)
        self._picture.setFixedHeight(height)

    def _save(self) -> None:
        if self._drawn is None:
            return
        filters = "PNG (*.png);;SVG (*.svg);;PDF (*.pdf)"
        path, chosen = QFileDialog.getSaveFileName(self, "Save the figure", f"{self._name}.png", filters)
        if path:
            suffix = chosen[chosen.index("*") + 1 : -1]
            self._drawn.draw().savefig(path if path.lower().endswith((".png", ".svg", ".pdf")) else path + suffix)
