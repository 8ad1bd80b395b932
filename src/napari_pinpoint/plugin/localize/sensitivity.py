"""The one control of how much is found: the least probability, or the least contrast, of a point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from qtpy.QtCore import Qt, Signal  # type: ignore[attr-defined]
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QCheckBox, QDoubleSpinBox, QHBoxLayout, QLabel, QPushButton, QSlider, QVBoxLayout, QWidget

from napari_pinpoint.plugin.widgets.fields import Note
from napari_pinpoint.plugin.widgets.histogram import Histogram


@dataclass(frozen=True)
class Control:
    """What a model is controlled by: a column of its points, and its range."""

    column: str
    label: str
    tooltip: str
    low: float
    high: float
    step: float
    decimals: int


CONTROLS = {
    "probability": Control(
        "probability",
        "Least probability",
        "How sure the model must be of a point, from 0 to 1. A lower value finds more, and more that is not there.",
        0.0,
        1.0,
        0.01,
        2,
    ),
    "contrast": Control(
        "contrast",
        "Least contrast",
        "How far a spot must stand out: in multiples of the noise in a noisy image, and of the glare of the brightest "
        "spots in a clean one. A lower value finds fainter spots, and more that are none.",
        0.0,
        8.0,
        0.05,
        2,
    ),
}


class Sensitivity(QWidget):
    """Number, slider and histogram of one threshold, all three the same value; `changed` when the user moves it.

    As long as nobody has moved it, it is the model's own, whatever model is chosen.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.control = CONTROLS["probability"]
        self._own: float | None = None
        self._given = False
        self.label = QLabel()
        self.number = _Number()
        self.slider = _Slider(Qt.Orientation.Horizontal)
        self.histogram = Histogram("Histogram of the points in the frame that is shown")
        self.own_button = QPushButton("Reset")
        self.own_button.setToolTip("Go back to the model's own value")
        self.preview_box = QCheckBox("Preview on the frame shown")
        self.preview_box.setToolTip(
            "Show the points of the frame that is on screen while you move the value; follows the frame slider"
        )
        self.count = Note()
        self._lay_out()
        self.number.valueChanged.connect(self._give)
        self.slider.valueChanged.connect(self._slide)
        self.histogram.cut_moved.connect(self._give)
        self.own_button.clicked.connect(self.reset)
        self.set_control("probability", None)
        self.show_points(None)

    def value(self) -> float | None:
        """The least value that the user gave, None for the model's own."""
        return round(self.number.value(), self.control.decimals) if self._given else None

    def set_value(self, value: float | None) -> None:
        """Take a value, None for the model's own; says `changed`."""
        if value is None:
            self.reset()
        else:
            self._give(value)

    def reset(self) -> None:
        """Back to the model's own."""
        self._given = False
        self._show(self._own or 0.0)
        self.changed.emit()

    def set_control(self, name: str, own: float | None) -> None:
        """What the model is controlled by, and its own value, None while that is not known."""
        control = CONTROLS[name]
        if control is not self.control:
            self._given = False
        self.control, self._own = control, own
        self.label.setText(control.label)
        for widget in (self.label, self.number, self.slider, self.histogram):
            widget.setToolTip(control.tooltip)
        self.number.blockSignals(True)
        # A probability of 0 is none: everything would be a point.
        self.number.setRange(control.step if name == "probability" else control.low, control.high)
        self.number.setSingleStep(control.step)
        self.number.setDecimals(control.decimals)
        self.number.blockSignals(False)
        self.slider.blockSignals(True)
        self.slider.setRange(round(control.low / control.step), round(control.high / control.step))
        self.slider.setPageStep(round((control.high - control.low) / control.step / 10))
        self.slider.blockSignals(False)
        self.histogram.set_range(control.low, control.high)
        self._show(self.number.value() if self._given else own or 0.0)

    def show_points(
        self,
        values: np.ndarray[Any, Any] | None,
        kept: int = 0,
        *,
        words: str = "",
        warnings: Sequence[str] = (),
    ) -> None:
        """The values of all candidates in the frame and how many are kept; None where there is no preview, and why."""
        if values is None:
            self.histogram.show_values(None, words or "tick Preview to see the points of this frame")
            self.count.setText("")
        else:
            self.histogram.show_values(values, "" if len(values) else "no points in this frame")
            counted = f"{kept:,} of {len(values):,} candidates in this frame are kept."
            self.count.setText("\n".join([counted, *(f"Warning: {text}" for text in warnings)]))
        self.count.setVisible(bool(self.count.text()))

    def _slide(self, steps: int) -> None:
        self._give(steps * self.control.step)

    def _give(self, value: float) -> None:
        self._given = True
        self._show(min(max(value, self.number.minimum()), self.number.maximum()))
        self.changed.emit()

    def _show(self, value: float) -> None:
        """The same value in all three."""
        unknown = not self._given and self._own is None
        self.number.setSpecialValueText("")
        for widget in (self.number, self.slider):
            widget.blockSignals(True)
        self.number.setValue(value)
        self.slider.setValue(round(self.number.value() / self.control.step))
        for widget in (self.number, self.slider):
            widget.blockSignals(False)
        self.histogram.set_cut(self.number.value())
        self.own_button.setEnabled(self._given)
        self.number.setEnabled(not unknown)
        self.slider.setEnabled(not unknown)

    def _lay_out(self) -> None:
        self.label.setBuddy(self.number)
        self.slider.setAccessibleName("Sensitivity")
        first = QHBoxLayout()
        first.addWidget(self.label)
        first.addWidget(self.number, stretch=1)
        first.addWidget(self.own_button)
        ends = QHBoxLayout()
        ends.addWidget(QLabel("more points"))
        ends.addStretch()
        ends.addWidget(QLabel("surer points"))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        column.addLayout(first)
        column.addWidget(self.histogram)
        column.addWidget(self.slider)
        column.addLayout(ends)
        column.addWidget(self.preview_box)
        column.addWidget(self.count)


class _Number(QDoubleSpinBox):
    """Scrolling the form past it does not change it."""

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setKeyboardTracking(False)

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        if event is not None:
            event.ignore()


class _Slider(QSlider):
    """Scrolling the form past it does not change it."""

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        if event is not None:
            event.ignore()
