"""Spots without a model, to begin an annotation with."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from napari_pinpoint import Localizations, evaluate
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.fitting.log_spots import proposed_spots

PLACES = np.mgrid[10:190:12, 10:190:12].reshape(2, -1).T + 0.3


def simulated(sigma=1.5, seed=1, sign=1):
    rows, columns = np.mgrid[:200, :200]
    light = sum(60 * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * sigma**2)) for y, x in PLACES[::3])
    return np.random.default_rng(seed).normal(100, 4, (200, 200)) + sign * light


def table(places):
    return Localizations({"frame": np.zeros(len(places)), "y": places[:, 0], "x": places[:, 1]})


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_simulated_spots_are_proposed(sign, dtype):
    found = proposed_spots(simulated(sign=sign).astype(dtype), bright=sign > 0)
    scores = evaluate(found, table(PLACES[::3]), tolerance_px=2)
    assert scores.recall > 0.95
    assert scores.precision > 0.95
    assert (np.diff(found["score"]) <= 0).all()


def test_a_flat_image_has_none_and_noise_hardly_any():
    assert len(proposed_spots(np.full((64, 64), 7, np.uint8))) == 0
    assert len(proposed_spots(np.random.default_rng(2).normal(0, 1, (128, 128)))) < 10
    assert len(proposed_spots(np.full((64, 64), np.nan))) == 0


def test_a_lower_score_proposes_more():
    image = simulated()
    assert len(proposed_spots(image, min_score=0)) > len(proposed_spots(image)) > 0


def test_pixels_that_are_not_finite_hold_no_spots():
    image = simulated()
    image[:100] = np.nan
    found = proposed_spots(image)
    assert len(found)
    assert found["y"].min() > 99


@pytest.mark.data
@pytest.mark.skipif("PINPOINT_DATA" not in os.environ, reason="needs PINPOINT_DATA")
def test_proposals_on_real_spots_come_near_the_tuned_ones():
    from skimage.io import imread

    folder = Path(os.environ["PINPOINT_DATA"]) / "spots"
    expert = np.loadtxt(folder / "iss_rca.csv", delimiter=",", skiprows=1)
    scores = evaluate(proposed_spots(imread(folder / "iss_rca.png")), table(expert), tolerance_px=3)
    assert scores.f1 > 0.86  # LoG tuned on this very image reaches 0.907


def test_what_makes_no_sense_is_said():
    with pytest.raises(PinpointError, match="one image"):
        proposed_spots(np.zeros((2, 8, 8)))
    with pytest.raises(PinpointError, match="sigma_px"):
        proposed_spots(np.zeros((8, 8)), sigma_px=0)
