"""How fine a picture of localizations is, by Fourier ring correlation.

Two pictures of one half of the localizations each agree up to the spatial frequency at which their correlation falls
below 1/7 (Nieuwenhuizen et al., Nature Methods 10, 557, 2013). Halves are made of blocks of frames, and of one row a
molecule where the table is linked: else a molecule that is on in several frames agrees with itself.

For molecules at random places with L rows each, all of uncertainty sigma, the expectation is

    FRC(q) = 1 / (1 + 2 exp(4 pi^2 sigma^2 q^2) / L),  which is 1/7 at  q = sqrt(ln(3 L)) / (2 pi sigma).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_pinpoint.errors import PinpointError, PinpointWarning
from napari_pinpoint.localizations import Localizations, field_of

Array = np.ndarray[Any, Any]

THRESHOLD = 1 / 7
#: Pictures are correlated in squares of this many pixels.
_TILE = 2048
#: Pixels of the whole picture: beyond, they become larger.
_MOST_PIXELS = 2**28
#: Of a square, on each side, that fades into nothing: else its edges correlate.
_FADE = 1 / 8
#: Half the width of the smoothing kernel, as a part of the highest frequency.
_SMOOTHING = 1 / 80


@dataclass(frozen=True)
class FRC:
    """Fourier ring correlation; frequencies are in 1 / pixels of the stack, lengths in its pixels and in nanometres.

    `correlation` and `smoothed` (n,) are the means over the repeats; `error_px` is the standard deviation of the
    resolution over the repeats, each of which splits the blocks in another way. The resolution is NaN where the curve
    does not fall from above the threshold to below.
    """

    frequency: Array
    correlation: Array
    smoothed: Array
    threshold: float
    resolution_px: float
    error_px: float
    pixel_size_nm: float | None
    picture_pixel_px: float
    n_blocks: int
    n_repeats: int
    n_localizations: int
    linked: bool

    @property
    def resolution_nm(self) -> float:
        return self.resolution_px * (self.pixel_size_nm or math.nan)

    @property
    def error_nm(self) -> float:
        return self.error_px * (self.pixel_size_nm or math.nan)


def fourier_ring_correlation(
    table: Localizations,
    *,
    picture_pixel_px: float | None = None,
    n_blocks: int = 20,
    repeats: int = 5,
    threshold: float = THRESHOLD,
    seed: int = 0,
) -> FRC:
    """The resolution of a table's picture.

    Parameters
    ----------
    table
        The localizations; rows of one `particle` become one (see `pinpoint link`).
    picture_pixel_px
        Pixels of the pictures that are compared, in pixels of the stack; by default half the median uncertainty, or
        1/20 of a pixel where that is not known. The finest resolution that can be told is twice that.
    n_blocks, repeats
        Frames are cut into so many blocks of equal length, and these split into halves at random so many times.
    threshold
        Of the smoothed correlation.

    Raises
    ------
    PinpointError
        If there are fewer than two blocks with localizations.
    """
    linked = "particle" in table
    if linked:
        from napari_pinpoint.postprocessing import merge

        needed = ("frame", "y", "x", "uncertainty_y", "uncertainty_x", "particle")
        table = merge(table.without_columns(*(name for name in table if name not in needed)))
    if n_blocks < 2 or repeats < 1:
        raise PinpointError(f"Halves need at least 2 blocks and 1 repeat, not {n_blocks} and {repeats}.")
    block = _blocks(table["frame"], n_blocks)
    pixel = _picture_pixel(table, picture_pixel_px)
    rng = np.random.default_rng(seed)
    splits = [rng.permutation(n_blocks) % 2 == 1 for _ in range(repeats)]
    rings, counts = _rings()
    curves = _curves(table, block, pixel, splits, rings)
    frequency = np.arange(_TILE // 2) / (_TILE * pixel)
    smoothed = np.stack([_smooth(curve, counts) for curve in curves])
    of_repeats = np.array([_resolution(frequency, curve, threshold) for curve in smoothed])
    result = FRC(
        frequency=frequency,
        correlation=curves.mean(axis=0),
        smoothed=smoothed.mean(axis=0),
        threshold=threshold,
        resolution_px=_resolution(frequency, smoothed.mean(axis=0), threshold),
        error_px=float(of_repeats.std(ddof=1)) if repeats > 1 else math.nan,
        pixel_size_nm=table.pixel_size_nm,
        picture_pixel_px=pixel,
        n_blocks=n_blocks,
        n_repeats=repeats,
        n_localizations=len(table),
        linked=linked,
    )
    if math.isnan(result.resolution_px):
        warnings.warn(
            "The Fourier ring correlation does not cross its threshold: there are too few localizations, or the "
            "picture's pixels are too large for how fine it is.",
            PinpointWarning,
            stacklevel=2,
        )
    return result


def _blocks(frame: Array, n_blocks: int) -> Array:
    """Number of the block that each row's frame (n,) lies in."""
    first, last = int(frame.min(initial=0)), int(frame.max(initial=0))
    block: Array = (frame - first) * n_blocks // (last - first + 1)
    if len(np.unique(block)) < 2:
        raise PinpointError("Fourier ring correlation compares times: the table needs points in more than one frame.")
    return block


