"""How noisy an image is at which brightness, measured in the image itself.

Noise is usually measured in calibration images. But a diffraction-limited image has no structure finer than its PSF, so
what a sharp high-pass filter leaves of it is noise (the idea of Heintzmann et al., arXiv:1611.05654, there in Fourier
space). For a filter h with ``sum(h^2) = 1`` and noise that is independent from pixel to pixel, the expectation of
``(h * image)^2`` is exactly ``h^2 * variance``; so brightness is averaged with the weights ``h^2`` too, and a variance
that rises linearly with brightness does so in the averages. Of two consecutive frames the filter sees the difference,
in which whatever stands still cancels as well.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.ndimage import convolve1d

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.stack import StackView

Values = np.ndarray[Any, Any]

# The sixth difference sees almost nothing of a PSF of sigma 0.8 px or more, the fourth a little. Where the two
# disagree, there is structure, or noise that is not independent from pixel to pixel.
_SIXTH = np.array([1.0, -6, 15, -20, 15, -6, 1])
_FOURTH = np.array([0, 1.0, -4, 6, -4, 1, 0])
_BLOCK = 8
_SIDE = 1024  # pixels of a frame that are looked at, in its centre
_MIN_BLOCKS = 40


@dataclass(frozen=True)
class Noise:
    """Brightness and noise of blocks of 8 x 8 pixels, each a (blocks,) array in counts and counts squared.

    `rough` is the variance that the fourth difference sees. `saturated` is the fraction of pixels at the largest value
    that the dtype (or the camera) can hold. Blocks with such pixels, or with pixels of 0, are left out.
    """

    mean: Values
    variance: Values
    rough: Values
    saturated: float
    n_frames: int

    @property
    def is_independent(self) -> bool:
        """Whether both filters see the same noise in the darker half, as they do where pixels are independent."""
        dark = self.mean <= np.median(self.mean)
        fine, rough = float(self.variance[dark].mean()), float(self.rough[dark].mean())
        allowed = 1.12 + 2 / np.sqrt(dark.sum())
        return fine == rough or 1 / allowed < rough / max(fine, 1e-12) < allowed


def measure_noise(view: StackView, *, pixels: int = 16_000_000) -> Noise:
    """Brightness and noise all over a stack, from about `pixels` pixels in pairs of frames at equal distances.

    Raises
    ------
    PinpointError
        If there are too few pixels.
    """
    if view.dims < 2:
        raise PinpointError("Noise is measured in images; traces of single points do not show it.")
    sides = [n if axis == "Z" else min(n, _SIDE) for axis, n in zip(view.spatial_axes, view.spatial_shape, strict=True)]
    window = tuple(
        slice((n - side) // 2, (n - side) // 2 + side) for n, side in zip(view.spatial_shape, sides, strict=True)
    )
    per_frame = math.prod(sides)
    n_pairs = max(view.n_frames // 2, 1)
    wanted = min(n_pairs, max(4, pixels // (2 * per_frame)))
    low, high = _ends(view)
    blocks, saturated, n_frames = [], 0.0, 0
    for pair in np.unique(np.linspace(0, n_pairs - 1, wanted).astype(int)):
        frames = view.read(2 * int(pair), min(2 * int(pair) + 2, view.n_frames), window)
        saturated += float((frames >= high).mean()) * len(frames)
        n_frames += len(frames)
        planes = frames.reshape(len(frames), -1, *frames.shape[-2:])
        blocks += [_blocks(planes[:, z].astype(np.float64), low, high) for z in range(planes.shape[1])]
    mean, variance, rough = np.concatenate(blocks, axis=1)
    if len(mean) < _MIN_BLOCKS:
        raise PinpointError(
            f"{view.stack.name}: too few pixels to measure noise: {len(mean)} blocks of {_BLOCK} x {_BLOCK} pixels "
            f"that are neither 0 nor saturated, {_MIN_BLOCKS} are needed."
        )
    return Noise(mean, variance, rough, saturated / n_frames, n_frames)


def variance_line(mean: Values, variance: Values) -> tuple[float, float]:
    """Slope and intercept of variance over mean.

    Least squares, reweighted with the variance that the line itself predicts, since the scatter of a measured variance
    is in proportion to it. Blocks far above the line (a cosmic ray, something that moved) have no say.
    """
    floor = 0.2 * max(float(np.median(variance)), 1e-12)
    predicted = np.full_like(variance, 5 * floor)
    slope = intercept = 0.0
    for _ in range(20):
        weight = (variance < 6 * predicted) / predicted**2
        total = weight.sum()
        m, v = (weight * mean).sum() / total, (weight * variance).sum() / total
        spread = (weight * (mean - m) ** 2).sum()
        if not spread > 0:
            return 0.0, float(v)
        slope = float((weight * (mean - m) * (variance - v)).sum() / spread)
        intercept = float(v - slope * m)
        predicted = np.maximum(slope * mean + intercept, floor)
    return slope, intercept


def _ends(view: StackView) -> tuple[float, float]:
    """The lowest and highest value that a pixel can have; noise that is cut off there cannot be measured."""
    dtype = view.stack.dtype
    low, high = (np.iinfo(dtype).min, np.iinfo(dtype).max) if dtype.kind in "ui" else (-np.inf, np.inf)
    saturation = view.stack.camera.saturation_adu
    return float(low), min(float(high), saturation if saturation is not None else np.inf)


def _blocks(frames: Values, low: float, high: float) -> Values:
    """Mean, variance and rough variance of usable blocks: frames (1 or 2, Y, X) to (3, blocks)."""
    difference = (frames[1] - frames[0]) / np.sqrt(2) if len(frames) == 2 else frames[0]
    clipped = np.asarray(((frames <= low) | (frames >= high)).any(axis=0), dtype=np.float64)
    weights = _SIXTH / np.linalg.norm(_SIXTH)
    rough_weights = _FOURTH / np.linalg.norm(_FOURTH)
    maps = np.stack(
        [
            _filtered(np.mean(frames, axis=0), weights**2),
            _filtered(difference, weights) ** 2,
            _filtered(difference, rough_weights) ** 2,
            _filtered(clipped, np.ones(len(weights))),
        ]
    )
    rows, columns = (n // _BLOCK for n in maps.shape[1:])
    cut = maps[:, : rows * _BLOCK, : columns * _BLOCK].reshape(4, rows, _BLOCK, columns, _BLOCK)
    blocks = cut.mean(axis=(2, 4)).reshape(4, -1)
    usable: Values = blocks[:3, blocks[3] < 0.5 / _BLOCK**2]
    return usable


def _filtered(image: Values, weights: Values) -> Values:
    """The image filtered along both axes, where the whole filter lies in it."""
    margin = len(weights) // 2
    if min(image.shape) <= 2 * margin:
        return np.empty((0, 0))
    out: Values = convolve1d(convolve1d(image, weights, axis=0), weights, axis=1)[margin:-margin, margin:-margin]
    return out
