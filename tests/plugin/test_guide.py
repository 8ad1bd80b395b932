"""The guide, done as it says: every numbered step by mouse and keys, every name and message that it quotes."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_pinpoint.io.tables import read_localizations
from napari_pinpoint.io.write_images import write_stack
from napari_pinpoint.plugin.layers.tables import table_from_layer
from napari_pinpoint.stack import Stack

pytestmark = pytest.mark.gui

REPOSITORY = Path(__file__).parents[2]
GUIDE = (REPOSITORY / "docs" / "guide.md").read_text(encoding="utf-8")
STEPS = re.findall(r"^## (\d+)\. (.+)$", GUIDE, flags=re.MULTILINE)


@pytest.fixture
def viewer(make_napari_viewer: Any) -> Iterator[Any]:
    """A window on the screen, with all menus."""
    from napari.plugins import _initialize_plugins

    _initialize_plugins()
    return make_napari_viewer(show=True)


@pytest.fixture
def menu(qtbot: Any, viewer: Any) -> Callable[[str], None]:
    """Clicks through the menus, as in "File > Open Sample"."""
    from qtpy.QtCore import Qt

    def go(path: str) -> None:
        menu = viewer.window._qt_window.menuBar()
        for name in path.split(" > "):
            action = next(a for a in menu.actions() if a.text().replace("&", "") == name)
            place = menu.actionGeometry(action).center()
            qtbot.mouseMove(menu, place)
            qtbot.mouseClick(menu, Qt.MouseButton.LeftButton, pos=place)
            menu = action.menu()
            if menu is not None:
                qtbot.waitUntil(menu.isVisible)
                qtbot.wait(200)  # a menu that has just opened takes no click

    return go


@pytest.fixture
def dock(viewer: Any) -> Any:
    return viewer.window.add_plugin_dock_widget("napari-pinpoint", "Pinpoint")[1]


@pytest.fixture
def tab(viewer: Any, dock: Any, add_movie: Any, ready: Any) -> Any:
    """The tab Localize with a small movie of molecules on screen."""
    add_movie(viewer)
    return ready(dock.show_tab("Localize"))


@pytest.fixture
def results(dock: Any, tab: Any, run_tab: Any, qtbot: Any) -> Any:
    """The tab Results after a run."""
    run_tab(tab)
    results = dock.show_tab("Results")
    qtbot.waitUntil(lambda: len(results.view.rows) > 0)
    return results


@pytest.fixture
def choose_folder(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Answers the next dialogs for files with a path."""
    from qtpy.QtWidgets import QFileDialog

    def answer(path: Path) -> None:
        monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: (str(path), ""))
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a, **__: (str(path), a[-1]))
        monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_, **__: str(path))

    return answer


def test_every_step_has_its_test_and_every_test_its_step() -> None:
    named = {f"test_step_{n}_{re.sub('[^a-z]+', '_', title.lower()).strip('_')}" for n, title in STEPS}
    assert named == {name for name in globals() if name.startswith("test_step_")}
    assert [int(n) for n, _ in STEPS] == list(range(1, len(STEPS) + 1))


def test_step_1_open_your_images(
    qtbot: Any, viewer: Any, menu: Any, movie: Stack, tmp_path: Path, choose_folder: Any
) -> None:
    menu("File > Open Sample > Pinpoint > Fluorescent spots, with truth")
    qtbot.waitUntil(lambda: "spots truth" in viewer.layers, timeout=60_000)
    menu("File > Open Sample > Pinpoint > Blinking filaments, with truth")
    qtbot.waitUntil(lambda: "filaments truth" in viewer.layers, timeout=60_000)
    write_stack(movie, tmp_path / "own.tif")
    choose_folder(tmp_path / "own.tif")
    menu("File > IO Utilities > Open a TIFF stack with its calibration... (Pinpoint)")
    qtbot.waitUntil(lambda: "own.tif" in viewer.layers, timeout=60_000)
    layer = viewer.layers["own.tif"]
    assert not isinstance(layer.data, np.ndarray)
    np.testing.assert_allclose(layer.scale, (1, 0.1, 0.1))


def test_step_2_open_pinpoint(viewer: Any, menu: Any) -> None:
    from napari_pinpoint.plugin.dock import PinpointDock

    menu("Plugins > Pinpoint > Pinpoint (Pinpoint)")
    dock = viewer.window._qt_window.findChild(PinpointDock)
    assert [dock.tabText(n) for n in range(dock.count())] == ["Localize", "Results", "Evaluate"]


