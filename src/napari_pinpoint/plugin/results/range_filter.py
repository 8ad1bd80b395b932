"""One column's histogram with the limits that are drawn or typed."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.plugin.results.looking import Spread
from napari_pinpoint.plugin.results.working import Range
from napari_pinpoint.plugin.widgets.fields import Choice, Note, NumberField
from napari_pinpoint.plugin.widgets.range_histogram import RangeHistogram
from napari_pinpoint.plugin.widgets.table_view import label_of


class RangeFilter(QWidget):
    """A column that is chosen, its histogram, and what it must be at least and at most.

    `changed` says that there is another range, `settled` that it is meant, `column_changed` that another column is to
    be counted and `closed` that the user wants no more of it.
    """

    changed = Signal()
    settled = Signal()
    column_changed = Signal()
    closed = Signal(object)

    def __init__(self, columns: Sequence[str], column: str) -> None:
        super().__init__()
        self.column_choice = Choice("The measurement whose values are counted, and that is filtered by")
        self.column_choice.setAccessibleName("Histogram of")
        self.close_button = QToolButton()
        self.close_button.setText("✕")
        self.close_button.setAutoRaise(True)
        self.close_button.setToolTip("Take this histogram and its limits away")
        self.close_button.setAccessibleName("Remove the histogram")
        self.histogram = RangeHistogram("Histogram with two handles")
        self.histogram.setToolTip(
            "Draw the handles: only points between them pass. Outlines are all points, filled bars those that pass "
            "all filters. Bars at both ends hold what lies beyond. Keys: left and right, with Shift the other handle"
        )
        self.at_least = NumberField("At least", "no limit", "Points with a smaller value are left out")
        self.at_most = NumberField("At most", "no limit", "Points with a larger value are left out")
        self.complaint = Note()
        self._range = Range(column)
        self._lay_out()
        self.offer(columns)
        self.column_choice.currentIndexChanged.connect(self._take_column)
        self.histogram.range_moved.connect(self._take_drawn)
        self.histogram.released.connect(self.settled)
        for number in (self.at_least, self.at_most):
            number.textEdited.connect(self._take_typed)
            number.editingFinished.connect(self.settled)
        self.close_button.clicked.connect(self._close)

    @property
    def range(self) -> Range:
        """The limits that hold."""
        return self._range

    @property
    def column(self) -> str:
        return self._range.column

    def offer(self, columns: Sequence[str]) -> None:
        """The columns to choose from."""
        self.column_choice.blockSignals(True)
        self.column_choice.clear()
        for name in columns:
            self.column_choice.addItem(label_of(name), name)
        self.column_choice.setCurrentIndex(self.column_choice.findData(self.column))
        self.column_choice.blockSignals(False)

    def show_range(self, wanted: Range) -> None:
        """Show limits that were not drawn here, as after an undo."""
        self._range = wanted
        self.column_choice.blockSignals(True)
        self.column_choice.setCurrentIndex(self.column_choice.findData(wanted.column))
        self.column_choice.blockSignals(False)
        self.at_least.set_value(wanted.at_least)
        self.at_most.set_value(wanted.at_most)
        self._show()

    def show_spread(self, spread: Spread) -> None:
        """The bars."""
        self.histogram.show_counts(spread.low, spread.high, spread.everything, spread.passing)

    def _take_drawn(self, at_least: float | None, at_most: float | None) -> None:
        self._range = Range(self.column, at_least, at_most)
        self.at_least.set_value(at_least)
        self.at_most.set_value(at_most)
        self._show()
        self.changed.emit()

    def _take_typed(self) -> None:
        try:
            wanted = Range(self.column, self.at_least.value(), self.at_most.value())
            if wanted.at_least is not None and wanted.at_most is not None and wanted.at_least > wanted.at_most:
                raise PinpointError(f"Nothing is at least {wanted.at_least:g} and at most {wanted.at_most:g}.")
        except PinpointError as error:
            self._show(str(error))
            return
        self._range = wanted
        self._show()
        self.changed.emit()

    def _take_column(self) -> None:
        self._range = Range(str(self.column_choice.currentData()))
        self.show_range(self._range)
        self.column_changed.emit()

    def _close(self) -> None:
        self.closed.emit(self)

    def _show(self, complaint: str = "") -> None:
        self.histogram.set_limits(self._range.at_least, self._range.at_most)
        self.histogram.setAccessibleName(f"Histogram of {self.column} with two handles")
        self.complaint.setText(f"Error: {complaint}" if complaint else "")
        self.complaint.setVisible(bool(complaint))

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        top, limits = QHBoxLayout(), QHBoxLayout()
        top.addWidget(self.column_choice, stretch=1)
        top.addWidget(self.close_button)
        for number in (self.at_least, self.at_most):
            label = QLabel(number.name)
            label.setBuddy(number)
            number.setAccessibleName(number.name)
            limits.addWidget(label)
            limits.addWidget(number, stretch=1)
        column.addLayout(top)
        column.addWidget(self.histogram)
        column.addLayout(limits)
        column.addWidget(self.complaint)
        self.complaint.hide()
