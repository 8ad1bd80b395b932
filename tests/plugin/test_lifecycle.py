"""The end of napari, in processes of their own: whatever is under way then, it is silent and in good order."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.gui

SCRIPT = """
import sys, time
import napari
import numpy as np
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication

def until(condition):
    deadline = time.monotonic() + 200
    while not condition():
        QApplication.processEvents()
        assert time.monotonic() < deadline
        time.sleep(0.01)

viewer = napari.Viewer()
viewer.add_image(np.random.default_rng(1).poisson(100, (5000, 64, 64)).astype("uint16"))
dock = viewer.window.add_plugin_dock_widget("napari-pinpoint", "Pinpoint")[1]
tab = dock.show_tab("Localize")
if sys.argv[1] == "after a look at all tabs":
    dock.show_tab("Results"), dock.show_tab("Evaluate")
else:
    until(lambda: tab.run_button.isEnabled() and tab.assistant.facts)
    tab.form.sensitivity.preview_box.click()
    until(lambda: tab.follower.preview.layer is not None)
if "run" in sys.argv[1]:
    tab.run_button.click()
    until(lambda: tab.jobs.status.done)
    assert tab.jobs.is_running
if "closed" in sys.argv[1]:
    QTimer.singleShot(0, viewer.close)
    napari.run()
QApplication.processEvents()
print("the end")
"""


@pytest.mark.parametrize(
    "when", ["after a look at all tabs", "during a preview", "during a run", "when it is closed during a run"]
)
def test_a_script_that_ends_says_nothing(when: str, tmp_path: Path) -> None:
    where = {"NAPARI_CONFIG": str(tmp_path / "napari.yaml"), "XDG_CONFIG_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, when], env=os.environ | where, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("the end\n", "", 0)
