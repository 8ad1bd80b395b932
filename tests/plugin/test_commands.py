"""The commands of menus and palette, run as napari runs them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_pinpoint.io.tables import FORMATS, read_localizations, write_localizations
from napari_pinpoint.io.write_images import write_stack
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.layers.live_picture import FINEST
from napari_pinpoint.plugin.layers.tables import is_result, points_layer_data, table_from_layer
from napari_pinpoint.stack import Stack

pytestmark = pytest.mark.gui


@pytest.fixture
def viewer(make_napari_viewer: Any) -> Iterator[Any]:
    from napari.plugins import _initialize_plugins

    _initialize_plugins()
    return make_napari_viewer()


@pytest.fixture
def run(qtbot: Any, viewer: Any) -> Callable[[str], None]:
    """Runs a command by its name, with the viewer injected by napari, and waits for what it starts."""
    from napari._app_model import get_app_model

    from napari_pinpoint.plugin.work.tasks import tasks_of

    def run_it(name: str) -> None:
        get_app_model().commands.execute_command(f"napari-pinpoint.{name}").result()
        qtbot.wait(50)
        qtbot.waitUntil(lambda: not tasks_of(viewer).is_running)

    return run_it


@pytest.fixture
def errors(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What users are told."""
    told: list[str] = []
    monkeypatch.setattr("napari_pinpoint.plugin.files.opening.show_error", told.append)
    return told


def answer_open(monkeypatch: pytest.MonkeyPatch, path: Path | str) -> None:
    from qtpy.QtWidgets import QFileDialog

    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: (str(path), ""))


def answer_save(monkeypatch: pytest.MonkeyPatch, path: Path) -> list[str]:
    """Answers with the first of the kinds of files; returns the list that the offered ones are put into."""
    from qtpy.QtWidgets import QFileDialog

    offered: list[str] = []

    def answer(parent: Any, title: str, start: str, filters: str, chosen: str) -> tuple[str, str]:
        offered.extend(filters.split(";;"))
        return str(path), chosen

    monkeypatch.setattr(QFileDialog, "getSaveFileName", answer)
    return offered


