"""How long the window stands still while the tab Localize works on 2,000 frames, beside what napari itself needs.

Needs Qt and a display, so it is run by name: `pytest tests/benchmarks/test_heartbeat.py`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from napari_pinpoint.scenes.emitters import EmitterScene

pytest.importorskip("pytestqt")
pytest.importorskip("napari")

pytestmark = [pytest.mark.gui, pytest.mark.timeout(1800)]

FRAMES, SHAPE = 2000, (64, 64)
_BEAT_MS = 5


class Heartbeat:
    """Beats in the window's thread; a pause between two beats is the time that a user's click had to wait.

    `pauses` has the seconds of each, and those of them that the thread itself was at work: on a machine that is busy
    with other things, only these are ours and napari's.
    """

    def __init__(self) -> None:
        from qtpy.QtCore import Qt, QTimer

        self.pauses: dict[str, list[tuple[float, float]]] = {}
        self._phase = ""
        self._last = (0.0, 0.0)
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(_BEAT_MS)
        self._timer.timeout.connect(self._beat)

    @contextmanager
    def during(self, phase: str) -> Iterator[None]:
        """Listen to the heart while something happens."""
        self._phase, self._last = phase, (time.perf_counter(), time.thread_time())
        self.pauses.setdefault(phase, [])
        self._timer.start()
        try:
            yield
        finally:
            self._beat()
            self._timer.stop()

    def _beat(self) -> None:
        now = (time.perf_counter(), time.thread_time())
        self.pauses[self._phase].append((now[0] - self._last[0], now[1] - self._last[1]))
        self._last = now


@pytest.fixture
def heart() -> Heartbeat:
    return Heartbeat()


def test_the_window_goes_on(qtbot: Any, make_napari_viewer: Any, heart: Heartbeat, report: Any) -> None:
    from napari_pinpoint.plugin.dock import PinpointDock
    from napari_pinpoint.plugin.layers.tables import points_layer_data, table_from_layer

    scene = EmitterScene(shape=SHAPE, density=(0.004, 0.004), independent_frames=True)
    stack = scene.sample(50, np.random.default_rng(1))[0]
    movie = np.tile(np.asarray(stack.data), (FRAMES // 50, 1, 1))
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1280, 720)
    viewer.add_image(movie, name="movie", metadata={"pinpoint": {"camera": stack.camera.to_record()}})
    qtbot.wait(500)

    began = time.perf_counter()
    dock = PinpointDock(viewer)
    viewer.window.add_dock_widget(dock, name="Pinpoint")
    report.figure("opening the dock", f"{time.perf_counter() - began:.2f} s")
    tab = dock.show_tab("Localize")
    with heart.during("finding out about the images, loading torch"):
        qtbot.waitUntil(lambda: tab.assistant.is_ready and tab.assistant.facts is not None, timeout=120_000)
    tab.form.model.choice.setCurrentText("smlm-2d")
    tab.form.sensitivity.preview_box.setChecked(True)
    qtbot.waitUntil(lambda: tab.follower.preview.kept is not None, timeout=120_000)
    with heart.during("moving the threshold"):
        for value in np.linspace(0.1, 0.9, 40):
            tab.form.sensitivity.set_value(float(value))
            qtbot.wait(20)
    tab.form.sensitivity.reset()
    tab.form.sensitivity.preview_box.setChecked(False)
    with heart.during("running"):
        tab.run_button.click()
        qtbot.waitUntil(lambda: not tab.jobs.is_running, timeout=1_200_000)

    table = table_from_layer(viewer.layers["movie localizations"])
    viewer.layers.remove("movie localizations")
    qtbot.wait(500)
    data, attributes, _ = points_layer_data(table)
    with heart.during("napari alone: adding the same points"):
        viewer.add_points(data, **attributes)
        qtbot.wait(500)
    with heart.during("napari alone: stepping through frames"):
        for frame in range(0, 400, 20):
            viewer.dims.set_current_step(0, frame)
            qtbot.wait(20)
    for phase, pauses in heart.pauses.items():
        seconds, work = np.array(pauses).T
        words = (
            f"{1000 * seconds.max():.0f} ms, at work {1000 * work.max():.0f} ms; "
            f"{(work > 0.05).sum()} of {len(work)} at work for more than 50 ms"
        )
        report.figure(f"longest pause, {phase} ({len(table):,} points)", words)
