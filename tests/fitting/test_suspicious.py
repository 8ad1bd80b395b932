"""Doubts about an annotation."""

from __future__ import annotations

import numpy as np
import pytest

from napari_pinpoint import Localizations
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.fitting.suspicious import suspicious
from napari_pinpoint.region import Region

SPOTS = np.array([(y, x) for y in range(12, 110, 16) for x in range(12, 110, 16)], dtype=float)


def image(sign=1):
    rows, columns = np.mgrid[:128, :128]
    light = sum(80 * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * 1.4**2)) for y, x in SPOTS)
    return np.random.default_rng(0).normal(150, 4, (128, 128)) + sign * light


def points(places, frame=0):
    places = np.asarray(places, dtype=float).reshape(-1, 2)
    return Localizations({"frame": np.full(len(places), frame), "y": places[:, 0], "x": places[:, 1]})


@pytest.mark.parametrize("sign", [1, -1])
def test_each_mistake_is_told_with_its_reason_and_nothing_else(sign):
    made = np.concatenate([SPOTS[2:], [SPOTS[5] + 0.5, (20, 20)]])
    doubts = suspicious(image(sign), points(made, frame=4), bright=sign > 0)
    assert doubts["reason"].tolist() == ["near duplicate", "no signal", "not annotated", "not annotated"]
    assert doubts["point"].tolist() == [len(made) - 2, len(made) - 1, -1, -1]
    assert (doubts["frame"] == 4).all()
    missed = doubts.positions()[2:]
    assert np.allclose(missed[np.argsort(missed[:, 1])], SPOTS[:2], atol=0.5)
    assert np.isnan(doubts["score"]).tolist() == [True, True, False, False]


def test_a_good_annotation_leaves_no_doubt():
    clicks = SPOTS + np.random.default_rng(1).uniform(-1, 1, SPOTS.shape)
    assert len(suspicious(image(), points(clicks))) == 0


def test_spots_are_missed_only_where_the_annotation_is_complete():
    labels = np.zeros((128, 128), np.uint8)
    labels[:20, :40] = 1  # holds SPOTS[0] and SPOTS[1]
    doubts = suspicious(image(), points([SPOTS[0], (60, 52)]), complete=Region(labels))
    assert sorted(doubts["reason"]) == ["no signal", "not annotated"]
    assert np.allclose(doubts.positions()[-1], SPOTS[1], atol=0.5)


def test_without_any_point_all_bright_spots_are_missed():
    doubts = suspicious(image(), points([]))
    assert len(doubts) == len(SPOTS)
    assert set(doubts["reason"]) == {"not annotated"}


def test_a_region_of_another_image_is_refused():
    with pytest.raises(PinpointError, match="128"):
        suspicious(image(), points([]), complete=Region(np.ones((5, 5), bool)))
