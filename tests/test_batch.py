"""Many stacks: cancelled between, and one that memory is too small for."""

from __future__ import annotations

from pathlib import Path
from threading import Event

import numpy as np
import pytest

from napari_pinpoint.batch import Job, Outcome, run_jobs
from napari_pinpoint.inference import Plan, plan, planning
from napari_pinpoint.model import Localizer, load_model
from napari_pinpoint.scenes.emitters import EmitterScene


@pytest.fixture(scope="module")
def model() -> Localizer:
    return load_model("smlm-2d")


@pytest.fixture
def jobs(tmp_path: Path) -> list[Job]:
    return [Job(name, tmp_path / f"{name}.parquet") for name in ("a", "b", "c")]


def prepared(model: Localizer) -> Plan:
    stack, _ = EmitterScene(shape=(40, 40), density=(0.02, 0.02)).sample(4, np.random.default_rng(5))
    return plan(stack, model, device="cpu")


def test_cancelling_keeps_what_is_done_and_the_same_jobs_go_on(
    model: Localizer, jobs: list[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(planning.CHUNK_PIXELS, "cpu", 40 * 40)
    cancel, seen = Event(), []

    def press_cancel_in_the_second(job: Plan, frames: float) -> None:
        seen.append(frames)
        if len(seen) == 6:
            cancel.set()

    ended = list(run_jobs(jobs, lambda _: prepared(model), cancel=cancel, progress=press_cancel_in_the_second))
    assert [(outcome.source, outcome.status) for outcome in ended] == [("a", "done"), ("b", "cancelled")]
    assert seen == [1, 2, 3, 4, 1, 2]
    assert sorted(path.name for path in jobs[0].output.parent.iterdir()) == ["a.parquet", "b.parquet.parts"]

    seen.clear()
    ended = list(run_jobs(jobs, lambda _: prepared(model), progress=lambda _, frames: seen.append(frames)))
    assert [outcome.status for outcome in ended] == ["skipped", "done", "done"]
    assert seen == [3, 4, 1, 2, 3, 4]


def test_too_little_memory_for_one_does_not_stop_the_others(
    model: Localizer, jobs: list[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    def prepare(source: str) -> Plan:
        if source == "b":
            raise MemoryError
        return prepared(model)

    ended: list[Outcome] = list(run_jobs(jobs, prepare))
    assert [outcome.status for outcome in ended] == ["done", "failed", "done"]
    assert "memory" in str(ended[1].reason)
