"""The classical methods that the others are compared with."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from napari_pinpoint import Localizations, evaluate
from napari_pinpoint.bench.baselines import NucleiCounter, SpotDetector, oracle_spot_detector, tuned_nuclei_counter
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.io.images import read_stack

DATA = os.environ.get("PINPOINT_DATA")


def discs(*centres: tuple[float, float], radius: float = 8, shape: tuple[int, int] = (64, 96)) -> np.ndarray:
    """Bright discs on a dark ground with a little noise, 8-bit."""
    rows, columns = np.indices(shape)
    inside = np.zeros(shape, bool)
    for y, x in centres:
        inside |= (rows - y) ** 2 + (columns - x) ** 2 < radius**2
    return np.where(inside, 200, 20).astype(np.uint8) + np.random.default_rng(0).integers(0, 20, shape, np.uint8)


def points(y, x) -> Localizations:
    return Localizations({"frame": np.zeros(len(y)), "y": y, "x": x})


def gaussians(y, x, *, amplitude=100.0, sigma=1.3, shape=(64, 80), noise=2.0) -> np.ndarray:
    rows, columns = np.indices(shape)
    image = np.random.default_rng(1).normal(20, noise, shape)
    for top, py, px in zip(np.broadcast_to(amplitude, len(y)), y, x, strict=True):
        image += top * np.exp(-((rows - py) ** 2 + (columns - px) ** 2) / (2 * sigma**2))
    return image


def test_nuclei_that_touch_are_split_and_their_centroids_found():
    centres = [(20, 20), (20, 34), (45, 70)]
    found = NucleiCounter(smoothing=1, rounding=1, min_area=20, min_distance=4)(discs(*centres))
    scores = evaluate(found, points(*np.transpose(centres)), tolerance_px=2)
    assert (scores.tp, scores.fp, scores.fn) == (3, 0, 0)
    assert scores.rmse_px < 1


def test_what_is_too_small_is_no_nucleus():
    image = discs((20, 20))
    image[50:52, 50:52] = 255
    assert len(NucleiCounter(0.5, 1, min_area=3, min_distance=4)(image)) == 2
    assert len(NucleiCounter(0.5, 1, min_area=30, min_distance=4)(image)) == 1
    assert len(NucleiCounter(0.5, 1, min_area=300, min_distance=4)(image)) == 0


def test_an_image_of_one_value_has_no_nuclei():
    assert len(NucleiCounter(1, 1, 10, 4)(np.full((32, 32), 7, np.uint8))) == 0


def test_the_counter_is_tuned_by_the_error_of_the_count():
    images = [discs((20, 20), (20, 34)), discs((20, 20), (45, 45), (45, 60)), discs((40, 40))]
    for image in images:
        image[4:6, 4:6] = 255  # dirt
    grid = {"smoothings": (0.5,), "roundings": (1,), "min_areas": (2, 30), "min_distances": (4, 30)}
    assert tuned_nuclei_counter(images, [2, 3, 1], **grid) == NucleiCounter(0.5, 1, 30, 4)
    assert tuned_nuclei_counter(images, [3, 4, 2], **grid) == NucleiCounter(0.5, 1, 2, 4)
    with pytest.raises(PinpointError, match="training image"):
        tuned_nuclei_counter([], [])


def test_spots_are_found_to_a_fraction_of_a_pixel():
    y, x = np.array([12.3, 30.0, 50.7]), np.array([15.6, 40.2, 60.0])
    found = SpotDetector(sigma=1.3, threshold=30)(gaussians(y, x))
    scores = evaluate(found, points(y, x), tolerance_px=1)
    assert (scores.tp, scores.fp) == (3, 0)
    assert scores.rmse_px < 0.1


def test_spots_at_the_border_are_found_and_stay_in_the_image():
    y, x = np.array([0.0, 63.0, 30.0]), np.array([40.0, 79.0, 0.2])
    found = SpotDetector(sigma=1.3, threshold=30)(gaussians(y, x))
    assert evaluate(found, points(y, x), tolerance_px=1).f1 == 1
    assert found["y"].min() >= -0.5
    assert found["x"].max() <= 79.5


def test_the_oracle_is_the_best_choice_of_sigma_and_threshold(rng):
    y, x = rng.uniform(3, 60, 30), rng.uniform(3, 75, 30)
    amplitude = rng.uniform(8, 60, 30)
    image, truth = gaussians(y, x, amplitude=amplitude, noise=4), points(y, x)
    sigmas = (0.75, 1.3, 3)
    best = oracle_spot_detector(image, truth, sigmas=sigmas)

    def f1(detector: SpotDetector) -> float:
        return evaluate(detector(image), truth, tolerance_px=3).f1

    tried = [SpotDetector(sigma, threshold) for sigma in sigmas for threshold in np.linspace(1, 60, 60)]
    assert 0.6 < f1(best) < 1
    assert f1(best) >= max(map(f1, tried))


def test_the_oracle_of_an_empty_image_finds_nothing():
    blank = np.zeros((16, 16))
    assert len(oracle_spot_detector(blank, points([], []))(blank)) == 0


@pytest.mark.data
@pytest.mark.skipif(not DATA, reason="PINPOINT_DATA is not set")
@pytest.mark.parametrize(("name", "published"), [("piscis_macrophages", 0.909), ("piscis_melanoma_mice", 0.916)])
def test_the_oracle_on_real_spots(name, published):
    folder = Path(str(DATA)) / "spots"
    image = read_stack(folder / f"{name}.tif", axes="CYX").view(channel=0).read(0, 1)[0, 0]
    rows = np.loadtxt(folder / f"{name}.csv", delimiter=",", skiprows=1)
    truth = points(rows[:, 0], rows[:, 1])
    found = oracle_spot_detector(image, truth, sigmas=(1,))(image)
    assert evaluate(found, truth, tolerance_px=3).f1 == pytest.approx(published, abs=0.01)