def test_step_3_read_the_proposal(qtbot: Any, tab: Any, press: Any) -> None:
    from qtpy.QtCore import Qt

    models, box = tab.form.model.choice, tab.form.proposal_box
    offered = {models.itemText(n) for n in range(models.count())}
    assert offered == set(re.findall(r"^- `([^`]+)` for", GUIDE, flags=re.MULTILINE))
    assert box.title.text() == f"Proposed model: {tab.assistant.proposal.model}"
    assert box.reasons.text()
    proposed = tab.assistant.proposal.model
    models.setCurrentText(proposed)
    qtbot.keyClick(models, Qt.Key.Key_Down if models.currentIndex() == 0 else Qt.Key.Key_Up)
    assert models.currentText() != proposed
    press(box.take_button)
    assert models.currentText() == proposed


def test_step_4_check_pixel_size_and_camera(qtbot: Any, tab: Any, press: Any) -> None:
    from qtpy.QtCore import Qt

    from napari_pinpoint.plugin.camera.cameras import saved_cameras

    press(tab.form.camera_section.button)
    form = tab.form.camera
    assert form.isVisible()
    assert "metadata" in form.notes["offset_adu"].text()
    for name in ("offset_adu", "electrons_per_adu"):
        form.numbers[name].selectAll()
        qtbot.keyClick(form.numbers[name], Qt.Key.Key_Delete)
        assert form.calibration()[1].sources.get(name) is None
    press(form.estimate_button)
    qtbot.waitUntil(lambda: form.estimate_button.isEnabled(), timeout=60_000)
    assert "estimated from the data" in form.notes["electrons_per_adu"].text()
    qtbot.keyClicks(form.camera, "Left port")
    press(form.camera.remember_button)
    assert saved_cameras()["Left port"].numbers["pixel_size_nm"] == 100


