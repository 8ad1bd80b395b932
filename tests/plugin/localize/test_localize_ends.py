"""However a run of the tab Localize ends: there is a message, what was done is kept, and the form can be used again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from napari.utils.notifications import notification_manager

from napari_pinpoint.inference import localize
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.layers.tables import table_from_points
from napari_pinpoint.stack import Stack

pytestmark = pytest.mark.gui


def table_of(layer: Any) -> Localizations:
    return table_from_points(*layer.as_layer_data_tuple()[:2])


def assert_usable(tab: Any) -> None:
    """No job runs, nothing moves to and fro, and Localize can be pressed."""
    assert tab.run_button.isEnabled()
    assert not tab.cancel_button.isEnabled()
    assert tab.progress.maximum() > 0


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("pixel_size_nm", "-100", "Pixel size (nm) must be above 0, not -100"),
        ("pixel_size_nm", "0,1", "must be a number like 0.46, not '0,1'"),
        ("em_gain", "0.5", "EM gain must be at least 1, not 0.5"),
        ("offset_adu", "nan", "Counts without light must be a number"),
    ],
)
def test_a_wrong_number_is_named(
    field: str,
    text: str,
    said: str,
    open_tab: Callable[..., Any],
    add_movie: Callable[..., Any],
    ready: Callable[..., Any],
    run_tab: Callable[..., None],
) -> None:
    tab = open_tab()
    add_movie(tab.viewer)
    ready(tab)
    tab.form.camera.numbers[field].setText(text)
    before = len(notification_manager.records)
    run_tab(tab)
    assert said in tab.messages.toPlainText()
    assert said in notification_manager.records[before].message
    assert len(tab.viewer.layers) == 1
    assert_usable(tab)


class Remote:
    """Counts in an array that is asked over a network: `on_read(first frame)` is called where a job reads them."""

    def __init__(self, counts: np.ndarray, on_read: Callable[[int], None]) -> None:
        self.counts, self.on_read = counts, on_read
        self.shape, self.dtype, self.ndim = counts.shape, counts.dtype, counts.ndim

    def __getitem__(self, index: Any) -> np.ndarray:
        if threading.current_thread() is not threading.main_thread():
            self.on_read(index[0].start)
        return self.counts[index]


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("model", "not a model file"),
        (RuntimeError("the server does not answer"), "RuntimeError: the server does not answer"),
        (MemoryError(), "Not enough memory"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."), "Not enough memory"),
    ],
)
def test_an_error_in_the_thread_ends_in_a_message_and_a_usable_form(
    what: Any,
    said: str,
    open_tab: Callable[..., Any],
    movie: Stack,
    add_movie: Callable[..., Any],
    ready: Callable[..., Any],
    run_tab: Callable[..., None],
    tmp_path: Path,
) -> None:
    tab = open_tab()
    add_movie(tab.viewer)
    ready(tab)
    if what == "model":
        (tmp_path / "cut.safetensors").write_bytes(b"\x10\0\0\0")
        tab.form.model.add_file(tmp_path / "cut.safetensors")
    else:

        def fail(frame: int) -> None:
            raise what

        tab.form.source.choose_layer(add_movie(tab.viewer, Remote(movie.data, fail), name="remote"))
        ready(tab)
    before = len(notification_manager.records)
    run_tab(tab)
    assert said in tab.messages.toPlainText()
    assert [said in n.message for n in notification_manager.records[before:]] == [True]
    assert_usable(tab)
    tab.form.model.choice.setCurrentIndex(0)
    tab.form.source.choose_layer(tab.viewer.layers["movie"])
    ready(tab)
    run_tab(tab)
    assert "movie localizations" in tab.viewer.layers


class Gate(Remote):
    """Frames past the first chunk are localized when the gate is opened; looking at them before is free."""

    def __init__(self, counts: np.ndarray) -> None:
        super().__init__(counts, self._wait)
        self.open = threading.Event()

    def _wait(self, frame: int) -> None:
        if threading.current_thread().name.startswith("pinpoint-read") and frame >= 2:
            assert self.open.wait(60)


@pytest.fixture
def gate(movie: Stack) -> Any:
    gate = Gate(movie.data)
    yield gate
    gate.open.set()


@pytest.mark.usefixtures("small_chunks")
def test_cancel_keeps_what_is_done(
    qtbot: Any,
    open_tab: Callable[..., Any],
    movie: Stack,
    add_movie: Callable[..., Any],
    ready: Callable[..., Any],
    press: Callable[..., None],
    gate: Gate,
    same_rows: Callable[..., None],
) -> None:
    tab = open_tab()
    add_movie(tab.viewer, gate)
    ready(tab)
    press(tab.run_button)
    qtbot.waitUntil(lambda: tab.jobs.status.total == 12, timeout=60_000)
    assert not tab.run_button.isEnabled()
    press(tab.cancel_button)
    assert not tab.cancel_button.isEnabled()
    gate.open.set()
    qtbot.waitUntil(lambda: not tab.jobs.is_running, timeout=60_000)
    assert_usable(tab)
    assert "Cancelled" in tab.messages.toPlainText()
    done = tab.jobs.status.done
    assert done < 12
    if done:  # the table is that of the frames that were done, and its record says so
        table = table_of(tab.viewer.layers["movie localizations"])
        expected = localize(movie, "smlm-2d")
        same_rows(table, expected.select(expected["frame"] < done))
        assert table.record["settings"]["frames"] == [0, done]


@pytest.mark.usefixtures("small_chunks")
def test_a_job_survives_the_dock_and_shows_in_the_next_one(
    qtbot: Any,
    open_tab: Callable[..., Any],
    movie: Stack,
    add_movie: Callable[..., Any],
    ready: Callable[..., Any],
    press: Callable[..., None],
    gate: Gate,
    same_rows: Callable[..., None],
) -> None:
    tab = open_tab()
    viewer = tab.viewer
    add_movie(viewer, gate)
    ready(tab)
    press(tab.run_button)
    jobs = tab.jobs
    qtbot.waitUntil(lambda: jobs.status.total == 12, timeout=60_000)
    viewer.window.remove_dock_widget(tab)
    viewer.layers.remove("movie")
    tab.deleteLater()
    del tab
    qtbot.wait(50)
    again = open_tab(viewer)
    assert again.cancel_button.isEnabled()
    assert "of 12 frames" in again.messages.toPlainText()
    gate.open.set()
    qtbot.waitUntil(lambda: not again.jobs.is_running, timeout=60_000)
    same_rows(table_of(viewer.layers["movie localizations"]), localize(movie, "smlm-2d"))
    assert "localizations in 12 frames" in again.messages.toPlainText()


@pytest.mark.usefixtures("small_chunks")
def test_closing_the_viewer_ends_the_thread(
    qtbot: Any,
    open_tab: Callable[..., Any],
    add_movie: Callable[..., Any],
    ready: Callable[..., Any],
    press: Callable[..., None],
    gate: Gate,
) -> None:
    tab = open_tab()
    add_movie(tab.viewer, gate)
    ready(tab)
    press(tab.run_button)
    qtbot.waitUntil(lambda: tab.jobs.status.total == 12, timeout=60_000)
    jobs = tab.jobs
    tab.viewer.close()
    qtbot.waitUntil(lambda: not jobs.is_running)
    gate.open.set()
    qtbot.waitUntil(lambda: not any(t.name == "pinpoint-job" for t in threading.enumerate()), timeout=20_000)
    assert jobs.status.done < 12
