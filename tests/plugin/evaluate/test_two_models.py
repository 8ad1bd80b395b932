"""The tab Evaluate with two models: difference, reference, layers of what agrees, figures and the report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtWidgets import QFileDialog, QMessageBox

from napari_pinpoint.cli import app
from napari_pinpoint.evaluation import compare_models
from napari_pinpoint.io.tables import write_localizations
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.layers.tables import points_layer_data, table_from_layer
from napari_pinpoint.scenes.emitters import EmitterScene

pytestmark = pytest.mark.gui


@pytest.fixture(scope="module")
def models() -> dict[str, Localizations]:
    """The truth of six frames, a model that finds nearly all of it, and one that finds every second emitter."""
    truth = EmitterScene(shape=(32, 32), density=(0.01, 0.01)).sample(6, np.random.default_rng(1))[1]
    rng = np.random.default_rng(2)
    good = truth.with_columns(x=truth["x"] + rng.normal(0, 0.1, len(truth)))
    good = good.with_record({}).without_columns("photons")
    return {"truth": truth, "poor": good.select(slice(None, None, 2)), "good": good.select(slice(1, None))}


@pytest.fixture
def tab(make_napari_viewer: Any, models: dict[str, Localizations]) -> Any:
    viewer = make_napari_viewer()
    for name, table in models.items():
        data, attributes, _ = points_layer_data(table, name=name)
        viewer.add_points(data, **attributes)
    return viewer.window.add_plugin_dock_widget("napari-pinpoint", "Evaluate")[1]


@pytest.fixture
def compare(qtbot: Any, press: Any) -> Any:
    def run(tab: Any) -> None:
        press(tab.compare_button)
        qtbot.waitUntil(lambda: not tab.tasks.is_running, timeout=60_000)

    return run


def texts(table: Any, column: int) -> list[str]:
    return [table.item(row, column).text() for row in range(table.rowCount())]


def test_two_models_their_difference_and_the_reference(
    tab: Any, compare: Any, models: dict[str, Localizations]
) -> None:
    assert tab.form.second_choice.currentText() == "nothing"
    compare(tab)
    assert tab.scores.table.isColumnHidden(2)
    assert not tab.scores.models_section.isVisibleTo(tab)
    tab.form.second_choice.choose(tab.viewer.layers["poor"])
    assert tab.scores.difference is None
    tab.form.reference_box.setChecked(True)
    compare(tab)
    assert not tab.scores.table.isColumnHidden(2)
    told = tab.scores.difference.models.to_dict()
    assert told == compare_models(models["good"], models["poor"], models["truth"], tolerance_nm=100).to_dict()
    difference = dict(zip(texts(tab.scores.models, 0), texts(tab.scores.models, 1), strict=True))
    assert difference["recall"].startswith("+")
    assert " to " in difference["recall"]
    assert "chance" in tab.scores.models.item(0, 0).toolTip() or "differs" in tab.scores.models.item(0, 0).toolTip()
    assert "±" in texts(tab.scores.reference, 1)[0]
    tab.viewer.layers.remove("poor")
    assert tab.form.second_choice.currentText() == "nothing"
    assert tab.scores.difference is None


def test_a_layer_cannot_be_two_things(tab: Any, compare: Any) -> None:
    tab.form.second_choice.choose(tab.viewer.layers["good"])
    compare(tab)
    assert "Second is the same layer" in tab.messages.text()


def test_the_reference_says_what_it_lacks(tab: Any, compare: Any) -> None:
    tab.form.reference_box.setChecked(True)
    for choice, name in ((tab.form.found_choice, "poor"), (tab.form.truth_choice, "good")):
        choice.choose(tab.viewer.layers[name])
    compare(tab)
    assert "noise of the camera" in tab.messages.text()


def test_what_agrees_becomes_layers(tab: Any, compare: Any, press: Any) -> None:
    compare(tab)
    press(tab.scores.right_button)
    press(tab.scores.pairs_button)
    press(tab.scores.pairs_button)
    names = [layer.name for layer in tab.viewer.layers]
    assert names == ["truth", "poor", "good", "right: good", "pairs: good"]
    right, pairs = tab.viewer.layers["right: good"], tab.viewer.layers["pairs: good"]
    difference = tab.scores.difference
    assert len(table_from_layer(right)) == difference.scores.tp
    truth = difference.pairing.truth.select(difference.pairing.matches.truth)
    np.testing.assert_allclose(pairs.data[:, 0, 1:], np.stack([truth["y"], truth["x"]], axis=1))
    np.testing.assert_allclose(pairs.data[:, 1, 2], difference.pairing.error("x"))
    assert (pairs.data[:, 1, 0] == 0).all()
    np.testing.assert_allclose(pairs.scale, right.scale)
    assert str(right.symbol[0]) not in {str(tab.viewer.layers[name].symbol[0]) for name in ("truth", "good")}
    assert tab.form.found_choice.layer.name == "good"


def test_figures_in_a_window(tab: Any, compare: Any, press: Any, qtbot: Any) -> None:
    compare(tab)
    press(tab.scores.figures_button)
    qtbot.waitUntil(lambda: bool(tab.figures_window.drawn), timeout=60_000)
    window = tab.figures_window
    assert window.isVisible()
    assert "good against truth" in window.windowTitle()
    names = [window.choice.itemText(index) for index in range(window.choice.count())]
    assert {"F1 against distance", "Errors", "Within the pixel"} <= set(names)
    window.choice.setCurrentIndex(names.index("Errors"))
    assert "How large the errors" in window.caption.text()
    assert not window.picture.pixmap().isNull()
    qtbot.waitUntil(lambda: not tab.tasks.is_running)
    window.close()


def test_the_report_is_the_command_s(
    tab: Any, compare: Any, press: Any, qtbot: Any, tmp_path: Path, monkeypatch: Any, models: dict[str, Localizations]
) -> None:
    folder = tmp_path / "by-mouse"
    folder.mkdir()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(folder))
    tab.form.second_choice.choose(tab.viewer.layers["poor"])
    compare(tab)
    press(tab.scores.report_button)
    qtbot.waitUntil(lambda: (folder / "index.html").exists() and not tab.tasks.is_running, timeout=60_000)
    assert "The report is" in tab.messages.text()

    for name, table in models.items():
        write_localizations(table, tmp_path / f"{name}.parquet")
    paths = [str(tmp_path / f"{name}.parquet") for name in ("good", "truth", "poor")]
    command = ["evaluate", *paths[:2], "--against", paths[2], "--tolerance-nm", "100", "--field-px", "32x32"]
    app([*command, "--report", str(tmp_path / "by-command")], standalone_mode=False)
    results = [
        json.loads((tmp_path / by / "results.json").read_text())["sections"] for by in ("by-mouse", "by-command")
    ]
    assert results[0] == results[1]
    for name in ("pairs-1.csv", "pairs-2.csv", "counts-1.csv"):
        assert (folder / name).read_text() == (tmp_path / "by-command" / name).read_text()

    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.No)
    before = (folder / "index.html").stat().st_mtime_ns
    press(tab.scores.report_button)
    assert not tab.tasks.is_running
    assert (folder / "index.html").stat().st_mtime_ns == before


def test_second_points_from_a_file(
    tab: Any, qtbot: Any, press: Any, tmp_path: Path, monkeypatch: Any, models: dict[str, Localizations]
) -> None:
    path = tmp_path / "other.parquet"
    write_localizations(models["poor"], path)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    press(tab.form.second_file_button)
    qtbot.waitUntil(lambda: "other" in tab.viewer.layers and not tab.tasks.is_running, timeout=60_000)
    chosen = [layer.name for layer in tab.form.layers]
    assert chosen == ["good", "truth", "other"]
