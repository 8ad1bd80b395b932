"""Many files through the form: the same tables as the command writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tifffile

from napari_pinpoint.inference import LocalizeSettings, localize
from napari_pinpoint.io.images import read_stack
from napari_pinpoint.io.tables import read_localizations
from napari_pinpoint.stack import Stack

pytestmark = pytest.mark.gui


@pytest.fixture
def folder(tmp_path: Path, movie: Stack) -> Path:
    """Two short movies, the second of which knows its pixel size, and a file that is none."""
    tifffile.imwrite(tmp_path / "a.tif", movie.data[:4], metadata={"axes": "TYX"})
    more = {"resolution": (1 / 0.117, 1 / 0.117), "metadata": {"axes": "TYX", "unit": "um"}}
    tifffile.imwrite(tmp_path / "b.tif", movie.data[4:], imagej=True, **more)
    (tmp_path / "c.tif").write_bytes(b"II*\0 nothing")
    return tmp_path


@pytest.fixture
def start(qtbot: Any, press: Callable[..., None]) -> Callable[..., None]:
    """Fills in the folder, and runs it to its end."""

    def run(tab: Any, folder: Path) -> None:
        section = tab.form.folder_section
        section.set_open(True)
        qtbot.keyClicks(tab.form.folder.source.line, str(folder))
        press(tab.form.folder.run_button)
        qtbot.waitUntil(lambda: not tab.jobs.is_running, timeout=60_000)

    return run


def test_every_file_gets_its_table_and_a_bad_one_stops_nothing(
    qtbot: Any,
    open_tab: Callable[..., Any],
    add_movie: Callable[..., Any],
    ready: Callable[..., Any],
    start: Callable[..., None],
    folder: Path,
    same_rows: Callable[..., None],
) -> None:
    tab = open_tab()
    add_movie(tab.viewer)
    ready(tab)
    tab.form.sensitivity.set_value(0.4)
    qtbot.keyClicks(tab.form.folder.axes, "tyx")
    start(tab, folder)
    tables = {path.stem: read_localizations(path) for path in (folder / "localizations").glob("*.parquet")}
    assert sorted(tables) == ["a", "b"]
    said = tab.messages.toPlainText()
    assert "2 localized, 1 failed" in said
    assert "c.tif: " in said
    # What the layer knows fills the gaps of a file, and does not contradict it.
    assert (tables["a"].pixel_size_nm, round(tables["b"].pixel_size_nm or 0, 6)) == (100, 117)
    assert tables["a"].record["camera"]["offset_adu"] == 100
    camera = {"offset_adu": 100, "electrons_per_adu": 0.5, "read_noise_e": 1.5, "pixel_size_nm": 100}
    stack = read_stack(folder / "a.tif", axes="TYX", **camera)
    same_rows(tables["a"], localize(stack, "smlm-2d", settings=LocalizeSettings(threshold=0.4)))
    tab.form.folder.source.line.clear()
    start(tab, folder)
    assert "2 skipped" in tab.messages.toPlainText()


def test_it_needs_no_open_image(
    open_tab: Callable[..., Any], ready: Callable[..., Any], qtbot: Any, start: Callable[..., None], folder: Path
) -> None:
    tab = open_tab()
    tab.form.model.choice.setCurrentText("spots")
    start(tab, folder)
    table = read_localizations(folder / "localizations" / "b.parquet")
    assert table.record["model"]["name"] == "spots"
    assert tab.run_button.isEnabled() is False  # nothing to localize on screen


def test_a_folder_that_is_none_is_named(
    open_tab: Callable[..., Any], start: Callable[..., None], tmp_path: Path
) -> None:
    tab = open_tab()
    start(tab, tmp_path / "not there")
    assert "not there' is no folder" in tab.messages.toPlainText()
