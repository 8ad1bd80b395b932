"""A histogram with a cut that can be drawn to and fro."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal  # type: ignore[attr-defined]
from qtpy.QtGui import QMouseEvent, QPainter, QPaintEvent, QPalette, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

_BINS = 40
_HEIGHT = 84
#: As a number, for one binding takes alignment and wrapping together only as that.
_CENTRED = 0x84 | 0x1000
_MARGIN = 8  # beside the bars, so that the cut's handle is whole at both ends


class Histogram(QWidget):
    """Bars of some values, filled at and above the cut and empty below it; `cut_moved` says where it is drawn to.

    The highest bar is the last: it holds all values beyond the range, too. Heights go with the square root of the
    counts, so that few points are seen beside many.
    """

    cut_moved = Signal(float)

    def __init__(self, name: str) -> None:
        super().__init__()
        self.low, self.high, self.cut = 0.0, 1.0, 0.5
        self.counts = np.zeros(_BINS, dtype=int)
        self.message = ""
        self._values: np.ndarray[Any, Any] = np.empty(0)
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.SizeHorCursor)

    def sizeHint(self) -> QSize:
        return QSize(200, _HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, _HEIGHT)

    def set_range(self, low: float, high: float) -> None:
        """What the left and the right end stand for."""
        self.low, self.high = low, high
        self._count()

    def set_cut(self, cut: float) -> None:
        """Where the cut is."""
        self.cut = cut
        self.update()

    def show_values(self, values: np.ndarray[Any, Any] | None, message: str = "") -> None:
        """The values to count; None for none yet, and then words on why."""
        self._values = np.empty(0) if values is None else np.asarray(values)
        self.message = message
        self._count()

    def _count(self) -> None:
        inside = np.clip(self._values, self.low, np.nextafter(self.high, self.low))
        self.counts = np.histogram(inside, bins=_BINS, range=(self.low, self.high))[0]
        self.update()

    def _bars(self) -> QRectF:
        """Where the bars are drawn: between the margins, above the line of numbers."""
        text = self.fontMetrics().height()
        return QRectF(_MARGIN, 6, max(1, self.width() - 2 * _MARGIN), max(1, self.height() - text - 10))

    def _x(self, value: float) -> float:
        area = self._bars()
        place = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return float(area.left() + place * area.width())

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw bars, cut and the numbers at both ends, in the colours of the theme."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colors, area = self.palette(), self._bars()
        text, accent = colors.color(QPalette.ColorRole.WindowText), colors.color(QPalette.ColorRole.Highlight)
        faint = colors.color(QPalette.ColorRole.Mid)
        heights = np.sqrt(self.counts / self._most()) * area.height()
        width = area.width() / _BINS
        edges = np.linspace(self.low, self.high, _BINS + 1)
        for n in np.flatnonzero(heights):
            bar = QRectF(area.left() + n * width + 0.5, area.bottom() - heights[n], width - 1, heights[n])
            kept = self._is_kept(edges[n], edges[n + 1])
            painter.setPen(QPen(text if kept else faint, 1))
            painter.setBrush(accent if kept else Qt.BrushStyle.NoBrush)
            painter.drawRect(bar)
        painter.setPen(QPen(faint, 1))
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        if self.message:
            painter.setPen(text)
            painter.drawText(area, _CENTRED, self.message)
        else:
            self._draw_cuts(painter, area)
        painter.setPen(text)
        line = QRectF(area.left(), area.bottom() + 3, area.width(), self.fontMetrics().height())
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft, f"{self.low:g}")
        more = "" if self.high <= 1 else " and more"
        painter.drawText(line, Qt.AlignmentFlag.AlignRight, f"{self.high:g}{more}")
        painter.end()

    def _most(self) -> float:
        """The count that is as high as the widget."""
        return max(1, float(self.counts.max()))

    def _is_kept(self, low: float, high: float) -> bool:
        """Whether any of a bar is kept, which goes from `low` to `high`."""
        return high > self.cut

    def _draw_cuts(self, painter: QPainter, area: QRectF) -> None:
        self._draw_cut(painter, area, self.cut)

    def _draw_cut(self, painter: QPainter, area: QRectF, value: float) -> None:
        """A line with a handle, which shows that it can be taken hold of."""
        x, text = self._x(value), self.palette().color(QPalette.ColorRole.WindowText)
        painter.setPen(QPen(text, 1.5))
        painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom() + 3))
        painter.setBrush(text)
        top = area.top()
        painter.drawPolygon(QPolygonF([QPointF(x - 5, top - 5), QPointF(x + 5, top - 5), QPointF(x, top + 3)]))

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Take the cut to where the mouse is."""
        if event is not None and event.button() == Qt.MouseButton.LeftButton:
            self._draw_to(event)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Draw the cut along."""
        if event is not None and event.buttons() & Qt.MouseButton.LeftButton:
            self._draw_to(event)

    def _draw_to(self, event: QMouseEvent) -> None:
        self.cut_moved.emit(self._value(event))

    def _value(self, event: QMouseEvent) -> float:
        """The number at which the mouse is."""
        area = self._bars()
        place = min(max((event.position().x() - area.left()) / area.width(), 0.0), 1.0)
        return float(self.low + place * (self.high - self.low))
