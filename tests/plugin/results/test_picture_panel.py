"""The panel Picture of the tab Results, in a real viewer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_pinpoint import read_stack
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.layers.pictures import live_picture
from napari_pinpoint.plugin.layers.tables import Placement, points_layer_data, table_from_layer
from napari_pinpoint.rendering import render

pytestmark = pytest.mark.gui


@pytest.fixture
def many(rng: np.random.Generator) -> Localizations:
    sigma = np.full(300, 0.1)
    columns = {"frame": np.arange(300) % 12, "y": rng.uniform(0, 31, 300), "x": rng.uniform(0, 39, 300)}
    record = {"input": {"shape": [12, 32, 40]}}
    return Localizations(columns | {"uncertainty_y": sigma, "uncertainty_x": sigma}, pixel_size_nm=100, record=record)


@pytest.fixture
def viewer(make_napari_viewer: Any, add_movie: Any, many: Localizations) -> Any:
    viewer = make_napari_viewer(show=True)
    movie = add_movie(viewer)
    data, more, _ = points_layer_data(many, Placement.in_layer(movie, time_axis=0, at=(0, 0, 0)), name="found")
    viewer.add_points(data, **more)
    return viewer


@pytest.fixture
def panel(qtbot: Any, viewer: Any) -> Any:
    tab = viewer.window.add_plugin_dock_widget("napari-pinpoint", "Results")[1]
    qtbot.waitUntil(lambda: tab.look is not None and not tab.background.is_asked("look"), timeout=20_000)
    tab.form.sections["Picture"].set_open(True)
    return tab.form.picture


def test_a_picture_layer_by_a_column(qtbot: Any, viewer: Any, panel: Any, many: Localizations) -> None:
    panel.color_choice.setCurrentIndex(panel.color_choice.findData("frame"))
    panel.button.click()
    qtbot.waitUntil(lambda: "found picture" in viewer.layers, timeout=20_000)
    layer = viewer.layers["found picture"]
    assert layer.rgb
    assert live_picture(layer).coloring.column == "frame"
    assert len(table_from_layer(layer)) == len(many)
    qtbot.waitUntil(lambda: np.asarray(layer._slice.image.raw).any(), timeout=20_000)
    np.testing.assert_allclose(layer.extent.world[0], [-0.05, -0.05], atol=0.01)


@pytest.mark.parametrize(("name", "chosen"), [("a", "OME-TIFF, the picture itself (*.ome.tif)"), ("a.ome.tif", "")])
def test_the_file_is_that_of_the_command(
    qtbot: Any, panel: Any, many: Localizations, tmp_path: Path, monkeypatch: Any, name: str, chosen: str
) -> None:
    path = tmp_path / "a.ome.tif"
    answer = (str(tmp_path / name), chosen)
    monkeypatch.setattr("napari_pinpoint.plugin.results.picture_panel.QFileDialog.getSaveFileName", lambda *_: answer)
    panel.pixel.setText("20")
    panel.save_button.click()
    qtbot.waitUntil(path.exists, timeout=20_000)
    assert not (tmp_path / "a").exists()
    stack = read_stack(path)
    assert stack.pixel_size_nm == 20
    expected = render(many, shape=(32, 40), picture_pixel_nm=20, method="gaussian")
    np.testing.assert_allclose(np.asarray(stack.data), expected, rtol=1e-5)
