"""Counts and photoelectrons: two ways that are inverse in the mean."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_pinpoint.camera import Camera
from napari_pinpoint.errors import PinpointError

SCMOS = Camera(offset_adu=100, electrons_per_adu=0.5, read_noise_e=1.5)
EMCCD = Camera(offset_adu=100, electrons_per_adu=45, em_gain=300, read_noise_e=74.4, clock_induced_charge_e=0.2)
CAMERAS = pytest.mark.parametrize("camera", [SCMOS, EMCCD], ids=["scmos", "emccd"])
LIBRARIES = pytest.mark.parametrize("backend", ["numpy", "torch"])


def exposed(camera, photons, backend, n=100_000):
    """Photoelectrons that the camera reports of `n` pixels with the same light, float64."""
    if backend == "torch":
        counts = camera.expose(torch.full((1, n), photons), torch.Generator().manual_seed(1))
    else:
        counts = camera.expose(np.full((1, n), photons, np.float32), np.random.default_rng(1))
    return np.asarray(camera.to_photons(counts), dtype=np.float64)


@LIBRARIES
@CAMERAS
@pytest.mark.parametrize("photons", [2.0, 80.0])
def test_what_is_exposed_is_read_back_in_the_mean(camera, photons, backend):
    """To within 5 standard errors: counts are rounded, not cut, and spurious charge is part of the offset."""
    found = exposed(camera, photons, backend)
    assert found.mean() == pytest.approx(photons, abs=5 * found.std() / np.sqrt(found.size))


@LIBRARIES
@CAMERAS
def test_noise_has_the_variance_that_bounds_and_fits_expect(camera, backend):
    electrons = 80 + camera.clock_induced_charge_e
    rounding = (camera.electrons_per_adu / camera.em_gain) ** 2 / 12
    expected = camera.excess_noise * electrons + camera.read_noise_photons**2 + rounding
    assert exposed(camera, 80.0, backend).var() == pytest.approx(expected, rel=0.03)


def test_em_gain_doubles_the_variance_of_shot_noise():
    assert (SCMOS.excess_noise, EMCCD.excess_noise) == (1.0, 2.0)
    quiet = Camera(offset_adu=100, electrons_per_adu=45, em_gain=300)
    assert exposed(quiet, 50.0, "numpy").var() == pytest.approx(100, rel=0.03)


def test_counts_come_in_the_dtype_of_a_camera(rng):
    light = np.full((2, 3, 4), 10, np.float32)
    assert SCMOS.expose(light, rng).dtype == np.uint16
    assert SCMOS.expose(light, rng, dtype=np.uint8).dtype == np.uint8
    assert SCMOS.expose(torch.from_numpy(light), torch.Generator()).dtype == torch.float32
    assert SCMOS.to_photons(np.full((3, 4), 101, ">u2")).dtype == np.float32


@pytest.mark.parametrize(("saturation", "ceiling"), [(None, 65535), (4095, 4095)])
def test_a_full_pixel_stays_full(rng, saturation, ceiling):
    camera = SCMOS.with_values("given", saturation_adu=saturation)
    counts = camera.expose(np.full((8, 8), 1e6, np.float32), rng)
    assert (counts == ceiling).all()


def test_counts_never_fall_below_zero(rng):
    dark = Camera(offset_adu=0, electrons_per_adu=0.5, read_noise_e=5).expose(np.zeros((20, 20), np.float32), rng)
    assert (dark < 100).all()  # a negative number would have come back as one of 65,000


def test_the_same_state_of_a_generator_gives_the_same_counts():
    light = np.full((4, 4), 30, np.float32)
    first, second = (EMCCD.expose(light, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    tensors = [EMCCD.expose(torch.from_numpy(light), torch.Generator().manual_seed(7)) for _ in range(2)]
    assert torch.equal(*tensors)


def test_maps_are_cut_to_the_window(rng):
    offset, gain = rng.uniform(90, 110, (6, 8)), rng.uniform(0.4, 0.6, (6, 8))
    camera = Camera(offset_adu=offset, electrons_per_adu=gain, read_noise_e=0.0)
    counts = rng.integers(100, 500, (2, 6, 8)).astype(np.uint16)
    whole = camera.to_photons(counts)
    np.testing.assert_allclose(whole, (counts - offset) * gain, rtol=1e-5, atol=1e-4)
    window = (slice(1, 4), slice(2, 8))
    np.testing.assert_array_equal(camera.to_photons(counts[:, *window], window), whole[:, *window])


def test_an_unknown_camera_gives_no_photons(rng):
    with pytest.raises(PinpointError, match=r"offset .* and electrons per count"):
        Camera().to_photons(np.zeros((2, 2), np.uint16))
    with pytest.raises(PinpointError, match="electrons per count"):
        Camera(offset_adu=100).expose(np.zeros((2, 2), np.float32), rng)
    assert Camera(offset_adu=100).missing() == ["electrons_per_adu"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"electrons_per_adu": 0.0}, "electrons per count must be above 0"),
        ({"em_gain": 0.5}, "EM gain of 0.5 makes no sense"),
        ({"read_noise_e": -1.0}, "must not be negative"),
        ({"gain": 2.0}, "has no gain"),
    ],
)
def test_impossible_numbers_are_refused(values, message):
    with pytest.raises(PinpointError, match=message):
        Camera().with_values("given", **values)


def test_each_number_says_where_it_came_from():
    camera = Camera().with_values("metadata", offset_adu=100, em_gain=None).with_values("given", electrons_per_adu=0.5)
    assert camera.sources == {"offset_adu": "metadata", "electrons_per_adu": "given"}
    assert camera.em_gain == 1.0
    assert camera.is_calibrated
