"""Questions that widgets ask beside the viewer's job: answered in one thread, the latest of each kind only."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from qtpy.QtCore import QCoreApplication, QObject, QTimer

from napari_pinpoint.plugin.telling import explained, hearing
from napari_pinpoint.plugin.threads import start_thread

_INTERVAL_MS = 25
#: Seconds that quitting napari waits for a question under way.
_PATIENCE_S = 5.0


@dataclass(frozen=True)
class Answer:
    """What came of a question: a value, or why there is none; and what there is to doubt."""

    value: Any = None
    problem: str = ""
    warnings: tuple[str, ...] = ()


class Background(QObject):
    """Asks questions of different kinds in one thread of its own, one after the other.

    Only the latest question of a kind is answered: the answer to one that another has replaced is dropped.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._questions: SimpleQueue[_Question | None] = SimpleQueue()
        self._answers: SimpleQueue[tuple[_Question, Answer]] = SimpleQueue()
        self._latest: dict[str, _Question] = {}
        self._thread: threading.Thread | None = None
        self._ending: list[threading.Thread] = []
        self._timer = QTimer(self)
        self._timer.setInterval(_INTERVAL_MS)
        self._timer.timeout.connect(self._look_for_answers)
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self._wait_for_the_end)

    def ask(self, kind: str, work: Callable[[], Any], then: Callable[[Answer], None]) -> None:
        """Call `work()` in the thread, then `then(answer)` in the main thread, unless another of its kind is asked."""
        self.drop(kind)
        question = self._latest[kind] = _Question(kind, work, then)
        if self._thread is None:
            stop = partial(self._questions.put, None)
            self._thread = start_thread(_answer_all, self._questions, self._answers, name="pinpoint-ask", stop=stop)
            weakref.finalize(self, stop)  # no thread outlives its widget
        self._questions.put(question)
        self._timer.start()

    def is_asked(self, kind: str) -> bool:
        """Whether a question of this kind waits for its answer."""
        return kind in self._latest

    def drop(self, *kinds: str) -> None:
        """Forget the questions of these kinds, of all kinds if none is given."""
        for kind in kinds or tuple(self._latest):
            question = self._latest.pop(kind, None)
            if question is not None:
                question.dropped.set()

    def close(self) -> None:
        """Forget all questions, and let the thread end when it has answered the one under way; ask to begin anew."""
        self.drop()
        self._timer.stop()
        if self._thread is not None:
            self._questions.put(None)
            self._ending = [thread for thread in (*self._ending, self._thread) if thread.is_alive()]
            self._thread, self._questions = None, SimpleQueue()

    def _wait_for_the_end(self) -> None:
        """napari quits: torch must not be torn down under a thread that computes."""
        self.close()
        for thread in self._ending:
            thread.join(_PATIENCE_S)

    def _look_for_answers(self) -> None:
        while True:
            try:
                question, answer = self._answers.get_nowait()
            except Empty:
                break
            if self._latest.get(question.kind) is question:
                del self._latest[question.kind]
                question.then(answer)
        if not self._latest:
            self._timer.stop()


class _Question:
    def __init__(self, kind: str, work: Callable[[], Any], then: Callable[[Answer], None]) -> None:
        self.kind, self.work, self.then = kind, work, then
        self.dropped = threading.Event()


def _answer_all(questions: SimpleQueue[_Question | None], answers: SimpleQueue[tuple[_Question, Answer]]) -> None:
    """The body of the thread; it knows the queues and no widget."""
    while (question := questions.get()) is not None:
        if question.dropped.is_set():
            continue
        doubts: list[str] = []
        try:
            with hearing(doubts.append):
                value = question.work()
        except BaseException as error:
            answers.put((question, Answer(problem=explained(error), warnings=tuple(doubts))))
        else:
            answers.put((question, Answer(value, warnings=tuple(doubts))))
        del question  # or it keeps what it asked about until the next one comes