def test_step_5_see_a_preview_and_choose_how_much_is_found(
    qtbot: Any, viewer: Any, tab: Any, press: Any, ready: Any
) -> None:
    from qtpy.QtCore import QPoint, Qt

    sensitivity, preview = tab.form.sensitivity, tab.follower.preview
    assert sensitivity.label.text() == "Least probability"
    press(sensitivity.preview_box)
    qtbot.waitUntil(lambda: preview.kept is not None, timeout=60_000)
    assert len(viewer.layers["preview"].data) == len(preview.kept) > 0
    before = len(preview.kept)
    histogram = sensitivity.histogram
    qtbot.mouseClick(histogram, Qt.MouseButton.LeftButton, pos=QPoint(histogram.width() - 12, histogram.height() // 2))
    assert sensitivity.value() > 0.9
    assert len(viewer.layers["preview"].data) < before
    assert sensitivity.count.text().startswith(f"{len(preview.kept):,} of ")
    viewer.dims.set_current_step(0, 5)
    qtbot.waitUntil(lambda: preview.kept is not None and set(preview.kept["frame"]) <= {5}, timeout=60_000)
    press(sensitivity.own_button)
    assert sensitivity.value() is None
    ready(tab, "spots")
    assert sensitivity.label.text() == "Least contrast"


def test_step_6_choose_a_part_if_you_want_only_that(
    qtbot: Any, viewer: Any, tab: Any, press: Any, run_tab: Any
) -> None:
    from qtpy.QtCore import Qt

    source = tab.form.source
    press(source.section.button)
    qtbot.keyClicks(source.first, "0")
    qtbot.keyClicks(source.last, "9")
    like = viewer.layers["movie"]
    viewer.add_shapes([[4, 4], [4, 30], [28, 30], [28, 4]], scale=like.scale[1:], units=like.units[1:], name="cells")
    qtbot.keyClick(source.region_choice, Qt.Key.Key_Down)
    assert source.region_choice.currentText() == "cells"
    run_tab(tab)
    found = table_from_layer(viewer.layers["movie localizations"])
    assert len(found) > 0
    assert set(found["frame"]) <= set(range(10))
    assert set(found["region"]) == {1}
    assert found["y"].min() >= 3.5
    assert found["x"].max() <= 30.5


@pytest.mark.usefixtures("small_chunks")
def test_step_7_localize(qtbot: Any, viewer: Any, tab: Any, press: Any, run_tab: Any) -> None:
    run_tab(tab)
    assert "localizations in 12 frames" in tab.messages.toPlainText()
    assert tab.device_note.text().startswith("Computes on the ")
    run_tab(tab)
    assert [layer.name for layer in viewer.layers] == ["movie", "movie localizations"]
    press(tab.run_button)
    press(tab.cancel_button)
    qtbot.waitUntil(lambda: not tab.jobs.is_running, timeout=60_000)
    assert tab.messages.toPlainText().startswith(("Cancelled", "12 "))
    assert "movie localizations" in viewer.layers


def test_step_8_know_what_the_points_mean(qtbot: Any, viewer: Any, tab: Any, run_tab: Any, menu: Any) -> None:
    run_tab(tab)
    layer, image = viewer.layers["movie localizations"], viewer.layers["movie"]
    found = table_from_layer(layer)
    np.testing.assert_array_equal(layer.scale, image.scale)
    np.testing.assert_allclose(layer.data, np.stack([found["frame"], found["y"], found["x"]], axis=1))
    assert found["frame"].min() == 0
    # The centre of the first pixel is (0, 0), in napari, too: the brightest pixel lies under its point.
    at = np.argmax(found["probability"])
    y, x = (int(np.floor(found[axis][at] + 0.5)) for axis in ("y", "x"))
    frame = image.data[found["frame"][at]]
    assert frame[y, x] > np.median(frame)
    viewer.layers.selection.active = layer
    menu("Layers > Visualize > Render the points of all frames as a picture (Pinpoint)")
    qtbot.waitUntil(lambda: "movie localizations picture" in viewer.layers)


def test_step_9_look_through_the_results(qtbot: Any, viewer: Any, results: Any, press: Any) -> None:
    from qtpy.QtCore import Qt

    view, left = results.view, Qt.MouseButton.LeftButton
    view.scrollToBottom()
    last = view.model().index(view.model().rowCount() - 1, 0)
    qtbot.mouseClick(view.viewport(), left, pos=view.visualRect(last).center())
    assert viewer.dims.current_step[0] == view.table["frame"][-1]
    assert viewer.layers["movie localizations"].selected_data == {len(view.table) - 1}
    header = view.horizontalHeader()
    column = list(view.table).index("probability")
    qtbot.mouseClick(header.viewport(), left, pos=_middle_of(header, column))
    qtbot.waitUntil(lambda: not results.background.is_asked("look"))
    shown = view.table["probability"][view.rows]
    assert (np.diff(shown) >= 0).all() or (np.diff(shown) <= 0).all()
    qtbot.keyClicks(results.filters.text, "probability > 0.9")
    layer = viewer.layers["movie localizations"]
    sure = layer.features["probability"] > 0.9
    qtbot.waitUntil(lambda: len(results.view.rows) == sure.sum())
    assert layer.shown.tolist() == sure.tolist()
    press(results.form.undo_button)
    qtbot.waitUntil(lambda: layer.shown.all())
    press(results.form.redo_button)
    qtbot.waitUntil(lambda: not layer.shown.all())
    press(results.form.keep_button)
    assert len(viewer.layers.selection.active.data) == sure.sum() > 0
    assert not layer.visible


def test_step_10_export(
    qtbot: Any, viewer: Any, results: Any, press: Any, menu: Any, tmp_path: Path, choose_folder: Any
) -> None:
    titles = [results.form.format_choice.itemText(n) for n in range(results.form.format_choice.count())]
    assert all(f"**{title}**" in GUIDE for title in titles[:3])
    assert all(title.partition(" (")[0] in GUIDE for title in titles)
    for title, file in zip(titles, ("all.parquet", "some.csv"), strict=False):
        results.form.format_choice.setCurrentText(title)
        choose_folder(tmp_path / file)
        press(results.form.export_button)
        qtbot.waitUntil(lambda file=file: (tmp_path / file).is_file() and not results.tasks.is_running, timeout=60_000)
    assert "no place for uncertainty_photons, probability" in results.form.format_note.text()
    assert read_localizations(tmp_path / "all.parquet").record["model"]["name"] == "smlm-2d"
    assert (tmp_path / "some.csv.json").is_file()
    menu("File > IO Utilities > Open a localization table... (Pinpoint)")
    qtbot.waitUntil(lambda: "some" in viewer.layers, timeout=60_000)


def test_step_11_compare_with_the_truth(qtbot: Any, viewer: Any, dock: Any, tab: Any, run_tab: Any, press: Any) -> None:
    run_tab(tab)
    found = viewer.layers["movie localizations"]
    like = {"scale": found.scale, "units": found.units, "axis_labels": found.axis_labels}
    viewer.add_points(np.concatenate([found.data[2:], [[0, 1, 1]]]), name="truth", **like)
    evaluate = dock.show_tab("Evaluate")
    chosen = evaluate.form.found_choice.layer.name, evaluate.form.truth_choice.layer.name
    assert chosen == ("movie localizations", "truth")
    press(evaluate.compare_button)
    qtbot.waitUntil(lambda: evaluate.scores.difference is not None, timeout=60_000)
    names = [evaluate.scores.table.item(row, 0).text() for row in range(evaluate.scores.table.rowCount())]
    assert {"precision", "recall", "Jaccard", "F1", "RMSE"} <= set(names)
    assert all(f"*{name}*" in GUIDE for name in ("precision", "recall", "Jaccard", "F1", "RMSE"))
    press(evaluate.scores.missed_button)
    press(evaluate.scores.false_button)
    assert len(viewer.layers["false: movie localizations"].data) >= 1


def test_step_12_do_a_whole_folder(
    qtbot: Any, tab: Any, press: Any, movie: Stack, tmp_path: Path, choose_folder: Any
) -> None:
    (tmp_path / "movies").mkdir()
    write_stack(movie, tmp_path / "movies" / "one.tif")
    press(tab.form.folder_section.button)
    choose_folder(tmp_path / "movies")
    press(tab.form.folder.source.button)
    for words in ("1 localized", "1 skipped"):
        press(tab.form.folder.run_button)
        qtbot.waitUntil(lambda: not tab.jobs.is_running, timeout=60_000)
        assert words in tab.messages.toPlainText()
    assert (tmp_path / "movies" / "localizations" / "one.parquet").is_file()


def test_the_commands_run(movie: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from napari_pinpoint.cli import main

    monkeypatch.chdir(tmp_path)
    Path("movies").mkdir()
    write_stack(movie, "movies/one.tif")
    assert main(["localize", "movies/one.tif", "-o", "table.parquet"]) == 0
    assert main(["convert", "table.parquet", "truth.csv"]) == 0
    commands = re.findall(r"`pinpoint (\w+ [^`]+)`", GUIDE)
    assert len(commands) == 4
    assert [main(shlex.split(command)) for command in commands] == [0] * len(commands)


def test_what_is_in_bold_stands_on_the_screen(viewer: Any, dock: Any) -> None:
    for name in ("Results", "Evaluate", "Localize"):
        dock.show_tab(name)
    there = _words_of(viewer.window._qt_window) | _layer_menu()
    paths = _paths_of(viewer.window._qt_window.menuBar())
    bold = set(re.findall(r"\*\*(.+?)\*\*", GUIDE))
    assert len(bold) > 40
    assert sorted(words for words in bold if words not in there and words not in paths) == []


def test_messages_are_those_of_the_program() -> None:
    said = _texts_of_the_program()
    quoted = re.findall(r"“(.+?)”", GUIDE)
    assert len(quoted) > 10
    parts = [part for message in quoted for part in message.split("…")]
    assert [part for part in parts if not any(part in text for text in said)] == []


def test_every_picture_is_shown_and_is_there() -> None:
    pages = [REPOSITORY / "README.md", *(REPOSITORY / "docs").glob("*.md")]
    text = "".join(page.read_text(encoding="utf-8") for page in pages)
    linked = set(re.findall(r"pictures/([a-z-]+\.(?:png|gif))", text))
    files = list((REPOSITORY / "docs" / "pictures").iterdir())
    assert linked == {file.name for file in files}
    assert sum(file.stat().st_size for file in files) < 5e6


def _middle_of(header: Any, column: int) -> Any:
    from qtpy.QtCore import QPoint

    return QPoint(header.sectionViewportPosition(column) + header.sectionSize(column) // 2, header.height() // 2)


def _words_of(window: Any) -> set[str]:
    """All that is written on the widgets of a window."""
    from qtpy.QtWidgets import QAbstractButton, QComboBox, QLabel, QTabWidget, QWidget

    words: set[str] = set()
    for widget in window.findChildren(QWidget):
        if isinstance(widget, QAbstractButton | QLabel):
            words.add(widget.text())
        elif isinstance(widget, QComboBox):
            words |= {widget.itemText(n) for n in range(widget.count())}
        elif isinstance(widget, QTabWidget):
            words |= {widget.tabText(n) for n in range(widget.count())}
    return words


def _paths_of(menu: Any, before: str = "") -> set[str]:
    """All menu entries, as "File > Open Sample"; and the last words of each."""
    paths: set[str] = set()
    for action in menu.actions():
        name = action.text().replace("&", "")
        if name:
            paths |= {f"{before}{name}", name}
            if action.menu() is not None:
                paths |= _paths_of(action.menu(), f"{before}{name} > ")
    return paths


def _layer_menu() -> set[str]:
    """The menu that a right click on a layer opens."""
    from napari._app_model import get_app_model
    from napari._app_model.constants import MenuId

    items = get_app_model().menus.get_menu(MenuId.LAYERLIST_CONTEXT)
    return {item.command.title for item in items if hasattr(item, "command")}


def _texts_of_the_program() -> set[str]:
    """All strings of the package, those between the fields of an f-string each for itself."""
    texts: set[str] = set()
    for path in (REPOSITORY / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.add(node.value)
    return texts
