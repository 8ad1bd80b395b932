from __future__ import annotations

import numpy as np
import pytest

from napari_pinpoint.psf import integrated_gaussian
from napari_pinpoint.rendering.gaussians import add_gaussians, morton, shares


def exact(y, x, sigma_y, sigma_x, shape):
    """The sum of pixel-integrated Gaussians, whose positions count from the corner of the first pixel."""
    rows, columns = (
        integrated_gaussian(place - 0.5, sigma, n)
        for place, sigma, n in ((y, sigma_y, shape[0]), (x, sigma_x, shape[1]))
    )
    return rows.T @ columns


@pytest.mark.parametrize("sigma", [0.05, 0.3, 1.0, 4.0])
def test_shares_are_those_of_the_integrated_gaussian(sigma, rng):
    position = rng.uniform(0, 30, 200)
    expected = integrated_gaussian(position - 0.5, np.full(200, sigma), 30)
    np.testing.assert_allclose(shares(position, np.full(200, sigma), 0, 30), expected, atol=4e-4)


def test_every_gaussian_has_widths_of_its_own_along_both_axes(rng):
    n, shape = 500, (70, 90)
    y, x = rng.uniform(-2, 72, n), rng.uniform(-2, 92, n)
    sigma_y, sigma_x = np.exp(rng.uniform(np.log(0.05), np.log(8), (2, n)))
    code = morton(np.clip(y, 0, None), np.clip(x, 0, None))
    order = np.argsort(code)
    image = np.zeros((1, *shape), np.float32)
    add_gaussians(image, code[order], *(a[order] for a in (y, x, sigma_y, sigma_x)), np.ones((1, n), np.float32))
    expected = exact(y, x, sigma_y, sigma_x, shape)
    np.testing.assert_allclose(image[0], expected, atol=2e-3 * expected.max())
    assert image.sum() == pytest.approx(expected.sum(), rel=1e-3)


def test_nothing_depends_on_how_rows_fall_into_windows(monkeypatch, rng):
    from napari_pinpoint.rendering import gaussians

    y, x = rng.uniform(0, 60, (2, 400))
    code = np.sort(morton(y, x))
    order = np.argsort(morton(y, x))
    images = []
    for most, block in ((7, 1 << 20), (4, 64)):
        monkeypatch.setattr(gaussians, "_MOST_TILE", most)
        monkeypatch.setattr(gaussians, "_BLOCK", block)
        image = np.zeros((1, 60, 60), np.float32)
        widths = np.full(400, 0.7)
        add_gaussians(image, code, y[order], x[order], widths, widths, np.ones((1, 400), np.float32))
        images.append(image)
    np.testing.assert_allclose(*images, atol=1e-4)


def test_codes_keep_squares_together():
    row, column = np.divmod(np.arange(64), 8)
    code = morton(row, column)
    assert sorted(code.tolist()) == list(range(64))
    assert set(code[(row < 4) & (column >= 4)].tolist()) == set(range(16, 32))
    assert int(morton(np.array([2**31]), np.array([0]))[0]) == 2**63
