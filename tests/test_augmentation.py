"""Augmentation: points, boxes and what is believed go where the pixels go."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import ndimage

from napari_pinpoint.augmentation import Augmentation, Window, rescaled
from napari_pinpoint.localizations import Localizations

SHAPE = (48, 48)


def blobs(positions: list[tuple[float, float]], sigma: float = 2.0, shape: tuple[int, int] = SHAPE) -> Window:
    """A window with Gaussians, boxes 6 high and 4 wide, and the lower left corner not believed."""
    rows, columns = np.indices(shape)
    image = sum(np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * sigma**2)) for y, x in positions)
    n = len(positions)
    y, x = np.transpose(positions)
    table = Localizations({"frame": [0] * n, "y": y, "x": x, "height": [6.0] * n, "width": [4.0] * n})
    valid = np.ones(shape, bool)
    valid[-8:, :8] = False
    return Window(np.asarray(image, np.float32)[None], table, valid)


def centroid(image: np.ndarray, y: float, x: float, reach: int) -> tuple[float, float]:
    """The centre of mass around a point, in a window moved onto it until it stands still."""
    for _ in range(20):
        rows, columns = np.indices(image.shape)
        weight = image * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * (reach / 2) ** 2))
        y, x = (weight * rows).sum() / weight.sum(), (weight * columns).sum() / weight.sum()
    return y, x


def check_together(window: Window, reach: int = 6) -> None:
    """Every point lies within 0.05 px of the light that it belongs to."""
    for y, x in zip(window.table["y"], window.table["x"], strict=True):
        assert centroid(window.image[0], y, x, reach) == pytest.approx((y, x), abs=0.05)


def test_flips_and_turns_give_eight_windows_and_move_all_alike(rng) -> None:
    window = blobs([(20.3, 30.6), (28.8, 17.2)])
    window.image[0, -8:, :8] = 0.5  # marks what is not believed
    seen = set()
    for _ in range(60):
        turned = Augmentation()(window, rng)
        seen.add((*np.round(turned.table["y"], 3), *np.round(turned.table["x"], 3)))
        check_together(turned)
        assert (turned.image[0][~turned.valid] >= 0.5).all()
        long_side = "height" if np.isin(np.round(turned.table["y"], 1), [20.3, 26.7]).any() else "width"
        assert (turned.table[long_side] == 6).all()
    assert len(seen) == 8


def test_windows_that_are_not_square_are_not_turned(rng) -> None:
    window = blobs([(10.0, 30.0)], shape=(32, 48))
    for _ in range(10):
        assert Augmentation()(window, rng).image.shape == (1, 32, 48)


@pytest.mark.parametrize("scale", [0.6, 0.83, 1.25, 1.7])
def test_scaling_keeps_points_on_their_light(scale: float) -> None:
    window = blobs([(14.3, 16.6), (25.8, 12.2)])
    size = (int(40 * scale) // 2 * 2,) * 2
    scaled = rescaled(window, scale, size)
    assert scaled.image.shape == (1, *size)
    check_together(scaled, reach=max(4, round(5 * scale)))
    assert scaled.table["y"][0] == pytest.approx((14.3 + 0.5) * scale - 0.5)
    np.testing.assert_allclose(scaled.table["height"], 6 * scale, rtol=1e-6)
    assert scaled.valid.dtype == bool


def test_a_smaller_picture_is_smoothed_before() -> None:
    """A chequerboard of single pixels becomes grey, not another chequerboard."""
    board = (np.indices((64, 64)).sum(axis=0) % 2).astype(np.float32)
    window = Window(board[None], Localizations.empty(), np.ones((64, 64), bool))
    assert rescaled(window, 0.5, (32, 32)).image.std() < 0.2 * board.std()


def test_values_change_and_places_do_not(rng) -> None:
    window = blobs([(20.3, 30.6)])
    changed = Augmentation(
        flips=False, turns=False, brightness=0.3, contrast=0.3, gamma=0.3, blur_px=(0.5, 1.0), noise=(0.01, 0.02)
    )(window, rng)
    assert changed.image.dtype == np.float32
    assert np.abs(changed.image - window.image).max() > 0.05
    np.testing.assert_array_equal(changed.table["y"], window.table["y"])
    smooth = ndimage.gaussian_filter(changed.image[0], 1)
    assert np.unravel_index(smooth.argmax(), SHAPE) == (20, 31)


def test_photons_are_forgotten_when_brightness_changes(rng) -> None:
    window = blobs([(20.3, 30.6)])
    window = Window(window.image, window.table.with_columns(photons=[900.0]), window.valid)
    assert "photons" in Augmentation()(window, rng).table
    assert "photons" not in Augmentation(contrast=0.1)(window, rng).table


def test_hue_turns_colours_and_leaves_grey_and_luminance(rng) -> None:
    weights = np.array([0.299, 0.587, 0.114])
    colour = rng.random((3, 16, 16)).astype(np.float32)
    window = Window(colour, Localizations.empty(), np.ones((16, 16), bool))
    augmentation = Augmentation(flips=False, turns=False, hue=40)
    turned = augmentation(window, np.random.default_rng(0)).image
    assert np.abs(turned - colour).max() > 0.02
    np.testing.assert_allclose(np.tensordot(weights, turned, 1), np.tensordot(weights, colour, 1), atol=1e-3)
    grey = np.repeat(colour[:1], 3, axis=0)
    still = augmentation(Window(grey, window.table, window.valid), rng).image
    np.testing.assert_allclose(still, grey, atol=2e-3)


def test_the_same_rng_gives_the_same_window() -> None:
    window = blobs([(20.3, 30.6)])
    strong = Augmentation(scale=(0.8, 1.2), contrast=0.2, noise=(0.0, 0.1))
    one, two = (strong(window, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(one.image, two.image)


@pytest.mark.parametrize("options", [{"scale": (0, 1)}, {"scale": (1.2, 0.8)}, {"noise": (-1, 0)}, {"zoom": 2}])
def test_what_cannot_be_is_refused(options: dict) -> None:
    with pytest.raises(ValidationError):
        Augmentation(**options)
