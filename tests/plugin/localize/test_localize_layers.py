"""What a run leaves in the layer list: points as they come, replaced or added, a picture where there are too many."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from napari_pinpoint.inference import LocalizeSettings, Region, localize
from napari_pinpoint.plugin.layers.live_picture import FINEST
from napari_pinpoint.plugin.layers.tables import is_result, table_from_layer
from napari_pinpoint.stack import Stack

pytestmark = pytest.mark.gui

RESULT = "movie localizations"


@pytest.fixture
def tab(open_tab: Callable[..., Any], add_movie: Callable[..., Any], ready: Callable[..., Any]) -> Any:
    """The tab with the movie, ready to run."""
    tab = open_tab()
    add_movie(tab.viewer)
    return ready(tab)


def names(tab: Any) -> list[str]:
    return [layer.name for layer in tab.viewer.layers]


class Halting:
    """Counts whose second half a job gets once `go` is set, so that there is something to see while it runs."""

    def __init__(self, counts: np.ndarray) -> None:
        self.counts, self.shape, self.dtype, self.ndim = counts, counts.shape, counts.dtype, counts.ndim
        self.go = threading.Event()

    def __getitem__(self, index: Any) -> np.ndarray:
        if threading.current_thread().name.startswith("pinpoint-read") and index[0].start >= len(self.counts) // 2:
            self.go.wait(60)
        return self.counts[index]


@pytest.mark.usefixtures("small_chunks")
def test_points_stream_in_and_the_end_holds_them_all(
    qtbot: Any,
    tab: Any,
    movie: Stack,
    add_movie: Callable[..., Any],
    ready: Callable[..., Any],
    press: Callable[..., None],
    same_rows: Callable[..., None],
) -> None:
    halting = Halting(movie.data)
    add_movie(tab.viewer, halting, name="slow")
    ready(tab)
    press(tab.run_button)
    qtbot.waitUntil(lambda: "slow localizations" in tab.viewer.layers, timeout=60_000)
    live = tab.viewer.layers["slow localizations"]
    qtbot.waitUntil(lambda: len(live.data) > 0, timeout=60_000)
    early = len(live.data)
    assert tab.jobs.is_running
    assert not is_result(live)
    halting.go.set()
    qtbot.waitUntil(lambda: not tab.jobs.is_running, timeout=60_000)
    expected = localize(movie, "smlm-2d")
    assert early < len(expected)
    assert names(tab) == ["movie", "slow", "slow localizations"]
    same_rows(table_from_layer(tab.viewer.layers["slow localizations"]), expected)


def test_running_again_replaces_what_a_run_has_made(tab: Any, run_tab: Callable[..., None]) -> None:
    tab.form.advanced.offsets.setChecked(True)
    run_tab(tab)
    first = tab.viewer.layers[RESULT]
    tab.form.sensitivity.set_value(0.9)
    run_tab(tab)
    assert names(tab) == ["movie", "movie offsets", RESULT]
    assert tab.viewer.layers[RESULT] != first
    assert table_from_layer(tab.viewer.layers[RESULT]).record["settings"]["threshold"] == 0.9


def test_points_that_the_user_has_changed_are_never_replaced(tab: Any, run_tab: Callable[..., None]) -> None:
    run_tab(tab)
    mine = tab.viewer.layers[RESULT]
    mine.add([[0, 3.0, 4.0]])
    run_tab(tab)
    assert names(tab) == ["movie", RESULT, f"{RESULT} [1]"]
    assert tab.viewer.layers[RESULT] == mine
    assert not mine.visible
    assert "You have changed" in tab.messages.toPlainText()


def test_only_results_of_the_same_images_are_replaced(
    tab: Any, movie: Stack, add_movie: Callable[..., Any], ready: Callable[..., Any], run_tab: Callable[..., None]
) -> None:
    """Not those of another file of the same name, which the user has opened next, nor those of another channel."""
    run_tab(tab)
    tab.viewer.layers.remove("movie")
    both = {"scale": (1, 1, 0.1, 0.1), "units": ("pixel", "pixel", "um", "um"), "axis_labels": ("t", "c", "y", "x")}
    add_movie(tab.viewer, np.stack([movie.data, movie.data[::-1]], axis=1), **both)
    ready(tab)
    for channel in (0, 1, 1):
        tab.viewer.dims.set_current_step(1, channel)
        run_tab(tab)
    assert names(tab) == [RESULT, "movie", f"{RESULT} [1]", f"{RESULT} [2]"]
    assert all(layer.visible for layer in tab.viewer.layers)


def test_adding_keeps_all(tab: Any, run_tab: Callable[..., None]) -> None:
    tab.form.advanced.rerun.setCurrentIndex(tab.form.advanced.rerun.findData("add"))
    for _ in range(2):
        run_tab(tab)
    assert names(tab) == ["movie", RESULT, f"{RESULT} [1]"]
    assert all(layer.visible for layer in tab.viewer.layers)


def test_too_many_points_become_a_picture_that_holds_them(
    tab: Any, movie: Stack, run_tab: Callable[..., None], same_rows: Callable[..., None], monkeypatch: Any
) -> None:
    monkeypatch.setattr(
        "napari_pinpoint.plugin.localize.advanced_form.preference", lambda name: {"most_points": 20}.get(name, "auto")
    )
    run_tab(tab)
    layer = tab.viewer.layers[RESULT]
    assert layer.data.shape == (32 * FINEST, 40 * FINEST)
    same_rows(table_from_layer(layer), localize(movie, "smlm-2d"))
    assert "shown as a picture" in tab.messages.toPlainText()
    assert tab.form.layer == tab.viewer.layers["movie"]  # a picture of points is no image to look for points in
    run_tab(tab)
    assert names(tab) == ["movie", RESULT]


def test_frames_and_region_are_those_of_the_core(
    qtbot: Any, tab: Any, movie: Stack, run_tab: Callable[..., None], same_rows: Callable[..., None]
) -> None:
    corners = np.array([[3.2, 2.2], [3.2, 30.7], [25.6, 22.1]])
    shapes = tab.viewer.add_shapes([corners], shape_type="polygon", scale=(0.1, 0.1), units=("um", "um"), name="cell")
    tab.form.source.region_choice.choose(shapes)
    qtbot.keyClicks(tab.form.source.first, "2")
    qtbot.keyClicks(tab.form.source.last, "7")
    run_tab(tab)
    table = table_from_layer(tab.viewer.layers[RESULT])
    region = Region(shapes.to_labels(labels_shape=(32, 40)), name="cell")
    expected = localize(movie, "smlm-2d", settings=LocalizeSettings(frames=(2, 8)), region=region)
    same_rows(table, expected)
    assert set(np.unique(table["frame"])) <= set(range(2, 8))
    assert table.record["settings"]["frames"] == [2, 8]
    assert (table["region"] == 1).all()


@pytest.mark.parametrize(("first", "last", "said"), [("5", "3", "5 to 3 is not"), ("0", "12", "go from 0 to 11")])
def test_frames_that_are_not_there_are_named(
    qtbot: Any, tab: Any, run_tab: Callable[..., None], first: str, last: str, said: str
) -> None:
    qtbot.keyClicks(tab.form.source.first, first)
    qtbot.keyClicks(tab.form.source.last, last)
    run_tab(tab)
    assert said in tab.messages.toPlainText()
    assert names(tab) == ["movie"]


def test_contrast_can_be_asked_for_besides(
    qtbot: Any, tab: Any, movie: Stack, run_tab: Callable[..., None], same_rows: Callable[..., None]
) -> None:
    qtbot.keyClicks(tab.form.advanced.other, "5")
    run_tab(tab)
    settings = LocalizeSettings(min_contrast=5.0)
    same_rows(table_from_layer(tab.viewer.layers[RESULT]), localize(movie, "smlm-2d", settings=settings))


def test_contrast_is_the_control_of_spots(
    qtbot: Any, tab: Any, movie: Stack, ready: Callable[..., Any], run_tab: Callable[..., None],
    same_rows: Callable[..., None],
) -> None:  # fmt: skip
    ready(tab, "spots")
    sensitivity = tab.form.sensitivity
    assert sensitivity.label.text() == "Least contrast"
    assert sensitivity.value() is None
    sensitivity.set_value(6.0)
    run_tab(tab)
    expected = localize(movie, "spots", settings=LocalizeSettings(min_contrast=6.0))
    same_rows(table_from_layer(tab.viewer.layers[RESULT]), expected)


def test_where_the_new_result_cannot_be_added_the_former_one_stays(tab: Any, run_tab: Callable[..., None]) -> None:
    def no_room(event: Any) -> None:
        if is_result(event.value):
            raise MemoryError

    run_tab(tab)
    first = tab.viewer.layers[RESULT]
    tab.viewer.layers.events.inserted.connect(no_room)
    run_tab(tab)
    assert "Not enough memory" in tab.messages.toPlainText()
    assert first in tab.viewer.layers
    assert first.visible


@pytest.mark.usefixtures("small_chunks")
def test_a_failed_run_leaves_the_former_result_as_it_was(
    qtbot: Any, tab: Any, movie: Stack, run_tab: Callable[..., None]
) -> None:
    class Broken(Halting):
        def __getitem__(self, index: Any) -> np.ndarray:
            if threading.current_thread().name.startswith("pinpoint-read") and index[0].start >= 6:
                raise OSError("the disk is gone")
            return self.counts[index]

    run_tab(tab)
    tab.viewer.layers["movie"].data = Broken(movie.data)
    run_tab(tab)
    assert "the disk is gone" in tab.messages.toPlainText()
    assert names(tab) == ["movie", RESULT]
    assert tab.viewer.layers[RESULT].visible
