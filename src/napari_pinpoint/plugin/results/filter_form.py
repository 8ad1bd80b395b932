"""What is to pass: a condition in words, and histograms whose handles are drawn."""

from __future__ import annotations

from qtpy.QtCore import QTimer, Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.results.looking import Spread
from napari_pinpoint.plugin.results.range_filter import RangeFilter
from napari_pinpoint.plugin.results.working import Filter
from napari_pinpoint.plugin.widgets.fields import Note, Section
from napari_pinpoint.postprocessing import rows_that_pass

#: Milliseconds without a key, after which what was typed is meant.
_PATIENCE_MS = 800
#: Columns that most users filter by come first.
_FIRST = ("photons", "probability", "contrast", "uncertainty_x", "uncertainty_y", "psf_sigma_x", "psf_sigma_y")
_MOST_HISTOGRAMS = 6


class FilterForm(QWidget):
    """The filter row and the histograms; `changed` says that another filter holds, `settled` that it is meant.

    Words that make no sense are explained below the field while they are typed, and the filter stays as it was.
    """

    changed = Signal()
    settled = Signal()
    columns_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._table = Localizations.empty()  # without rows: only what its columns are
        self._text = ""
        self.text = QLineEdit()
        self.text.setPlaceholderText("photons > 300 and uncertainty_x_nm < 20")
        self.text.setClearButtonEnabled(True)
        self.text.setAccessibleName("Filter")
        self.complaint = Note()
        self.histograms: list[RangeFilter] = []
        self.add_button = QPushButton("Add a histogram")
        self.add_button.setToolTip("Look at one more measurement, and filter by it")
        self.inside = QWidget()
        self._column = QVBoxLayout(self.inside)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.addWidget(self.add_button)
        self.section = Section(
            "Histograms", "How measurements are spread; draw a handle to leave points out", self.inside
        )
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_PATIENCE_MS)
        self._timer.timeout.connect(self.settled)
        self.text.textChanged.connect(self._take_text)
        self.text.editingFinished.connect(self.settled)
        self.add_button.clicked.connect(self._add)
        self.section.button.toggled.connect(self._open)
        self._lay_out()

    @property
    def filter(self) -> Filter:
        """What is to pass now."""
        ranges = (one.range for one in self.histograms)
        return Filter(self._text, tuple(one for one in ranges if one.expression))

    @property
    def counted(self) -> tuple[str, ...]:
        """The columns whose histograms are in sight."""
        return tuple(dict.fromkeys(one.column for one in self.histograms)) if self.section.is_open else ()

    def show(self, table: Localizations, wanted: Filter) -> None:  # type: ignore[override]
        """Ask for the columns of a table, and show a filter, as after an undo."""
        self._table = table.select(slice(0, 0))
        for one in list(self.histograms):
            if one.column not in table:
                self._remove(one)
        for one in self.histograms:
            one.offer(self._columns())
        if wanted != self.filter:
            self._show_filter(wanted)
        self._check(self.text.text())
        self.text.setEnabled(bool(len(table)))
        names = ", ".join(table)
        self.text.setToolTip(
            "Only points for which this is true are shown, exported and worked on. Conditions of columns, joined by "
            f"and, or, not; lengths also in nanometres with _nm behind their name.\nColumns: {names}"
        )
        if self.section.is_open and not self.histograms:
            self._add()

    def show_spreads(self, spreads: dict[str, Spread]) -> None:
        """The bars of the histograms."""
        for one in self.histograms:
            if one.column in spreads:
                one.show_spread(spreads[one.column])

    def clear(self) -> None:
        """Let everything pass."""
        self._show_filter(Filter())
        self.changed.emit()
        self.settled.emit()

    def _show_filter(self, wanted: Filter) -> None:
        self._text = wanted.text
        if self.text.text() != wanted.text:
            self.text.blockSignals(True)
            self.text.setText(wanted.text)
            self.text.blockSignals(False)
            self._check(wanted.text)
        ranges = {one.column: one for one in wanted.ranges}
        for one in self.histograms:
            one.show_range(ranges.pop(one.column, type(one.range)(one.column)))
        for column, limits in ranges.items():
            self._insert(column).show_range(limits)
        if ranges:
            self.section.set_open(True)

    def _take_text(self, text: str) -> None:
        if self._check(text):
            self._text = text.strip()
            self.changed.emit()
            self._timer.start()

    def _check(self, text: str) -> bool:
        """Whether the words make sense; if not, say why below them."""
        problem = ""
        if text.strip():
            try:
                rows_that_pass(self._table, text)
            except PinpointError as error:
                problem = str(error)
        self.complaint.setText(f"{problem} Until then, the filter stays as it was." if problem else "")
        self.complaint.setVisible(bool(problem))
        return not problem

    def _columns(self) -> list[str]:
        """Columns of numbers."""
        names = [name for name in self._table if self._table[name].dtype.kind in "iuf"]
        return [name for name in _FIRST if name in names] + [name for name in names if name not in _FIRST]

    def _open(self, is_open: bool) -> None:
        if is_open and not self.histograms:
            self._add()
        self.columns_changed.emit()

    def _add(self) -> None:
        """One more histogram, of the first column that has none."""
        shown = {one.column for one in self.histograms}
        left = [name for name in self._columns() if name not in shown]
        if left:
            self._insert(left[0])
            self.columns_changed.emit()

    def _insert(self, column: str) -> RangeFilter:
        one = RangeFilter(self._columns(), column)
        self.histograms.append(one)
        self._column.insertWidget(self._column.count() - 1, one)
        one.changed.connect(self.changed)
        one.settled.connect(self.settled)
        one.column_changed.connect(self._take_column)
        one.closed.connect(self._close)
        self.add_button.setEnabled(len(self.histograms) < min(_MOST_HISTOGRAMS, len(self._columns())))
        return one

    def _take_column(self) -> None:
        self.changed.emit()
        self.settled.emit()
        self.columns_changed.emit()

    def _close(self, one: RangeFilter) -> None:
        self._remove(one)
        self.changed.emit()
        self.settled.emit()

    def _remove(self, one: RangeFilter) -> None:
        self.histograms.remove(one)
        self._column.removeWidget(one)
        one.hide()
        one.deleteLater()
        self.add_button.setEnabled(True)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        row = QHBoxLayout()
        label = QLabel("Filter")
        label.setBuddy(self.text)
        row.addWidget(label)
        row.addWidget(self.text, stretch=1)
        column.addLayout(row)
        column.addWidget(self.complaint)
        column.addWidget(self.section)
        self.complaint.hide()
