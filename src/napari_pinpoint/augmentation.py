"""Augmentation: annotated windows made into others, in which points, boxes and what is believed follow the pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from pydantic import BaseModel, Field, field_validator
from scipy import ndimage

from napari_pinpoint.localizations import Localizations

Array = np.ndarray[Any, Any]
Range = tuple[float, float]

_EXTENT = {"y": "height", "x": "width"}
#: Columns that no longer hold once brightness or size have been changed.
_PHYSICAL = ("photons", "background", "psf_sigma_y", "psf_sigma_x")


@dataclass(frozen=True)
class Window:
    """A part of an image as a network sees it.

    `image` is (C, \\*spatial) float32, `table` holds its points with positions from the window's first pixel, and
    `valid` (\\*spatial) bool says where the annotation can be believed.
    """

    image: Array
    table: Localizations
    valid: Array


class Augmentation(BaseModel, extra="forbid", frozen=True):
    """What is drawn anew for every window. The defaults are exact: nothing is interpolated, no value changed.

    Values are changed after normalization, so that a number means the same for every camera.
    """

    flips: bool = Field(default=True, description="Mirror along every axis, each half of the time.")
    turns: bool = Field(default=True, description="Quarter turns of square windows.")
    scale: Range = Field(default=(1.0, 1.0), description="Range of factors of size, evenly in their logarithm.")
    brightness: float = Field(default=0.0, ge=0, description="Largest shift of all values, in normalized units.")
    contrast: float = Field(default=0.0, ge=0, description="0.2: the spread changes by up to 20 % (in its logarithm).")
    gamma: float = Field(default=0.0, ge=0, description="0.2: the exponent of the curve changes by up to 20 %.")
    hue: float = Field(default=0.0, ge=0, le=180, description="Largest turn of the colours in degrees.")
    blur_px: Range = Field(default=(0.0, 0.0), description="Range of standard deviations of a Gaussian blur.")
    noise: Range = Field(default=(0.0, 0.0), description="Range of standard deviations of noise, normalized units.")

    @field_validator("scale", "blur_px", "noise")
    @classmethod
    def _in_order(cls, value: Range, info: Any) -> Range:
        if not (0 <= value[0] <= value[1] and (value[0] > 0 or info.field_name != "scale")):
            raise ValueError("give the least and the largest, not below 0")
        return value

    @property
    def is_exact(self) -> bool:
        """Whether pixels are only rearranged."""
        return Augmentation(flips=self.flips, turns=self.turns) == self

    def draw_scale(self, rng: np.random.Generator) -> float:
        """A factor of size; 1 draws nothing from `rng`."""
        low, high = self.scale
        return low if low == high else float(np.exp(rng.uniform(np.log(low), np.log(high))))

    def __call__(self, window: Window, rng: np.random.Generator) -> Window:
        """The window mirrored, turned and with other values, as `rng` says."""
        window = self._turned(window, rng)
        if self.is_exact:
            return window
        image = window.image
        if self.hue and len(image) == 3:
            image = _hue_turned(image, np.deg2rad(rng.uniform(-self.hue, self.hue)))
        if self.gamma:
            image = _bent(image, float(np.exp(rng.uniform(-self.gamma, self.gamma))))
        if self.contrast:
            mean = image.mean()
            image = mean + (image - mean) * np.float32(np.exp(rng.uniform(-self.contrast, self.contrast)))
        if self.brightness:
            image = image + np.float32(rng.uniform(-self.brightness, self.brightness))
        if self.blur_px[1]:
            sigma = rng.uniform(*self.blur_px)
            image = ndimage.gaussian_filter(image, (0, *[sigma] * (image.ndim - 1)), mode="nearest")
        if self.noise[1]:
            image = image + np.float32(rng.uniform(*self.noise)) * rng.standard_normal(image.shape, np.float32)
        table = window.table.without_columns(*_PHYSICAL)
        return replace(window, image=image.astype(np.float32, copy=False), table=table)

    def _turned(self, window: Window, rng: np.random.Generator) -> Window:
        axes = "zyx"[-window.valid.ndim :]
        if self.flips:
            for i, axis in enumerate(axes):
                if rng.random() < 0.5:
                    window = _flipped(window, i, axis)
        square = window.valid.shape[-1] == window.valid.shape[-2]
        return _transposed(window) if self.turns and square and rng.random() < 0.5 else window


def rescaled(window: Window, scale: float, size: tuple[int, ...]) -> Window:
    """The window's corner at another size of pixels along y and x: a position p becomes (p + 1/2) scale - 1/2.

    Pixels span p - 1/2 to p + 1/2, so it is their edges that are scaled. Values are interpolated linearly, smoothed
    before where pixels grow larger.

    Parameters
    ----------
    size
        Pixels of the result, at most `scale` times those of the window along y and x.
    """
    factors = np.array([1.0] * (len(size) - 2) + [scale] * 2)
    image = window.image
    if scale < 1:  # the blur of a box of 1 / scale pixels, less that of the one pixel it was
        sigma = np.sqrt((scale**-2 - 1) / 12)
        image = ndimage.gaussian_filter(image, (*[0] * (image.ndim - 2), sigma, sigma), mode="nearest")
    matrix, offset = 1 / factors, 0.5 / factors - 0.5
    pixels = [ndimage.affine_transform(c, matrix, offset, size, order=1, mode="nearest") for c in image]
    valid = ndimage.affine_transform(window.valid.astype(np.uint8), matrix, offset, size, order=0, mode="nearest")
    table = window.table
    changed: dict[str, Any] = {axis: (table[axis] + 0.5) * scale - 0.5 for axis in "yx"}
    changed |= {name: table[name] * scale for name in _EXTENT.values() if name in table}
    return Window(np.stack(pixels), table.without_columns(*_PHYSICAL).with_columns(**changed), valid.astype(bool))


def _flipped(window: Window, i: int, axis: str) -> Window:
    """Mirrored along the spatial axis number `i`."""
    place = window.valid.shape[i] - 1 - window.table[axis]
    return Window(np.flip(window.image, i + 1), window.table.with_columns(**{axis: place}), np.flip(window.valid, i))


def _transposed(window: Window) -> Window:
    """With rows and columns exchanged; together with the mirror images, this gives the quarter turns."""
    table = window.table
    swapped = {a: table[b] for a, b in (("y", "x"), ("x", "y"), ("height", "width"), ("width", "height")) if b in table}
    return Window(np.swapaxes(window.image, -1, -2), table.with_columns(**swapped), np.swapaxes(window.valid, -1, -2))


def _bent(image: Array, exponent: float) -> Array:
    """The values between the window's least and largest along a power curve."""
    low, high = image.min(), image.max()
    if high <= low:
        return image
    bent: Array = low + (high - low) * ((image - low) / (high - low)) ** np.float32(exponent)
    return bent


#: From red, green, blue to luminance and two axes of colour (YIQ, NTSC 1953).
_YIQ = np.array([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])


def _hue_turned(image: Array, angle: float) -> Array:
    """Colours turned about the grey axis, luminance as it was."""
    turn = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    matrix = np.linalg.inv(_YIQ) @ turn @ _YIQ
    turned: Array = np.tensordot(matrix.astype(np.float32), image, (1, 0))
    return turned
