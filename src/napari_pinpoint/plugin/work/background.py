"""Questions that widgets ask beside the viewer's job: answered in one thread, the latest of each kind only."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

from qtpy.QtCore import QCoreApplication, QObject, QTimer

from napari_pinpoint.plugin.work.telling import explained, hearing
from napari_pinpoint.plugin.work.threads import start_thread

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
        self._line = _Line()
        self._latest: dict[str, tuple[_Question, Callable[[Answer], None]]] = {}
        self._timer = QTimer(self)
        self._timer.setInterval(_INTERVAL_MS)
        self._timer.timeout.connect(self._look_for_answers)
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self._wait_for_the_end)

    def ask(self, kind: str, work: Callable[[], Any], then: Callable[[Answer], None]) -> None:
        """Call `work()` in the thread, then `then(answer)` in the main thread, unless another of its kind is asked."""
        self.drop(kind)
        question = _Question(kind, work)
        self._latest[kind] = question, then
        self._line.put(question)
        self._timer.start()

    def is_asked(self, kind: str) -> bool:
        """Whether a question of this kind waits for its answer."""
        return kind in self._latest

    def drop(self, *kinds: str) -> None:
        """Forget the questions of these kinds, of all kinds if none is given."""
        for kind in kinds or tuple(self._latest):
            if kind in self._latest:
                question, _ = self._latest.pop(kind)
                question.dropped.set()

    def close(self) -> None:
        """Forget all questions; the thread ends when it has answered the one under way."""
        self.drop()
        self._timer.stop()

    def _wait_for_the_end(self) -> None:
        """napari quits: torch must not be torn down under a thread that computes."""
        self.close()
        self._line.wait(_PATIENCE_S)

    def _look_for_answers(self) -> None:
        while True:
            try:
                question, answer = self._line.answers.get_nowait()
            except Empty:
                break
            asked, then = self._latest.get(question.kind, (None, None))
            if asked is question and then is not None:
                del self._latest[question.kind]
                then(answer)
        if not self._latest:
            self._timer.stop()


@dataclass(frozen=True, eq=False)
class _Question:
    """What is asked; not whom to tell, for no widget may come to its end in the thread."""

    kind: str
    work: Callable[[], Any]
    dropped: threading.Event = field(default_factory=threading.Event)


class _Line:
    """Questions that wait, and a thread that is there as long as there are any: none outlives its widget."""

    def __init__(self) -> None:
        self.answers: SimpleQueue[tuple[_Question, Answer]] = SimpleQueue()
        self._questions: deque[_Question] = deque()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def put(self, question: _Question) -> None:
        with self._lock:
            self._questions.append(question)
            if self._thread is None:
                self._thread = start_thread(self._answer_all, name="pinpoint-ask", stop=self._questions.clear)

    def wait(self, seconds: float) -> None:
        """Wait for the end of the question under way."""
        thread = self._thread
        if thread is not None:
            thread.join(seconds)

    def _next(self) -> _Question | None:
        """The next question; if there is none, the thread ends."""
        with self._lock:
            while self._questions:
                question = self._questions.popleft()
                if not question.dropped.is_set():
                    return question
            self._thread = None
            return None

    def _answer_all(self) -> None:
        """The body of the thread."""
        while (question := self._next()) is not None:
            doubts: list[str] = []
            try:
                with hearing(doubts.append):
                    answer = Answer(question.work(), warnings=tuple(doubts))
            except BaseException as error:
                answer = Answer(problem=explained(error), warnings=tuple(doubts))
            self.answers.put((question, answer))
