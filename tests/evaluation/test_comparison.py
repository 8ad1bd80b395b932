"""Everything that can be said of two tables."""

from __future__ import annotations

import json
import math

import numpy as np

from napari_pinpoint import Localizations
from napari_pinpoint.evaluation import (
    CLASS_COLUMNS,
    box_rows,
    chamfer_rows,
    class_rows,
    compare,
    count_rows,
    evaluate,
    evaluate_classes,
    rows_of,
)
from napari_pinpoint.localizations import FLAGS


def cells(**more) -> Localizations:
    columns = {"frame": [0, 0, 1], "y": [20.0, 60.0, 40.0], "x": [20.0, 60.0, 40.0], "label": ["a", "b", "a"], **more}
    return Localizations(columns)


def boxes(**more) -> Localizations:
    return cells(height=[10, 10, 10], width=[10, 10, 10], **more)


def test_each_part_is_what_its_own_function_says():
    truth = boxes()
    found = boxes(probability=[0.9, 0.8, 0.7], x=[20.5, 60.0, 49.0])
    whole = compare(found, truth, tolerance_px=2, shape=(80, 80))
    assert whole.scores.to_dict() == evaluate(found, truth, tolerance_px=2).to_dict()
    by_class = evaluate_classes(found, truth, tolerance_px=2)
    assert {name: (scores.tp, scores.fn) for name, (scores, _) in whole.classes.items()} == {"a": (1, 1), "b": (1, 0)}
    assert {name: scores.tp for name, scores in by_class.items()} == {"a": 1, "b": 1}
    assert whole.boxes.ap_50["b"] > 0.99
    assert whole.boxes.ap_50["a"] < 0.6
    assert len(whole.counts.game) == 4
    json.dumps(whole.to_dict())


def test_what_cannot_be_said_is_left_out():
    points = cells()
    whole = compare(points, points.without_columns("label"))
    assert (whole.scores, whole.boxes, whole.classes) == (None, None, {})
    assert whole.chamfer.distance_px == 0
    assert compare(boxes(), boxes()).boxes is None  # nothing says how sure the finder was
    assert compare(boxes(probability=[1, 1, 1]), boxes()).boxes is not None


def test_a_class_of_frames_that_do_not_count_is_no_class():
    found, truth = boxes(probability=[0.9, 0.8, 0.7]), boxes(label=["a", "b", "c"])
    assert set(compare(found, truth, frames=(0, 1), tolerance_px=1).classes) == {"a", "b"}


def test_rows_in_words():
    found, truth = boxes(probability=[0.9, 0.8, 0.7]), boxes()
    whole = compare(found, truth, tolerance_px=1, shape=(80, 80))
    names = [name for rows in (chamfer_rows(whole.chamfer), count_rows(whole.counts)) for name, *_ in rows]
    assert names == [
        *("Chamfer", "true per frame", "MAE", "RMSE of count", "bias of count"),
        *("GAME(1)", "GAME(2)", "GAME(3)"),
    ]
    assert [value for _, value, *_ in box_rows(whole.boxes)] == ["1.0000", "1.0000"]
    rows = class_rows(whole)
    assert rows == [
        ["a", "2", "2", "100.0", "0", "1.000", "1.000"],
        ["b", "1", "1", "100.0", "0", "1.000", "1.000"],
    ]
    assert len(rows[0]) == len(CLASS_COLUMNS)


def test_unknown_values_are_dashes_or_left_out():
    points = cells()
    assert class_rows(compare(points, points))[0] == ["a", "2", "2", "-", "0", "-", "-"]
    nothing = Localizations.empty()
    assert chamfer_rows(compare(nothing, nothing).chamfer) == []
    found = Localizations({**{k: [1] for k in ("frame", "y", "x", "height", "width")}, "probability": [0.5]})
    assert math.isnan(compare(found, nothing, boxes=False).chamfer.distance_px)


def test_truth_to_be_ignored_is_explained():
    truth = cells(flags=np.array([0, FLAGS["ignore"], FLAGS["ignore"]]))
    scores = evaluate(cells().select([0, 1]), truth, tolerance_px=1)
    assert (scores.n_truth, scores.n_found, scores.n_ignored, scores.n_excused) == (1, 1, 2, 1)
    meanings = {name: meaning for name, _, _, meaning in rows_of(scores)}
    assert meanings["true"] == "true points that count; 2 more are to be ignored"
    assert meanings["found"].endswith("; 1 more match true points to be ignored: neither right nor wrong")
