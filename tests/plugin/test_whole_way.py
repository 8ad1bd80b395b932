"""From a movie that drifts and blinks to tables, a picture and scores: by mouse and keys, and by the commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_pinpoint import read_stack
from napari_pinpoint.cli import main
from napari_pinpoint.io.tables import read_localizations
from napari_pinpoint.plugin.layers.tables import table_from_layer

pytestmark = pytest.mark.gui

CAMERA = {"offset_adu": "100", "electrons_per_adu": "0.5", "read_noise_e": "1.5"}
CONDITION = "photons > 300 and uncertainty_x_nm < 25"
SCENE = (
    "shape=[48,48]",
    "structures={filaments: 1}",
    "density=[0.01,0.01]",
    "photons=[1200,1200]",
    "background=[15,15]",
    "on_time_frames=2.5",
    "blinks=20",
    "drift_px=[1.5,-1]",
)


def command(*arguments: Any) -> None:
    assert main([str(argument) for argument in arguments]) == 0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the movie and its truth."""
    options = [word for option in SCENE for word in ("--set", option)]
    truth = ("--truth", tmp_path / "truth.parquet")
    command("simulate", "emitters", "--frames", 300, "--seed", 5, *options, "-o", tmp_path / "movie.tif", *truth)
    return tmp_path


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Answers the next dialogs for files."""
    from qtpy.QtWidgets import QFileDialog

    def give(path: Path) -> None:
        monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: (str(path), ""))
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *asked, **__: (str(path), asked[-1]))

    return give


@pytest.fixture
def ended(qtbot: Any) -> Callable[[Any], None]:
    """Waits until what was started in the tab Results has ended and is shown."""

    def wait(tab: Any) -> None:
        qtbot.waitUntil(lambda: not tab.tasks.is_running, timeout=60_000)
        qtbot.waitUntil(lambda: tab.look is not None and not tab.background.is_asked("look"), timeout=60_000)
        assert "Error" not in tab.messages.text()

    return wait


def by_commands(folder: Path) -> None:
    """The whole way as the page on tables has it."""
    camera = [word for name, value in CAMERA.items() for word in (f"--{name.replace('_', '-')}", value)]
    found, good, still, molecules = (folder / f"{name}.parquet" for name in ("found", "good", "still", "molecules"))
    command("localize", folder / "movie.tif", "-o", found, "--model", "smlm-2d", *camera)
    command("filter", found, CONDITION, "-o", good)
    command("drift", good, "-o", still)
    command("link", still, "-o", molecules, "--radius-nm", 60, "--dark-frames", 1, "--merge")
    command("render", molecules, "-o", folder / "command.ome.tif", "--method", "gaussian")
    for suffix in (".hdf5", ".csv"):
        command("convert", molecules, (folder / "command").with_suffix(suffix))


@pytest.mark.filterwarnings("ignore:.*for Picasso:UserWarning", "ignore:.*has no place for:UserWarning")
def test_the_whole_way_is_the_same_by_mouse_and_by_command(
    qtbot: Any,
    make_napari_viewer: Any,
    folder: Path,
    ready: Callable[..., Any],
    run_tab: Callable[..., None],
    press: Callable[..., None],
    same_rows: Callable[..., None],
    answer: Callable[[Path], None],
    ended: Callable[[Any], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    from napari_pinpoint.plugin.commands import open_stack
    from napari_pinpoint.plugin.dock import PinpointDock

    by_commands(folder)
    expected = {
        name: read_localizations(folder / f"{name}.parquet") for name in ("found", "good", "still", "molecules")
    }
    viewer = make_napari_viewer(show=True)
    dock = PinpointDock(viewer)
    viewer.window.add_dock_widget(dock, name="Pinpoint")

    def now_equal(name: str) -> None:
        table = table_from_layer(viewer.layers["movie.tif localizations"])
        same_rows(table, expected[name])
        assert table.record["steps"] == expected[name].record["steps"]

    # Localize
    answer(folder / "movie.tif")
    open_stack(viewer)
    qtbot.waitUntil(lambda: "movie.tif" in viewer.layers, timeout=60_000)
    tab = ready(dock.show_tab("Localize"))
    press(tab.form.camera_section.button)
    for name, text in CAMERA.items():
        tab.form.camera.numbers[name].selectAll()
        qtbot.keyClicks(tab.form.camera.numbers[name], text)
    run_tab(tab)
    now_equal("found")

    # Filter, correct the drift, link and merge
    results = dock.show_tab("Results")
    ended(results)
    qtbot.keyClicks(results.filters.text, CONDITION)
    ended(results)
    now_equal("good")
    press(results.form.sections["Drift"].button)
    press(results.form.drift.button)
    ended(results)
    now_equal("still")
    press(results.form.sections["Link"].button)
    for field, text in ((results.form.link.radius, "60"), (results.form.link.dark_frames, "1")):
        field.selectAll()
        qtbot.keyClicks(field, text)
    press(results.form.link.button)
    ended(results)
    now_equal("molecules")

    # Picture and files
    answer(folder / "mouse.ome.tif")
    press(results.form.sections["Picture"].button)
    press(results.form.picture.save_button)
    ended(results)
    pictures = [read_stack(folder / f"{by}.ome.tif") for by in ("mouse", "command")]
    assert pictures[0].pixel_size_nm == pictures[1].pixel_size_nm == 10
    assert np.asarray(pictures[0].data).sum() > 1000
    np.testing.assert_array_equal(*(np.asarray(picture.data) for picture in pictures))
    for name, suffix in (("picasso", ".hdf5"), ("thunderstorm", ".csv")):
        results.form.format_choice.setCurrentIndex(results.form.format_choice.findData(name))
        answer((folder / "mouse").with_suffix(suffix))
        press(results.form.export_button)
        ended(results)
        mouse, by_command = (read_localizations((folder / by).with_suffix(suffix)) for by in ("mouse", "command"))
        same_rows(mouse, by_command)
        assert mouse.record["steps"] == by_command.record["steps"]
    assert (folder / "mouse.csv").read_bytes() == (folder / "command.csv").read_bytes()

    # Evaluate what passed the filter: the truth is where the camera saw it, and in every frame
    for _ in ("link", "drift"):
        press(results.form.undo_button)
        ended(results)
    now_equal("good")
    evaluate = dock.show_tab("Evaluate")
    answer(folder / "truth.parquet")
    press(evaluate.form.truth_file_button)
    qtbot.waitUntil(lambda: evaluate.compare_button.isEnabled(), timeout=60_000)
    evaluate.form.tolerance.selectAll()
    qtbot.keyClicks(evaluate.form.tolerance, "100")
    press(evaluate.compare_button)
    qtbot.waitUntil(lambda: evaluate.scores.difference is not None, timeout=60_000)
    capsys.readouterr()
    command("evaluate", folder / "good.parquet", folder / "truth.parquet", "--tolerance-nm", 100, "--json")
    by_command = json.loads(capsys.readouterr().out)
    scores = json.loads(json.dumps(evaluate.scores.difference.scores.to_dict()))
    assert scores["jaccard"] > 0.5
    assert {name: by_command[name] for name in scores} == scores
