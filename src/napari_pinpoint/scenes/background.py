"""Background: a level, a gradient across the field and smooth structure."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_pinpoint.arrays import Array, asarray_like

#: Cosine waves that make up the structure, and their wavelengths in pixels.
_WAVES = 6
_WAVELENGTHS = (10.0, 60.0)
#: The background never falls below this part of its level.
_FLOOR = 0.1


def smooth_background(
    level: np.ndarray[Any, Any],
    shape: tuple[int, int],
    *,
    gradient: float,
    structure: float,
    rng: np.random.Generator,
    like: Array,
) -> Array:
    """Backgrounds of shape (n, \\*shape) float32, in the unit of their levels (n,), in the library of `like`.

    Parameters
    ----------
    gradient
        Largest relative change from the centre of the field to its edge; each background draws its own up to this, and
        a direction.
    structure
        Standard deviation of the structure, relative to the level. It is a sum of waves in random directions, with
        wavelengths of 10 to 60 px.
    """
    n, (height, width) = len(level), shape
    y, x = np.linspace(-1, 1, height), np.linspace(-1, 1, width)
    slope, direction = gradient * rng.random((n, 1)), rng.uniform(0, 2 * np.pi, (n, 1))
    wavelength, angle, phase = (
        rng.uniform(low, high, (n, _WAVES, 1)) for low, high in (_WAVELENGTHS, (0, 2 * np.pi), (0, 2 * np.pi))
    )
    wave_y = 2 * np.pi * np.sin(angle) / wavelength * np.arange(height) + phase
    wave_x = 2 * np.pi * np.cos(angle) / wavelength * np.arange(width)
    strength = structure * np.sqrt(2 / _WAVES)
    # All of it is a sum of products of something along y and something along x, so that one matrix product, on
    # whatever device, makes the images: cos(a + b) = cos a cos b - sin a sin b, and a plane is y + x.
    ones = np.ones((n, 1, 1))
    along_y = [
        ones * np.ones(height),
        (slope * np.sin(direction))[:, None] * y,
        ones * np.ones(height),
        np.cos(wave_y) * strength,
        np.sin(wave_y) * -strength,
    ]
    along_x = [
        ones * np.ones(width),
        ones * np.ones(width),
        (slope * np.cos(direction))[:, None] * x,
        np.cos(wave_x),
        np.sin(wave_x),
    ]
    left, right = (asarray_like(np.concatenate(parts, axis=1), like) for parts in (along_y, along_x))
    relative = left.swapaxes(1, 2) @ right
    return relative.clip(_FLOOR) * asarray_like(level, like)[:, None, None]
