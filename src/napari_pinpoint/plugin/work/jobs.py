"""Jobs: long work in a thread of its own, one at a time for each viewer, whatever becomes of the widgets meanwhile.

napari's own workers are not used: a RuntimeError in a generator worker (torch raises no other) vanishes without any
signal, and a function worker cannot be stopped. Here every job ends with a result or a message, and only this
module's timer, in the main thread, touches napari and Qt.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from queue import Empty, SimpleQueue
from typing import Any, Literal

from napari.utils.notifications import show_error, show_warning
from qtpy.QtCore import QCoreApplication, QObject, QTimer, Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import QWidget

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.plugin.work.telling import explained, hearing
from napari_pinpoint.plugin.work.threads import start_thread

#: What ends a job in the main thread and gives the message; one that takes long does it in steps, and napari draws
#: and listens to its user between them.
Finish = Callable[[Any, Any], "str | Generator[None, None, str]"]
#: Milliseconds between two looks at what the thread has to say.
_INTERVAL_MS = 100
#: Seconds that quitting napari waits for a cancelled job.
_PATIENCE_S = 10.0


@dataclass
class Reporter:
    """What the work in the thread is given: whether to stop, and whom to tell how far it is."""

    cancel: threading.Event = field(default_factory=threading.Event)
    outbox: SimpleQueue[Any] = field(default_factory=SimpleQueue)

    def report(self, done: float, total: int, detail: str = "", *, unit: str = "frame") -> None:
        """So many of all frames are done, also parts of one; the clock of the rate starts with the first report."""
        self.outbox.put(_Progress(done, total, detail, time.monotonic(), unit))

    def hand_over(self, part: Any) -> None:
        """Give a part of the result to whom `Jobs.start` was told of, in the main thread."""
        self.outbox.put(_Part(part))


@dataclass(frozen=True)
class Status:
    """How the viewer's job is: what a widget shows."""

    state: Literal["idle", "running", "cancelling", "done", "failed"] = "idle"
    text: str = ""
    done: float = 0
    total: int = 0
    warnings: tuple[str, ...] = ()


class Jobs(QObject):
    """The one job of a viewer; lives as long as the viewer, while widgets come and go.

    `changed` is emitted in the main thread whenever `status` is another one.
    """

    changed = Signal()

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self.status = Status()
        self._viewer = weakref.ref(viewer)
        self._reporter = Reporter()
        self._thread: threading.Thread | None = None
        self._finish: Finish | None = None
        self._steps: Generator[None, None, str] | None = None
        self._receive: Callable[[Any, Any], None] | None = None
        self._failed: Callable[[Any], None] | None = None
        self._first: _Progress | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(_INTERVAL_MS)
        self._timer.timeout.connect(self._read_outbox)
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self._wait_for_the_end)

    @staticmethod
    def of(viewer: Any) -> Jobs:
        """The jobs of a viewer, also of one behind napari's proxy for plugins."""
        viewer = getattr(viewer, "__wrapped__", viewer)
        if viewer not in _JOBS:
            _JOBS[viewer] = Jobs(viewer)
        return _JOBS[viewer]

    @property
    def is_running(self) -> bool:
        return self.status.state in ("running", "cancelling")

    def start(
        self,
        work: Callable[[Reporter], Any],
        finish: Finish,
        *,
        receive: Callable[[Any, Any], None] | None = None,
        failed: Callable[[Any], None] | None = None,
        window: QWidget | None = None,
    ) -> None:
        """Run `work(reporter)` in a thread; then `finish(viewer, its result)`, in the main thread, gives the message.

        `work` looks at `reporter.cancel` and returns what it has when that is set. Parts that it hands over meanwhile
        go to `receive(viewer, part)`, and after an error `failed(viewer)` may tidy up, both in the main thread, too.
        When `window` is destroyed the job is cancelled and its result dropped.
        """
        if self.is_running:
            raise PinpointError("A job is running in this viewer; wait for its end or cancel it.")
        self._reporter, self._first = Reporter(), None
        self._finish, self._receive, self._failed = finish, receive, failed
        if window is not None:
            window.destroyed.connect(self._abandon)
        self._set(Status("running", "Preparing: loading the model, looking at the first frames"))
        self._thread = start_thread(_run, work, self._reporter, name="pinpoint-job", stop=self._reporter.cancel.set)
        self._timer.start()

    def cancel(self) -> None:
        """Ask the job to stop; it ends with what is done by then."""
        if self.status.state == "running":
            self._reporter.cancel.set()
            text = "Cancelling: the frames under way are finished first"
            self._set(replace(self.status, state="cancelling", text=text))

    def _abandon(self) -> None:
        """The viewer goes: stop the job and forget its result."""
        self._reporter.cancel.set()
        self._timer.stop()
        self._finish = self._receive = self._failed = self._steps = None
        self.status = Status()

    def _wait_for_the_end(self) -> None:
        """napari quits: torch must not be torn down under a thread that computes."""
        self._abandon()
        if self._thread is not None:
            self._thread.join(_PATIENCE_S)

    def _set(self, status: Status) -> None:
        if status != self.status:
            self.status = status
            self.changed.emit()

    def _read_outbox(self) -> None:
        """Take what the thread has said since the last time."""
        if self._steps is not None:
            self._step()
            return
        while self.is_running and self._steps is None:
            try:
                said = self._reporter.outbox.get_nowait()
            except Empty:
                return
            if isinstance(said, _Progress):
                self._show_progress(said)
            elif isinstance(said, _Doubt):
                show_warning(said.text)
                self._set(replace(self.status, warnings=(*self.status.warnings, said.text)))
            elif isinstance(said, _Part):
                self._pass_on(said.value)
            else:
                self._end(said)

    def _pass_on(self, part: Any) -> None:
        """Show a part of the result; if napari cannot, the job still goes on to its end."""
        if self._receive is None:
            return
        try:
            self._receive(self._viewer(), part)
        except Exception as error:
            self._receive = None
            show_warning(f"The points cannot be shown while the job runs; they come at its end. {explained(error)}")

    def _show_progress(self, progress: _Progress) -> None:
        if self._first is None:
            self._first = progress
        text = progress.words(self._first) if self.status.state == "running" else self.status.text
        self._set(replace(self.status, done=progress.done, total=progress.total, text=text))

    def _end(self, end: _Result | _Failure) -> None:
        finish = self._finish
        self._thread = self._finish = self._receive = None
        if isinstance(end, _Failure):
            self._fail(end.text)
        elif finish is not None:
            self._set(replace(self.status, text="Adding what was found"))
            self._steps = _in_steps(finish, self._viewer(), end.value)
            self._step()

    def _step(self) -> None:
        """One step of the job's end; the next one comes with the next tick."""
        steps = self._steps
        if steps is None:
            return
        try:
            next(steps)
        except StopIteration as end:
            self._timer.stop()
            self._steps = self._failed = None
            self._set(replace(self.status, state="done", text=end.value))
        except Exception as error:  # whatever napari makes of the layers: the widget must be usable again
            self._fail(explained(error))

    def _fail(self, text: str) -> None:
        self._timer.stop()
        failed = self._failed
        self._steps = self._failed = None
        if failed is not None:
            with suppress(Exception):  # the error that is told is the one that came first
                failed(self._viewer())
        show_error(text)
        self._set(replace(self.status, state="failed", text=text))