def test_a_stack_opens_lazily_with_its_calibration(
    viewer: Any, run: Any, movie: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_pinpoint.plugin.layers.calibration import pixel_size_of
    from napari_pinpoint.plugin.layers.tables import Placement
    from napari_pinpoint.plugin.layers.views import view_from_layer

    write_stack(movie, tmp_path / "movie.tif")
    answer_open(monkeypatch, tmp_path / "movie.tif")
    run("open_stack")
    layer = viewer.layers["movie.tif"]
    assert not isinstance(layer.data, np.ndarray)
    np.testing.assert_array_equal(layer.data[3], movie.data[3])
    assert layer.axis_labels == ("t", "y", "x")
    assert pixel_size_of(layer.scale, layer.units, {}) == 100
    view = view_from_layer(layer, Placement.in_layer(layer, time_axis=0, at=(0, 0, 0)))
    assert view.stack.path == str(tmp_path / "movie.tif")  # so that the table can be made again


def test_a_dialog_that_is_left_changes_nothing(viewer: Any, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    answer_open(monkeypatch, "")
    run("open_stack")
    run("open_table")
    assert len(viewer.layers) == 0


def test_a_table_opens_over_the_image_that_it_fits(
    viewer: Any, run: Any, table: Localizations, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = viewer.add_image(np.zeros((5, 32, 40)), scale=(1, 0.117, 0.117), units=("pixel", "um", "um"))
    viewer.add_image(np.zeros((5, 8, 8)), name="too small")
    write_localizations(table, tmp_path / "table.parquet")
    answer_open(monkeypatch, tmp_path / "table.parquet")
    run("open_table")
    layer = viewer.layers["table"]
    assert is_result(layer)
    assert layer.units == image.units
    np.testing.assert_array_equal(layer.scale, image.scale)
    assert table_from_layer(layer).record == table.record


def test_our_own_tables_open_without_asking(viewer: Any, table: Localizations, tmp_path: Path) -> None:
    write_localizations(table, tmp_path / "found.parquet")
    assert [layer.name for layer in viewer.open(str(tmp_path / "found.parquet"), plugin=None)] == ["found"]


def test_a_table_in_nanometres_asks_for_the_size_of_a_pixel(
    qtbot: Any, viewer: Any, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from qtpy.QtWidgets import QInputDialog

    viewer.add_image(np.zeros((2, 9, 9)), scale=(1, 0.2, 0.2), units=("pixel", "um", "um"))
    (tmp_path / "a.csv").write_text('"frame","x [nm]","y [nm]"\n1,300,500\n')
    answer_open(monkeypatch, tmp_path / "a.csv")
    asked: list[float] = []
    monkeypatch.setattr(QInputDialog, "getDouble", lambda *a: asked.append(a[3]) or (a[3], True))
    run("open_table")
    qtbot.waitUntil(lambda: "a" in viewer.layers)
    assert asked == [200]
    np.testing.assert_allclose(viewer.layers["a"].data, [[0, 2, 1]])


def test_what_a_table_leaves_open_is_asked_for(
    qtbot: Any, viewer: Any, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from qtpy.QtWidgets import QInputDialog

    (tmp_path / "a.csv").write_text("Channel,Frame,X (nm),Y (nm)\n0,0,300,500\n")
    answer_open(monkeypatch, tmp_path / "a.csv")
    asked: list[list[str]] = []
    monkeypatch.setattr(QInputDialog, "getDouble", lambda *a: (200.0, True))
    monkeypatch.setattr(QInputDialog, "getItem", lambda *a: asked.append(a[3]) or (a[3][1], True))
    run("open_table")
    qtbot.waitUntil(lambda: "a" in viewer.layers)
    assert "0 is the centre of the first pixel" in asked[0]
    np.testing.assert_allclose(viewer.layers["a"].data, [[0, 2.5, 1.5]])


def test_all_points_or_the_selected_ones_are_written(
    viewer: Any, run: Any, table: Localizations, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, errors: list[str]
) -> None:
    data, attributes, _ = points_layer_data(table, name="found")
    layer = viewer.add_points(data, **attributes)
    offered = answer_save(monkeypatch, tmp_path / "all")
    run("export_points")
    assert len(read_localizations(tmp_path / "all.parquet")) == 3
    assert offered[:2] == ["Parquet, all columns (*.parquet)", "ThunderSTORM, without probability, label (*.csv)"]
    assert len(offered) == len(FORMATS.names())
    run("export_selected_points")
    assert errors == ["No points are selected: choose a Points layer, press S there, and click or drag."]
    layer.selected_data = {2, 0}
    answer_save(monkeypatch, tmp_path / "some.parquet")
    run("export_selected_points")
    some = read_localizations(tmp_path / "some.parquet")
    assert some["probability"].tolist() == [1.0, 0.5]
    assert some.record["steps"][-1] == {"step": "select", "points": 2}


def test_points_are_drawn_as_a_picture(
    qtbot: Any, viewer: Any, run: Any, table: Localizations, errors: list[str]
) -> None:
    run("render_points")
    assert "Select a layer of points first" in errors[0]
    viewer.add_image(np.zeros((5, 32, 40)))
    data, attributes, _ = points_layer_data(table, name="found")
    viewer.add_points(data, **attributes)
    run("render_points")
    picture = viewer.layers["found picture"]
    assert picture.data.shape == (32 * FINEST, 40 * FINEST)
    qtbot.waitUntil(lambda: np.count_nonzero(np.asarray(picture.data[-1])) == 3)
    assert len(table_from_layer(picture)) == 3


@pytest.mark.parametrize("name", ["Pinpoint", "Results", "Evaluate"])
def test_widgets_open_from_the_menu(viewer: Any, run: Any, name: str) -> None:
    run({"Pinpoint": "dock"}.get(name, name.lower()))
    assert f"{name} (Pinpoint)" in viewer.window.dock_widgets
