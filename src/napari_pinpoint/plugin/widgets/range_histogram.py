"""A histogram with a handle at each end of what is kept."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtCore import QRectF, Qt, Signal  # type: ignore[attr-defined]
from qtpy.QtGui import QKeyEvent, QMouseEvent, QPainter, QPalette, QPen
from qtpy.QtWidgets import QStyle, QStyleOptionFocusRect

from napari_pinpoint.plugin.widgets.histogram import Histogram

#: The smallest step that a handle makes, as a part of the whole width.
_STEP = 1 / 200


class RangeHistogram(Histogram):
    """Bars of a column, with two handles; a handle at its end is no limit.

    `range_moved` says where the handles are drawn to, None for none, and `released` that they are let go. The mouse
    takes the nearer handle; left and right move the one that was moved last, or with Shift the other one.
    """

    range_moved = Signal(object, object)
    released = Signal()

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.at_least: float | None = None
        self.at_most: float | None = None
        self._outer = self.counts
        self._held = "at_least"
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def show_counts(self, low: float, high: float, everything: np.ndarray[Any, Any], passing: Any) -> None:
        """The counts of all bars from `low` to `high`: of all rows, and of those that pass everything."""
        self.low, self.high, self.counts, self._outer = low, high, passing, everything
        self.update()

    def set_limits(self, low: float | None, high: float | None) -> None:
        """Where the handles are; None is no limit."""
        self.at_least, self.at_most = low, high
        self.update()

    def paintEvent(self, event: Any) -> None:
        """All rows as outlines, those that pass filled."""
        painter, area = QPainter(self), self._bars()
        heights = np.sqrt(self._outer / max(1, self._outer.max())) * area.height()
        width = area.width() / len(heights)
        painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Mid), 1))
        for n in np.flatnonzero(heights):
            painter.drawRect(QRectF(area.left() + n * width + 0.5, area.bottom() - heights[n], width - 1, heights[n]))
        if self.hasFocus():
            option, style = QStyleOptionFocusRect(), self.style()
            option.initFrom(self)
            if style is not None:
                style.drawPrimitive(QStyle.PrimitiveElement.PE_FrameFocusRect, option, painter, self)
        painter.end()
        super().paintEvent(event)

    def _most(self) -> float:
        return max(1, float(self._outer.max()))

    def _is_kept(self, low: float, high: float) -> bool:
        return True  # only those that pass are counted

    def _draw_cuts(self, painter: QPainter, area: QRectF) -> None:
        for value, end in ((self.at_least, self.low), (self.at_most, self.high)):
            self._draw_cut(painter, area, end if value is None else value)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Take hold of the nearer handle."""
        if event is not None and event.button() == Qt.MouseButton.LeftButton:
            value, (low, high) = self._value(event), self._ends()
            nearer_low = abs(value - low) < abs(value - high) or (low == high and value < low)
            self._held = "at_least" if nearer_low else "at_most"
            self._draw_to(event)

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """Let go."""
        self.released.emit()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Move a handle by a small step."""
        if event is None:
            return
        steps: dict[int, int] = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        if event.key() not in steps:
            super().keyPressEvent(event)
            return
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._held = "at_most" if self._held == "at_least" else "at_least"
        low, high = self._ends()
        here = low if self._held == "at_least" else high
        self._move(here + steps[event.key()] * 2 * _STEP * (self.high - self.low))
        self.released.emit()

    def _ends(self) -> tuple[float, float]:
        """Where the handles stand."""
        low, high = self.at_least, self.at_most
        return self.low if low is None else low, self.high if high is None else high

    def _draw_to(self, event: QMouseEvent) -> None:
        self._move(self._value(event))

    def _move(self, value: float) -> None:
        """Move the handle that is held, not beyond the other one; numbers are as round as the bars are wide."""
        step = 10.0 ** np.floor(np.log10((self.high - self.low) * _STEP))
        value, (low, high) = round(value / step) * step, self._ends()
        if self._held == "at_least":
            self.at_least = None if value <= self.low else min(value, high)
        else:
            self.at_most = None if value >= self.high else max(value, low)
        self.update()
        self.range_moved.emit(self.at_least, self.at_most)
