"""The tab Results through its widgets, in a real viewer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_pinpoint.io.tables import read_localizations
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.layers.pictures import live_picture, picture_layer_data
from napari_pinpoint.plugin.layers.tables import (
    Placement,
    is_result,
    points_layer_data,
    table_from_layer,
    transient_metadata,
)

pytestmark = pytest.mark.gui


@pytest.fixture
def viewer(make_napari_viewer: Any, table: Localizations) -> Any:
    """A viewer with a movie and three points on it."""
    return with_points(make_napari_viewer(), table)


def with_points(viewer: Any, table: Localizations) -> Any:
    attributes = {"scale": (1, 0.117, 0.117), "units": ("pixel", "um", "um")}
    image = viewer.add_image(np.zeros((5, 32, 40), "uint16"), name="movie", **attributes)
    placement = Placement.in_layer(image, time_axis=0, at=(0, 0, 0))
    data, more, _ = points_layer_data(table, placement, name="found")
    viewer.add_points(data, **more)
    return viewer


@pytest.fixture
def shown(qtbot: Any) -> Callable[[Any], Any]:
    """Waits until a tab shows what it was asked for; gives what that is."""

    def wait(tab: Any) -> Any:
        qtbot.waitUntil(lambda: not tab.background.is_asked("look") and tab.look is not None, timeout=20_000)
        return tab.look

    return wait


@pytest.fixture
def tab(viewer: Any, shown: Any) -> Any:
    tab = viewer.window.add_plugin_dock_widget("napari-pinpoint", "Results")[1]
    shown(tab)
    return tab


@pytest.fixture
def type_in(qtbot: Any, shown: Any) -> Callable[[Any, str], None]:
    """Types a filter and waits until what it says is shown."""

    def type_it(tab: Any, text: str) -> None:
        tab.filters.text.clear()
        qtbot.keyClicks(tab.filters.text, text)
        shown(tab)

    return type_it


def choose(box: Any, data: str) -> None:
    assert box.findData(data) >= 0
    box.setCurrentIndex(box.findData(data))


def test_without_points_it_says_where_to_get_some(make_napari_viewer: Any) -> None:
    tab = make_napari_viewer().window.add_plugin_dock_widget("napari-pinpoint", "Results")[1]
    assert "tab Localize" in tab.form.summary.text()
    buttons = (tab.form.export_button, tab.form.keep_button, tab.form.undo_button, tab.form.link.button)
    assert not any(button.isEnabled() for button in buttons)


def test_a_row_takes_the_viewer_to_its_point(qtbot: Any, viewer: Any, tab: Any, table: Localizations) -> None:
    from qtpy.QtCore import Qt

    layer = viewer.layers["found"]
    defaults = layer.feature_defaults.copy()
    place = tab.view.visualRect(tab.view.model().index(1, 0)).center()
    qtbot.mouseClick(tab.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert viewer.dims.current_step[0] == 4
    assert set(layer.selected_data) == {1}
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], (2.0 * 0.117, 6.5 * 0.117))
    # A point that is drawn by hand from now on must not repeat the measurements of the one that is selected.
    assert layer.feature_defaults.equals(defaults)


def test_a_click_on_a_heading_sorts(qtbot: Any, tab: Any, shown: Any) -> None:
    from qtpy.QtCore import Qt

    header = tab.view.horizontalHeader()
    column = list(tab.view.table).index("probability")
    place = header.viewport().rect().center()
    place.setX(header.sectionViewportPosition(column) + 8)
    qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=place)
    shown(tab)
    assert tab.view.rows.tolist() == [2, 1, 0]
    tab.filters.text.setText("photons >= 100")  # a filter keeps the order
    shown(tab)
    assert tab.view.rows.tolist() == [2, 0]


def test_an_expression_filters_while_it_is_typed_and_complains_beside_the_field(
    viewer: Any, tab: Any, type_in: Any, table: Localizations
) -> None:
    layer = viewer.layers["found"]
    type_in(tab, "photons > 200 or y_nm < 200")
    assert tab.view.rows.tolist() == [0, 2]
    assert tab.form.count.text() == "2 of 3 points pass."
    assert layer.shown.tolist() == [True, False, True]
    type_in(tab, "photon > 200")
    assert "no column 'photon'. Did you mean photons?" in tab.filters.complaint.text()
    assert not tab.filters.complaint.isHidden()
    assert len(layer.data) == 3  # nothing is ever taken away
    type_in(tab, "")
    assert layer.shown.all()
    assert tab.filters.complaint.isHidden()


def test_whoever_takes_the_table_from_the_layer_gets_what_is_shown(viewer: Any, tab: Any, type_in: Any) -> None:
    type_in(tab, "photons > 200")
    taken = table_from_layer(viewer.layers["found"])
    assert taken["photons"].tolist() == [300]
    assert taken.record["steps"][-1] == {"step": "filter", "expression": "photons > 200"}
    assert len(table_from_layer(viewer.layers["found"], hidden=True)) == 3


def test_a_handle_that_is_drawn_filters_and_undo_takes_the_whole_way_back(
    qtbot: Any, viewer: Any, tab: Any, shown: Any, press: Any
) -> None:
    from qtpy.QtCore import QPoint, Qt

    press(tab.filters.section.button)
    one = tab.filters.histograms[0]
    choose(one.column_choice, "probability")
    shown(tab)
    histogram = one.histogram
    assert (histogram.low, histogram.high, histogram.counts.sum()) == (0.5, 1.0, 3)
    histogram.resize(256, 90)
    left = Qt.MouseButton.LeftButton
    qtbot.mousePress(histogram, left, pos=QPoint(8, 40))
    for x in (60, 140):
        qtbot.mouseMove(histogram, QPoint(x, 40))
        shown(tab)
    qtbot.mouseRelease(histogram, left, pos=QPoint(140, 40))
    assert one.range.at_least == pytest.approx(0.775, abs=0.01)
    assert one.at_least.text() == f"{one.range.at_least:.10g}"
    assert viewer.layers["found"].shown.tolist() == [True, False, False]
    press(tab.form.undo_button)
    shown(tab)
    assert viewer.layers["found"].shown.all()
    assert one.range.at_least is None
    press(tab.form.redo_button)
    shown(tab)
    assert viewer.layers["found"].shown.tolist() == [True, False, False]


def test_limits_can_be_typed_and_are_joined_with_the_words(
    qtbot: Any, tab: Any, type_in: Any, shown: Any, press: Any
) -> None:
    press(tab.filters.section.button)
    press(tab.filters.add_button)
    one, other = tab.filters.histograms
    assert one.column != other.column
    choose(one.column_choice, "photons")
    qtbot.keyClicks(one.at_most, "300")
    type_in(tab, "probability > 0.9 or probability < 0.6")
    assert shown(tab).state.filter.expression == "(probability > 0.9 or probability < 0.6) and photons <= 300"
    assert tab.view.rows.tolist() == [0, 2]
    qtbot.keyClicks(one.at_most, "x")
    assert one.complaint.text().startswith("Error: At most must be a number")
    press(one.close_button)
    shown(tab)
    assert tab.filters.filter.ranges == ()


def test_a_filter_of_a_single_image_hides_points_too(make_napari_viewer: Any, shown: Any, type_in: Any) -> None:
    viewer = make_napari_viewer()
    layer = viewer.add_points([[1.0, 2], [3, 4]], size=[2.0, 3.0], features={"photons": [100.0, 900.0]}, name="clicks")
    tab = viewer.window.add_plugin_dock_widget("napari-pinpoint", "Results")[1]
    type_in(tab, "photons > 300")
    assert layer.size.tolist() == [0, 3]  # napari heeds `shown` only where an axis has a slider
    type_in(tab, "")
    assert layer.size.tolist() == [2, 3]


def test_what_passes_becomes_a_layer_and_the_original_stays(
    viewer: Any, tab: Any, type_in: Any, shown: Any, press: Any, table: Localizations
) -> None:
    original = viewer.layers["found"]
    original.size = 3
    type_in(tab, "probability >= 0.6")
    press(tab.form.keep_button)
    kept = viewer.layers["found, probability >= 0.6"]
    filtered = table_from_layer(kept)
    assert filtered["probability"].tolist() == [1.0, 0.75]
    assert filtered.record["steps"][-1] == {"step": "filter", "expression": "probability >= 0.6"}
    assert filtered.pixel_size_nm == table.pixel_size_nm
    assert (kept.size == 3).all()
    assert kept.units == original.units
    np.testing.assert_array_equal(kept.scale, original.scale)
    assert (original.visible, len(original.data), original.shown.all()) == (False, 3, True)
    assert tab.layer == kept
    shown(tab)
    assert tab.filters.text.text() == ""


def test_what_is_listed_is_written(
    qtbot: Any, tab: Any, type_in: Any, press: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from qtpy.QtWidgets import QFileDialog

    asked: list[Any] = []
    monkeypatch.setattr(
        QFileDialog, "getSaveFileName", lambda *a, **_: asked.append(a) or (str(tmp_path / "out.csv"), a[-1])
    )
    type_in(tab, "probability >= 0.6")
    choose(tab.form.format_choice, "thunderstorm")
    assert "no place for probability, label" in tab.form.format_note.text()
    assert "2 points" in tab.form.export_button.text()
    press(tab.form.export_button)
    qtbot.waitUntil(lambda: not tab.tasks.is_running)
    assert tab.messages.text() == f"2 points were written to {tmp_path / 'out.csv'}."
    assert "without probability, label" in asked[0][3]
    written = read_localizations(tmp_path / "out.csv")
    np.testing.assert_allclose(written["y"], [1.25, 2.0], atol=1e-4)
    assert written.record["steps"][-1]["step"] == "filter"


def test_a_format_that_does_not_fit_says_why(viewer: Any, tab: Any, shown: Any) -> None:
    clicks = viewer.add_points(np.zeros((2, 3)), name="clicks")
    tab.layer_choice.choose(clicks)
    shown(tab)
    choose(tab.form.format_choice, "thunderstorm")
    assert "size of a pixel is not known" in tab.form.format_note.text()
    assert not tab.form.export_button.isEnabled()
    choose(tab.form.format_choice, "parquet")
    assert tab.form.export_button.isEnabled()


def test_a_picture_can_be_filtered_and_walked_through_too(
    viewer: Any, tab: Any, table: Localizations, type_in: Any, shown: Any
) -> None:
    placement = Placement.in_layer(viewer.layers["movie"], time_axis=0, at=(0, 0, 0))
    data, attributes, _ = picture_layer_data(table, placement, (32, 40), name="many")
    picture = viewer.add_image(data, **attributes)
    assert is_result(picture)
    tab.layer_choice.choose(picture)
    shown(tab)
    assert len(tab.view.rows) == 3
    viewer.dims.set_point(0, 0)
    tab.view.jumped.emit(1)
    tab.view.jumped.emit(2)
    assert viewer.dims.current_step[0] == 4
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], (30.5 * 0.117, -0.375 * 0.117))
    marker = viewer.layers["chosen point"]
    np.testing.assert_allclose(marker.data, [[30.5 * 0.117, -0.375 * 0.117]])
    preview = viewer.add_points(np.zeros((1, 3)), name="preview", metadata=transient_metadata())
    assert not {marker.name, preview.name} & {tab.layer_choice.itemText(i) for i in range(tab.layer_choice.count())}
    type_in(tab, "photons == 100")
    assert live_picture(picture)._passing.tolist() == [True, False, False]
    assert table_from_layer(picture)["photons"].tolist() == [100]


def test_it_follows_points_that_are_moved_and_layers_that_come_and_go(
    qtbot: Any, viewer: Any, tab: Any, type_in: Any, shown: Any, press: Any
) -> None:
    layer = viewer.layers["found"]
    type_in(tab, "probability > 0.6")
    layer.selected_data = {0}
    layer.remove_selected()
    qtbot.waitUntil(lambda: len(tab.view.rows) == 1)  # the filter still holds
    assert layer.shown.tolist() == [True, False]
    press(tab.form.undo_button)  # napari has no undo for points
    shown(tab)
    assert len(layer.data) == 3
    viewer.layers.remove(layer)
    assert tab.layer is None
    assert len(tab.view.rows) == 0


def test_keys_undo_and_redo(qtbot: Any, make_napari_viewer: Any, table: Localizations, shown: Any) -> None:
    from qtpy.QtCore import Qt

    viewer = with_points(make_napari_viewer(show=True), table)
    tab = viewer.window.add_plugin_dock_widget("napari-pinpoint", "Results")[1]
    qtbot.waitUntil(tab.isVisible)
    shown(tab)
    qtbot.keyClicks(tab.filters.text, "photons > 200")
    shown(tab)
    viewer.window._qt_window.activateWindow()
    tab.view.setFocus()
    qtbot.waitUntil(tab.view.hasFocus)
    control, shift = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
    for keys, n in ((control, 3), (control | shift, 1)):
        qtbot.keyClick(tab.view, Qt.Key.Key_Z, keys)
        qtbot.waitUntil(lambda n=n: len(tab.view.rows) == n)
    assert tab.filters.text.text() == "photons > 200"


def test_a_closed_dock_lets_go_of_the_viewer(
    qtbot: Any, make_napari_viewer: Any, table: Localizations, shown: Any
) -> None:
    viewer = with_points(make_napari_viewer(show=True), table)
    tab = viewer.window.add_plugin_dock_widget("napari-pinpoint", "Results")[1]
    qtbot.waitUntil(tab.isVisible)
    shown(tab)
    layer = viewer.layers["found"]
    before = len(layer.events.data.callbacks)
    viewer.window.remove_dock_widget(tab)
    assert len(layer.events.data.callbacks) < before
    layer.data = layer.data[:1]
    assert len(tab.view.rows) == 3
