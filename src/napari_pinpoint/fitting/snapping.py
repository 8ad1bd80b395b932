"""Snap: clicks of people move to the sub-pixel centre of the spot that they meant, where there is no doubt which.

Around each click the image is filtered with Laplacians of Gaussians of several sizes. The maxima over place and size
(Lindeberg, International Journal of Computer Vision 30, 79 (1998)) that stand out of the noise nearby are the spots. Is
there just one within reach, a Gaussian on a level is fitted to its pixels, and the click moves to its centre. The
filters lie on the image's pixels, so that the result does not depend on where within reach the click was.
No camera is needed: only differences of counts, and their scatter around the click, have a say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.ndimage import maximum_filter

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.fitting.least_squares import fit_gaussians

Array = np.ndarray[Any, Any]

SNAPPED, AMBIGUOUS, EMPTY = "snapped", "ambiguous", "empty"

_SIGMAS = 0.8 * np.sqrt(2.0) ** np.arange(7)  # pixels, 0.8 to 6.4; what answers best to the last one is no spot
_SIGNIFICANT = 4.5  # standard deviations: one click in a hundred on mere noise finds something
_LEAST_PART = 0.3  # of the highest peak within reach: what is lower does not make a click ambiguous
_FINE_PART = 0.65  # of a wide spot's height: finer peaks in it below this are its texture, above it they are spots
_MOST_PEAKS = 16  # per click and its surroundings
_CLICKS_AT_ONCE = 64  # keeps the memory of the filtered squares at some megabytes
_SIXTH = np.array([1.0, -6, 15, -20, 15, -6, 1]) / np.sqrt(924)  # sees next to nothing of a spot, see noise.py


@dataclass(frozen=True, eq=False)
class Snapped:
    """What became of clicks, one entry each.

    Attributes
    ----------
    y, x
        Positions in pixels, (n,) float64: the centre of the spot, or the click itself where it stayed.
    moved_by
        Distance from the click in pixels, (n,) float64; 0 where it stayed.
    reason
        (n,) str: "snapped"; or why it stayed: "ambiguous" (two peaks within reach) or "empty" (none).
    """

    y: Array
    x: Array
    moved_by: Array
    reason: Array


def snap(
    image: Array,
    y: Array,
    x: Array,
    *,
    reach_px: float = 4.0,
    bright: bool | None = True,
    sigma_px: float | None = None,
) -> Snapped:
    """Move clicks to the centres of the spots nearby.

    Parameters
    ----------
    image
        One image (Y, X) in any unit, whole numbers or not; pixels that are not finite have no say.
    y, x
        The clicks in pixels, numbers or (n,).
    reach_px
        How far a click may move. Two peaks within it: the click stays.
    bright
        Whether spots are brighter than their surroundings; None: either.
    sigma_px
        Standard deviation of the spots in pixels; None: whatever is there, from 0.7 to 4.

    Raises
    ------
    PinpointError
        If the image is no image, the clicks are not as many y as x or not finite, or a length is not above 0.

    Examples
    --------
    >>> rows, columns = np.mgrid[:32, :32]
    >>> image = 100 + 50 * np.exp(-((rows - 15.3) ** 2 + (columns - 12.8) ** 2) / 4)
    >>> clicks = snap(image, [14, 25], [14, 25])
    >>> clicks.y.round(1).tolist(), clicks.x.round(1).tolist(), clicks.reason.tolist()
    ([15.3, 25.0], [12.8, 25.0], ['snapped', 'empty'])
    """
    image, clicks = _checked(image, y, x, reach_px, sigma_px)
    sigmas = _SIGMAS if sigma_px is None else sigma_px * np.array([2**-0.5, 1.0, 2**0.5])
    parts = [
        _snap(image, clicks[start : start + _CLICKS_AT_ONCE], reach_px, bright, sigmas)
        for start in range(0, len(clicks), _CLICKS_AT_ONCE)
    ]
    places = np.concatenate([part[0] for part in parts]) if parts else clicks
    reason = np.concatenate([part[1] for part in parts]) if parts else np.empty(0, dtype="<U9")
    return Snapped(places[:, 0], places[:, 1], np.hypot(*(places - clicks).T), reason)


def _checked(image: Array, y: Array, x: Array, reach: float, sigma: float | None) -> tuple[Array, Array]:
    """The image as an array, and the clicks (n, 2)."""
    image = np.asarray(image)
    if image.ndim != 2 or not image.size or image.dtype.kind not in "buif":
        raise PinpointError(
            f"Snapping needs one image (rows, columns) of numbers; it has shape {image.shape}, type {image.dtype}."
        )
    rows, columns = (np.atleast_1d(np.asarray(values, dtype=np.float64)) for values in (y, x))
    if rows.ndim != 1 or rows.shape != columns.shape or not np.isfinite([rows, columns]).all():
        raise PinpointError(f"Clicks must be finite, and as many y as x; y has shape {rows.shape}, x {columns.shape}.")
    for name, value in (("reach_px", reach), ("sigma_px", sigma)):
        if value is not None and not 0 < value <= 50:
            raise PinpointError(f"{name} must be above 0 and at most 50 pixels, not {value}.")
    return image, np.stack([rows, columns], axis=1)


def _snap(image: Array, clicks: Array, reach: float, bright: bool | None, sigmas: Array) -> tuple[Array, Array]:
    """Positions (n, 2) and reasons (n,) of some clicks."""
    margin = int(np.ceil(reach + 3 * sigmas[-1])) + 2
    squares, believed, corner = _squares(image, clicks, margin)
    search = reach + 1.5 * sigmas[-1]  # spots beyond reach tell what is their common blur
    signs = (1, -1) if bright is None else (1 if bright else -1,)
    found = [_found(sign * squares, believed, clicks - corner, sigmas, search) for sign in signs]
    peaks = _without_rivals(_ranked(np.concatenate(found), len(clicks)), corner)
    distance = np.hypot(*np.moveaxis(peaks.places - clicks[:, None], -1, 0))
    within = (peaks.height > 0) & (distance <= reach)
    height = np.where(within, peaks.height, 0)
    within &= height >= _LEAST_PART * height.max(axis=1, keepdims=True)
    count = within.sum(axis=1)
    reason = np.where(count > 1, AMBIGUOUS, EMPTY).astype("<U9")
    places = clicks.copy()
    one = np.flatnonzero(count == 1)
    best = np.argmax(within[one], axis=1)
    start, sigma = peaks.places[one, best] - corner[one], peaks.sigma[one, best]
    centre = fit_gaussians(squares[one], believed[one], start, sigma) + corner[one]
    kept = np.hypot(*(centre - clicks[one]).T) <= reach
    places[one[kept]] = centre[kept]
    reason[one[kept]] = SNAPPED
    return places, reason


@dataclass(frozen=True, eq=False)
class _Peaks:
    """Peaks around clicks, the highest first: places (n, k, 2), height (n, k), 0 where there is none, sigma (n, k)."""

    places: Array
    height: Array
    sigma: Array


def _squares(image: Array, clicks: Array, margin: int) -> tuple[Array, Array, Array]:
    """Squares (n, side, side) above their median, which of their pixels have a say, and where they begin (n, 2).

    Beyond its border the image goes on as it is there; pixels that are not finite are at the median.
    """
    corner = np.rint(clicks.clip(-margin, np.array(image.shape) + margin)).astype(np.int64) - margin
    wanted = corner[:, :, None] + np.arange(2 * margin + 1)
    last = np.array(image.shape)[:, None] - 1
    used = wanted.clip(0, last)
    squares = image[used[:, 0, :, None], used[:, 1, None]].astype(np.float64)
    finite = np.isfinite(squares)
    inside = wanted == used
    believed = inside[:, 0, :, None] & inside[:, 1, None] & finite
    if not finite.all():
        squares[~finite] = np.nanmedian(image) if np.isfinite(image).any() else 0
    squares -= np.median(squares, axis=(1, 2), keepdims=True)
    return squares, believed, corner


def _found(squares: Array, believed: Array, clicks: Array, sigmas: Array, search: float) -> Array:
    """Bright peaks as rows (click, height, y, x, sigma), in pixels of the squares.

    The response to a Gaussian of height A and standard deviation s is highest at its centre, for a filter of sigma s,
    and A / 2 there. Noise is the scatter that white noise would have, or that of the responses below 0, where these
    scatter more: texture, and noise that was smoothed.
    """
    response, gain = _responses(squares, sigmas)
    rough = np.abs(_along(_along(squares, 1), 2))
    white = np.median(rough, axis=(1, 2)) / 0.6745
    below = np.minimum(response, 0)
    scatter = np.sqrt((below**2).sum(axis=(2, 3)) / np.maximum((below < 0).sum(axis=(2, 3)), 1))
    rounding = 1e-6 * np.abs(squares).max(axis=(1, 2))
    noise = np.maximum(scatter, gain * np.maximum(white, rounding)[:, None])
    grid = np.arange(squares.shape[1])
    distance = (grid[:, None] - clicks[:, 0, None, None]) ** 2 + (grid - clicks[:, 1, None, None]) ** 2
    looked_at = believed & (distance <= search**2)
    top = (response > _SIGNIFICANT * noise[:, :, None, None]) & looked_at[:, None]
    top[:, -1] = False
    top[:, :, [0, -1]] = top[:, :, :, [0, -1]] = False
    top &= response == maximum_filter(response, (1, 3, 3, 3), mode="nearest")
    click, scale, row, column = np.nonzero(top)
    places = [row.astype(np.float64), column.astype(np.float64)]
    here = response[click, scale, row, column]
    for axis, (down, right) in enumerate(((1, 0), (0, 1))):
        before, after = (response[click, scale, row + k * down, column + k * right] for k in (-1, 1))
        curvature = before - 2 * here + after
        places[axis] += np.divide(before - after, 2 * curvature, out=np.zeros(len(here)), where=curvature < 0)
    return np.stack([click, 2 * here, *places, sigmas[scale]], axis=1)


def _responses(squares: Array, sigmas: Array) -> tuple[Array, Array]:
    """Scale-normalized negative Laplacians of Gaussians (n, scales, side, side), and their gain for white noise."""
    side = squares.shape[1]
    offset = np.arange(side)[:, None] - np.arange(side)
    responses = np.empty((len(squares), len(sigmas), side, side))
    gain = np.empty(len(sigmas))
    for index, sigma in enumerate(sigmas):
        smooth = np.exp(-(offset**2) / (2 * sigma**2)) / (np.sqrt(2 * np.pi) * sigma)
        curved = (1 - offset**2 / sigma**2) * smooth
        middle = side // 2
        curved -= curved[middle].sum() / smooth[middle].sum() * smooth  # sampled, it would not quite cancel a level
        responses[:, index] = curved @ squares @ smooth + smooth @ squares @ curved
        kernel = np.outer(curved[middle], smooth[middle])
        gain[index] = np.sqrt(((kernel + kernel.T) ** 2).sum())
    return responses, gain


def _along(squares: Array, axis: int) -> Array:
    """The sixth difference along an axis, where it lies within the squares."""
    side = squares.shape[axis]
    rough: Array = sum(w * squares.take(range(k, side - 6 + k), axis=axis) for k, w in enumerate(_SIXTH))
    return rough


def _ranked(rows: Array, n: int) -> _Peaks:
    """Rows of `_found` as peaks of each of n clicks, in pixels of the squares."""
    rows = rows[np.lexsort((-rows[:, 1], rows[:, 0]))]
    click = rows[:, 0].astype(np.int64)
    rank = np.arange(len(rows)) - np.searchsorted(click, click)
    kept = rank < _MOST_PEAKS
    table = np.zeros((n, _MOST_PEAKS, 4))
    table[click[kept], rank[kept]] = rows[kept, 1:]
    return _Peaks(table[:, :, 1:3], table[:, :, 0], table[:, :, 3])


def _without_rivals(peaks: _Peaks, corner: Array) -> _Peaks:
    """Each spot once, in pixels of the image: its peaks at other sizes, its texture and the blur of several go.

    Of two peaks that are nearer than the wider one's size, the higher one stays; but a much finer one (half the size)
    stays where it has two thirds of the height, since several spots make a wide peak together.
    """
    height, sigma = peaks.height, peaks.sigma
    distance = np.hypot(*np.moveaxis(peaks.places[:, :, None] - peaks.places[:, None], -1, 0))
    near = distance <= np.maximum(1.5 * np.maximum(sigma[:, :, None], sigma[:, None]), 1.5)
    finer = sigma[:, :, None] > 1.8 * sigma[:, None]  # [i, j]: j is much finer than i
    coarser = np.swapaxes(finer, 1, 2)
    k = np.arange(height.shape[1])
    higher = np.broadcast_to(k < k[:, None], distance.shape)  # [i, j]: j comes before i
    of_spots = height[:, None] >= _FINE_PART * height[:, :, None]
    its_texture = height[:, :, None] < _FINE_PART * height[:, None]
    beaten = np.where(finer, of_spots, np.where(coarser, its_texture, higher))
    gone = (near & beaten & (height[:, None] > 0)).any(axis=2)
    return _Peaks(peaks.places + corner[:, None], np.where(gone, 0, height), sigma)
