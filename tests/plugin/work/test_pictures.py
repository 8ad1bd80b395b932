"""A picture layer in a real viewer: drawn for what is on screen, in the background."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.layers.pictures import live_picture, picture_layer_data, set_table
from napari_pinpoint.plugin.layers.result_layers import add_layer
from napari_pinpoint.plugin.layers.tables import Placement, table_from_layer
from napari_pinpoint.plugin.work.pictures import follow_pictures
from napari_pinpoint.rendering import Coloring

pytestmark = pytest.mark.gui


@pytest.fixture
def many(rng: np.random.Generator) -> Localizations:
    """On the left half of the movie only."""
    sigma = np.full(5000, 0.05)
    y, x = rng.uniform(0, 31, 5000), rng.uniform(0, 19, 5000)
    columns = {"frame": np.zeros(5000), "y": y, "x": x, "uncertainty_y": sigma, "uncertainty_x": sigma}
    return Localizations(columns, pixel_size_nm=100)


@pytest.fixture
def viewer(make_napari_viewer: Any, add_movie: Any) -> Any:
    viewer = make_napari_viewer(show=True)
    add_movie(viewer)
    return viewer


def add(viewer: Any, table: Localizations, **how: Any) -> Any:
    placement = Placement.in_layer(viewer.layers["movie"], time_axis=0, at=(0, 0, 0))
    return add_layer(viewer, picture_layer_data(table, placement, (32, 40), name="picture", deferred=True, **how))


def settled(qtbot: Any, viewer: Any, layer: Any) -> np.ndarray:
    """What is shown when nothing is to be drawn any more."""
    follower, live = follow_pictures(viewer), live_picture(layer)
    qtbot.wait(100)  # napari looks where the camera is when it draws
    qtbot.waitUntil(lambda: not follower.is_busy() and live.wanted is None, timeout=20_000)
    return np.asarray(layer._slice.image.raw)


def test_it_is_drawn_for_what_is_on_screen(qtbot: Any, viewer: Any, many: Localizations) -> None:
    follow_pictures(viewer)
    layer = add(viewer, many)
    home = settled(qtbot, viewer, layer)
    assert home.any()
    np.testing.assert_allclose(layer.extent.world[:, 1], [-0.05, 3.95], atol=0.06)
    camera = viewer.scene.camera
    camera.center, camera.zoom = (0, 1.5, 1.0), camera.zoom * 12
    close = settled(qtbot, viewer, layer)
    assert layer.data_level == 0
    # Gaussians of 3.2 pixels leave hardly any pixel empty, where a histogram has one in ten thousand filled.
    assert np.count_nonzero(close) > 0.5 * close.size
    camera.center = (0, 1.5, 3.5)
    assert not settled(qtbot, viewer, layer)[:, -200:].any()


def test_another_table_and_some_rows_take_its_place(qtbot: Any, viewer: Any, many: Localizations) -> None:
    follow_pictures(viewer)
    layer = add(viewer, many)
    lit = np.count_nonzero(settled(qtbot, viewer, layer))
    live_picture(layer).show_rows(np.asarray(many["y"] < 8))
    assert 0 < np.count_nonzero(settled(qtbot, viewer, layer)) < 0.4 * lit
    some = many.select(slice(0, 10)).with_step("filter", expression="few")
    set_table(layer, some)
    assert np.count_nonzero(settled(qtbot, viewer, layer)) < 0.05 * lit
    assert table_from_layer(layer) is some
    assert layer.metadata["pinpoint"]["record"]["steps"]
    with pytest.raises(ValueError, match="no picture of a table"):
        set_table(viewer.layers["movie"], some)


def test_a_picture_that_is_there_already_is_followed_too(qtbot: Any, viewer: Any, many: Localizations) -> None:
    placement = Placement.in_layer(viewer.layers["movie"], time_axis=0, at=(0, 0, 0))
    layer = add_layer(viewer, picture_layer_data(many, placement, (32, 40), name="picture"))
    qtbot.wait(50)
    before = np.count_nonzero(layer._slice.image.raw)
    follow_pictures(viewer)
    assert np.count_nonzero(settled(qtbot, viewer, layer)) > before > 0


def test_in_colours_and_taken_away(qtbot: Any, viewer: Any, many: Localizations) -> None:
    follow_pictures(viewer)
    layer = add(viewer, many, coloring=Coloring.of(many, "y"))
    image = settled(qtbot, viewer, layer)
    assert image.shape[-1] == 3
    assert image.any()
    viewer.layers.remove(layer)
    assert live_picture(layer).on_wanted is None
    assert not follow_pictures(viewer).is_busy()
