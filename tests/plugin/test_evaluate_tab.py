"""The tab Evaluate through its widgets, in a real viewer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_pinpoint.evaluation import evaluate
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.layers import points_layer_data, table_from_layer

pytestmark = pytest.mark.gui


@pytest.fixture
def tables() -> tuple[Localizations, Localizations]:
    """Found and true points: two pairs 20 nm apart, one missed, one false."""
    truth = Localizations({"frame": [0, 1, 1], "y": [5, 9, 20], "x": [5, 9, 20]}, pixel_size_nm=100)
    found = Localizations({"frame": [0, 1, 2], "y": [5.2, 9, 30], "x": [5, 9.2, 30]}, pixel_size_nm=100)
    return found, truth


@pytest.fixture
def viewer(make_napari_viewer: Any, tables: tuple[Localizations, Localizations]) -> Any:
    viewer = make_napari_viewer()
    for table, name in zip(tables[::-1], ("truth", "found"), strict=True):
        data, attributes, _ = points_layer_data(table, name=name)
        viewer.add_points(data, **attributes)
    return viewer


@pytest.fixture
def tab(viewer: Any) -> Any:
    return viewer.window.add_plugin_dock_widget("napari-pinpoint", "Evaluate")[1]


@pytest.fixture
def compare(qtbot: Any, press: Any) -> Any:
    def run(tab: Any) -> None:
        press(tab.compare_button)
        qtbot.waitUntil(lambda: not tab.tasks.is_running)

    return run


def scores(tab: Any) -> dict[str, str]:
    return {tab.table.item(row, 0).text(): tab.table.item(row, 1).text() for row in range(tab.table.rowCount())}


def test_it_proposes_which_layer_is_what_and_scores_as_the_command_does(
    tab: Any, compare: Any, tables: tuple[Localizations, Localizations]
) -> None:
    assert (tab.found_choice.layer.name, tab.truth_choice.layer.name) == ("found", "truth")
    assert (tab.tolerance.text(), tab.unit_choice.currentText()) == ("100", "nm")
    compare(tab)
    shown = scores(tab)
    assert (shown["pairs"], shown["false"], shown["missed"]) == ("2", "1", "1")
    assert tab.comparison.scores.to_dict() == evaluate(*tables, tolerance_nm=100).to_dict()
    assert tab.table.item(0, 0).toolTip()


def test_what_differs_becomes_layers_on_request(viewer: Any, tab: Any, compare: Any, press: Any) -> None:
    compare(tab)
    assert len(viewer.layers) == 2
    for button in (tab.missed_button, tab.false_button, tab.missed_button):
        press(button)
    assert [layer.name for layer in viewer.layers] == ["truth", "found", "false: found", "missed: found"]
    missed, false = (viewer.layers[f"{kind}: found"] for kind in ("missed", "false"))
    assert table_from_layer(missed)["y"].tolist() == [20]
    assert table_from_layer(false)["y"].tolist() == [30]
    assert str(missed.symbol[0]) != str(false.symbol[0])
    # They are no results to be judged: what was compared stays chosen, and the scores stay on screen.
    assert tab.found_choice.layer.name == "found"
    assert scores(tab)["pairs"] == "2"


def test_a_new_result_is_proposed_and_old_scores_go(viewer: Any, tab: Any, compare: Any, tables: Any) -> None:
    compare(tab)
    data, attributes, _ = points_layer_data(tables[0], name="newer")
    viewer.add_points(data, **attributes)
    assert tab.found_choice.layer.name == "newer"
    assert scores(tab) == {}


def test_pixels_do_where_no_size_is_known(make_napari_viewer: Any, compare: Any) -> None:
    viewer = make_napari_viewer()
    viewer.add_points(np.array([[0, 5.0, 5.0]]), name="truth")
    viewer.add_points(np.array([[0, 5.0, 6.0]]), name="clicks")
    tab = viewer.window.add_plugin_dock_widget("napari-pinpoint", "Evaluate")[1]
    assert (tab.tolerance.text(), tab.unit_choice.currentText()) == ("2", "pixels")
    compare(tab)
    assert scores(tab)["RMSE"] == "1.0000 px"


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (lambda tab: tab.tolerance.clear(), "Give the tolerance"),
        (lambda tab: tab.tolerance.setText("-1"), "Tolerance must be above 0"),
    ],
)
def test_what_cannot_be_compared_is_said(tab: Any, compare: Any, break_it: Any, words: str) -> None:
    break_it(tab)
    compare(tab)
    assert words in tab.messages.text()
    assert tab.compare_button.isEnabled()


def test_doubts_and_failures_end_in_words(viewer: Any, tab: Any, compare: Any) -> None:
    viewer.layers["truth"].metadata["pinpoint"]["pixel_size_nm"] = 50
    compare(tab)
    assert "pixel_size_nm = 100, the true one 50" in tab.messages.text()
    assert scores(tab) == {}
    viewer.layers["truth"].metadata["pinpoint"]["pixel_size_nm"] = 100
    viewer.layers["truth"].data = viewer.layers["truth"].data + np.array([7, 0, 0])
    compare(tab)
    assert "Warning: The tables share no frame" in tab.messages.text()


def test_one_layer_is_too_few(make_napari_viewer: Any) -> None:
    viewer = make_napari_viewer()
    tab = viewer.window.add_plugin_dock_widget("napari-pinpoint", "Evaluate")[1]
    assert "Two layers of points are needed" in tab.messages.text()
    assert not tab.compare_button.isEnabled()
    viewer.add_points(np.zeros((1, 3)), name="a")
    assert not tab.compare_button.isEnabled()
    viewer.add_points(np.zeros((1, 3)), name="b")
    assert tab.compare_button.isEnabled()
