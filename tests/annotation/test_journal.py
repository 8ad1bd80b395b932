"""The journal of an annotation: whatever happens to the program, at most the last action is lost."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from napari_pinpoint.annotation import CompleteRegion, Journal, journal_path
from napari_pinpoint.errors import PinpointError, PinpointWarning
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.stack import Stack


def stack_of(value: float = 0.0, shape: tuple[int, ...] = (4, 8, 8)) -> Stack:
    return Stack(np.full(shape, value, np.float32), "TYX", pixel_size_nm=100)


def point(i: int) -> Localizations:
    return Localizations({"frame": [i % 4], "y": [i + 0.1], "x": [i / 3]})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return journal_path(tmp_path / "stack.tif")


def test_all_that_was_done_is_there_again_and_can_be_undone(path: Path) -> None:
    with Journal(path, stack_of()) as journal:
        for i in range(4):
            journal.annotation.add(point(i))
        journal.annotation.add_region(CompleteRegion([(0, 0), (0, 5), (5, 5)], frames=(0, 2)))
        journal.annotation.mark_empty([9])
        journal.annotation.undo()
        journal.annotation.undo()
        before = journal.annotation.snapshot()
    with Journal(path, stack_of()) as journal:
        again = journal.annotation
        assert again.snapshot() == before
        assert (again.can_undo, again.can_redo) == ("add", "add region")
        assert again.points.pixel_size_nm == 100
        again.redo()
        again.redo()
        assert again.coverage.empty_frames == (9,)


def test_wherever_the_last_line_is_cut_all_before_it_is_recovered(path: Path) -> None:
    with Journal(path, stack_of()) as journal:
        for i in range(3):
            journal.annotation.add(point(i))
    content = path.read_bytes()
    whole = content[:-1].rindex(b"\n") + 1  # where the last line begins
    for length in range(whole + 1, len(content), 7):
        path.write_bytes(content[:length])
        with pytest.warns(PinpointWarning, match=r"cut short.*2 actions before"):
            journal = Journal(path, stack_of())
        with journal:
            assert len(journal.annotation.points) == 2
            journal.annotation.add(point(7))
        with Journal(path, stack_of()) as journal:
            assert journal.annotation.points["y"].tolist() == [0.1, 1.1, 7.1]


def test_a_first_line_that_was_cut_short_is_a_new_journal(path: Path) -> None:
    Journal(path, stack_of()).close()
    head = path.read_bytes()
    for length in (0, 1, 9, 30, len(head) - 1):
        path.write_bytes(head[:length])
        Journal(path, stack_of()).close()
        assert path.read_bytes() == head


def test_a_damaged_line_is_named_and_nothing_is_changed(path: Path) -> None:
    with Journal(path, stack_of()) as journal:
        for i in range(3):
            journal.annotation.add(point(i))
    lines = path.read_bytes().splitlines(keepends=True)
    for damaged in (b'{"do":"add","points":[[\n', b"[]\n", b'{"do":"redo"}\n'):
        content = b"".join([*lines[:2], damaged, *lines[3:]])
        path.write_bytes(content)
        with pytest.raises(PinpointError, match=r"line 3, is damaged.*1 actions before it"):
            Journal(path, stack_of())
        assert path.read_bytes() == content


@pytest.mark.parametrize("content", [b"y,x\n1,2\n", b"no line", b'{"other": 1}\n', b"[1]\n"])
def test_another_file_is_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(PinpointError, match="no journal"):
        Journal(path, stack_of())
    assert path.read_bytes() == content


def test_the_journal_of_another_stack_is_not_taken(path: Path) -> None:
    Journal(path, stack_of()).close()
    with pytest.raises(PinpointError, match="content is another"):
        Journal(path, stack_of(1.0))
    with pytest.raises(PinpointError, match="shape is another"):
        Journal(path, stack_of(shape=(5, 8, 8)))
    Journal(path, stack_of()).close()  # the refusals have not kept it locked


def test_only_one_can_have_it_open(path: Path) -> None:
    with Journal(path, stack_of()) as journal:
        with pytest.raises(PinpointError, match="open in another window"):
            Journal(path, stack_of())
        journal.annotation.add(point(0))
    Journal(path, stack_of()).close()
    with pytest.raises(PinpointError, match="is closed"):
        journal.annotation.add(point(1))


def test_compacting_keeps_what_is_there_and_the_file_as_it_was(path: Path) -> None:
    with Journal(path, stack_of()) as journal:
        for i in range(20):
            journal.annotation.add(point(i))
        journal.annotation.delete(range(3, 20))
        before, content = journal.annotation.points, path.read_bytes()
        kept = journal.compact()
        assert kept.read_bytes() == content
        assert len(path.read_bytes()) < len(content) / 4
        assert journal.annotation.can_undo is None
        journal.annotation.add(point(5))
        with pytest.raises(PinpointError, match="open in another"):
            Journal(path, stack_of())
        assert journal.compact() != kept
    with Journal(path, stack_of()) as journal:
        assert journal.annotation.points["y"].tolist() == [*before["y"].tolist(), 5.1]
        assert journal.annotation.undo() is None


def test_a_full_disk_leaves_the_file_and_the_annotation_as_they_were(path: Path, monkeypatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with Journal(path, stack_of()) as journal:
        journal.annotation.add(point(0))
        content = path.read_bytes()
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            with pytest.raises(PinpointError, match="was not done"):
                journal.annotation.add(point(1))
        assert path.read_bytes() == content
        assert len(journal.annotation.points) == 1
        journal.annotation.add(point(2))
    with Journal(path, stack_of()) as journal:
        assert journal.annotation.points["y"].tolist() == [0.1, 2.1]


def test_a_folder_that_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    with pytest.raises(PinpointError, match="choose another folder"):
        Journal(tmp_path / "no-such" / "a.jsonl", stack_of())


ANNOTATE = """
import sys
import numpy as np
from napari_pinpoint.annotation import Journal
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.stack import Stack

stack = Stack(np.zeros((4, 8, 8), np.float32), "TYX", pixel_size_nm=100)
annotation = Journal(sys.argv[1], stack).annotation
i = len(annotation.points)
while True:
    annotation.add(Localizations({"frame": [i % 4], "y": [i + 0.1], "x": [i / 3]}))
    print(i, flush=True)
    i += 1
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGKILL")
@pytest.mark.filterwarnings("ignore:.*cut short:napari_pinpoint.errors.PinpointWarning")
def test_a_killed_process_loses_at_most_its_last_action(path: Path) -> None:
    moments = random.Random(5)
    for _ in range(4):
        process = subprocess.Popen([sys.executable, "-c", ANNOTATE, path], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first, "the process could not open the journal that the one before has left"
        time.sleep(moments.uniform(0, 0.15))
        process.send_signal(signal.SIGKILL)
        said = (first + process.stdout.read()).splitlines(keepends=True)
        process.wait()
        process.stdout.close()
        told = int([line for line in said if line.endswith("\n")][-1]) + 1
        with Journal(path, stack_of()) as journal:
            found = journal.annotation.points["y"]
        assert told <= len(found) <= told + 1
        np.testing.assert_array_equal(found, np.arange(len(found)) + 0.1)
    assert all(json.loads(line) for line in path.read_text().splitlines())
