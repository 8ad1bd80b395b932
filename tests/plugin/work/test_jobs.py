"""Every job ends, with a result or a message, whatever happens to its thread, its viewer and its window."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Generator
from typing import Any

import pytest
from napari.utils.notifications import notification_manager

from napari_pinpoint.errors import PinpointError, PinpointWarning

pytestmark = pytest.mark.gui


class Viewer:
    """Stands for a viewer: a job keeps none alive and only hands it on."""


@pytest.fixture
def viewer() -> Viewer:
    return Viewer()


@pytest.fixture
def run(qtbot: Any, viewer: Viewer) -> Callable[..., Any]:
    """Runs a piece of work as the viewer's job to its end, and gives the jobs."""
    from napari_pinpoint.plugin.work.jobs import Jobs

    def run_it(work: Callable[..., Any], finish: Callable[..., str] = lambda viewer, value: str(value)) -> Any:
        jobs = Jobs.of(viewer)
        jobs.start(work, finish)
        qtbot.waitUntil(lambda: not jobs.is_running, timeout=20_000)
        return jobs

    return run_it


def raising(error: BaseException) -> Callable[[Any], Any]:
    def work(reporter: Any) -> None:
        reporter.report(1, 10)
        raise error

    return work


def test_a_viewer_has_one_controller_also_behind_napari_s_proxy(make_napari_viewer: Any) -> None:
    from napari.utils._proxies import PublicOnlyProxy

    from napari_pinpoint.plugin.work.jobs import Jobs

    viewer = make_napari_viewer()
    assert Jobs.of(viewer) is Jobs.of(PublicOnlyProxy(viewer))
    assert Jobs.of(Viewer()) is not Jobs.of(viewer)


def test_the_result_is_finished_in_the_main_thread(run: Any, viewer: Viewer) -> None:
    threads = {}

    def work(reporter: Any) -> int:
        threads["work"] = threading.current_thread()
        reporter.report(0, 4)
        reporter.report(4, 4)
        return 17

    def finish(given: Any, value: int) -> str:
        threads["finish"] = threading.current_thread()
        assert given is viewer
        return f"{value} points"

    status = run(work, finish).status
    assert (status.state, status.text, status.done, status.total) == ("done", "17 points", 4, 4)
    assert threads["finish"] is threading.main_thread()
    assert threads["work"] is not threading.main_thread()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PinpointError("The file x.tif is cut off."), "The file x.tif is cut off."),
        (RuntimeError("CUDA error: something"), "RuntimeError: CUDA error: something"),
        (RuntimeError("CUDA out of memory. Tried to allocate"), "Not enough memory"),
        (MemoryError(), "Not enough memory"),
        (StopIteration("3"), "StopIteration"),
        (SystemExit(1), "SystemExit"),
    ],
)
def test_every_error_ends_in_a_message_and_the_next_job_runs(run: Any, error: BaseException, said: str) -> None:
    before = len(notification_manager.records)
    status = run(raising(error)).status
    assert status.state == "failed"
    assert said in status.text
    assert [(str(n.severity), n.message) for n in notification_manager.records[before:]] == [("error", status.text)]
    assert run(lambda reporter: "fine").status.state == "done"


def test_layers_that_cannot_be_added_are_an_error_as_well(run: Any) -> None:
    def finish(viewer: Any, value: Any) -> str:
        raise TypeError("napari has changed")

    status = run(lambda reporter: 1, finish).status
    assert (status.state, status.text.partition(" (")[0]) == ("failed", "TypeError: napari has changed")


def test_cancel_is_heard_and_what_is_done_is_kept(qtbot: Any, viewer: Viewer) -> None:
    from napari_pinpoint.plugin.work.jobs import Jobs

    def work(reporter: Any) -> str:
        reporter.report(3, 100)
        assert reporter.cancel.wait(20)
        return "three frames"

    jobs = Jobs.of(viewer)
    jobs.start(work, lambda viewer, value: value)
    with pytest.raises(PinpointError, match="running"):
        jobs.start(work, lambda viewer, value: value)
    qtbot.waitUntil(lambda: jobs.status.done == 3)
    jobs.cancel()
    assert jobs.status.state == "cancelling"
    qtbot.waitUntil(lambda: not jobs.is_running)
    assert (jobs.status.state, jobs.status.text) == ("done", "three frames")


def test_progress_tells_the_rate_and_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    from napari_pinpoint.plugin.work.jobs import _Progress

    first = _Progress(0, 1000, "", at=50.0)
    assert first.words(first) == "0 of 1,000 frames"
    assert _Progress(400, 1000, "77 points", at=54.0).words(first) == (
        "400 of 1,000 frames, 100 frames/s, 6 s left, 77 points"
    )
    assert _Progress(1, 1000, "", at=51.0).words(first).endswith("1.0 frames/s, 17 min left")


def test_own_warnings_are_shown_each_time_and_others_go_their_way(run: Any) -> None:
    def work(reporter: Any) -> str:
        warnings.warn("The pixel size is odd.", PinpointWarning, stacklevel=1)
        warnings.warn("old numpy", UserWarning, stacklevel=1)
        return "done"

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        others: list[str] = []
        warnings.showwarning = lambda message, *rest, **more: others.append(str(message))
        for n in (1, 2):
            before = len(notification_manager.records)
            assert run(work).status.warnings == ("The pixel size is odd.",)
            assert [n.message for n in notification_manager.records[before:]] == ["The pixel size is odd."]
            assert others == ["old numpy"] * n


