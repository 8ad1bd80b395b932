"""Two tables with the pairs that they form, and what the errors of these pairs look like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.spatial import cKDTree

from napari_pinpoint.evaluation.coverage import Frames, compared_frames
from napari_pinpoint.evaluation.matching import Floats, Mask, Matches, Method, is_ignored, match, shared_calibration
from napari_pinpoint.evaluation.selection import tolerance_in_px, what_counts
from napari_pinpoint.localizations import Localizations

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Pairing:
    """What was found and what is true, as far as it counts, and which of it belongs together.

    Attributes
    ----------
    found, truth
        The rows that are compared.
    matches
        Which of them are pairs, missed, false or excused.
    frames
        (start, stop) of the frames that are compared.
    tolerance_px
        Largest distance of a pair.
    pixel_size_nm
        Of either table; None where unknown.
    method
        How pairs were chosen.
    """

    found: Localizations
    truth: Localizations
    matches: Matches
    frames: Frames
    tolerance_px: float
    pixel_size_nm: float | None
    method: Method

    def error(self, axis: str) -> Floats:
        """Found minus true position of every pair along "y" or "x", in pixels: shape (pairs,)."""
        error: Floats = self.found[axis][self.matches.found] - self.truth[axis][self.matches.truth]
        return error

    @property
    def lateral(self) -> Floats:
        """Distance of every pair in the plane, in pixels: shape (pairs,)."""
        return np.hypot(self.error("y"), self.error("x"))

    @property
    def is_expected(self) -> Mask:
        """Which true rows are to be found: shape (true rows,)."""
        return ~is_ignored(self.truth)

    @property
    def is_found(self) -> Mask:
        """Which true rows have a partner: shape (true rows,)."""
        hit = np.zeros(len(self.truth), dtype=bool)
        hit[self.matches.truth] = True
        return hit

    @property
    def is_right(self) -> Mask:
        """Which found rows have a partner: shape (found rows,); what is excused has none."""
        right = np.zeros(len(self.found), dtype=bool)
        right[self.matches.found] = True
        return right

    @property
    def is_judged(self) -> Mask:
        """Which found rows are right or wrong, that is not excused: shape (found rows,)."""
        judged = np.ones(len(self.found), dtype=bool)
        judged[self.matches.excused] = False
        return judged

    def to_frame(self) -> pd.DataFrame:
        """One row a pair as a pandas data frame, for a file: both positions, the errors, and what is known besides."""
        import pandas as pd

        found, truth = self.found.select(self.matches.found), self.truth.select(self.matches.truth)
        columns = {"frame": truth["frame"], "y_px": found["y"], "x_px": found["x"]}
        columns |= {"true_y_px": truth["y"], "true_x_px": truth["x"]}
        columns |= {"dy_px": self.error("y"), "dx_px": self.error("x"), "distance_px": self.lateral}
        columns["true_nearest_neighbour_px"] = nearest_neighbour(self.truth)[self.matches.truth]
        columns |= {f"true_{name}": truth[name] for name in ("photons", "background", "label") if name in truth}
        known = ("photons", "background", "probability", "uncertainty_y", "uncertainty_x", "label")
        return pd.DataFrame(columns | {name: found[name] for name in known if name in found})


def pair(
    found: Localizations,
    truth: Localizations,
    *,
    tolerance_nm: float | None = None,
    tolerance_px: float | None = None,
    method: Method = "optimal",
    frames: Frames | None = None,
    **left_out: Any,
) -> Pairing:
    """Pair found points with true ones; takes what `evaluate` takes.

    Examples
    --------
    >>> truth = Localizations({"frame": [0, 0], "y": [5.0, 9.0], "x": [5.0, 9.0]})
    >>> found = Localizations({"frame": [0], "y": [5.0], "x": [5.25]})
    >>> pairing = pair(found, truth, tolerance_px=1)
    >>> pairing.error("x"), pairing.is_found
    (array([0.25]), array([ True, False]))
    """
    pixel_size = shared_calibration(found, truth, "pixel_size_nm")
    tolerance = tolerance_in_px(tolerance_nm, tolerance_px, pixel_size)
    frames = compared_frames(found, truth, frames)
    found, truth = what_counts(found, truth, frames, **left_out)
    matches = match(found, truth, tolerance=tolerance, method=method)
    return Pairing(found, truth, matches, frames, tolerance, pixel_size, method)


def nearest_neighbour(table: Localizations) -> Floats:
    """Distance of every row to the nearest other one of its frame, in pixels: shape (rows,); infinite if alone.

    Examples
    --------
    >>> table = Localizations({"frame": [0, 0, 1], "y": [1.0, 4.0, 1.0], "x": [1.0, 5.0, 1.0]})
    >>> nearest_neighbour(table)
    array([ 5.,  5., inf])
    """
    if len(table) < 2:
        return np.full(len(table), np.inf)
    # Frames lie further apart along an axis of their own than any two points of a frame: one tree serves them all.
    apart = 2 * (np.ptp(table["y"]) + np.ptp(table["x"])) + 1
    positions = np.stack([table["frame"] * apart, table["y"], table["x"]], axis=1)
    distance = np.asarray(cKDTree(positions).query(positions, k=2)[0])[:, 1]
    return np.where(distance < apart, distance, np.inf)
