"""The figures that the shipped models promise, measured as users would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_pinpoint.camera import Camera
from napari_pinpoint.evaluation import cramer_rao_bound, evaluate, match
from napari_pinpoint.inference import LocalizeSettings, localize
from napari_pinpoint.io.images import read_stack
from napari_pinpoint.io.tables import read_localizations
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.model import load_model
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


@pytest.mark.parametrize("density", [0.002, 0.02, 0.06])
def test_errors_are_as_large_as_the_table_says(density: float, rng: np.random.Generator) -> None:
    """Errors over their standard errors scatter by one, from isolated emitters to those that all overlap."""
    scene = EmitterScene(
        shape=(96, 96), density=(density, density), psf_sigma=(1.2, 1.2), photons=(1500, 1500), background=(20, 20),
        independent_frames=True,
    )  # fmt: skip
    stack, truth = scene.sample(12, rng)
    found = localize(stack, "smlm-2d")
    pairs = match(found, truth, tolerance=1.0)
    for axis in "yx":
        error = found[axis][pairs.found] - truth[axis][pairs.truth]
        in_sigmas = np.abs(error / found[f"uncertainty_{axis}"][pairs.found])
        assert 0.75 <= 1.4826 * np.median(in_sigmas) <= 1.25
        assert np.mean(in_sigmas < 2) > 0.9
    # Photons are told roughly: to be measured, they are to be fitted.
    assert 0.85 <= np.median(found["photons"][pairs.found] / truth["photons"][pairs.truth]) <= 1.1


#: Images with spots that people marked, and how to open them.
SPOTS = {
    "piscis_macrophages": ("piscis_macrophages.tif", {"axes": "CYX"}, {"channel": 0}),
    "piscis_melanoma_mice": ("piscis_melanoma_mice.tif", {"axes": "CYX"}, {"channel": 0}),
    "iss_rca": ("iss_rca.png", {}, {}),
}


@pytest.fixture(scope="module")
def marked_spots(data_folder: Path) -> dict[str, tuple[Localizations, Localizations]]:
    """Of each image, all that the model finds at any contrast, and what people marked."""
    tables = {}
    for name, (file, reading, choice) in SPOTS.items():
        view = read_stack(data_folder / "spots" / file, **reading).view(**choice)
        marks = np.loadtxt(data_folder / "spots" / f"{name}.csv", delimiter=",", skiprows=1)
        truth = Localizations({"frame": np.zeros(len(marks)), "y": marks[:, 0], "x": marks[:, 1]})
        tables[name] = localize(view, "spots", settings=LocalizeSettings(min_contrast=0)), truth
    return tables


def f1_above(tables: tuple[Localizations, Localizations], min_contrast: float) -> float:
    found, truth = tables
    return evaluate(found.select(found["contrast"] >= min_contrast), truth, tolerance_px=3).f1 or 0.0


@pytest.mark.data
@pytest.mark.parametrize("set_on", SPOTS)
def test_contrast_set_on_one_image_serves_the_others(set_on: str, marked_spots: Any) -> None:
    """--min-contrast is set where F1 is best on one image, to the quarter; the others were not looked at."""
    best = max(np.arange(0, 8, 0.25), key=lambda least: f1_above(marked_spots[set_on], least))
    assert {name: f1_above(marked_spots[name], best) >= 0.82 for name in SPOTS} == dict.fromkeys(SPOTS, True)


@pytest.mark.data
@pytest.mark.parametrize("name", SPOTS)
def test_spots_do_not_flood_an_image_at_the_default(name: str, marked_spots: Any) -> None:
    found, truth = marked_spots[name]
    default = found.select(found["contrast"] >= load_model("spots").spec.min_contrast)
    assert evaluate(default, truth, tolerance_px=3).precision >= 0.7


@pytest.mark.parametrize(
    "noise",
    [
        lambda rng, shape: rng.poisson(1, shape),
        lambda rng, shape: rng.poisson(20, shape),
        lambda rng, shape: rng.normal(500, 30, shape).round(),
        lambda rng, shape: 100 + 10 * rng.gamma(rng.poisson(15, shape) + 1e-6),
    ],
    ids=["one photon", "shot", "read-out", "electron multiplication"],
)
def test_noise_holds_no_spots(noise: Any, rng: np.random.Generator) -> None:
    frames = noise(rng, (8, 512, 1024)).astype(np.uint16)
    assert len(localize(Stack(frames, "TYX"), "spots")) < frames.size / 2**20
