"""The dock Pinpoint: its tabs, each made when it is first looked at."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QTabWidget, QVBoxLayout, QWidget

from napari_pinpoint.registry import Entry

_HERE = "napari_pinpoint.plugin"
#: The tabs from left to right: name, tooltip, and where the widget is; it takes the viewer alone.
TABS = (
    Entry("Localize", "Find the points of every frame", f"{_HERE}.localize.localize_tab:LocalizeTab"),
    Entry("Results", "Look at, filter and export what was found", f"{_HERE}.results.results_tab:ResultsTab"),
    Entry("Evaluate", "Compare points with the truth", f"{_HERE}.evaluate.evaluate_tab:EvaluateTab"),
)


class PinpointDock(QTabWidget):
    """All of Pinpoint in one place.

    A tab is made when it is first shown, so that opening the dock does not wait for those that nobody looks at.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self._pages: list[QVBoxLayout] = []
        self._made: dict[int, QWidget] = {}
        self.setDocumentMode(True)
        self.setUsesScrollButtons(True)
        self.setAccessibleName("Pinpoint")
        for index, entry in enumerate(TABS):
            page = QWidget()
            self._pages.append(QVBoxLayout(page))
            self._pages[index].setContentsMargins(0, 0, 0, 0)
            self.addTab(page, entry.name)
            self.setTabToolTip(index, entry.summary)
        self.currentChanged.connect(self._make)
        self._make(self.currentIndex())

    def show_tab(self, name: str) -> QWidget:
        """Bring the tab of that name to the front; returns its widget."""
        index = [entry.name for entry in TABS].index(name)
        self.setCurrentIndex(index)
        return self._made[index]

    def _make(self, index: int) -> None:
        if index < 0 or index in self._made:
            return
        widget = self._made[index] = TABS[index].load()(self._viewer)
        self._pages[index].addWidget(widget)
