"""Spots without any model: maxima of the Laplacian of Gaussian, refined to a fraction of a pixel."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import ndimage

from napari_pinpoint.contrast import hiding_noise
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.spot_statistics import measure_spots

Image = np.ndarray[Any, Any]

#: Score of the dimmest proposals: about what people mark. Mere noise has six above it in 100 x 100 pixels.
MIN_SCORE = 3.0
_USUAL_SIGMA = 1.3  # pixels, where too few spots stand out to tell


def log_maxima(image: Image, sigma: float) -> Localizations:
    """All local maxima of the scale-normalized Laplacian of Gaussian that are above 0, the strongest first.

    The position is the top of the parabola through a maximum and its two neighbours along each axis, at most half a
    pixel away; along an axis where it lies at the border there is none, and it stays.

    Parameters
    ----------
    image
        One image (Y, X).
    sigma
        Standard deviation of the Gaussian, px.

    Returns
    -------
    Rows in frame 0, with their `response` in the image's unit.
    """
    return _maxima(_log(image, sigma))


def proposed_spots(
    image: Image, *, sigma_px: float | None = None, min_score: float = MIN_SCORE, bright: bool = True
) -> Localizations:
    """Spots to begin an annotation with, where there is no model yet.

    Parameters
    ----------
    image
        One image (Y, X) in any unit; pixels that are not finite hold no spots.
    sigma_px
        Standard deviation of the spots in pixels; None: measured in the image.
    min_score
        Spots below it are left out; lower finds more.
    bright
        Whether spots are brighter than their surroundings.

    Returns
    -------
    Rows in frame 0, the best first, with their `score`: the response over what hides a spot, the scatter of everything
    that is no spot and the glare of the bright ones (`contrast.py` has the formula).

    Raises
    ------
    PinpointError
        If the image is no image, or `sigma_px` is not above 0.

    Examples
    --------
    >>> rows, columns = np.mgrid[:40, :40]
    >>> image = np.random.default_rng(0).normal(100, 3, (40, 40))
    >>> image += 60 * np.exp(-((rows - 15.3) ** 2 + (columns - 22.8) ** 2) / 4)
    >>> spots = proposed_spots(image, sigma_px=1.4)
    >>> len(spots), spots["y"].round(), spots["x"].round()
    (1, array([15.]), array([23.]))
    """
    image = checked_image(image, sigma_px)
    finite = np.isfinite(image)
    filled = above_level(image, bright=bright)
    response = _log(filled, usual_sigma(filled) if sigma_px is None else sigma_px)
    noise = hiding_noise(response)
    spots = _maxima(response)
    score = spots["response"] / noise if noise > 0 else np.zeros(len(spots))
    row, column = (np.rint(spots[axis]).astype(np.int64) for axis in ("y", "x"))
    spots = spots.without_columns("response").with_columns(score=score.astype(np.float32))
    return spots.select((score >= min_score) & (score > 0) & finite[row, column])


def above_level(image: Image, *, bright: bool) -> Image:
    """The image less its median, where it is not finite 0, with spots that are brighter than their surroundings.

    The sampled filter does not quite cancel a level.
    """
    finite = np.isfinite(image)
    level = np.median(image[finite]) if finite.any() else 0.0
    filled: Image = np.where(finite, image, level) - level
    return filled if bright else -filled


def usual_sigma(image: Image) -> float:
    """Standard deviation, px, of the spots of an image (Y, X) that are brighter than what is around them."""
    spots = measure_spots(image[None])
    return max(spots.sigma_px, 0.7) if spots else _USUAL_SIGMA


def checked_image(image: Image, sigma: float | None) -> Image:
    """The image (Y, X) as float64, where it is one, and a size makes sense."""
    image = np.asarray(image)
    if image.ndim != 2 or not image.size or image.dtype.kind not in "buif":
        raise PinpointError(
            f"Spots are looked for in one image (rows, columns) of numbers, not in shape {image.shape}, {image.dtype}."
        )
    if sigma is not None and not 0 < sigma <= 50:
        raise PinpointError(f"sigma_px must be above 0 and at most 50 pixels, not {sigma}.")
    return image.astype(np.float64)


def _log(image: Image, sigma: float) -> Image:
    """High where there is a bright spot of about that size."""
    response: Image = -(sigma**2) * ndimage.gaussian_laplace(image.astype(np.float64), sigma)
    return response


def _maxima(response: Image) -> Localizations:
    """The maxima above 0 of a response (Y, X), the strongest first."""
    rows, columns = np.nonzero((response == ndimage.maximum_filter(response, size=3)) & (response > 0))
    order = np.argsort(-response[rows, columns], kind="stable")
    at = rows[order], columns[order]
    padded = np.pad(response, 1, mode="reflect")  # mirrored around the border's pixels: the parabola's top is there
    positions = {}
    for axis, name in enumerate(("y", "x")):
        step = 1 - axis, axis
        before, here, after = (padded[at[0] + 1 + k * step[0], at[1] + 1 + k * step[1]] for k in (-1, 0, 1))
        curvature = before - 2 * here + after
        shift = np.divide(before - after, 2 * curvature, out=np.zeros(len(here)), where=curvature < 0)
        positions[name] = at[axis] + shift
    return Localizations({"frame": np.zeros(len(order)), **positions, "response": response[at]})
