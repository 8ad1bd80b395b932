"""What a comparison covers."""

from __future__ import annotations

import numpy as np
import pytest

from napari_pinpoint import Localizations
from napari_pinpoint.errors import PinpointError, PinpointWarning
from napari_pinpoint.evaluation import by_class, compared_frames, evaluate, in_frames


def table(frame, **more) -> Localizations:
    record = more.pop("record", None)
    return Localizations({"frame": frame, "y": np.ones(len(frame)), "x": np.ones(len(frame)), **more}, record=record)


def looked_at(start: int, stop: int) -> dict:
    return {"settings": {"frames": [start, stop]}, "input": {"shape": [20, 40, 48]}}


def test_a_run_on_some_frames_is_judged_by_them():
    truth = table(np.arange(20))
    found = table(np.arange(5, 8), record=looked_at(5, 10))
    with pytest.warns(PinpointWarning, match="frames 5 to 9 .* 15 of 20 true rows .* left out"):
        scores = evaluate(found, truth, tolerance_px=1)
    assert (scores.tp, scores.fp, scores.fn) == (3, 0, 2)


def test_frames_that_are_asked_for_go_first():
    truth = table(np.arange(20))
    found = table(np.arange(5, 8), record=looked_at(5, 10))
    assert evaluate(found, truth, tolerance_px=1, frames=(0, 20)).fn == 17
    assert evaluate(found, truth, tolerance_px=1, frames=(7, 9)).to_dict()["fn"] == 1
    for wrong in ((3, 3), (-1, 4), (5, 2)):
        with pytest.raises(PinpointError, match=r"\(first, last \+ 1\)"):
            evaluate(found, truth, tolerance_px=1, frames=wrong)


def test_a_record_that_its_own_rows_contradict_is_not_believed():
    found = table([5, 17], record=looked_at(5, 10))
    assert compared_frames(found, table(np.arange(20))) == (0, 20)


@pytest.mark.parametrize("record", [None, {"settings": {}}, {"settings": {"frames": None}}])
def test_without_a_record_every_frame_with_a_row_counts(record):
    assert compared_frames(table([2], record=record), table([0, 6])) == (0, 7)
    assert compared_frames(table([], record=record), table([])) == (0, 1)


def test_nothing_is_said_where_nothing_is_left_out():
    assert compared_frames(table([5], record=looked_at(5, 10)), table([6, 9])) == (5, 10)


def test_rows_of_frames():
    some = table([0, 1, 2, 3])
    assert in_frames(some, (1, 3))["frame"].tolist() == [1, 2]
    assert in_frames(some, (0, 9)) is some


def test_classes_of_either_table_are_told_apart():
    found, truth = table([0, 0, 1], label=["b", None, "c"]), table([0, 2], label=["b", "a"])
    counts = {name: tuple(map(len, pair)) for name, pair in by_class(found, truth).items()}
    assert counts == {"a": (0, 1), "b": (1, 1), "c": (1, 0), "none": (1, 0)}
    assert by_class(table([0]), truth) == {}
    assert by_class(table([], label=[]), table([], label=[])) == {}
