"""The pixel-integrated Gaussian, its derivatives and rendered emitters."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import norm

from napari_pinpoint import psf
from napari_pinpoint.psf import gaussian_derivatives, integrated_gaussian, render_emitters

PARAMETERS = ("y", "x", "photons", "sigma_y", "sigma_x")


@pytest.fixture
def emitters(rng):
    """Parameters of 40 emitters in and around 3 frames of 20 x 26 px."""
    return {
        "frame": np.sort(rng.integers(3, size=40)),
        "y": rng.uniform(-4, 24, 40),
        "x": rng.uniform(-4, 30, 40),
        "photons": rng.uniform(100, 3000, 40),
        "sigma_y": rng.uniform(0.8, 1.6, 40),
        "sigma_x": rng.uniform(0.8, 1.6, 40),
    }


@pytest.mark.parametrize(("position", "sigma"), [(2.0, 1.3), (2.4, 0.5), (-0.7, 2.0)])
def test_a_pixel_collects_the_light_on_its_area(position, sigma):
    shares = integrated_gaussian(np.array([position]), np.array([sigma]), 6)[0]
    expected = [quad(norm(position, sigma).pdf, pixel - 0.5, pixel + 0.5)[0] for pixel in range(6)]
    np.testing.assert_allclose(shares, expected, atol=1e-12)


def test_pixels_are_counted_from_the_first():
    position, sigma = np.array([5.2, 5.2]), np.array([1.0, 1.0])
    whole = integrated_gaussian(position, sigma, 12)
    cut = integrated_gaussian(position, sigma, 4, first=np.array([3, 6]))
    np.testing.assert_allclose(cut, [whole[0, 3:7], whole[1, 6:10]])


def test_all_light_arrives():
    """Wherever the emitter is within its pixel."""
    position = np.linspace(19.5, 20.5, 11)
    np.testing.assert_allclose(integrated_gaussian(position, np.full(11, 2.0), 41).sum(axis=1), 1)


@pytest.mark.parametrize("parameter", PARAMETERS)
def test_derivatives_are_those_of_the_image(emitters, parameter):
    values = [emitters[name] for name in PARAMETERS]
    derivative = gaussian_derivatives((20, 26), *values)[parameter]
    step = 1e-5
    images = []
    for sign in (1, -1):
        moved = [value + sign * step * (name == parameter) for name, value in zip(PARAMETERS, values, strict=True)]
        images.append(gaussian_derivatives((20, 26), *moved)["image"])
    np.testing.assert_allclose(derivative, (images[0] - images[1]) / (2 * step), atol=1e-5)


def test_rendering_adds_up_the_images_of_the_emitters(emitters):
    """Also of those beyond the edge, whose light falls in; to within the light beyond 4.5 sigma."""
    rendered = render_emitters(**emitters, n_frames=3, shape=(20, 26))
    assert rendered.shape == (3, 20, 26)
    assert rendered.dtype == np.float32
    images = gaussian_derivatives((20, 26), *[emitters[name] for name in PARAMETERS])["image"]
    expected = [images[emitters["frame"] == frame].sum(axis=0) for frame in range(3)]
    np.testing.assert_allclose(rendered, expected, atol=0.01)


def test_rendering_keeps_all_photons_of_emitters_inside(rng):
    y, x = rng.uniform(9, 21, (2, 50))
    photons, sigma = np.full(50, 1000.0), np.full(50, 1.3)
    rendered = render_emitters(np.zeros(50, np.int64), y, x, photons, sigma, sigma, 1, (31, 31))
    assert rendered.sum() == pytest.approx(50_000, rel=2e-5)


def test_rendering_in_blocks_changes_nothing(emitters, monkeypatch):
    whole = render_emitters(**emitters, n_frames=3, shape=(20, 26))
    monkeypatch.setattr(psf, "_BLOCK", 7 * 17**2)
    np.testing.assert_allclose(render_emitters(**emitters, n_frames=3, shape=(20, 26)), whole, rtol=1e-5)


def test_far_away_emitters_and_none_at_all_leave_the_frames_dark():
    far, one = np.array([-500.0, 500.0]), np.ones(2)
    dark = render_emitters(np.zeros(2, np.int64), far, far, 1e6 * one, one, one, 2, (8, 9))
    assert dark.shape == (2, 8, 9)
    assert not dark.any()
    none = np.empty(0)
    assert not render_emitters(none.astype(int), none, none, none, none, none, 2, (8, 9)).any()


def test_numpy_and_torch_agree(emitters):
    tensors = {name: torch.from_numpy(values) for name, values in emitters.items()}
    rendered = render_emitters(**tensors, n_frames=3, shape=(20, 26))
    assert rendered.dtype == torch.float32
    np.testing.assert_allclose(rendered, render_emitters(**emitters, n_frames=3, shape=(20, 26)), rtol=1e-5, atol=1e-6)
    images = gaussian_derivatives((20, 26), *[tensors[name] for name in PARAMETERS])
    for name, expected in gaussian_derivatives((20, 26), *[emitters[name] for name in PARAMETERS]).items():
        np.testing.assert_allclose(images[name], expected, atol=1e-9)


def test_single_precision_is_kept_and_enough(emitters):
    single = {name: values.astype(np.float32) for name, values in emitters.items() if name != "frame"}
    images = gaussian_derivatives((20, 26), **single)
    exact = gaussian_derivatives((20, 26), *[emitters[name] for name in PARAMETERS])
    for name, values in images.items():
        assert values.dtype == np.float32
        np.testing.assert_allclose(values, exact[name], atol=2e-6 * np.abs(exact[name]).max())
