"""Questions beside the job: the latest of each kind is answered, in words where it fails."""

from __future__ import annotations

import threading
import warnings
from typing import Any

import pytest

from napari_pinpoint.errors import PinpointError, PinpointWarning

pytestmark = pytest.mark.gui


@pytest.fixture
def background(qtbot: Any) -> Any:
    from napari_pinpoint.plugin.work.background import Background

    background = Background()
    yield background
    background.close()


def test_the_answer_comes_in_the_main_thread_with_its_doubts(qtbot: Any, background: Any) -> None:
    def work() -> str:
        warnings.warn("odd", PinpointWarning, stacklevel=1)
        return threading.current_thread().name

    answers: list[Any] = []
    background.ask("name", work, lambda answer: answers.append((answer, threading.current_thread())))
    assert background.is_asked("name")
    qtbot.waitUntil(lambda: len(answers) == 1)
    answer, where = answers[0]
    assert (answer.value, answer.warnings, answer.problem) == ("pinpoint-ask", ("odd",), "")
    assert where is threading.main_thread()
    assert not background.is_asked("name")


def test_only_the_latest_of_a_kind_counts(qtbot: Any, background: Any) -> None:
    go_on, worked, answers = threading.Event(), [], []

    def work(value: int) -> int:
        worked.append(value)
        go_on.wait(20)
        return value

    for value in range(5):
        background.ask("number", lambda value=value: work(value), lambda answer: answers.append(answer.value))
    background.ask("other", lambda: "x", lambda answer: answers.append(answer.value))
    qtbot.waitUntil(lambda: len(worked) > 0)
    go_on.set()
    qtbot.waitUntil(lambda: len(answers) == 2)
    assert answers == [4, "x"]
    assert len(worked) <= 2


def test_every_error_is_told_and_the_next_question_is_answered(qtbot: Any, background: Any) -> None:
    def fail(error: BaseException) -> None:
        raise error

    answers: list[Any] = []
    for error in (PinpointError("No frames."), RuntimeError("boom"), MemoryError(), SystemExit(1)):
        background.ask("x", lambda error=error: fail(error), answers.append)
        qtbot.waitUntil(lambda: not background.is_asked("x"))
    background.ask("x", lambda: 1, answers.append)
    qtbot.waitUntil(lambda: len(answers) == 5)
    assert [answer.problem[:12] for answer in answers] == [
        "No frames.",
        "RuntimeError",
        "Not enough m",
        "SystemExit: ",
        "",
    ]


def test_closing_ends_the_thread_and_no_answer_comes(qtbot: Any, background: Any) -> None:
    answers: list[Any] = []
    background.ask("x", lambda: 1, answers.append)
    background.close()
    qtbot.waitUntil(lambda: not any(thread.name == "pinpoint-ask" for thread in threading.enumerate()))
    qtbot.wait(100)
    assert answers == []
    background.ask("x", lambda: 2, lambda answer: answers.append(answer.value))
    qtbot.waitUntil(lambda: answers == [2])


def test_no_thread_outlives_its_widget_however_that_ends(qtbot: Any) -> None:
    """Python may collect a closed dock as a whole, in any order: nothing of it may be called then."""
    import gc

    from napari_pinpoint.plugin.work.background import Background

    class Dock:
        def __init__(self) -> None:
            self.background = Background()
            self.me = self
            self.background.ask("x", lambda: 1, self.take)

        def take(self, answer: Any) -> None:
            self.answer = answer

    dock = Dock()
    while dock.background.is_asked("x"):
        qtbot.wait(20)
    del dock
    gc.collect()
    qtbot.waitUntil(lambda: not any(thread.name == "pinpoint-ask" for thread in threading.enumerate()))


def test_the_thread_keeps_no_widget_whose_question_it_answers(qtbot: Any) -> None:
    """It would come to its end there, and Qt would crash."""
    import gc
    import weakref

    from napari_pinpoint.plugin.work.background import Background

    go_on = threading.Event()

    class Dock:
        def __init__(self) -> None:
            self.background = Background()
            self.background.ask("x", lambda: go_on.wait(20), self.take)

        def take(self, answer: Any) -> None:
            self.answer = answer

    dock = Dock()
    qtbot.waitUntil(lambda: any(thread.name == "pinpoint-ask" for thread in threading.enumerate()))
    reference = weakref.ref(dock)
    del dock
    gc.collect()
    assert reference() is None
    go_on.set()
