"""The same file, through clicks and through the command in a process of its own: the same table, row for row."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from napari_pinpoint.io.tables import read_localizations
from napari_pinpoint.plugin.layers.tables import table_from_layer
from napari_pinpoint.stack import Stack

pytestmark = pytest.mark.gui


def command(*arguments: Any) -> None:
    program = Path(sys.executable).with_name("pinpoint")
    subprocess.run([program, "localize", *map(str, arguments), "--overwrite"], check=True, capture_output=True)


@pytest.mark.parametrize("model", ["smlm-2d", "spots"])
def test_settings_region_and_frames(
    qtbot: Any,
    make_napari_viewer: Any,
    movie: Stack,
    ready: Callable[..., Any],
    press: Callable[..., None],
    same_rows: Callable[..., None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    model: str,
) -> None:
    from qtpy.QtCore import QPoint, Qt
    from qtpy.QtWidgets import QFileDialog

    from napari_pinpoint.plugin.dock import PinpointDock

    more = {"resolution": (1 / 0.1, 1 / 0.1), "metadata": {"axes": "TYX", "unit": "um"}}
    tifffile.imwrite(tmp_path / "movie.tif", movie.data, imagej=True, **more)
    labels = np.zeros((32, 40), np.uint8)
    labels[4:28, 6:30] = 1
    labels[4:28, 18:30] = 2
    tifffile.imwrite(tmp_path / "cells.tif", labels)

    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1280, 720)
    dock = PinpointDock(viewer)
    viewer.window.add_dock_widget(dock, name="Pinpoint")
    tab = dock.show_tab("Localize")
    viewer.open(tmp_path / "movie.tif", plugin="napari")
    viewer.open(tmp_path / "cells.tif", plugin="napari", layer_type="labels")
    ready(tab, model)
    form = tab.form
    press(form.camera_section.button)
    for name, text in (("offset_adu", "100"), ("electrons_per_adu", "0.5"), ("read_noise_e", "1.5")):
        qtbot.keyClicks(form.camera.numbers[name], text)
    press(form.source.section.button)
    qtbot.keyClicks(form.source.first, "1")
    qtbot.keyClicks(form.source.last, "8")
    form.source.region_choice.setFocus()
    qtbot.keyClicks(form.source.region_choice, "cells")
    histogram = form.sensitivity.histogram
    qtbot.mouseClick(histogram, Qt.MouseButton.LeftButton, pos=QPoint(histogram.width() // 4, 30))
    qtbot.waitUntil(tab.run_button.isEnabled)
    press(tab.run_button)
    qtbot.waitUntil(lambda: not tab.jobs.is_running, timeout=60_000)
    table = table_from_layer(viewer.layers["movie localizations"])
    results, exported = dock.show_tab("Results"), tmp_path / "exported.parquet"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *asked: (str(exported), asked[-1]))
    qtbot.waitUntil(lambda: results.look is not None, timeout=60_000)
    press(results.form.export_button)
    qtbot.waitUntil(lambda: not results.tasks.is_running, timeout=60_000)
    assert "written" in results.messages.text()

    option = "--min-contrast" if model == "spots" else "--threshold"
    command(
        tmp_path / "movie.tif", "-o", tmp_path / "table.parquet", "--model", model, option, form.sensitivity.value(),
        "--frames", "1:9", "--region", tmp_path / "cells.tif", "--offset-adu", 100, "--electrons-per-adu", 0.5,
        "--read-noise-e", 1.5,
    )  # fmt: skip
    expected = read_localizations(tmp_path / "table.parquet")
    same_rows(table, expected)
    same_rows(read_localizations(exported), expected)
    assert set(np.unique(table["region"])) == {1, 2}
    same = ("model", "settings", "pixel_size_nm", "device", "versions")
    assert {name: table.record[name] for name in same} == {name: expected.record[name] for name in same}
    assert table.record["input"]["path"] == expected.record["input"]["path"]
