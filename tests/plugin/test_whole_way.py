"""From a movie that drifts and blinks to tables, a picture and scores: by mouse and keys, and by the commands."""

from __future__ import annotations

import json
import re
import shlex
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
PAGE = (Path(__file__).parents[2] / "docs" / "tables.md").read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the commands of the page leave there, of fewer frames."""
    monkeypatch.chdir(tmp_path)
    section = PAGE.split("## From a movie to a table\n", 1)[1].split("\n## ", 1)[0]
    lines = re.findall(r"^    pinpoint (.*)$", section, flags=re.MULTILINE)
    assert len(lines) == 10
    for line in lines:
        assert main(shlex.split(line.replace("--frames 5000", "--frames 300"))) == 0, line
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
    pictures = [read_stack(folder / f"{by}.ome.tif") for by in ("mouse", "molecules")]
    assert pictures[0].pixel_size_nm == pictures[1].pixel_size_nm == 10
    assert np.asarray(pictures[0].data).sum() > 1000
    np.testing.assert_array_equal(*(np.asarray(picture.data) for picture in pictures))
    for name, suffix in (("picasso", ".hdf5"), ("thunderstorm", ".csv")):
        results.form.format_choice.setCurrentIndex(results.form.format_choice.findData(name))
        answer((folder / "mouse").with_suffix(suffix))
        press(results.form.export_button)
        ended(results)
        mouse, by_command = (read_localizations((folder / by).with_suffix(suffix)) for by in ("mouse", "molecules"))
        same_rows(mouse, by_command)
        assert mouse.record["steps"] == by_command.record["steps"]
    assert (folder / "mouse.csv").read_bytes() == (folder / "molecules.csv").read_bytes()

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
    assert main(["evaluate", "good.parquet", "truth.parquet", "--tolerance-nm", "100", "--json"]) == 0
    by_command = json.loads(capsys.readouterr().out)
    scores = json.loads(json.dumps(evaluate.scores.difference.scores.to_dict()))
    assert scores["jaccard"] > 0.5
    assert {name: by_command[name] for name in scores} == scores
