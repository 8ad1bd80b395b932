"""The tab Evaluate through its widgets, in a real viewer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QFileDialog

from napari_pinpoint.evaluation import compare as compare_tables
from napari_pinpoint.evaluation import evaluate
from napari_pinpoint.io.tables import write_localizations
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.layers.tables import points_layer_data, table_from_layer

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


def cells(table: Any) -> list[list[str]]:
    columns = [column for column in range(table.columnCount()) if not table.isColumnHidden(column)]
    return [[table.item(row, column).text() for column in columns] for row in range(table.rowCount())]


def scores(tab: Any) -> dict[str, str]:
    return dict(cells(tab.scores.table))


def test_it_proposes_which_layer_is_what_and_scores_as_the_command_does(
    tab: Any, compare: Any, tables: tuple[Localizations, Localizations]
) -> None:
    assert (tab.form.found_choice.layer.name, tab.form.truth_choice.layer.name) == ("found", "truth")
    assert (tab.form.tolerance.text(), tab.form.unit_choice.currentText()) == ("100", "nm")
    compare(tab)
    shown = scores(tab)
    assert (shown["pairs"], shown["false"], shown["missed"]) == ("2", "1", "1")
    assert tab.scores.difference.scores.to_dict() == evaluate(*tables, tolerance_nm=100).to_dict()
    assert tab.scores.table.item(0, 0).toolTip()


def test_what_differs_becomes_layers_on_request(viewer: Any, tab: Any, compare: Any, press: Any) -> None:
    compare(tab)
    assert len(viewer.layers) == 2
    for button in (tab.scores.missed_button, tab.scores.false_button, tab.scores.missed_button):
        press(button)
    assert [layer.name for layer in viewer.layers] == ["truth", "found", "false: found", "missed: found"]
    missed, false = (viewer.layers[f"{kind}: found"] for kind in ("missed", "false"))
    assert table_from_layer(missed)["y"].tolist() == [20]
    assert table_from_layer(false)["y"].tolist() == [30]
    assert str(missed.symbol[0]) != str(false.symbol[0])
    # They are no results to be judged: what was compared stays chosen, and the scores stay on screen.
    assert tab.form.found_choice.layer.name == "found"
    assert scores(tab)["pairs"] == "2"


def test_a_new_result_is_proposed_and_old_scores_go(viewer: Any, tab: Any, compare: Any, tables: Any) -> None:
    compare(tab)
    data, attributes, _ = points_layer_data(tables[0], name="newer")
    viewer.add_points(data, **attributes)
    assert tab.form.found_choice.layer.name == "newer"
    assert scores(tab) == {}


def test_scores_of_layers_that_are_not_chosen_any_more_are_not_shown(
    viewer: Any, tab: Any, press: Any, qtbot: Any, tables: tuple[Localizations, Localizations]
) -> None:
    other = add(viewer, tables[0], "other")
    tab.form.found_choice.choose(viewer.layers["found"])
    press(tab.compare_button)
    tab.form.found_choice.choose(other)
    qtbot.waitUntil(lambda: not tab.tasks.is_running)
    assert scores(tab) == {}
    assert tab.messages.text() == ""
    assert tab.compare_button.isEnabled()


def test_pixels_do_where_no_size_is_known(make_napari_viewer: Any, compare: Any) -> None:
    viewer = make_napari_viewer()
    viewer.add_points(np.array([[0, 5.0, 5.0]]), name="truth")
    viewer.add_points(np.array([[0, 5.0, 6.0]]), name="clicks")
    tab = viewer.window.add_plugin_dock_widget("napari-pinpoint", "Evaluate")[1]
    assert (tab.form.tolerance.text(), tab.form.unit_choice.currentText()) == ("2", "pixels")
    compare(tab)
    assert scores(tab)["RMSE"] == "1.0000 px"


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (lambda tab: tab.form.tolerance.clear(), "Give the tolerance"),
        (lambda tab: tab.form.tolerance.setText("-1"), "Tolerance must be above 0"),
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
    assert "Two layers are needed" in tab.messages.text()
    assert not tab.compare_button.isEnabled()
    viewer.add_points(np.zeros((1, 3)), name="a")
    assert not tab.compare_button.isEnabled()
    viewer.add_points(np.zeros((1, 3)), name="b")
    assert tab.compare_button.isEnabled()


BLOBS = {"height": [10, 10, 10], "width": [10, 10, 10], "label": ["a", "b", "a"]}


@pytest.fixture
def boxes(tables: tuple[Localizations, Localizations]) -> tuple[Localizations, Localizations]:
    """Found and true boxes of two classes."""
    found, truth = (table.with_columns(**BLOBS) for table in tables)
    return found.with_columns(probability=[0.9, 0.8, 0.7]), truth


def add(viewer: Any, table: Localizations, name: str) -> Any:
    data, attributes, _ = points_layer_data(table, name=name)
    return viewer.add_points(data, **attributes)


def test_counts_boxes_and_classes_are_told_where_they_make_sense(
    make_napari_viewer: Any, compare: Any, qtbot: Any, boxes: tuple[Localizations, Localizations]
) -> None:
    viewer = make_napari_viewer()
    viewer.add_image(np.zeros((3, 40, 40)))
    add(viewer, boxes[1], "truth")
    add(viewer, boxes[0], "found")
    tab = viewer.window.add_plugin_dock_widget("napari-pinpoint", "Evaluate")[1]
    assert not tab.scores.counts_section.isVisibleTo(tab)
    compare(tab)
    whole = compare_tables(*boxes, tolerance_nm=100, shape=(40, 40))
    assert tab.scores.difference.comparison.to_dict() == whole.to_dict()
    assert float(scores(tab)["mAP 0.5"]) == pytest.approx(whole.boxes.map_50, abs=1e-4)
    assert "Chamfer" in scores(tab)
    assert not tab.scores.counts.isVisibleTo(tab)
    qtbot.mouseClick(tab.scores.counts_section.button, Qt.MouseButton.LeftButton)
    assert tab.scores.counts.isVisibleTo(tab)
    counts = dict(cells(tab.scores.counts))
    assert (counts["MAE"], counts["GAME(3)"]) == (f"{whole.counts.mae:.4g}", f"{whole.counts.game[3]:.4g}")
    qtbot.mouseClick(tab.scores.classes_section.button, Qt.MouseButton.LeftButton)
    assert [row[:4] for row in cells(tab.scores.classes)] == [["a", "2", "2", "50.0"], ["b", "1", "1", "100.0"]]
    assert len(cells(tab.scores.classes)[0]) == 6
    tab.scores.copy_button.click()
    copied = QApplication.clipboard().text()
    assert "GAME(3)" in copied
    assert "class\ttrue" in copied


def test_truth_that_is_to_be_ignored_is_explained(
    make_napari_viewer: Any, compare: Any, tables: tuple[Localizations, Localizations]
) -> None:
    viewer = make_napari_viewer()
    add(viewer, tables[1].with_columns(flags=[1, 0, 1]), "truth")
    add(viewer, tables[0], "found")
    tab = viewer.window.add_plugin_dock_widget("napari-pinpoint", "Evaluate")[1]
    compare(tab)
    assert (scores(tab)["true"], scores(tab)["found"]) == ("1", "2")
    assert "To be ignored are 2 true points" in tab.messages.text()
    assert "1 found at them" in tab.messages.text()
    assert "1 more match true points to be ignored" in tab.scores.table.item(1, 0).toolTip()


def test_points_without_classes_have_no_table_of_classes(tab: Any, compare: Any) -> None:
    compare(tab)
    assert tab.scores.counts_section.isVisibleTo(tab)
    assert not tab.scores.classes_section.isVisibleTo(tab)
    assert "mAP 0.5" not in scores(tab)


def test_a_layer_of_the_user_that_is_called_alike_stays(viewer: Any, tab: Any, compare: Any, press: Any) -> None:
    mine = viewer.add_image(np.zeros((4, 4)), name="missed: found")
    compare(tab)
    for _ in range(2):
        press(tab.scores.missed_button)
    assert mine in viewer.layers
    assert len(viewer.layers) == 4


def test_drawn_boxes_and_painted_objects_can_be_the_truth(make_napari_viewer: Any, compare: Any) -> None:
    viewer = make_napari_viewer()
    add(viewer, Localizations({"frame": [0], "y": [4.5], "x": [9.5], "height": [10], "width": [4]}), "found")
    viewer.add_shapes([np.array([[0, 0, 8], [0, 0, 11], [0, 9, 11], [0, 9, 8]])], name="drawn")
    tab = viewer.window.add_plugin_dock_widget("napari-pinpoint", "Evaluate")[1]
    assert (tab.form.found_choice.layer.name, tab.form.truth_choice.layer.name) == ("found", "drawn")
    compare(tab)
    assert scores(tab)["pairs"] == "1"

    painted = np.zeros((2, 20, 20), int)
    painted[0, 0:10, 8:12] = 1
    painted[1, 3:5, 3:5] = 7
    tab.form.truth_choice.choose(viewer.add_labels(painted, name="painted"))
    compare(tab)
    assert (scores(tab)["pairs"], scores(tab)["missed"], scores(tab)["RMSE"]) == ("1", "1", "0.0000 px")


@pytest.mark.parametrize("kind", ["table", "label image"])
def test_truth_from_a_file(
    make_napari_viewer: Any, compare: Any, press: Any, qtbot: Any, tmp_path: Path, monkeypatch: Any, kind: str
) -> None:
    if kind == "table":
        path = tmp_path / "clicked.parquet"
        write_localizations(Localizations({"frame": [0], "y": [5.0], "x": [5.0]}), path)
    else:
        path = tmp_path / "clicked.tif"
        tifffile.imwrite(path, np.pad(np.ones((3, 3), np.uint8), ((4, 9), (4, 9))))
    viewer = make_napari_viewer()
    for name in ("older", "found"):
        add(viewer, Localizations({"frame": [0], "y": [5.0], "x": [5.5]}), name)
    tab = viewer.window.add_plugin_dock_widget("napari-pinpoint", "Evaluate")[1]
    assert tab.form.truth_choice.layer.name == "older"
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    press(tab.form.truth_file_button)
    qtbot.waitUntil(lambda: "clicked" in viewer.layers)
    assert (tab.form.found_choice.layer.name, tab.form.truth_choice.layer.name) == ("found", "clicked")
    qtbot.waitUntil(lambda: not tab.tasks.is_running)
    compare(tab)
    assert (scores(tab)["pairs"], scores(tab)["RMSE"]) == ("1", "0.5000 px")
