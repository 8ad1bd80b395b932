"""Clutter: everything in a fluorescence image that shines and is no spot."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, Field
from scipy.ndimage import gaussian_filter

Array = np.ndarray[Any, Any]
Share = Annotated[float, Field(ge=0, le=1)]

#: Pixels per square pixel of a frame that one object of a kind is drawn for, at most.
_PER_CELL = 1 / 1500
_PER_DEBRIS = 1 / 4000
_PER_LINE = 1 / 6000


class Clutter(BaseModel, extra="forbid", frozen=True):
    """How often each kind of clutter is in a frame, as shares of the frames."""

    haze: Share = Field(default=0.8, description="Smooth autofluorescence at several scales.")
    cells: Share = Field(default=0.7, description="Cells or nuclei with texture inside.")
    debris: Share = Field(default=0.4, description="Blurred or elongated blobs, wider than spots.")
    lines: Share = Field(default=0.3, description="Membranes and fibres.")
    grain: Share = Field(default=0.5, description="Fine texture all over the frame.")


def clutter(shape: tuple[int, int], kinds: Clutter, rng: np.random.Generator) -> Array:
    """An image (\\*shape) of the kinds that it draws, in units of an even background of 1."""
    image = np.ones(shape, dtype=np.float32)
    if rng.random() < kinds.haze:
        for scale in rng.uniform((4, 10, 25), (10, 25, 60)):
            image *= np.exp(rng.uniform(0, 0.5) * _field(shape, scale, rng))
    if rng.random() < kinds.cells:
        image += _cells(shape, rng)
    if rng.random() < kinds.grain:
        image *= _texture(shape, rng, strongest=0.3)
    if rng.random() < kinds.debris:
        image += _debris(shape, rng)
    if rng.random() < kinds.lines:
        image += _lines(shape, rng)
    return image


def _field(shape: tuple[int, int], scale: float, rng: np.random.Generator) -> Array:
    """A random field with structure of `scale` pixels and a standard deviation of 1."""
    # Wide structure needs few pixels: it is made small and enlarged, as filtering with a wide kernel is slow.
    step = max(1, int(scale / 3))
    small = tuple(-(-n // step) + 2 for n in shape)
    noise: Array = gaussian_filter(rng.standard_normal(small, dtype=np.float32), scale / step, mode="wrap")
    noise = (noise - noise.mean()) / max(float(noise.std()), 1e-6)
    if step == 1:
        return noise[: shape[0], : shape[1]]
    rows, columns = (np.arange(n) / step for n in shape)
    return _between_pixels(noise, rows, columns)


def _between_pixels(small: Array, rows: Array, columns: Array) -> Array:
    """Values of an image between its pixels, linearly interpolated along both axes."""
    i, j = rows.astype(int), columns.astype(int)
    a, b = (rows - i)[:, None].astype(np.float32), (columns - j)[None].astype(np.float32)
    upper = small[i][:, j] * (1 - b) + small[i][:, j + 1] * b
    lower = small[i + 1][:, j] * (1 - b) + small[i + 1][:, j + 1] * b
    between: Array = upper * (1 - a) + lower * a
    return between


def _texture(shape: tuple[int, int], rng: np.random.Generator, *, strongest: float) -> Array:
    """Multiplies what it lies on: structure of 1 to 6 pixels, never below 0."""
    strength = np.exp(rng.uniform(np.log(0.03), np.log(strongest)))
    scale = np.exp(rng.uniform(0, np.log(6)))
    factor: Array = (1 + strength * _field(shape, scale, rng)).clip(0)
    return factor


def _cells(shape: tuple[int, int], rng: np.random.Generator) -> Array:
    """Ellipses with a soft or sharp edge, all alike in brightness and texture."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    mask = np.zeros(shape, dtype=np.float32)
    radius, soft = np.exp(rng.uniform(np.log(6), np.log(40))), rng.uniform(0.5, 4)
    for _ in range(1 + rng.poisson(_PER_CELL * shape[0] * shape[1] * min(1, (12 / radius) ** 2))):
        y, x = rng.uniform(0, shape[0]), rng.uniform(0, shape[1])
        a, b = radius * rng.uniform(0.7, 1.3, 2)
        angle = rng.uniform(0, np.pi)
        u = (rows - y) * np.cos(angle) + (columns - x) * np.sin(angle)
        v = (columns - x) * np.cos(angle) - (rows - y) * np.sin(angle)
        distance = (1 - np.sqrt((u / a) ** 2 + (v / b) ** 2)) * radius / soft
        inside = 0.5 * (1 + np.tanh(distance.clip(-10, 10)))
        mask = np.maximum(mask, rng.uniform(0.6, 1) * inside.astype(np.float32))
    # Nothing alive is an even ellipse.
    ragged = mask * (1 + 0.3 * _field(shape, radius / 2, rng)).clip(0)
    bright = np.exp(rng.uniform(np.log(0.3), np.log(15)))
    cells: Array = bright * ragged * _texture(shape, rng, strongest=1.2)
    return cells


def _debris(shape: tuple[int, int], rng: np.random.Generator) -> Array:
    """Blobs of 3 to 8 pixels, most of them elongated."""
    image = np.zeros(shape, dtype=np.float32)
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    bright = np.exp(rng.uniform(np.log(0.5), np.log(15)))
    for _ in range(1 + rng.poisson(_PER_DEBRIS * shape[0] * shape[1])):
        y, x = rng.uniform(0, shape[0]), rng.uniform(0, shape[1])
        wide = rng.uniform(3, 8)
        narrow = wide * rng.uniform(0.4, 1)
        angle = rng.uniform(0, np.pi)
        u = (rows - y) * np.cos(angle) + (columns - x) * np.sin(angle)
        v = (columns - x) * np.cos(angle) - (rows - y) * np.sin(angle)
        image += bright * rng.uniform(0.3, 1) * np.exp(-0.5 * ((u / wide) ** 2 + (v / narrow) ** 2))
    return image


def _lines(shape: tuple[int, int], rng: np.random.Generator) -> Array:
    """Curves that wander through the frame, about as sharp as a spot."""
    image = np.zeros(shape, dtype=np.float32)
    for _ in range(1 + rng.poisson(_PER_LINE * shape[0] * shape[1])):
        length = int(rng.uniform(20, 2 * max(shape)))
        turn = np.cumsum(rng.normal(0, 0.04, length)) + rng.uniform(0, 2 * np.pi)
        start = rng.uniform(0, shape[0]), rng.uniform(0, shape[1])
        y, x = (s + np.cumsum(0.5 * f(turn)) for s, f in zip(start, (np.sin, np.cos), strict=True))
        inside = (y >= 0) & (y < shape[0]) & (x >= 0) & (x < shape[1])
        np.add.at(image, (y[inside].astype(int), x[inside].astype(int)), 1)
    bright = np.exp(rng.uniform(np.log(0.3), np.log(5)))
    lines: Array = bright * gaussian_filter(image.clip(0, 2), rng.uniform(0.8, 2))
    return lines
