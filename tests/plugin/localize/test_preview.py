"""The preview: what a run would find in the frame on screen, at once when the threshold moves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_pinpoint.inference import LocalizeSettings, localize
from napari_pinpoint.stack import Stack

pytestmark = pytest.mark.gui


@pytest.fixture
def previewing(
    qtbot: Any, open_tab: Callable[..., Any], add_movie: Callable[..., Any], ready: Callable[..., Any]
) -> Any:
    """The tab with the preview of frame 3 of the movie."""
    tab = open_tab()
    add_movie(tab.viewer)
    tab.viewer.dims.set_current_step(0, 3)
    ready(tab)
    tab.form.sensitivity.preview_box.setChecked(True)
    wait_for(qtbot, tab, 3)
    return tab


def wait_for(qtbot: Any, tab: Any, frame: int) -> Any:
    """Waits for the preview of a frame; gives the rows that it keeps."""
    preview = tab.follower.preview

    def there() -> bool:
        return preview.kept is not None and not preview.is_busy and (preview.kept["frame"] == frame).all()

    qtbot.waitUntil(there, timeout=60_000)
    return preview.kept


def shown(tab: Any) -> np.ndarray:
    return np.asarray(tab.follower.preview.layer.data)


def test_it_shows_what_a_run_finds_in_this_frame(
    qtbot: Any, previewing: Any, movie: Stack, same_rows: Callable[..., None]
) -> None:
    for value in (None, 0.9, 0.1):
        previewing.form.sensitivity.set_value(value)
        settings = LocalizeSettings(threshold=value, frames=(3, 4))
        expected = localize(movie, "smlm-2d", settings=settings)
        kept = previewing.follower.preview.kept
        same_rows(kept.without_columns("contrast"), expected)
        np.testing.assert_array_equal(shown(previewing)[:, 1:], expected.positions())
        assert f"{len(expected):,} of" in previewing.form.sensitivity.count.text()
    assert previewing.form.sensitivity.histogram.counts.sum() == len(previewing.follower.preview.candidates)


def test_it_follows_the_frame_slider(qtbot: Any, previewing: Any) -> None:
    previewing.viewer.dims.set_current_step(0, 8)
    wait_for(qtbot, previewing, 8)
    assert (shown(previewing)[:, 0] == 8).all()
    previewing.viewer.dims.set_current_step(0, 3)  # remembered
    wait_for(qtbot, previewing, 3)


def test_it_follows_the_visible_layer(qtbot: Any, previewing: Any, movie: Stack, add_movie: Callable[..., Any]) -> None:
    tab = previewing
    other = add_movie(tab.viewer, movie.data[::-1], name="other")
    assert tab.form.layer == other
    qtbot.waitUntil(lambda: tab.assistant.is_ready)
    wait_for(qtbot, tab, 3)
    other.visible = False
    qtbot.waitUntil(lambda: tab.form.layer == tab.viewer.layers["movie"])


def test_a_region_leaves_points_outside_away(qtbot: Any, previewing: Any) -> None:
    tab = previewing
    everywhere = len(wait_for(qtbot, tab, 3))
    half = np.zeros((32, 40), int)
    half[:, :20] = 1
    labels = tab.viewer.add_labels(half, scale=(0.1, 0.1), units=("um", "um"))
    tab.form.source.region_choice.choose(labels)
    qtbot.waitUntil(lambda: (kept := tab.follower.preview.kept) is not None and "region" in kept, timeout=60_000)
    inside = tab.follower.preview.kept
    assert 0 < len(inside) < everywhere
    assert inside["x"].max() < 19.5


def test_moving_the_threshold_switches_it_on(
    qtbot: Any, open_tab: Callable[..., Any], add_movie: Callable[..., Any], ready: Callable[..., Any]
) -> None:
    from qtpy.QtCore import Qt

    tab = open_tab()
    add_movie(tab.viewer)
    ready(tab)
    assert [layer.name for layer in tab.viewer.layers] == ["movie"]  # nothing is added that nobody asked for
    qtbot.keyClick(tab.form.sensitivity.slider, Qt.Key.Key_Right)
    assert tab.form.sensitivity.preview_box.isChecked()
    qtbot.waitUntil(lambda: "preview" in tab.viewer.layers, timeout=60_000)
    assert tab.viewer.layers.selection.active == tab.viewer.layers["movie"]


def test_it_goes_when_it_is_switched_off_removed_hidden_or_run(
    qtbot: Any, previewing: Any, run_tab: Callable[..., None]
) -> None:
    tab, box = previewing, previewing.form.sensitivity.preview_box
    box.setChecked(False)
    assert "preview" not in tab.viewer.layers
    box.setChecked(True)
    wait_for(qtbot, tab, 3)
    tab.viewer.layers.remove("preview")
    assert not box.isChecked()
    box.setChecked(True)
    wait_for(qtbot, tab, 3)
    run_tab(tab)
    assert [layer.name for layer in tab.viewer.layers] == ["movie", "movie localizations"]
    assert not box.isChecked()


def test_a_closed_dock_leaves_no_preview_and_watches_nothing(
    qtbot: Any, make_napari_viewer: Any, add_movie: Callable[..., Any], ready: Callable[..., Any]
) -> None:
    from napari_pinpoint.plugin.localize.localize_tab import LocalizeTab

    viewer = make_napari_viewer(show=True)
    tab = LocalizeTab(viewer)
    viewer.window.add_dock_widget(tab, name="x")
    add_movie(viewer)
    ready(tab)
    tab.form.sensitivity.preview_box.setChecked(True)
    wait_for(qtbot, tab, viewer.dims.current_step[0])
    viewer.window.remove_dock_widget(tab)
    assert "preview" not in viewer.layers
    viewer.dims.set_current_step(0, 5)
    qtbot.wait(300)
    assert "preview" not in viewer.layers
    assert not tab.background.is_asked("preview")


@pytest.mark.parametrize("name", ["model", "pixel size"])
def test_what_cannot_be_shown_says_why(qtbot: Any, previewing: Any, name: str, tmp_path: Path) -> None:
    tab = previewing
    if name == "model":
        (tmp_path / "cut.safetensors").write_bytes(b"\x10\0\0\0")
        tab.form.model.add_file(tmp_path / "cut.safetensors")
        said = "not a model file"
    else:
        field = tab.form.camera.numbers["pixel_size_nm"]
        field.clear()
        qtbot.keyClicks(field, "-3")
        said = "must be above 0"
    qtbot.waitUntil(lambda: said in tab.form.sensitivity.histogram.message, timeout=60_000)


def test_doubts_of_a_run_are_told_with_every_frame(qtbot: Any, previewing: Any) -> None:
    tab, field = previewing, previewing.form.camera.numbers["pixel_size_nm"]
    said = tab.form.sensitivity.count.text
    assert "Warning" not in said()
    field.clear()
    qtbot.keyClicks(field, "300")
    qtbot.waitUntil(lambda: "Warning: The pixel size" in said(), timeout=60_000)
    tab.viewer.dims.set_current_step(0, 5)
    wait_for(qtbot, tab, 5)
    assert "candidates in this frame are kept.\nWarning: The pixel size" in said()


def test_a_single_image_has_a_preview_as_well(
    qtbot: Any, open_tab: Callable[..., Any], movie: Stack, add_movie: Callable[..., Any], ready: Callable[..., Any]
) -> None:
    tab = open_tab()
    add_movie(tab.viewer, movie.data[2], scale=(0.1, 0.1), units=("um", "um"))
    ready(tab)
    tab.form.sensitivity.preview_box.setChecked(True)
    kept = wait_for(qtbot, tab, 0)
    assert shown(tab).shape == (len(kept), 2)
    assert len(kept) > 0
