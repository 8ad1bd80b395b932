"""An annotation: what each action does, and that every one of them can be undone and done again."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from napari_pinpoint.annotation import Annotation, CompleteRegion
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations

SQUARE = [(1.0, 1.0), (1.0, 6.0), (6.0, 6.0), (6.0, 1.0)]


def table(n: int = 3, frame: int = 0, **columns: Any) -> Localizations:
    return Localizations({"frame": [frame] * n, "y": np.arange(n) + 0.25, "x": np.arange(n) * 2.0, **columns})


@pytest.fixture
def annotation() -> Annotation:
    """Three points in frame 0, two proposals in frame 1."""
    made = Annotation(pixel_size_nm=100)
    made.add(table())
    made.propose(table(2, frame=1, probability=[0.9, 0.4]), source="spots-2d")
    return made


def test_points_and_proposals_are_told_apart(annotation) -> None:
    assert annotation.points["source"].tolist() == ["manual"] * 3
    assert annotation.points.pixel_size_nm == 100
    assert "probability" not in annotation.points  # nobody knows one: it is not invented
    assert annotation.proposals["source"].tolist() == ["spots-2d"] * 2
    assert annotation.ids() == [0, 1, 2]
    assert annotation.ids(proposed=True) == [3, 4]


def test_accepting_above_a_probability_and_rejecting_the_rest(annotation) -> None:
    assert annotation.accept(above=0.5).ids == [3]
    assert annotation.reject().ids == [4]
    assert len(annotation.proposals) == 0
    assert annotation.points["source"].tolist() == ["manual"] * 3 + ["spots-2d"]
    assert annotation.points["probability"][3] == np.float32(0.9)
    assert np.isnan(annotation.points["probability"][0])


def test_a_proposal_that_is_moved_is_accepted(annotation) -> None:
    annotation.move([4], [7.5], [8.5], moved_by=0.3)
    assert annotation.points["y"][3] == 7.5
    assert annotation.points["moved_by"][3] == np.float32(0.3)
    annotation.move([4], [7.0], [8.5])  # by hand: how far it was snapped before says nothing any more
    assert "moved_by" not in annotation.points


def test_a_mark_of_an_empty_frame_counts_while_no_point_is_there(annotation) -> None:
    with pytest.raises(PinpointError, match="Frame 0 has points"):
        annotation.mark_empty([0, 5])
    annotation.mark_empty([1, 5])  # proposals are no points
    assert annotation.coverage.empty_frames == (1, 5)
    annotation.accept([3])
    assert annotation.coverage.empty_frames == (5,)
    annotation.undo()
    assert annotation.coverage.empty_frames == (1, 5)
    annotation.mark_empty([5], empty=False)
    assert annotation.coverage.empty_frames == (1,)


ACTIONS: list[Callable[[Annotation], Any]] = [
    lambda a: a.add(table(1, frame=4, label=["cell"])),
    lambda a: a.propose(table(1, frame=2), source="log"),
    lambda a: a.move([0, 2], [9.0, 8.0], [1.5, 2.5], moved_by=0.5),
    lambda a: a.move([3], [9.0], [1.5]),
    lambda a: a.delete([1]),
    lambda a: a.relabel([0, 3], "cell"),
    lambda a: a.reject([4]),
    lambda a: a.accept(),
    lambda a: a.add_region(CompleteRegion(SQUARE, frames=(0, 3))),
    lambda a: a.remove_region(next(iter(a.regions))),
    lambda a: a.mark_empty([8, 9]),
    lambda a: a.mark_empty([8], empty=False),
    lambda a: a.set_classes(["cell", "debris"]),
]


def state(annotation: Annotation) -> str:
    return json.dumps(annotation.snapshot().to_json())


def test_every_action_can_be_undone_and_done_again_and_is_plain_json(annotation) -> None:
    states, kept = [state(annotation)], []
    copy = Annotation()
    copy.replay(json.loads(state(annotation)))
    annotation._keep = kept.append
    for act in ACTIONS:
        act(annotation)
        states.append(state(annotation))
        assert states[-1] != states[-2]
    for before in reversed(states[:-1]):
        annotation.undo()
        assert state(annotation) == before
    for after in states[1:]:
        annotation.redo()
        assert state(annotation) == after
    for entry in kept:  # the entries alone tell the whole way
        copy.replay(json.loads(json.dumps(entry)))
    assert state(copy) == states[-1]
    assert copy.can_undo == annotation.can_undo == "classes"


def test_a_new_action_takes_the_place_of_what_was_undone(annotation) -> None:
    annotation.add(table(1, frame=7))
    annotation.undo()
    assert annotation.can_redo == "add"
    action = annotation.add(table(1, frame=8))
    assert annotation.can_redo is None
    assert annotation.redo() is None
    assert action.ids == [6]  # a number is never given twice


def test_what_was_taken_out_stays_as_it_was(annotation) -> None:
    points = annotation.points
    annotation.delete(annotation.ids())
    assert len(points) == 3
    assert len(annotation.points) == 0


def test_an_action_that_cannot_be_kept_is_not_done(annotation) -> None:
    def full(entry: Any) -> None:
        raise PinpointError("the disk is full")

    before = state(annotation)
    annotation._keep = full
    for act in (lambda: annotation.delete([0]), annotation.undo):
        with pytest.raises(PinpointError, match="disk is full"):
            act()
        assert state(annotation) == before


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda a: a.delete([77]), "no point 77"),
        (lambda a: a.accept([0]), "no proposal"),
        (lambda a: a.move([0], [float("nan")], [1.0]), "not a number"),
        (lambda a: a.remove_region(3), "no region 3"),
        (lambda a: a.replay({"do": "redo"}), "nothing to redo"),
        (lambda a: a.replay({"do": "delete", "points": [[77, {"y": 1}, None]]}), "does not fit"),
        (lambda a: a.replay({"points": 3}), "no action"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(annotation, act, said: str) -> None:
    before = state(annotation)
    with pytest.raises(PinpointError, match=said):
        act(annotation)
    assert state(annotation) == before


def test_what_changes_nothing_is_no_action(annotation) -> None:
    annotation.relabel([0], None)
    annotation.accept([])
    assert annotation.can_undo == "propose"
