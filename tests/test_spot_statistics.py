"""The typical spot of frames, against simulated ones whose width, density and light are known."""

from __future__ import annotations

import numpy as np
import pytest

from napari_pinpoint.scenes.emitters import EmitterScene
from napari_pinpoint.spot_statistics import measure_spots


def scene(**options):
    fixed = {"shape": (128, 128), "sigma_spread": 0, "photon_spread": 0, "independent_frames": True}
    return EmitterScene(**fixed | options)


@pytest.mark.parametrize("structure", ["uniform", "filaments"])
@pytest.mark.parametrize("density", [0.003, 0.03, 0.1])
@pytest.mark.parametrize("sigma", [1.0, 1.4])
def test_width_from_sparse_to_dense(sigma, density, structure, rng):
    options = {"psf_sigma": (sigma, sigma), "density": (density, density), "structures": {structure: 1}}
    stack, _ = scene(**options, photons=(1500, 1500), background=(20, 20)).sample(4, rng)
    assert measure_spots(stack.data).sigma_px == pytest.approx(sigma, rel=0.14)


def test_density_and_light_of_isolated_spots(rng):
    stack, truth = scene(density=(0.003, 0.003), photons=(2000, 2000), background=(10, 10)).sample(8, rng)
    found = measure_spots(stack.data)
    assert found.density_per_px == pytest.approx(len(truth) / stack.data.size, rel=0.15)
    assert found.counts * stack.camera.electrons_per_adu == pytest.approx(2000, rel=0.15)
    assert found.standing == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("sigma", [4.0, 7.0])
def test_wide_spots_are_measured_in_smaller_images(sigma, rng):
    options = {"psf_sigma": (sigma, sigma), "density": (0.0004, 0.0004), "photons": (9e4, 9e4)}
    stack, _ = scene(**options, shape=(256, 256)).sample(2, rng)
    assert measure_spots(stack.data).sigma_px == pytest.approx(sigma, rel=0.2)


def test_spots_that_stand_still(rng):
    still, _ = scene(density=(0.003, 0.003)).sample(1, rng)
    frames = np.repeat(still.data, 5, axis=0) + rng.integers(0, 3, (5, 128, 128))
    assert measure_spots(frames).standing > 0.9


@pytest.mark.parametrize("independent", [True, False])
def test_noise_has_no_spots(independent, rng):
    assert measure_spots(rng.poisson(50, (4, 256, 256)), independent_noise=independent) is None


def test_smooth_noise_has_none_either(rng):
    from scipy.ndimage import gaussian_filter

    smooth = gaussian_filter(rng.normal(100, 10, (4, 256, 256)), (0, 1.2, 1.2))
    assert measure_spots(smooth, independent_noise=False) is None


@pytest.mark.parametrize(
    "frames",
    [np.zeros((3, 64, 64)), np.full((3, 64, 64), 65535, np.uint16), np.ones((1, 3, 3)), np.ones((2, 1, 300))],
    ids=["dark", "saturated", "tiny", "a line"],
)
def test_nothing_is_seen_where_there_is_nothing(frames):
    assert measure_spots(frames) is None
