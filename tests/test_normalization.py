"""What a network gets to see: even noise, no dependence on tiling, nothing made out of nothing."""

from __future__ import annotations

import numpy as np
import pytest

from napari_pinpoint.camera import Camera
from napari_pinpoint.normalization import NORMALIZATIONS, LocalNormalization, PhotonNormalization, ScaledNormalization

CAMERA = Camera(offset_adu=100, electrons_per_adu=0.5, read_noise_e=2.0)


def frames(rng: np.random.Generator, shape=(2, 1, 150, 100)) -> np.ndarray:
    photons = np.full(shape, 30.0, np.float32)
    photons[..., 40:44, 40:44] = 500
    return CAMERA.expose(photons, rng)


@pytest.mark.parametrize("name", NORMALIZATIONS.names())
def test_a_window_is_a_part_of_the_whole(name: str, rng: np.random.Generator) -> None:
    normalization, images = NORMALIZATIONS[name](), frames(rng)
    measured = normalization.measure(images)
    whole = normalization.apply(images, measured, origin=(0, 0), camera=CAMERA)
    part = normalization.apply(images[..., 33:97, 20:90], measured, origin=(33, 20), camera=CAMERA)
    np.testing.assert_array_equal(part, whole[..., 33:97, 20:90])
    assert whole.dtype == np.float32


@pytest.mark.parametrize("photons", [5.0, 50.0, 2000.0])
def test_noise_of_photons_is_even(photons: float, rng: np.random.Generator) -> None:
    images = CAMERA.expose(np.full((1, 1, 200, 200), photons, np.float32), rng)
    seen = PhotonNormalization(scale=1.0).apply(images, None, origin=(0, 0), camera=CAMERA)
    assert seen.std() == pytest.approx(1, rel=0.05)


def test_per_pixel_maps_are_cut_with_the_window(rng: np.random.Generator) -> None:
    gain = rng.uniform(0.4, 0.6, (150, 100))
    camera = Camera(offset_adu=100, electrons_per_adu=gain, read_noise_e=np.full((150, 100), 2.0))
    images, normalization = frames(rng), PhotonNormalization()
    whole = normalization.apply(images, None, origin=(0, 0), camera=camera)
    part = normalization.apply(images[..., 30:60, 10:50], None, origin=(30, 10), camera=camera)
    np.testing.assert_array_equal(part, whole[..., 30:60, 10:50])


def test_an_empty_noisy_frame_stays_empty(rng: np.random.Generator) -> None:
    """Without a noise floor, stretching by percentiles would turn noise into spots."""
    normalization = LocalNormalization()
    noise = rng.normal(100, 5, (1, 1, 128, 128)).astype(np.float32)
    seen = normalization.apply(noise, normalization.measure(noise), origin=(0, 0), camera=Camera())
    assert np.abs(seen).max() < 0.8
    spots = noise.copy()
    spots[..., ::16, ::16] += 200
    seen = normalization.apply(spots, normalization.measure(spots), origin=(0, 0), camera=Camera())
    assert seen[..., ::16, ::16].min() > 1


def test_noise_is_found_beside_black_margins(rng: np.random.Generator) -> None:
    """More than half of the frame is 0, as where images were turned or stitched."""
    noise = np.zeros((1, 1, 256, 256), np.float32)
    noise[..., 64:192, 64:192] = rng.normal(100, 5, (128, 128))
    normalization = LocalNormalization(cell=32)
    seen = normalization.apply(noise, normalization.measure(noise), origin=(0, 0), camera=Camera())
    assert np.abs(seen[..., 100:156, 100:156]).max() < 0.8


def test_a_speck_in_a_dark_cell_is_not_blown_up(rng: np.random.Generator) -> None:
    """Most pixels of this frame are 0, and there are few grey levels: nothing scatters by half a level."""
    counts = rng.poisson(0.02, (1, 1, 128, 128)).astype(np.uint8)
    counts[..., :64, :64] = 0
    counts[..., 30, 30] = 1
    normalization = LocalNormalization()
    seen = normalization.apply(counts, normalization.measure(counts), origin=(0, 0), camera=Camera())
    assert 0 < seen.max() <= 1


def test_gain_and_offset_do_not_matter_to_the_local_one(rng: np.random.Generator) -> None:
    normalization, images = LocalNormalization(), frames(rng).astype(np.float32)
    a = normalization.apply(images, normalization.measure(images), origin=(0, 0), camera=Camera())
    changed = 3 * images + 700
    b = normalization.apply(changed, normalization.measure(changed), origin=(0, 0), camera=Camera())
    np.testing.assert_allclose(a, b, atol=1e-3)


def test_a_constant_frame_is_finite() -> None:
    normalization, flat = LocalNormalization(), np.full((1, 1, 64, 64), 7, np.uint8)
    seen = normalization.apply(flat, normalization.measure(flat), origin=(0, 0), camera=Camera())
    assert np.all(seen == 0)


def test_scaled_by_a_constant() -> None:
    seen = ScaledNormalization().apply(np.array([[[[0, 51, 255]]]], np.uint8), None, origin=(0, 0), camera=Camera())
    np.testing.assert_allclose(seen, [[[[0, 0.2, 1]]]], rtol=1e-6)
    assert seen.dtype == np.float32
