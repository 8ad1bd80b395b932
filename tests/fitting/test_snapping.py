"""Snap: clicks go to the centres of spots, and stay where there is doubt."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.fitting.snapping import snap

SHAPE = (96, 96)


def spots(places, sigma=1.3, height=80.0, shape=SHAPE):
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return sum(height * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * sigma**2)) for y, x in places)


def grid(rng, step=16, n=6):
    at = np.stack(np.meshgrid(*[np.arange(n) * step + step / 2] * 2, indexing="ij"), axis=-1).reshape(-1, 2)
    return at + rng.uniform(-1, 1, at.shape)


@pytest.mark.parametrize("sigma", [0.7, 1.0, 1.5, 2.5, 4.0])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_clicks_of_people_end_on_the_spots(sigma, dtype):
    rng = np.random.default_rng(1)
    step = 16 if sigma < 2 else 32
    truth = grid(rng, step, 6)
    shape = (step * 6, step * 6)
    counts = rng.poisson(20 + spots(truth, sigma, shape=shape)) * (100 if dtype is np.uint16 else 1)
    image = counts.clip(0, 255 if dtype is np.uint8 else None).astype(dtype)
    clicks = truth + rng.normal(0, 1.5, truth.shape)
    snapped = snap(image, *clicks.T)
    error = np.hypot(snapped.y - truth[:, 0], snapped.x - truth[:, 1])
    assert np.median(error) < 0.15
    assert snapped.moved_by.max() <= 4
    assert np.allclose(snapped.moved_by, np.hypot(snapped.y - clicks[:, 0], snapped.x - clicks[:, 1]))
    moved = snapped.reason == "snapped"
    assert np.median(error[moved]) < 0.13
    assert moved.mean() > 0.9


@pytest.mark.data
@pytest.mark.skipif("PINPOINT_DATA" not in os.environ, reason="needs PINPOINT_DATA")
def test_experts_clicks_and_shaky_ones_end_at_the_same_place():
    from skimage.io import imread

    folder = Path(os.environ["PINPOINT_DATA"]) / "spots"
    image = imread(folder / "iss_rca.png")
    expert = np.loadtxt(folder / "iss_rca.csv", delimiter=",", skiprows=1)
    shaky = expert + np.random.default_rng(2).normal(0, 1.5, expert.shape)
    calm, snapped = snap(image, *expert.T), snap(image, *shaky.T)
    assert np.median(np.hypot(snapped.y - calm.y, snapped.x - calm.x)) < 0.03
    assert np.median(calm.moved_by) < 0.6  # it is the spot that the expert meant
    assert (calm.reason == "snapped").mean() > 0.8


def test_noise_alone_moves_hardly_a_click():
    rng = np.random.default_rng(3)
    clicks = rng.uniform(0, 300, (2, 500))
    for image in (rng.poisson(20, (300, 300)), np.full((300, 300), 7)):
        snapped = snap(image, *clicks)
        assert (snapped.reason == "empty").mean() > 0.97
        stayed = snapped.reason != "snapped"
        assert (snapped.y[stayed] == clicks[0][stayed]).all()
        assert (snapped.moved_by[stayed] == 0).all()


def test_two_peaks_within_reach_are_ambiguous_and_one_is_not():
    rng = np.random.default_rng(4)
    image = rng.poisson(20 + spots([(40, 38), (40, 42.5)], 1.2))
    between = snap(image, 40, 40.2)
    assert between.reason.tolist() == ["ambiguous"]
    assert (between.y[0], between.x[0], between.moved_by[0]) == (40, 40.2, 0)
    beside = snap(image, 40, 36.5)
    assert beside.reason.tolist() == ["snapped"]
    assert abs(beside.x[0] - 38) < 0.25


def test_what_is_beyond_reach_is_left_alone():
    image = np.random.default_rng(5).poisson(20 + spots([(40, 40)]))
    assert snap(image, 40, 44.2).reason.tolist() == ["empty"]
    assert snap(image, 40, 44.2, reach_px=5).reason.tolist() == ["snapped"]


def test_dark_objects():
    image = np.random.default_rng(6).poisson(150 - spots([(40.3, 40.6)], 2))
    assert snap(image, 41, 42).reason.tolist() == ["empty"]
    for bright in (False, None):
        dark = snap(image, 41, 42, bright=bright)
        assert np.hypot(dark.y[0] - 40.3, dark.x[0] - 40.6) < 0.2


def test_the_size_may_be_given():
    image = np.random.default_rng(7).poisson(20 + spots([(40.3, 40.6)], 1.3))
    snapped = snap(image, 41, 42, sigma_px=1.3)
    assert np.hypot(snapped.y[0] - 40.3, snapped.x[0] - 40.6) < 0.2


def test_edges_of_the_image_and_pixels_that_are_not_finite():
    image = np.random.default_rng(8).poisson(20 + spots([(2.2, 93.4), (40, 40)])).astype(np.float32)
    image[60:, 60:] = np.nan
    snapped = snap(image, [1, 41, 80, -500], [92, 41, 80, 1000])
    assert snapped.reason.tolist() == ["snapped", "snapped", "empty", "empty"]
    assert np.hypot(snapped.y[0] - 2.2, snapped.x[0] - 93.4) < 0.3
    assert len(snap(image, [], []).y) == 0


@pytest.mark.parametrize(
    ("image", "click", "options"),
    [
        (np.zeros((4, 4, 3)), (1, 1), {}),
        (np.zeros((4, 4)), (np.nan, 1), {}),
        (np.zeros((4, 4)), ([1, 2], [1]), {}),
        (np.zeros((4, 4)), (1, 1), {"reach_px": 0}),
        (np.zeros((4, 4)), (1, 1), {"sigma_px": -1}),
    ],
)
def test_what_makes_no_sense_is_said(image, click, options):
    with pytest.raises(PinpointError):
        snap(image, *click, **options)


def test_snapping_does_without_torch():
    code = "import sys; from napari_pinpoint.fitting import snap, suspicious; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"
