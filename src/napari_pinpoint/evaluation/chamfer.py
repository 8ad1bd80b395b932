"""The Chamfer distance of two sets of points: no pairs and no tolerance, only how far the nearest point is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from napari_pinpoint.evaluation.coverage import Frames, compared_frames, in_frames
from napari_pinpoint.evaluation.matching import Floats, Ints, is_ignored
from napari_pinpoint.localizations import Localizations


@dataclass(frozen=True)
class Chamfer:
    """The Chamfer distance, averaged over frames.

    Attributes
    ----------
    distance_px
        Mean over the frames that have points in both tables; NaN where there is none.
    n_frames
        How many these are.
    n_one_sided
        Frames with points in one table only. No distance is defined there, so they are told, not averaged.
    """

    distance_px: float
    n_frames: int
    n_one_sided: int

    def to_dict(self) -> dict[str, Any]:
        """All of it by name; a distance that is not known is None."""
        return {**asdict(self), "distance_px": self.distance_px if self.n_frames else None}


def chamfer(found: Localizations, truth: Localizations, *, frames: Frames | None = None) -> Chamfer:
    """The symmetric Chamfer distance of found and true points, frame by frame.

    Parameters
    ----------
    found, truth
        Tables in the same pixels; only y and x count. True rows flagged "ignore" need not have a point nearby, and
        points that are nearest to one of them are left out.
    frames
        (start, stop) of the frames to compare; see `compared_frames` for the default.

    Examples
    --------
    >>> truth = Localizations({"frame": [0, 0], "y": [0.0, 10.0], "x": [0.0, 0.0]})
    >>> found = Localizations({"frame": [0, 0], "y": [0.0, 10.0], "x": [0.5, 0.5]})
    >>> chamfer(found, truth).distance_px
    0.5
    """
    distance = chamfer_per_frame(found, truth, frames=compared_frames(found, truth, frames))
    both = np.isfinite(distance)
    return Chamfer(
        distance_px=float(distance[both].mean()) if both.any() else float("nan"),
        n_frames=int(both.sum()),
        n_one_sided=int(np.isinf(distance).sum()),
    )


def chamfer_per_frame(found: Localizations, truth: Localizations, *, frames: Frames | None = None) -> Floats:
    """The symmetric Chamfer distance of each frame in pixels, shape (n_frames,).

    Half of (mean distance from a found point to the nearest true one + mean distance from a true point to the nearest
    found one), so that points which are all off by d, and far from each other, are at distance d. (Some authors leave
    out the half.) Infinite where only one table has points that count, NaN where none has.
    """
    start, stop = compared_frames(found, truth, frames)
    found, truth = (in_frames(table, (start, stop)) for table in (found, truth))
    expected = ~is_ignored(truth)
    to_truth, nearest = _nearest(found, truth)
    counts = np.append(expected, True)[nearest]  # row -1, no neighbour, counts
    to_truth, found_frame = to_truth[counts], found["frame"][counts] - start
    to_found = _nearest(truth, found)[0][expected]
    means = [
        _mean_per_frame(distance, frame, stop - start)
        for distance, frame in ((to_truth, found_frame), (to_found, truth["frame"][expected] - start))
    ]
    # Points of one table whose counterparts are all to be ignored, or not there: only one of the means exists.
    one_sided = np.isnan(means[0]) != np.isnan(means[1])
    return np.where(one_sided, np.inf, (means[0] + means[1]) / 2)


def _nearest(of: Localizations, among: Localizations) -> tuple[Floats, Ints]:
    """Distance to, and row of, the nearest point of the same frame; infinity and -1 without one."""
    distance: Floats = np.full(len(of), np.inf)
    row: Ints = np.full(len(of), -1)
    if len(of) and len(among):
        places = [np.column_stack([table["y"], table["x"]]) for table in (of, among)]
        # Frames become an axis along which they are further apart than any two points of a frame: one tree serves all.
        apart = 1 + 2 * max(np.abs(place).max() for place in places) * np.sqrt(2)
        of_place, among_place = (
            np.column_stack([table["frame"] * apart, place]) for table, place in zip((of, among), places, strict=True)
        )
        near, index = map(np.asarray, cKDTree(among_place).query(of_place))
        same_frame = among["frame"][index] == of["frame"]
        distance[same_frame], row[same_frame] = near[same_frame], index[same_frame]
    return distance, row


def _mean_per_frame(values: Floats, frame: Ints, n_frames: int) -> Floats:
    """Mean of the values of each frame; NaN where a frame has none."""
    with np.errstate(invalid="ignore"):
        return np.bincount(frame, values, n_frames) / np.bincount(frame, minlength=n_frames)
