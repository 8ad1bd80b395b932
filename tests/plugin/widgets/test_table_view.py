"""A table on the screen: sorted, filtered, and quick at any length."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_pinpoint.localizations import Localizations

pytestmark = pytest.mark.gui


@pytest.fixture
def view(qtbot: Any) -> Any:
    from napari_pinpoint.plugin.widgets.table_view import TableView

    view = TableView()
    qtbot.addWidget(view)
    return view


def texts(view: Any, column: int) -> list[str]:
    model = view.model()
    return [model.data(model.index(row, column)) for row in range(model.rowCount())]


def test_it_shows_the_rows_that_pass_with_their_units(view: Any, table: Localizations) -> None:
    view.show_table(table, np.array([0, 2]))
    headers = [view.model().headerData(i, view_orientation()) for i in range(view.model().columnCount())]
    assert headers == ["frame", "y (px)", "x (px)", "probability", "photons (e⁻)", "label", "n_frames"]
    assert texts(view, 1) == ["1.250", "30.500"]
    assert view.rows.tolist() == [0, 2]


def view_orientation() -> Any:
    from qtpy.QtCore import Qt

    return Qt.Orientation.Horizontal


def test_what_is_not_known_is_a_dash(view: Any, table: Localizations) -> None:
    view.show_table(table, np.array([2, 0, 1]))
    assert texts(view, list(table).index("photons")) == ["300", "100", "–"]


def test_a_heading_asks_for_another_order_and_back(qtbot: Any, view: Any, table: Localizations) -> None:
    view.show_table(table, np.arange(3))
    asked: list[Any] = []
    view.sorting_changed.connect(lambda: asked.append(view.sorting))
    view.resize(800, 300)
    view.show()
    for _ in range(3):
        header = view.horizontalHeader()
        place = header.viewport().rect().center()
        place.setX(header.sectionViewportPosition(1) + 8)
        qtbot.mouseClick(header.viewport(), left(), pos=place)
    assert asked == [("y", False), ("y", True), (None, False)]


def left() -> Any:
    from qtpy.QtCore import Qt

    return Qt.MouseButton.LeftButton


def test_a_click_and_the_arrow_keys_jump_but_sorting_does_not(qtbot: Any, view: Any, table: Localizations) -> None:
    from qtpy.QtCore import Qt

    jumps: list[int] = []
    view.jumped.connect(jumps.append)
    view.show_table(table, np.array([2, 1, 0]))
    view.show()
    assert jumps == []
    qtbot.mouseClick(view.viewport(), left(), pos=view.visualRect(view.model().index(0, 1)).center())
    qtbot.keyClick(view, Qt.Key.Key_Down)
    assert jumps == [2, 1]
    view.show_table(table, np.array([1, 0]), 0)  # the chosen row stays chosen where it now is
    assert (view.chosen, view.currentIndex().row()) == (1, 0)
    assert jumps == [2, 1]


def test_any_number_of_rows_is_scrolled_through_and_only_those_in_sight_are_looked_at(
    qtbot: Any, view: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from qtpy.QtCore import Qt

    from napari_pinpoint.plugin.widgets import table_view

    looked: list[Any] = []
    words = table_view._words
    monkeypatch.setattr(table_view, "_words", lambda *cell: looked.append(cell) or words(*cell))
    n = 3_000_000
    table = Localizations({"frame": np.arange(n), "y": np.zeros(n), "x": np.zeros(n)})
    jumps: list[int] = []
    view.jumped.connect(jumps.append)
    view.resize(400, 300)
    view.show()
    qtbot.waitExposed(view)
    view.show_table(table, np.arange(n))
    view.scrollToBottom()
    view.grab()
    assert f"{n - 1}" in [words(*cell) for cell in looked]
    for key, row in (("End", n - 1), ("Up", n - 2), ("Home", 0), ("Down", 1)):
        qtbot.keyClick(view, getattr(Qt.Key, f"Key_{key}"))
        assert jumps[-1] == row
    assert texts(view, 0)[:2] == ["0", "1"]
    view.show_table(table, np.arange(0, n, 3))  # Qt would take minutes to forget two million rows
    view.scrollToBottom()
    assert texts(view, 0)[-1] == f"{n - 3}"
    assert view.model().rowCount() < 100
    assert len(looked) < 10_000