def test_the_warning_hook_is_harmless_when_others_restore_it_late() -> None:
    """As napari does in the main thread: it enters `catch_warnings` while a job runs, and leaves it later."""
    from napari_pinpoint.plugin.work.telling import hearing

    told: list[str] = []
    shown: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, *rest, **more: shown.append(str(message))
        heard = hearing(told.append)
        heard.__enter__()
        others = warnings.catch_warnings(record=True)
        others.__enter__()
        heard.__exit__(None, None, None)
        others.__exit__(None, None, None)
        warnings.warn("later", PinpointWarning, stacklevel=1)
    assert (told, shown) == ([], ["later"])


def test_a_window_that_is_destroyed_stops_the_job_and_drops_its_result(qtbot: Any, viewer: Viewer) -> None:
    from qtpy.QtWidgets import QWidget

    from napari_pinpoint.plugin.work.jobs import Jobs

    stopped = threading.Event()

    def work(reporter: Any) -> str:
        reporter.cancel.wait(20)
        stopped.set()
        return "too late"

    jobs, window, finished = Jobs.of(viewer), QWidget(), []
    jobs.start(work, lambda viewer, value: finished.append(value) or "", window=window)
    window.deleteLater()
    qtbot.waitUntil(stopped.is_set)
    qtbot.wait(300)
    assert finished == []
    assert jobs.status.state == "idle"


def test_no_viewer_is_kept_alive(qtbot: Any) -> None:
    import gc
    import weakref

    from napari_pinpoint.plugin.work.jobs import Jobs

    viewer = Viewer()
    gone = weakref.ref(viewer)
    Jobs.of(viewer).start(lambda reporter: 1, lambda viewer, value: "done")
    qtbot.waitUntil(lambda: not Jobs.of(gone()).is_running)
    del viewer
    gc.collect()
    assert gone() is None


def test_parts_of_the_result_arrive_in_the_main_thread_while_the_job_runs(qtbot: Any, viewer: Viewer) -> None:
    from napari_pinpoint.plugin.work.jobs import Jobs

    go_on, received = threading.Event(), []

    def work(reporter: Any) -> str:
        reporter.hand_over(1)
        assert go_on.wait(20)
        reporter.hand_over(2)
        return "end"

    jobs = Jobs.of(viewer)
    jobs.start(
        work,
        lambda viewer, value: value,
        receive=lambda viewer, part: received.append((part, threading.current_thread() is threading.main_thread())),
    )
    qtbot.waitUntil(lambda: received == [(1, True)])
    assert jobs.is_running
    go_on.set()
    qtbot.waitUntil(lambda: not jobs.is_running)
    assert received == [(1, True), (2, True)]


def test_parts_that_cannot_be_shown_do_not_end_the_job(qtbot: Any, viewer: Viewer) -> None:
    from napari_pinpoint.plugin.work.jobs import Jobs

    def work(reporter: Any) -> str:
        for part in range(3):
            reporter.hand_over(part)
        return "end"

    def receive(viewer: Any, part: Any) -> None:
        calls.append(part)
        raise ValueError("no such layer")

    calls: list[int] = []
    jobs = Jobs.of(viewer)
    jobs.start(work, lambda viewer, value: value, receive=receive)
    qtbot.waitUntil(lambda: not jobs.is_running)
    assert (jobs.status.state, calls) == ("done", [0])


def test_after_an_error_there_is_a_chance_to_tidy_up(qtbot: Any, viewer: Viewer) -> None:
    from napari_pinpoint.plugin.work.jobs import Jobs

    tidied: list[Any] = []
    jobs = Jobs.of(viewer)
    jobs.start(raising(RuntimeError("x")), lambda viewer, value: "done", failed=tidied.append)
    qtbot.waitUntil(lambda: not jobs.is_running)
    assert (jobs.status.state, tidied) == ("failed", [viewer])


def test_a_job_may_end_in_steps_between_which_napari_goes_on(qtbot: Any, viewer: Any) -> None:
    from napari_pinpoint.plugin.work.jobs import Jobs

    jobs, seen = Jobs.of(viewer), []

    def finish(_viewer: Any, value: int) -> Generator[None, None, str]:
        for step in range(value):
            seen.append((step, jobs.status.state))
            yield
        return "all steps done"

    from qtpy.QtCore import QTimer

    QTimer.singleShot(150, lambda: seen.append("napari"))
    jobs.start(lambda reporter: 4, finish)
    qtbot.waitUntil(lambda: jobs.status.state == "done", timeout=20_000)
    assert [s for s in seen if s != "napari"] == [(n, "running") for n in range(4)]
    assert "napari" in seen[:-1]
    assert jobs.status.text == "all steps done"


def test_an_error_in_a_step_of_the_end_is_told_and_tidied_up(qtbot: Any, viewer: Any) -> None:
    from napari_pinpoint.plugin.work.jobs import Jobs

    jobs, tidied = Jobs.of(viewer), []

    def finish(_viewer: Any, _value: Any) -> Generator[None, None, str]:
        yield
        raise ValueError("napari would not")

    jobs.start(lambda reporter: None, finish, failed=tidied.append)
    qtbot.waitUntil(lambda: jobs.status.state == "failed", timeout=20_000)
    assert "napari would not" in jobs.status.text
    assert tidied == [viewer]
