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
    view.show_table(table, np.array([True, False, True]))
    headers = [view.model().headerData(i, view_orientation()) for i in range(view.model().columnCount())]
    assert headers == ["frame", "y (px)", "x (px)", "probability", "photons (e⁻)", "label", "n_frames"]
    assert texts(view, 1) == ["1.250", "30.500"]
    assert view.rows.tolist() == [0, 2]


def view_orientation() -> Any:
    from qtpy.QtCore import Qt

    return Qt.Orientation.Horizontal


def test_what_is_not_known_is_a_dash_and_sorts_last_either_way(view: Any, table: Localizations) -> None:
    from qtpy.QtCore import Qt

    view.show_table(table, np.ones(3, dtype=bool))
    photons, label = list(table).index("photons"), list(table).index("label")
    view.sortByColumn(photons, Qt.SortOrder.AscendingOrder)
    assert texts(view, photons) == ["100", "300", "–"]
    view.sortByColumn(photons, Qt.SortOrder.DescendingOrder)
    assert texts(view, photons) == ["300", "100", "–"]
    view.sortByColumn(label, Qt.SortOrder.DescendingOrder)
    assert texts(view, label) == ["b", "a", "–"]


def test_equal_values_keep_the_order_of_the_table(view: Any) -> None:
    from qtpy.QtCore import Qt

    table = Localizations({"frame": [1, 0, 1, 0], "y": [0, 1, 2, 3], "x": [0, 0, 0, 0]})
    view.show_table(table, np.ones(4, dtype=bool))
    view.sortByColumn(0, Qt.SortOrder.DescendingOrder)
    assert view.rows.tolist() == [0, 2, 1, 3]
    view.show_table(table, np.array([False, True, True, True]))  # a filter keeps the sorting
    assert view.rows.tolist() == [2, 1, 3]


def test_a_click_and_the_arrow_keys_jump_but_sorting_does_not(qtbot: Any, view: Any, table: Localizations) -> None:
    from qtpy.QtCore import Qt

    jumps: list[int] = []
    view.jumped.connect(jumps.append)
    view.show_table(table, np.ones(3, dtype=bool))
    view.show()
    view.sortByColumn(1, Qt.SortOrder.DescendingOrder)
    assert jumps == []
    place = view.visualRect(view.model().index(0, 1)).center()
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.keyClick(view, Qt.Key.Key_Down)
    assert jumps == [2, 1]
    view.sortByColumn(1, Qt.SortOrder.AscendingOrder)  # the chosen row stays chosen where it now is
    assert view.rows[view.currentIndex().row()] == 1
    assert jumps == [2, 1]


def test_only_rows_in_sight_are_looked_at(qtbot: Any, view: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from napari_pinpoint.plugin.widgets import table_view

    looked: list[Any] = []
    words = table_view._words
    monkeypatch.setattr(table_view, "_words", lambda *cell: looked.append(cell) or words(*cell))
    n = 300_000
    table = Localizations({"frame": np.arange(n), "y": np.zeros(n), "x": np.zeros(n)})
    view.show_table(table, np.ones(n, dtype=bool))
    view.resize(400, 300)
    view.show()
    qtbot.waitExposed(view)
    view.scrollToBottom()
    view.grab()
    assert "299999" in [words(*cell) for cell in looked]
    assert len(looked) < 3000
