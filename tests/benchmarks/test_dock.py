"""How long opening the dock takes once napari is up: for the first time in a new process, imports included.

Needs Qt and a display, so it is run by name: `pytest tests/benchmarks/test_dock.py`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pytestqt")
pytest.importorskip("napari")

pytestmark = pytest.mark.gui

SCRIPT = """
import json, time
import napari
import numpy as np
from qtpy.QtTest import QTest

viewer = napari.Viewer()
viewer.add_image(np.random.default_rng(1).poisson(100, (100, 128, 128)).astype("uint16"))
QTest.qWait(1000)
began, computed = time.perf_counter(), time.thread_time()
frame, dock = viewer.window.add_plugin_dock_widget("napari-pinpoint", "Pinpoint")
frame.grab()  # as it is drawn for the first time
took = {"wall": time.perf_counter() - began, "computed": time.thread_time() - computed}
viewer.close()
print(json.dumps(took))
"""


def test_opening_the_dock(report: Any, tmp_path: Path) -> None:
    """On a busy machine the seconds that the window's thread has computed say more."""

    def opened() -> dict[str, float]:
        where = {"NAPARI_CONFIG": str(tmp_path / "napari.yaml"), "XDG_CONFIG_HOME": str(tmp_path)}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], env=os.environ | where, capture_output=True, text=True, check=True
        )
        return json.loads(done.stdout)  # type: ignore[no-any-return]

    runs = [opened() for _ in range(5)]
    wall, computed = (min(run[name] for run in runs) for name in ("wall", "computed"))
    report.figure("opening the dock in a new napari", f"{wall:.2f} s, of which {computed:.2f} s computed")