def _curves(table: Localizations, block: Array, pixel: float, splits: list[Array], rings: Array) -> Array:
    """Correlation in each ring (repeats, n), for each way to split the blocks."""
    sums = np.zeros((len(splits), 3, _TILE // 2))
    for y, x, of_block in _tiles(table, block, pixel):
        for split, total in zip(splits, sums, strict=True):
            total += _ring_sums(y, x, split[of_block], rings)
    with np.errstate(invalid="ignore", divide="ignore"):
        curves: Array = np.nan_to_num(sums[:, 0] / np.sqrt(sums[:, 1] * sums[:, 2]))
    return curves


def _picture_pixel(table: Localizations, given: float | None) -> float:
    """Pixels of the pictures that are compared, in pixels of the stack."""
    if given is not None:
        if not (math.isfinite(given) and given > 0):
            raise PinpointError(f"The pixels of the pictures must be above 0, not {given}.")
        return given
    pixel = 0.05
    if "uncertainty_y" in table and "uncertainty_x" in table:
        widths = np.concatenate([table[name][np.isfinite(table[name])] for name in ("uncertainty_y", "uncertainty_x")])
        pixel = float(np.median(widths)) / 2 if len(widths) and np.median(widths) > 0 else pixel
    rows, columns = field_of(table)
    return max(pixel, math.sqrt(rows * columns / _MOST_PIXELS))


def _tiles(table: Localizations, block: Array, pixel: float) -> Iterator[tuple[Array, Array, Array]]:
    """Places in pixels of the picture, and blocks, of the localizations in each square."""
    y, x = ((table[axis] + 0.5) / pixel for axis in ("y", "x"))
    row, column = (np.floor_divide(place, _TILE).astype(np.int64) for place in (y, x))
    tile = (row - row.min()) * (np.ptp(column) + 1) + column - column.min()
    order = np.argsort(tile, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(tile[order])) + 1):
        yield y[rows] - row[rows[0]] * _TILE, x[rows] - column[rows[0]] * _TILE, block[rows]


def _ring_sums(y: Array, x: Array, second: Array, rings: Array) -> Array:
    """Sums over rings (3, n) of one square: the two halves' product, and their squares."""
    from scipy.fft import rfft2

    weight = _fading(y) * _fading(x)
    pixels = y.astype(np.intp) * _TILE + x.astype(np.intp)
    halves = []
    for rows in (~second, second):
        picture = np.bincount(pixels[rows], weights=weight[rows], minlength=_TILE * _TILE)
        halves.append(rfft2(picture.reshape(_TILE, _TILE).astype(np.float32)))
    one, other = halves
    terms = (one.real * other.real + one.imag * other.imag, np.abs(one) ** 2, np.abs(other) ** 2)
    return np.stack([np.bincount(rings, weights=term.ravel(), minlength=_TILE)[: _TILE // 2] for term in terms])


def _rings() -> tuple[Array, Array]:
    """Number of the ring of every frequency of a square (as `rfft2` has them), and frequencies in each ring."""
    y, x = np.fft.fftfreq(_TILE, 1 / _TILE)[:, None], np.arange(_TILE // 2 + 1)
    rings = np.rint(np.hypot(y, x)).astype(np.int64).ravel()
    return rings, np.bincount(rings, minlength=_TILE)[: _TILE // 2].astype(float)


def _fading(place: Array) -> Array:
    """Weights that fall to nothing towards both ends of what places there are: Tukey's window."""
    low, high = place.min(), place.max()
    to_edge = np.minimum(place - low, high - place) / max((high - low) * _FADE, 1e-9)
    weights: Array = 0.5 - 0.5 * np.cos(np.pi * np.minimum(to_edge, 1))
    return weights


def _smooth(curve: Array, counts: Array) -> Array:
    """Means over neighbouring rings, each with the weight of how many frequencies it has."""
    from scipy.ndimage import gaussian_filter1d

    width = _SMOOTHING * len(curve)
    smooth: Array = gaussian_filter1d(curve * counts, width) / gaussian_filter1d(counts, width)
    return smooth


def _resolution(frequency: Array, curve: Array, threshold: float) -> float:
    """One over the frequency at which the curve first falls below the threshold, NaN if it does not."""
    below = np.flatnonzero(curve[1:] < threshold) + 1
    if not len(below) or below[0] <= 1:
        return math.nan
    ring = below[0]
    high, low = curve[ring - 1], curve[ring]
    crossing = frequency[ring - 1] + (high - threshold) / (high - low) * (frequency[ring] - frequency[ring - 1])
    return float(1 / crossing)
