"""Average precision of boxes."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from napari_pinpoint import Localizations
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.evaluation import (
    BoxComparison,
    average_precision,
    bootstrap,
    coco_boxes,
    has_boxes,
)
from napari_pinpoint.localizations import FLAGS

LABELS = ["RBC", "WBC", "platelet"]


def boxes(*places: tuple[float, float], size: float = 10, frame: Any = 0, **columns) -> Localizations:
    y, x = np.array(places, dtype=float).reshape(-1, 2).T
    whole = {"frame": np.broadcast_to(frame, len(y)), "y": y, "x": x}
    return Localizations({**whole, "height": np.full(len(y), size), "width": np.full(len(y), size), **columns})


@pytest.fixture
def scene(rng) -> tuple[Localizations, Localizations]:
    """Found and true boxes of 3 classes in 8 images: jittered truth, some missed, some false, some true ones crowds."""
    n = 160
    frame = rng.integers(0, 8, n)
    y, x = rng.uniform(0, 200, (2, n))
    height, width = rng.uniform(8, 30, (2, n))
    label = rng.choice(LABELS, n)
    flags = np.where(rng.random(n) < 0.1, FLAGS["ignore"], 0)
    truth = Localizations(
        {"frame": frame, "y": y, "x": x, "height": height, "width": width, "label": label, "flags": flags}
    )
    kept = rng.random(n) < 0.8
    more = rng.random(n) < 0.2
    rows = np.concatenate([np.flatnonzero(kept), np.flatnonzero(more)])
    jitter = rng.normal(0, 2, (4, len(rows)))
    found = Localizations(
        {
            "frame": frame[rows],
            "y": y[rows] + jitter[0] + 40 * (np.arange(len(rows)) >= kept.sum()),
            "x": x[rows] + jitter[1],
            "height": height[rows] + jitter[2],
            "width": width[rows] + jitter[3],
            "label": label[rows],
            "probability": rng.random(len(rows)),
        }
    )
    return found, truth


def by_pycocotools(found: Localizations, truth: Localizations) -> COCOeval:
    """What pycocotools says when it is used as its authors do: with corners, JSON and `loadRes`."""

    def box(table: Localizations, row: int) -> list[float]:
        height, width = float(table["height"][row]), float(table["width"][row])
        return [float(table["x"][row]) - width / 2 + 0.5, float(table["y"][row]) - height / 2 + 0.5, width, height]

    def annotation(table: Localizations, row: int) -> dict[str, Any]:
        image, category = int(table["frame"][row]), LABELS.index(table["label"][row]) + 1
        return {"image_id": image, "category_id": category, "bbox": box(table, row)}

    with contextlib.redirect_stdout(io.StringIO()):
        truths = COCO()
        truths.dataset = {
            "info": {},
            "images": [{"id": n} for n in range(8)],
            "categories": [{"id": n + 1, "name": name} for n, name in enumerate(LABELS)],
            "annotations": [
                {
                    **annotation(truth, row),
                    "id": row + 1,
                    "area": float(truth["height"][row]) * float(truth["width"][row]),
                    "iscrowd": int(truth["flags"][row]),
                }
                for row in range(len(truth))
            ],
        }
        truths.createIndex()
        results = truths.loadRes(
            [{**annotation(found, row), "score": float(found["probability"][row])} for row in range(len(found))]
        )
        evaluation = COCOeval(truths, results, "bbox")
        for step in (evaluation.evaluate, evaluation.accumulate, evaluation.summarize):
            step()
    return evaluation


def test_it_is_what_pycocotools_says(scene, capsys):
    reference = by_pycocotools(*scene)
    scores = average_precision(*scene)
    assert (scores.map, scores.map_50) == pytest.approx(tuple(reference.stats[:2]))
    per_class = reference.eval["precision"][:, :, :, 0, -1].mean(axis=1)
    for index, label in enumerate(LABELS):
        assert (scores.ap_50[label], scores.ap[label]) == pytest.approx(
            (per_class[0, index], per_class[:, index].mean())
        )
    assert 0.1 < scores.map < scores.map_50 < 1
    assert sum(scores.n_truth.values()) == (scene[1]["flags"] == 0).sum()
    assert capsys.readouterr().out == ""


def test_average_precision_by_hand():
    truth = boxes((20, 20), (60, 60), (100, 100))
    # In order of probability: right, wrong, right: precision 1 up to recall 1/3, 2/3 up to recall 2/3, then 0.
    found = boxes((20, 20), (200, 200), (60, 60), probability=[0.9, 0.8, 0.7])
    scores = average_precision(found, truth)
    expected = (34 * 1 + 33 * 2 / 3) / 101
    assert scores.map_50 == scores.ap_50["object"] == pytest.approx(expected)
    assert scores.map == pytest.approx(expected)


def test_how_much_boxes_must_overlap():
    # 10 x 10 boxes, 2 px apart along y: intersection 80, union 120, IoU 2/3: right at 0.5 .. 0.65, 4 of 10 thresholds.
    scores = average_precision(boxes((22, 20), probability=[0.5]), boxes((20, 20)))
    assert (scores.map_50, scores.map) == pytest.approx((1, 0.4))


def test_no_limit_on_the_number_of_boxes():
    places = [(20 * y, 20 * x) for y in range(16) for x in range(16)]
    found, truth = boxes(*places, probability=np.linspace(0.1, 0.9, 256)), boxes(*places)
    assert average_precision(found, truth).map == pytest.approx(1)


def test_what_is_found_in_a_crowd_is_neither_right_nor_wrong():
    truth = boxes((20, 20), (100, 100), flags=[0, FLAGS["ignore"]])
    found = boxes((99, 99), (101, 101), (20, 20), probability=[0.9, 0.8, 0.7])
    scores = average_precision(found, truth)
    assert (scores.map_50, scores.n_truth) == (pytest.approx(1), {"object": 1})
    assert average_precision(found, boxes((20, 20))).map_50 == pytest.approx(1 / 3, abs=0.01)


def test_found_in_an_image_without_truth_is_wrong():
    truth, places = boxes((20, 20)), [(20, 20), (60, 60)]
    found = boxes(*places, frame=[0, 1], probability=[0.5, 0.9])
    assert average_precision(found, truth).map_50 == pytest.approx(0.5)
    assert average_precision(found, truth, frames=(0, 1)).map_50 == pytest.approx(1)


def test_classes_are_told_apart_where_both_tables_do():
    truth = boxes((20, 20), (60, 60), label=["a", "b"])
    found = boxes((20, 20), (60, 60), label=["b", "c"], probability=[0.9, 0.8])
    scores = average_precision(found, truth)
    assert scores.ap_50 == pytest.approx({"a": 0, "b": 0, "c": np.nan}, nan_ok=True)
    assert scores.map_50 == 0
    unnamed = average_precision(found.without_columns("label"), truth)
    assert (unnamed.ap_50, unnamed.map_50) == ({"object": pytest.approx(1)}, pytest.approx(1))


@pytest.mark.parametrize(("n_found", "n_truth", "expected"), [(0, 0, np.nan), (0, 2, 0), (2, 0, np.nan)])
def test_nothing_found_and_nothing_to_find(n_found, n_truth, expected):
    places = [(20, 20), (60, 60)]
    found = boxes(*places[:n_found], probability=np.full(n_found, 0.5))
    assert average_precision(found, boxes(*places[:n_truth])).map_50 == pytest.approx(expected, nan_ok=True)


def test_scores_of_some_frames_are_those_of_their_tables(scene):
    found, truth = scene
    comparison = BoxComparison(found, truth)
    whole = comparison.scores()
    half = comparison.scores(np.arange(4))
    again = average_precision(*scene, frames=(0, 4))
    assert (half.map, half.map_50, half.n_truth) == (again.map, again.map_50, again.n_truth)
    assert comparison.scores().to_dict() == whole.to_dict()
    # Each frame twice is another sample: what the classes hold doubles.
    assert comparison.scores(np.repeat(np.arange(8), 2)).n_truth == {k: 2 * n for k, n in whole.n_truth.items()}
    interval = bootstrap(lambda images: comparison.scores(images).map_50, 8, n_resamples=20)
    assert interval.low < interval.value < interval.high


def test_boxes_as_coco_writes_them():
    # A half-open box of pixels 3..7 x 10..29 spans 3..8 x 10..30 from the corner of the first pixel.
    one = Localizations({"frame": [0], "y": [5.0], "x": [19.5], "height": [5], "width": [20]})
    assert coco_boxes(one).tolist() == [[10, 3, 20, 5]]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (boxes((1, 1)), "'probability'"),
        (boxes((1, 1), probability=[np.nan]), "'probability'"),
        (boxes((1, 1), size=0, probability=[0.5]), "height above 0; row 0"),
        (boxes((1, 1), probability=[0.5]).without_columns("width"), "'width'"),
    ],
)
def test_what_is_no_box_is_told(found, said):
    with pytest.raises(PinpointError, match=said):
        average_precision(found, boxes((1, 1)))


def test_which_tables_have_boxes():
    assert has_boxes(boxes((1, 1)))
    assert not has_boxes(boxes((1, 1)).without_columns("height"))
    assert not has_boxes(boxes((1, 1), size=np.nan))
    assert not has_boxes(boxes())
