"""The tab Results through its widgets, in a real viewer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_pinpoint.io.tables import read_localizations
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.layers.pictures import picture_layer_data
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
def tab(viewer: Any) -> Any:
    return viewer.window.add_plugin_dock_widget("napari-pinpoint", "Results")[1]


@pytest.fixture
def type_in(qtbot: Any) -> Callable[[Any, str], None]:
    """Types into a field and waits until it is heard."""

    def type_it(field: Any, text: str) -> None:
        field.clear()
        qtbot.keyClicks(field, text)
        qtbot.wait(300)

    return type_it


def choose(box: Any, data: str) -> None:
    assert box.findData(data) >= 0
    box.setCurrentIndex(box.findData(data))


def test_without_points_it_says_where_to_get_some(make_napari_viewer: Any) -> None:
    tab = make_napari_viewer().window.add_plugin_dock_widget("napari-pinpoint", "Results")[1]
    assert "tab Localize" in tab.summary.text()
    assert not tab.export_button.isEnabled()
    assert not tab.keep_button.isEnabled()


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


def test_limits_filter_while_they_are_typed(viewer: Any, tab: Any, type_in: Any) -> None:
    choose(tab.column_choice, "probability")
    type_in(tab.at_least, "0.6")
    assert tab.view.rows.tolist() == [0, 1]
    assert tab.count.text() == "2 of 3 points pass."
    choose(tab.column_choice, "photons")
    assert tab.count.text() == "2 of 3 points pass. 1 have no photons, and do not."
    type_in(tab.at_least, "6..")
    assert tab.count.text().startswith("Error: At least must be a number")
    assert len(tab.view.rows) == 3
    assert len(viewer.layers["found"].data) == 3


def test_what_passes_becomes_a_layer_and_the_original_stays(
    viewer: Any, tab: Any, type_in: Any, press: Any, table: Localizations
) -> None:
    original = viewer.layers["found"]
    original.size = 3
    choose(tab.column_choice, "probability")
    type_in(tab.at_least, "0.6")
    press(tab.keep_button)
    kept = viewer.layers["found, probability ≥ 0.6"]
    filtered = table_from_layer(kept)
    assert filtered["probability"].tolist() == [1.0, 0.75]
    assert filtered.record["steps"][-1] == {
        "step": "filter", "column": "probability", "at_least": 0.6, "at_most": None
    }  # fmt: skip
    assert filtered.pixel_size_nm == table.pixel_size_nm
    assert (kept.size == 3).all()
    assert kept.units == original.units
    np.testing.assert_array_equal(kept.scale, original.scale)
    assert (original.visible, len(original.data)) == (False, 3)
    assert tab.layer == kept
    assert tab.at_least.text() == ""


def test_what_is_listed_is_written(
    qtbot: Any, tab: Any, type_in: Any, press: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from qtpy.QtWidgets import QFileDialog

    asked: list[Any] = []
    monkeypatch.setattr(
        QFileDialog, "getSaveFileName", lambda *a, **_: asked.append(a) or (str(tmp_path / "out.csv"), a[-1])
    )
    choose(tab.column_choice, "probability")
    type_in(tab.at_least, "0.6")
    choose(tab.format_choice, "thunderstorm")
    assert "no place for probability, label" in tab.format_note.text()
    assert "2 points" in tab.export_button.text()
    press(tab.export_button)
    qtbot.waitUntil(lambda: not tab.tasks.is_running)
    assert tab.messages.text() == f"2 points were written to {tmp_path / 'out.csv'}."
    assert "without probability, label" in asked[0][3]
    written = read_localizations(tmp_path / "out.csv")
    np.testing.assert_allclose(written["y"], [1.25, 2.0], atol=1e-4)
    assert written.record["steps"][-1]["step"] == "filter"


def test_a_format_that_does_not_fit_says_why(viewer: Any, tab: Any) -> None:
    clicks = viewer.add_points(np.zeros((2, 3)), name="clicks")
    tab.layer_choice.choose(clicks)
    choose(tab.format_choice, "thunderstorm")
    assert "size of a pixel is not known" in tab.format_note.text()
    assert not tab.export_button.isEnabled()
    choose(tab.format_choice, "parquet")
    assert tab.export_button.isEnabled()


def test_a_picture_can_be_filtered_and_walked_through_too(viewer: Any, tab: Any, table: Localizations) -> None:
    placement = Placement.in_layer(viewer.layers["movie"], time_axis=0, at=(0, 0, 0))
    data, attributes, _ = picture_layer_data(table, placement, (32, 40), name="many")
    picture = viewer.add_image(data, **attributes)
    assert is_result(picture)
    tab.layer_choice.choose(picture)
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


def test_it_follows_points_that_are_moved_and_layers_that_come_and_go(qtbot: Any, viewer: Any, tab: Any) -> None:
    layer = viewer.layers["found"]
    layer.selected_data = {0}
    layer.remove_selected()
    qtbot.waitUntil(lambda: len(tab.view.rows) == 2)
    viewer.layers.remove(layer)
    assert tab.layer is None
    assert len(tab.view.rows) == 0


def test_a_closed_dock_lets_go_of_the_viewer(qtbot: Any, make_napari_viewer: Any, table: Localizations) -> None:
    viewer = with_points(make_napari_viewer(show=True), table)
    tab = viewer.window.add_plugin_dock_widget("napari-pinpoint", "Results")[1]
    qtbot.waitUntil(tab.isVisible)
    layer = viewer.layers["found"]
    before = len(layer.events.data.callbacks)
    viewer.window.remove_dock_widget(tab)
    assert len(layer.events.data.callbacks) < before
    layer.data = layer.data[:1]
    assert len(tab.view.rows) == 3
