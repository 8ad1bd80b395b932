"""Link, drift, counts, resolution and recorded steps through the tab Results, in a real viewer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.layers.pictures import live_picture
from napari_pinpoint.plugin.layers.tables import Placement, points_layer_data, table_from_layer
from napari_pinpoint.postprocessing import correct_drift, estimate_drift, link, merge, replay

pytestmark = pytest.mark.gui

FRAMES = 60


@pytest.fixture
def blinking() -> Localizations:
    """Molecules that shine for three frames, and two beads; all of it drifts by 2 px down."""
    rng = np.random.default_rng(1)
    on, y, x = rng.integers(0, FRAMES - 3, 200), rng.uniform(3, 60, 200), rng.uniform(3, 60, 200)
    frame = np.concatenate([np.repeat(on, 3) + np.tile([0, 1, 2], 200), np.repeat(np.arange(FRAMES), 2)])
    y, x = (
        np.concatenate([np.repeat(values, 3), np.tile(beads, FRAMES)])
        for values, beads in ((y, (20.0, 44.0)), (x, (10.0, 30.0)))
    )
    n = len(frame)
    return Localizations(
        {
            "frame": frame,
            "y": y + 2 * frame / (FRAMES - 1) + rng.normal(0, 0.05, n),
            "x": x + rng.normal(0, 0.05, n),
            "photons": np.where(np.arange(n) < 600, 500.0, 5000.0),
            "uncertainty_y": np.full(n, 0.05),
            "uncertainty_x": np.full(n, 0.05),
        },
        pixel_size_nm=100,
        record={"steps": [{"step": "localize"}]},
    )


@pytest.fixture
def viewer(make_napari_viewer: Any, blinking: Localizations) -> Any:
    viewer = make_napari_viewer()
    attributes = {"scale": (1, 0.1, 0.1), "units": ("pixel", "um", "um")}
    image = viewer.add_image(np.zeros((FRAMES, 64, 64), "uint16"), name="movie", **attributes)
    data, more, _ = points_layer_data(blinking, Placement.in_layer(image, time_axis=0, at=(0, 0, 0)), name="found")
    viewer.add_points(data, **more)
    return viewer


@pytest.fixture
def ended(qtbot: Any) -> Callable[[Any], None]:
    """Waits until what was started has ended and is shown."""

    def wait(tab: Any) -> None:
        qtbot.waitUntil(lambda: not tab.tasks.is_running, timeout=60_000)
        qtbot.waitUntil(lambda: not tab.background.is_asked("look") and tab.look is not None, timeout=60_000)

    return wait


@pytest.fixture
def tab(viewer: Any, ended: Any) -> Any:
    tab = viewer.window.add_plugin_dock_widget("napari-pinpoint", "Results")[1]
    ended(tab)
    return tab


@pytest.fixture
def do(press: Any, ended: Any) -> Callable[[Any, str], Any]:
    """Opens a section and presses its button; gives the panel when all is done."""

    def press_it(tab: Any, title: str) -> Any:
        section = tab.form.sections[title]
        section.set_open(True)
        press(section.inside.button)
        ended(tab)
        return section.inside

    return press_it


def test_linking_merges_shows_tracks_and_is_undone(
    viewer: Any, tab: Any, do: Any, press: Any, ended: Any, blinking: Localizations, same_rows: Any
) -> None:
    layer = viewer.layers["found"]
    tab.filters.text.setText("photons < 1000")
    ended(tab)
    assert tab.form.link.radius.text() == "27"  # 5.3 standard errors of 5 nm
    tab.form.link.tracks_box.setChecked(True)
    do(tab, "Link")
    command = merge(link(replay(blinking, [{"step": "filter", "expression": "photons < 1000"}]), radius_nm=27))
    same_rows(table_from_layer(layer), command)
    assert table_from_layer(layer).record["steps"] == command.record["steps"]
    assert tab.messages.text() == f"600 localizations are {len(command):,} molecules, each one row."
    assert tab.filters.text.text() == ""
    tracks = viewer.layers["found tracks"]
    assert len(tracks.data) == 600
    np.testing.assert_array_equal(tracks.scale, layer.scale)
    press(tab.form.undo_button)
    ended(tab)
    assert (len(layer.data), layer.shown.sum()) == (len(blinking), 600)
    assert tab.filters.text.text() == "photons < 1000"


def test_drift_by_the_structure_is_that_of_the_command_and_undone_in_one_click(
    viewer: Any, tab: Any, do: Any, press: Any, ended: Any, blinking: Localizations, same_rows: Any
) -> None:
    layer = viewer.layers["found"]
    panel = do(tab, "Drift")
    same_rows(table_from_layer(layer), correct_drift(blinking, estimate_drift(blinking)))
    assert "moved by up to" in tab.messages.text()
    assert not panel.figure.isHidden()
    press(panel.undo_button)
    ended(tab)
    assert tab.session.working.is_original
    assert panel.figure.isHidden()
    np.testing.assert_array_equal(layer.data[:, 1], blinking["y"])


@pytest.mark.parametrize("kind", ["points", "shapes"])
def test_drift_by_fiducials_that_are_picked(viewer: Any, tab: Any, do: Any, kind: str) -> None:
    panel = tab.form.drift
    panel.method_choice.setCurrentIndex(panel.method_choice.findData("fiducials"))
    do(tab, "Drift")
    assert "Mark the fiducials first" in tab.messages.text()
    # In other pixels than the movie's: what counts is where they lie in the world.
    places = np.array([[21.0, 10], [45, 30]]) * 0.1
    like = {"units": ("um", "um"), "axis_labels": ("y", "x"), "name": "beads"}
    if kind == "points":
        viewer.add_points(places, size=0.3, **like)
    else:
        viewer.add_shapes([np.array([place - 0.25, place + 0.25]) for place in places], shape_type="rectangle", **like)
    do(tab, "Drift")
    beads = table_from_layer(viewer.layers["found"]).select(slice(600, None))
    assert len(beads) == 2 * FRAMES
    assert beads["y"][::2].std() < 0.06
    assert tab.session.working.state.table.record["steps"][-1]["method"] != "correlation"


def test_objects_without_points_are_counted_too(
    viewer: Any, tab: Any, do: Any, press: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from qtpy.QtWidgets import QFileDialog

    labels = np.zeros((64, 64), int)
    labels[10:30, 5:15], labels[0:2, 0:2] = 7, 9
    viewer.add_labels(labels, name="cells", scale=(0.1, 0.1), units=("um", "um"))
    tab.filters.text.setText("photons > 1000")
    panel = do(tab, "Count per object")
    counts = tab.session.notes["count"]
    assert counts["object"].tolist() == [7, 9]
    assert counts["localizations"].tolist() == [FRAMES, 0]
    assert f"{FRAMES} of {2 * FRAMES} points lie in 2 objects of 'cells'." in tab.messages.text()
    assert panel.view.model().rowCount() == 2
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(tmp_path / "counts"), ""))
    press(panel.save_button)
    assert (tmp_path / "counts.csv").read_text().splitlines()[1].startswith(f"7,{FRAMES},")


def test_steps_are_saved_and_done_again(
    viewer: Any, tab: Any, do: Any, press: Any, ended: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from qtpy.QtWidgets import QFileDialog

    file = tmp_path / "steps.json"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(file), ""))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: (str(file), ""))
    do(tab, "Link")
    tab.filters.text.setText("n_frames > 2")
    ended(tab)
    panel = tab.form.steps
    listed = [panel.list.item(row, 0).text() for row in range(panel.list.rowCount())]
    assert listed == ["localize", "link", "merge", "filter"]
    assert panel.list.item(1, 1).text() == "radius 27 nm, dark frames 0"
    press(panel.save_button)
    wanted = table_from_layer(viewer.layers["found"])
    press(tab.form.reset_button)
    ended(tab)
    do(tab, "Steps")
    again = table_from_layer(viewer.layers["found"])
    assert again.record["steps"] == wanted.record["steps"]
    np.testing.assert_array_equal(again["y"], wanted["y"])
    file.write_text('[{"step": "bake"}]')
    do(tab, "Steps")
    assert "The step 'bake' cannot be done again" in tab.messages.text()


def test_resolution_says_what_it_can_and_what_not(tab: Any, do: Any) -> None:
    panel = do(tab, "Resolution")
    assert "FRC" in tab.messages.text()
    assert "NeNA" in tab.messages.text()
    assert set(tab.session.notes["resolution"]) <= set(panel.figures)


def test_a_picture_of_a_layer_follows_its_filter(viewer: Any, tab: Any, do: Any, ended: Any) -> None:
    do(tab, "Picture")
    picture = viewer.layers["found picture"]
    assert tab.layer.name == "found"
    tab.filters.text.setText("photons > 1000")
    ended(tab)
    assert live_picture(picture)._passing.sum() == 2 * FRAMES
    assert len(table_from_layer(picture)) == 2 * FRAMES


def test_a_step_that_is_cancelled_changes_nothing(qtbot: Any, viewer: Any, tab: Any, press: Any, ended: Any) -> None:
    import threading

    from napari_pinpoint.plugin.results.sessions import Outcome

    go = threading.Event()

    def work(table: Localizations, reporter: Any) -> Outcome:
        go.wait(20)
        return Outcome("done", table.select([0]))

    tab.start("Waiting", work)
    assert tab.messages.text().startswith("Waiting...")
    assert not tab.form.cancel_button.isHidden()
    press(tab.form.cancel_button)
    assert tab.messages.text().startswith("Cancelling")
    go.set()
    ended(tab)
    assert tab.messages.text() == "Cancelled: nothing was changed."
    assert tab.session.working.is_original
    assert tab.form.cancel_button.isHidden()
