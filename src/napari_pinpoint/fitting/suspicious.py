"""Annotations to look at again: points without a spot, spots without a point, and points made twice."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.fitting.log_spots import above_level, checked_image, proposed_spots, usual_sigma
from napari_pinpoint.fitting.snapping import EMPTY, snap
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.region import Region

Array = np.ndarray[Any, Any]

NO_SIGNAL, NOT_ANNOTATED, DUPLICATE = "no signal", "not annotated", "near duplicate"

_REACH_PX = 3.0  # within which a spot belongs to a point
_PLAIN_SCORE = 4.5  # of a spot that nobody overlooks; what is dimmer is a matter of taste
_CLOSE_SIGMAS = 1.0  # two spots that near make one peak: nobody could tell them apart


def suspicious(
    image: Array,
    table: Localizations,
    *,
    complete: Region | None = None,
    min_score: float = _PLAIN_SCORE,
    sigma_px: float | None = None,
    bright: bool = True,
) -> Localizations:
    """What in the annotation of an image is probably a mistake.

    Parameters
    ----------
    image
        One image (Y, X) in any unit.
    table
        Its annotation: all rows belong to this image.
    complete
        Where the annotation is meant to be complete: only there a spot without a point is told. None: everywhere.
    min_score
        Spots without a point are told from this score of `proposed_spots` on.
    sigma_px
        Standard deviation of the spots in pixels; None: measured in the image.
    bright
        Whether spots are brighter than their surroundings.

    Returns
    -------
    One row for each doubt, with `reason`: "no signal" (no peak stands out of the noise within 3 px of a point), "near
    duplicate" (another point is so near that the two would be one spot; the later point is told) or "not annotated"
    (a bright spot without a point within 3 px). `point` is the row of `table`, -1 for spots without one; `score` is
    that of spots without a point, NaN elsewhere. Sorted: duplicates, points without signal, then spots from the
    brightest on.

    Raises
    ------
    PinpointError
        If the image is no image, or the region belongs to another one.

    Examples
    --------
    >>> rows, columns = np.mgrid[:40, :40]
    >>> image = np.random.default_rng(0).normal(100, 3, (40, 40))
    >>> image += 60 * np.exp(-((rows - 15.3) ** 2 + (columns - 22.8) ** 2) / 4)
    >>> points = Localizations({"frame": [0, 0], "y": [15, 30], "x": [23, 10]})
    >>> suspicious(image, points, sigma_px=1.4)["reason"].tolist()
    ['no signal']
    """
    image = checked_image(image, sigma_px)
    if complete is not None and complete.labels.shape != np.shape(image):
        raise PinpointError(
            f"{complete.words} is for images of {complete.labels.shape} pixels; this one has {np.shape(image)}."
        )
    sigma_px = usual_sigma(above_level(image, bright=bright)) if sigma_px is None else sigma_px
    spots = proposed_spots(image, sigma_px=sigma_px, min_score=min_score, bright=bright)
    places = table.positions()[:, -2:]
    doubles = _later_of_near(places, _CLOSE_SIGMAS * sigma_px)
    snapped = snap(image, table["y"], table["x"], reach_px=_REACH_PX, bright=bright)
    dark = np.setdiff1d(np.flatnonzero(snapped.reason == EMPTY), doubles)
    if len(places):
        spots = spots.select(cKDTree(places).query(spots.positions())[0] > _REACH_PX)
    if complete is not None:
        spots = spots.select(complete.labels_at(spots["y"], spots["x"]) > 0)
    points = np.concatenate([doubles, dark])
    reasons = [DUPLICATE] * len(doubles) + [NO_SIGNAL] * len(dark) + [NOT_ANNOTATED] * len(spots)
    frame = int(table["frame"][0]) if len(table) else 0
    return Localizations(
        {
            "frame": np.full(len(reasons), frame),
            "y": np.concatenate([places[points, 0], spots["y"]]),
            "x": np.concatenate([places[points, 1], spots["x"]]),
            "reason": np.array(reasons, dtype=object),
            "point": np.concatenate([points, np.full(len(spots), -1)]),
            "score": np.concatenate([np.full(len(points), np.nan), spots["score"]]),
        },
        pixel_size_nm=table.pixel_size_nm,
    )


def _later_of_near(places: Array, distance: float) -> Array:
    """Rows of the places (n, 2) that have an earlier one within a distance."""
    pairs = cKDTree(places).query_pairs(distance, output_type="ndarray") if len(places) else np.empty((0, 2), np.int64)
    later: Array = np.unique(pairs.max(axis=1)) if len(pairs) else np.empty(0, np.int64)
    return later.astype(np.int64)
