"""Points that appear while a job runs: in batches, never too many at once, and gone when they are asked to be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.layers.tables import Placement

pytestmark = pytest.mark.gui


def chunk(first: int, last: int, per_frame: int = 10) -> Localizations:
    frame = np.repeat(np.arange(first, last), per_frame)
    return Localizations({"frame": frame, "y": frame * 1.0, "x": np.arange(len(frame)) % per_frame})


@pytest.fixture
def live(make_napari_viewer: Any) -> Any:
    from napari_pinpoint.plugin.localize.streaming import LivePoints

    viewer = make_napari_viewer()
    viewer.add_image(np.zeros((1000, 8, 8), np.uint8))
    live = LivePoints(viewer, Placement(), "movie localizations")
    yield live
    live.stop()


def test_points_come_in_batches(qtbot: Any, live: Any) -> None:
    live.add(chunk(0, 3))
    assert live.layer is None  # not at once
    qtbot.waitUntil(lambda: live.layer is not None)
    assert live.layer.name == "movie localizations"
    assert len(live.layer.data) == 30
    changes: list[int] = []
    live.layer.events.data.connect(lambda event: changes.append(1))
    for first in range(3, 9):
        live.add(chunk(first, first + 1))
    qtbot.waitUntil(lambda: len(live.layer.data) == 90)
    assert len(changes) <= 4  # napari tells of one change before and after
    np.testing.assert_array_equal(np.unique(live.layer.data[:, 0]), np.arange(9))


def test_many_points_are_those_around_the_frame_on_screen(qtbot: Any, live: Any) -> None:
    viewer = live._viewer
    viewer.dims.set_current_step(0, 600)
    for first in range(0, 1000, 50):
        live.add(chunk(first, first + 50))
    qtbot.waitUntil(lambda: live.layer is not None and (live.layer.data[:, 0] == 600).sum() == 10)
    assert len(live.layer.data) <= 4000
    viewer.dims.set_current_step(0, 20)
    qtbot.waitUntil(lambda: (live.layer.data[:, 0] == 20).sum() == 10)
    assert len(live.layer.data) <= 4000


def test_a_layer_that_is_removed_does_not_come_back(qtbot: Any, live: Any) -> None:
    live.add(chunk(0, 3))
    qtbot.waitUntil(lambda: live.layer is not None)
    live._viewer.layers.remove(live.layer)
    live.add(chunk(3, 6))
    qtbot.wait(1200)
    assert [layer.name for layer in live._viewer.layers] == ["Image"]
    live.remove()


def test_it_leaves_no_layer_behind(qtbot: Any, live: Any) -> None:
    live.add(chunk(0, 3))
    qtbot.waitUntil(lambda: live.layer is not None)
    live.remove()
    assert [layer.name for layer in live._viewer.layers] == ["Image"]


def test_it_becomes_the_layer_of_all_points(qtbot: Any, live: Any) -> None:
    """No layer is removed for it, which takes napari longer; and every point has its own features."""
    from napari.layers import Points

    from napari_pinpoint.plugin.layers.tables import is_result, points_layer_data, table_from_layer

    live.add(chunk(0, 3))
    qtbot.waitUntil(lambda: live.layer is not None)
    layer, everything = live.layer, chunk(0, 9)
    everything = everything.with_columns(probability=np.linspace(0.1, 0.9, len(everything)))
    data, attributes, _ = points_layer_data(everything, name="movie localizations")
    assert not is_result(layer)
    assert live.become(Points(data, **attributes))
    assert list(live._viewer.layers)[1:] == [layer]
    assert is_result(layer)
    table = table_from_layer(layer)
    assert {name: values.tolist() for name, values in table.columns.items()} == {
        name: values.tolist() for name, values in everything.columns.items()
    }
    np.testing.assert_allclose(layer.size, 5.0)
    assert len(layer.border_color) == len(everything)
    layer.add([[1.0, 2.0, 3.0]])
    assert layer.features["probability"].iloc[-1] == 1.0  # a point that is drawn by hand is certain


def test_it_does_not_become_what_it_cannot_be(qtbot: Any, live: Any) -> None:
    from napari.layers import Image, Points

    assert not live.become(Points(np.zeros((1, 3))))  # nothing has been shown yet
    live.add(chunk(0, 3))
    qtbot.waitUntil(lambda: live.layer is not None)
    assert not live.become(Image(np.zeros((4, 4))))
    live._viewer.layers.remove(live.layer)
    assert not live.become(Points(np.zeros((1, 3))))
