"""The figures of a comparison in a window; they are drawn in a thread, and shown as pictures."""

from __future__ import annotations

from dataclasses import dataclass

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QPixmap, QResizeEvent
from qtpy.QtWidgets import QDialog, QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_pinpoint.evaluation import Evaluation
from napari_pinpoint.plugin.widgets.fields import Choice, Note

#: Dots per inch that pictures are drawn with: enough for a window that fills a large screen.
_DOTS_PER_INCH = 220.0


@dataclass(frozen=True)
class Drawn:
    """A figure: its title, what is to be seen, and the bytes of a PNG."""

    title: str
    caption: str
    picture: bytes


def draw(evaluation: Evaluation) -> list[Drawn]:
    """All figures that there are data for; takes seconds, and may be done in any thread."""
    from napari_pinpoint.evaluation.figures import plots_of
    from napari_pinpoint.reports.writing import Picture

    curves = evaluation.curves()
    return [
        Drawn(
            plot.title,
            plot.caption,
            Picture.of(plot.figure(curves), plot.name, plot.caption, dots_per_inch=_DOTS_PER_INCH).data,
        )
        for plot in plots_of(curves)
    ]


class FiguresWindow(QDialog):
    """One figure at a time, chosen from a list; it grows with the window."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.drawn: list[Drawn] = []
        self.choice = Choice("Which figure to show; the arrow keys go through them")
        self.choice.setAccessibleName("Figure")
        self.picture = _Picture()
        self.caption = Note()
        column = QVBoxLayout(self)
        column.addWidget(self.choice)
        column.addWidget(self.picture, stretch=1)
        column.addWidget(self.caption)
        self.resize(820, 560)
        self.choice.currentIndexChanged.connect(self._show)

    def show_figures(self, drawn: list[Drawn], title: str) -> None:
        """Show these figures, at first that of the kind which was looked at last."""
        before = self.choice.currentText()
        self.setWindowTitle(f"Figures: {title}")
        self.drawn = drawn
        self.choice.blockSignals(True)
        self.choice.clear()
        self.choice.addItems([figure.title for figure in drawn])
        self.choice.setCurrentIndex(max(0, self.choice.findText(before)))
        self.choice.blockSignals(False)
        self._show()
        self.show()
        self.raise_()

    def _show(self, index: int = 0) -> None:
        if self.drawn:
            figure = self.drawn[self.choice.currentIndex()]
            self.picture.show_picture(figure.picture)
            self.picture.setAccessibleDescription(figure.caption)
            self.caption.setText(figure.caption)


class _Picture(QLabel):
    """A picture as large as there is room."""

    def __init__(self) -> None:
        super().__init__()
        self._whole = QPixmap()
        self.setAccessibleName("Picture of the figure")
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setMinimumSize(QSize(240, 160))
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)

    def show_picture(self, data: bytes) -> None:
        self._whole = QPixmap()
        self._whole.loadFromData(data)
        self._fit()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Scale the picture anew."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        if not self._whole.isNull():
            keep, smooth = Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
            self.setPixmap(self._whole.scaled(self.size(), keep, smooth))
