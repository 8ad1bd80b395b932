"""Drift from fiducials: beads that shine in (nearly) every frame, and stand still on the sample."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from napari_pinpoint.errors import PinpointError, PinpointWarning
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.postprocessing.drift import Drift
from napari_pinpoint.region import Region

Array = np.ndarray[Any, Any]

#: Part of the frames that a fiducial has to be seen in.
LEAST_SEEN = 0.8


def estimate_drift_from_fiducials(
    table: Localizations,
    regions: Region | Sequence[tuple[float, float]] | Array,
    *,
    radius_px: float = 5.0,
    least_seen: float = LEAST_SEEN,
    smooth_frames: float = 0.0,
) -> Drift:
    """The mean way of several fiducials.

    In each region the brightest localization of a frame is the fiducial's (without a column `photons`: the one nearest
    to the region's median). Frames in which it was not found are bridged by straight lines, so that one that is lost
    for a while does not make the mean jump.

    Parameters
    ----------
    table
        The localizations.
    regions
        Where the fiducials are: a region, of which each label holds one, or positions (n, 2) as (y, x) in pixels.
    radius_px
        How far around a position its fiducial is looked for; it holds the drift as well.
    least_seen
        Part of the frames in which one has to be found; others are left out, with a warning.
    smooth_frames
        Standard deviation, in frames, of a Gaussian that the drift is smoothed with; 0 leaves it as it is. Worth it
        where the drift is slower than the fiducials' positions scatter.

    Returns
    -------
    Drift
        From frame 0 to the last with a localization, relative to the first frame.

    Raises
    ------
    PinpointError
        If no region holds a fiducial.

    Examples
    --------
    >>> table = Localizations({"frame": [0, 1, 2], "y": [5.0, 5.5, 6.0], "x": [8.0, 8.0, 8.0]})
    >>> estimate_drift_from_fiducials(table, [(5, 8)]).y
    array([0. , 0.5, 1. ], dtype=float32)
    """
    if not radius_px > 0 or not 0 < least_seen <= 1 or smooth_frames < 0:
        raise PinpointError("radius_px must be above 0, least_seen in (0, 1] and smooth_frames at least 0.")
    if not len(table):
        raise PinpointError("The table is empty, so there is no fiducial in it.")
    frames = np.arange(int(table["frame"].max()) + 1)
    tracks, seen = [], {}
    for name, rows in _rows_of(table, regions, radius_px).items():
        track = _track(table, rows)
        seen[name] = len(track) / len(frames)
        if seen[name] >= least_seen:
            own = [np.interp(frames, *track[:, [0, axis]].T) for axis in (1, 2)]
            tracks.append(np.stack(own, axis=1) - np.mean(own, axis=1))
    if not tracks:
        raise PinpointError(
            f"No region holds a fiducial, which must be seen in {least_seen:.0%} of the {len(frames)} frames: "
            f"{_words(seen) or 'there is no region'}. Choose other ones, or lower least_seen."
        )
    if len(tracks) < len(seen):
        lost = _words({name: part for name, part in seen.items() if part < least_seen})
        warnings.warn(f"Fiducials that are seen too seldom were left out: {lost}.", PinpointWarning, stacklevel=2)
    y, x = _smoothed(np.mean(tracks, axis=0), smooth_frames).T
    settings = {
        "fiducials": len(tracks),
        "radius_px": None if isinstance(regions, Region) else radius_px,
        "least_seen": least_seen,
        "smooth_frames": smooth_frames,
    }
    return Drift(frames, y - y[0], x - x[0], table.pixel_size_nm, "fiducials", settings)


def _rows_of(table: Localizations, regions: Any, radius_px: float) -> dict[str, Array]:
    """The rows that lie in each region, by its name."""
    if isinstance(regions, Region):
        labels = regions.labels_at(table["y"], table["x"])
        return {f"label {label}": np.flatnonzero(labels == label) for label in np.unique(regions.labels) if label}
    places = np.asarray(regions, dtype=float)
    if places.ndim != 2 or places.shape[1] != 2:
        raise PinpointError(f"Fiducials are positions (n, 2) as (y, x) in pixels, not an array {places.shape}.")
    return {f"({y:g}, {x:g})": np.flatnonzero(np.hypot(table["y"] - y, table["x"] - x) <= radius_px) for y, x in places}


def _track(table: Localizations, rows: Array) -> Array:
    """(frame, y, x) of a fiducial in each frame that has it, (n, 3)."""
    frame, y, x = (table[name][rows] for name in ("frame", "y", "x"))
    if "photons" in table:
        worse = -np.nan_to_num(table["photons"][rows], nan=-np.inf)
    else:
        worse = np.hypot(y - np.median(y), x - np.median(x)) if len(rows) else y
    order = np.lexsort((worse, frame))
    first = order[np.unique(frame[order], return_index=True)[1]]
    return np.stack([frame[first], y[first], x[first]], axis=1)


def _smoothed(drift: Array, frames: float) -> Array:
    if not frames:
        return drift
    from scipy.ndimage import gaussian_filter1d

    smoothed: Array = gaussian_filter1d(drift, frames, axis=0, mode="nearest")
    return smoothed


def _words(seen: dict[str, float]) -> str:
    return ", ".join(f"{name} in {part:.0%}" for name, part in seen.items())
