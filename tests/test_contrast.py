"""Contrast-to-noise: what it is in noise, and what it does not depend on."""

import numpy as np
import pytest

from napari_pinpoint.contrast import contrast
from napari_pinpoint.psf import render_emitters


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def spots(amplitudes, noise, rng, *, shape=(128, 128)):
    """An image of spots of the given heights (sigma 1.3 px) in a row, on a noisy background; and where they are."""
    x = np.linspace(20, shape[1] - 20, len(amplitudes))
    y = np.full(len(x), 64.3)
    sigma = np.full(len(x), 1.3)
    height = np.asarray(amplitudes, float) * 2 * np.pi * 1.3**2
    light = render_emitters(np.zeros(len(x), int), y, x, height, sigma, sigma, 1, shape)
    return light + rng.normal(100, noise, (1, *shape)), y, x


def of_all(image, y, x):
    return contrast(image, np.zeros(len(y), dtype=int), y, x)


def test_within_a_frame_it_is_proportional_to_the_height_of_a_spot(rng):
    image, y, x = spots([60, 120], 5, rng)
    low, high = of_all(image, y, x)
    assert high / low == pytest.approx(2, rel=0.15)


def test_in_a_noisy_image_it_is_a_signal_to_noise_ratio(rng):
    quiet, loud, bright = (
        of_all(*spots([height] * 12, noise, rng, shape=(512, 512))).mean()
        for height, noise in ((25, 5), (100, 20), (200, 20))
    )
    assert loud == pytest.approx(quiet, rel=0.15)
    assert bright == pytest.approx(2 * loud, rel=0.25)


@pytest.mark.parametrize("noise", [0.1, 0.5])
def test_in_a_clean_image_it_tells_how_bright_a_spot_is_among_the_others(rng, noise):
    values = of_all(*spots([1000, 100] * 6, noise, rng))
    bright, dim = values[::2].mean(), values[1::2].mean()
    assert 4 < bright < 6
    assert dim == pytest.approx(bright / 10, rel=0.1)


def test_gain_and_offset_change_nothing(rng):
    image, y, x = spots([40, 80, 160], 5, rng)
    assert of_all(7.5 * image + 1000, y, x) == pytest.approx(of_all(image, y, x), rel=1e-3)


def test_white_noise_hardly_ever_reaches_five(rng):
    image = rng.normal(500, 30, (1, 500, 500))
    y, x = (axis.ravel().astype(float) for axis in np.mgrid[:500, :500])
    assert of_all(image, y, x).max() < 5.5


def test_texture_counts_as_noise(rng):
    image, y, x = spots([100], 5, rng)
    bright = np.zeros(image.shape)
    bright[:, 40:90] = np.kron(rng.normal(0, 40, (25, 64)), np.ones((2, 2)))
    assert of_all(image + bright, y, x) < 0.6 * of_all(image, y, x)


def test_points_at_and_beyond_the_edge_are_measured_at_the_nearest_pixel(rng):
    image = rng.normal(100, 5, (1, 32, 32))
    image[0, 0, 0] += 400
    assert of_all(image, np.array([-0.5, 31.6]), np.array([-0.4, 31.9]))[0] > 4


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float64])
def test_a_frame_without_scatter_has_no_contrast(dtype):
    image = np.full((1, 20, 20), 7, dtype=dtype)
    assert of_all(image, np.array([10.0]), np.array([10.0])).tolist() == [0.0]


def test_every_frame_is_compared_with_itself_alone(rng):
    image, y, x = spots([100], 5, rng)
    noisy, _, _ = spots([100], 50, rng)
    together = contrast(np.concatenate([image, noisy]), np.array([1, 0]), np.repeat(y, 2), np.repeat(x, 2))
    assert together.tolist() == pytest.approx([*of_all(noisy, y, x), *of_all(image, y, x)])


def test_no_points_no_values():
    assert contrast(np.zeros((1, 20, 20)), *np.zeros((3, 0), dtype=int)).shape == (0,)
