"""The figures that the shipped models promise, measured as users would."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_pinpoint.camera import Camera
from napari_pinpoint.evaluation import cramer_rao_bound, evaluate, match
from napari_pinpoint.inference import localize
from napari_pinpoint.io.images import read_stack
from napari_pinpoint.io.tables import read_localizations
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.psf import render_emitters
from napari_pinpoint.scenes.emitters import EmitterScene
from napari_pinpoint.stack import Stack


@pytest.mark.data
def test_dense_emitters_of_an_independent_simulation(data_folder: Path) -> None:
    """20 frames with about 248 emitters each, made by another program and never used in training."""
    folder = data_folder / "smlm_high_density"
    camera = {"offset_adu": 100, "electrons_per_adu": 145.4, "em_gain": 300}
    stack = read_stack(folder / "ArtificialDataset_demo1.tif", pixel_size_nm=100, **camera)
    truth = read_localizations(folder / "positions_demo1.csv", pixel_size_nm=100)
    found = localize(stack, "smlm-2d")
    assert evaluate(found, truth, tolerance_nm=50).jaccard >= 0.80
    assert evaluate(found, truth, tolerance_nm=100).jaccard >= 0.87


def isolated_emitters(n: int, rng: np.random.Generator) -> tuple[Stack, Localizations]:
    """One emitter a frame, anywhere but at the border: 1,000 photons, 10 of background per pixel, sigma 1.3 px."""
    shape = (40, 40)
    y, x = (rng.uniform(9.5, 29.5, n) for _ in "yx")
    photons, sigma = np.full(n, 1000.0), np.full(n, 1.3)
    expected = render_emitters(np.arange(n), y, x, photons, sigma, sigma, n, shape) + 10
    camera = Camera(offset_adu=100, electrons_per_adu=0.5)
    truth = Localizations({"frame": np.arange(n), "y": y, "x": x}, pixel_size_nm=100)
    return Stack(camera.expose(expected.astype(np.float32), rng), "TYX", camera, pixel_size_nm=100), truth


def test_isolated_emitters_are_as_precise_as_photons_allow(rng: np.random.Generator) -> None:
    stack, truth = isolated_emitters(6000, rng)
    found = localize(stack, "smlm-2d")
    pairs = match(found, truth, tolerance=1.0)
    assert len(pairs.found) >= 0.995 * len(truth)
    assert len(pairs.false) <= 0.002 * len(truth)

    error = found.positions()[pairs.found] - truth.positions()[pairs.truth]
    bound = cramer_rao_bound([19.0], [19.0], [1000.0], background=10, psf_sigma=1.3, shape=(40, 40)).radial[0]
    assert np.sqrt((error**2).sum(axis=1).mean()) <= 1.15 * bound

    within = truth.positions()[pairs.truth]
    within = within - within.round()
    # Averaged over the 4 px grid on which the network pools; at its worst place alone the bias is 0.024 px, more than
    # the 0.02 px that are wanted (see the card).
    for axis in range(2):  # at every position within the pixel, in tenths of it: 600 emitters each
        tenth = np.floor((within[:, axis] + 0.5) * 10).astype(int).clip(0, 9)
        bias = [error[tenth == k, axis].mean() for k in range(10)]
        assert np.abs(bias).max() <= 0.02


def test_blank_frames_are_blank(rng: np.random.Generator) -> None:
    stack, _ = EmitterScene(shape=(256, 256), density=(0, 0), background=(20, 20)).sample(16, rng)
    assert len(localize(stack, "smlm-2d")) <= 1
