"""The comparison runs what was chosen, and says what it lacks before it begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_pinpoint.bench import TASKS, methods
from napari_pinpoint.errors import PinpointError


def test_all_tasks_are_run_in_their_order_unless_some_are_named(tmp_path: Path) -> None:
    assert methods.choose((), tmp_path) == TASKS.names()
    assert methods.choose(["pixel", "dense"], tmp_path) == ("dense", "pixel")


def test_a_task_that_does_not_exist_and_data_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(PinpointError, match=r"no task 'denes'.*'dense'"):
        methods.choose(["denes"], tmp_path)
    with pytest.raises(PinpointError, match=r"dense.*PINPOINT_DATA.*--only"):
        methods.choose(["dense"], None)
    with pytest.raises(PinpointError, match="not a folder"):
        methods.choose(["dense"], tmp_path / "nowhere")
    assert methods.choose(["pixel"], None) == ("pixel",)


@pytest.mark.data
@pytest.mark.filterwarnings("ignore:.*boxes have no area")  # as the data's description says
@pytest.mark.parametrize("name", TASKS.names())
def test_every_task_runs_quickly(name: str, data_folder: Path, tmp_path: Path) -> None:
    report = methods.run(tmp_path, data=data_folder, only=[name], quick=True)
    assert "QUICK" in report.summary[0]
    (section,) = report.sections
    assert section.title == TASKS[name].title
    assert section.goals
    report.write(tmp_path)
    assert (tmp_path / "index.html").stat().st_size > 1000