def _in_steps(finish: Finish, viewer: Any, value: Any) -> Generator[None, None, str]:
    """The end of a job as steps, also where it is only one."""
    ended = finish(viewer, value)
    return ended if isinstance(ended, str) else (yield from ended)


#: No viewer is kept alive by its jobs.
_JOBS: weakref.WeakKeyDictionary[Any, Jobs] = weakref.WeakKeyDictionary()


@dataclass(frozen=True)
class _Progress:
    done: float
    total: int
    detail: str
    at: float
    unit: str = "frame"

    def words(self, first: _Progress) -> str:
        """For example "120 of 500 frames, 35 frames/s, 11 s left"; of a single frame "40 % of the frame, 11 s left"."""
        several = self.total > 1
        parts = [
            f"{int(self.done):,} of {self.total:,} {self.unit}s" if several else f"{self.done:.0%} of the {self.unit}"
        ]
        if self.done > first.done and self.at > first.at:
            rate = (self.done - first.done) / (self.at - first.at)
            left = (self.total - self.done) / rate
            parts += [f"{rate:,.{0 if rate >= 10 else 1}f} {self.unit}s/s"] if several and self.unit == "frame" else []
            parts += [f"{_duration(left)} left"]
        return ", ".join([*parts, self.detail] if self.detail else parts)


@dataclass(frozen=True)
class _Doubt:
    text: str


@dataclass(frozen=True)
class _Part:
    value: Any


@dataclass(frozen=True)
class _Result:
    value: Any


@dataclass(frozen=True)
class _Failure:
    text: str


def _run(work: Callable[[Reporter], Any], reporter: Reporter) -> None:
    """The body of the thread: whatever happens, the last thing that is said is how it ended."""
    end: _Result | _Failure = _Failure("The job ended without a result.")
    try:
        with hearing(lambda text: reporter.outbox.put(_Doubt(text))):
            end = _Result(work(reporter))
    except BaseException as error:  # SystemExit too: a thread that ends in silence leaves a bar that turns for ever
        end = _Failure(explained(error))
    finally:
        reporter.outbox.put(end)


def _duration(seconds: float) -> str:
    """For example "45 s" or "12 min"."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
