"""Backgrounds: level, gradient, structure."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_pinpoint.scenes.background import smooth_background

SHAPE = (50, 70)


def backgrounds(rng, n=200, *, gradient=0.0, structure=0.0, like=None):
    level = np.linspace(5, 50, n)
    images = smooth_background(
        level,
        SHAPE,
        gradient=gradient,
        structure=structure,
        rng=rng,
        like=np.zeros(0, np.float32) if like is None else like,
    )
    return images, np.asarray(images) / level[:, None, None]


def test_a_flat_background_has_its_level(rng):
    images, relative = backgrounds(rng)
    assert images.shape == (200, *SHAPE)
    assert images.dtype == np.float32
    np.testing.assert_allclose(relative, 1, rtol=1e-6)


def test_a_gradient_is_a_plane_around_the_level(rng):
    _, relative = backgrounds(rng, gradient=0.5)
    np.testing.assert_allclose(relative.mean(axis=(1, 2)), 1, rtol=1e-5)
    np.testing.assert_allclose(np.diff(relative, n=2, axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(np.diff(relative, n=2, axis=2), 0, atol=1e-5)
    slope = np.hypot(relative[:, -1, 0] - relative[:, 0, 0], relative[:, 0, -1] - relative[:, 0, 0]) / 2
    assert 0.45 < slope.max() <= 0.5
    assert slope.min() < 0.1


def test_structure_is_smooth_and_as_strong_as_asked(rng):
    _, relative = backgrounds(rng, structure=0.2)
    assert relative.std() == pytest.approx(0.2, rel=0.1)
    assert relative.mean() == pytest.approx(1, abs=0.02)
    assert np.abs(np.diff(relative, axis=2)).max() < 0.5
    assert np.abs(np.diff(relative, axis=2)).std() < 0.3 * relative.std()


def test_a_background_is_never_dark(rng):
    _, relative = backgrounds(rng, gradient=1.0, structure=1.0)
    assert relative.min() == pytest.approx(0.1)


def test_numpy_and_torch_agree():
    settings = {"gradient": 0.4, "structure": 0.3}
    images, _ = backgrounds(np.random.default_rng(3), **settings)
    tensors, _ = backgrounds(np.random.default_rng(3), like=torch.zeros(0), **settings)
    assert isinstance(tensors, torch.Tensor)
    np.testing.assert_allclose(images, tensors, rtol=1e-4)
