"""Fields of forms: what napari's users expect of them, in one place."""

from __future__ import annotations

import math
from pathlib import Path

from qtpy.QtCore import Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_pinpoint.errors import PinpointError


class Choice(QComboBox):
    """A drop-down list that narrow docks can hold, and that scrolling the form past it does not change."""

    def __init__(self, tooltip: str) -> None:
        super().__init__()
        self.setToolTip(tooltip)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(4)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Leave the wheel to the form around."""
        if event is not None:
            event.ignore()


class NumberField(QLineEdit):
    """A number, or nothing where it is not known; the placeholder says what nothing means.

    Parameters
    ----------
    name
        What messages call it.
    placeholder, tooltip
        What holds when it is empty, and what it is.
    limits
        The numbers that make sense, from the first to the last; the first itself does not with `above`.
    """

    def __init__(
        self,
        name: str,
        placeholder: str,
        tooltip: str,
        *,
        limits: tuple[float, float] = (-math.inf, math.inf),
        above: bool = False,
    ) -> None:
        super().__init__()
        self.name, self.limits, self.above = name, limits, above
        self.setPlaceholderText(placeholder)
        self.setToolTip(tooltip)

    def value(self) -> float | None:
        """The number; PinpointError for anything else than a finite one within the limits."""
        text = self.text().strip()
        if not text:
            return None
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise PinpointError(f"{self.name} must be a number like 0.46, not {text!r}; leave it empty if unknown.")
        least, most = self.limits
        if not least <= number <= most or (self.above and number == least):
            wanted = f"above {least:g}" if self.above else f"at least {least:g}"
            wanted += f" and at most {most:g}" if math.isfinite(most) else ""
            raise PinpointError(f"{self.name} must be {wanted}, not {number:g}.")
        return number

    def set_value(self, number: float | None) -> None:
        """Show the number, or nothing for None."""
        self.setText("" if number is None else f"{number:.10g}")
        self.setCursorPosition(0)


class ModelChoice(QWidget):
    """The models that ship, and any model file."""

    def __init__(self, names: list[str]) -> None:
        super().__init__()
        self.choice = Choice("A model that ships with napari-pinpoint, or one from a file")
        self.choice.addItems(names)
        self.choice.setPlaceholderText("choose a file")
        self.choice.setAccessibleName("Model")
        self.browse = QPushButton("File...")
        self.browse.setToolTip("Choose a model file (.safetensors)")
        self.browse.clicked.connect(self._browse)
        self.setFocusProxy(self.choice)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.choice, stretch=1)
        row.addWidget(self.browse)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def value(self) -> str:
        """A name, or the path of a file."""
        if self.choice.currentIndex() < 0:
            raise PinpointError("Choose a model: one from the list, or a model file by the button beside it.")
        return str(self.choice.currentData() or self.choice.currentText())

    def add_file(self, path: str | Path) -> None:
        """Offer a model file, and choose it."""
        self.choice.addItem(Path(path).name, str(path))
        self.choice.setCurrentIndex(self.choice.count() - 1)
        self.choice.setItemData(self.choice.currentIndex(), str(path), Qt.ItemDataRole.ToolTipRole)

    def _browse(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Choose a model", "", "Models (*.safetensors)")
        if path:
            self.add_file(path)


class Note(QLabel):
    """A line or more below a field, wrapped."""

    def __init__(self) -> None:
        super().__init__()
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.PlainText)


class Messages(QPlainTextEdit):
    """Text of any length in little space: it wraps, scrolls and can be copied."""

    def __init__(self, lines: int) -> None:
        super().__init__()
        self.setReadOnly(True)
        self.setTabChangesFocus(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFixedHeight(lines * self.fontMetrics().lineSpacing() + 12)
        self.setAccessibleName("Messages")

    def show_text(self, text: str) -> None:
        """Show `text` from its beginning; the same text again does not scroll it back."""
        if text != self.toPlainText():
            self.setPlainText(text)


class Section(QWidget):
    """A part of a form behind its title; a click on the title, or the space bar, opens and closes it."""

    def __init__(self, title: str, tooltip: str, inside: QWidget) -> None:
        super().__init__()
        self.inside = inside
        self.button = QToolButton()
        self.button.setText(title)
        self.button.setToolTip(tooltip)
        self.button.setAccessibleName(title)
        self.button.setCheckable(True)
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.button.setStyleSheet("QToolButton { border: none; font-weight: bold; text-align: left; }")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.button)
        column.addWidget(inside)
        self.button.toggled.connect(self.set_open)
        self.set_open(False)

    @property
    def is_open(self) -> bool:
        return self.button.isChecked()

    def set_open(self, is_open: bool) -> None:
        """Open or close it."""
        self.button.setChecked(is_open)
        self.button.setArrowType(Qt.ArrowType.DownArrow if is_open else Qt.ArrowType.RightArrow)
        self.inside.setVisible(is_open)


def fill_with_scrolling(tab: QWidget, inside: QWidget) -> None:
    """Make `inside` all that a tab shows; where the dock is short it scrolls."""
    scroll = QScrollArea()
    scroll.setWidgetResizable(True)
    scroll.setFrameShape(QFrame.Shape.NoFrame)
    scroll.setWidget(inside)
    outside = QVBoxLayout(tab)
    outside.setContentsMargins(0, 0, 0, 0)
    outside.addWidget(scroll)
