"""How good a table is, against the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_pinpoint.evaluation.coverage import Frames, by_class, compared_frames
from napari_pinpoint.evaluation.matching import Matches, Method, match, shared_calibration
from napari_pinpoint.evaluation.misalignment import warn_if_misaligned
from napari_pinpoint.evaluation.pairing import Pairing, pair
from napari_pinpoint.evaluation.selection import tolerance_in_px, what_counts
from napari_pinpoint.localizations import Localizations

#: What the SMLM challenge 2016 asks of `evaluate` besides the shape of the field (Sage et al., Nature Methods 16, 387,
#: 2019). So wide a tolerance flatters: even a guess that never saw the image scores well on a dense structure.
CHALLENGE: dict[str, Any] = {"tolerance_nm": 250.0, "method": "greedy", "border_nm": 450.0, "photon_cut": 0.25}


@dataclass(frozen=True)
class Scores:
    """Counts and errors of a comparison; what follows from them are properties.

    A fraction of nothing is 1: an empty table for an empty movie is without fault. An error that no pair defines is
    NaN, and None in `to_dict`.

    Attributes
    ----------
    tp, fp, fn
        Pairs, localizations without truth, true emitters without localization; what is ignored is in none of them.
    rmse_y, rmse_x, rmse_z
        Root mean square error along an axis, over the pairs, in pixels (z in planes; NaN without a z in both tables).
    bias_y, bias_x, bias_z
        Mean of found minus true position, over the pairs, in the same units.
    tolerance_px
        Largest distance of a pair.
    pixel_size_nm
        None where unknown; then nothing is known in nanometres.
    method
        How pairs were chosen.
    n_ignored, n_excused
        True emitters that are to be ignored, and localizations that match one of them: neither right nor wrong.
    """

    tp: int
    fp: int
    fn: int
    rmse_y: float
    rmse_x: float
    rmse_z: float
    bias_y: float
    bias_x: float
    bias_z: float
    tolerance_px: float
    pixel_size_nm: float | None
    method: str
    n_ignored: int = 0
    n_excused: int = 0

    @property
    def n_found(self) -> int:
        """Localizations that count."""
        return self.tp + self.fp

    @property
    def n_truth(self) -> int:
        """True emitters that count."""
        return self.tp + self.fn

    @property
    def jaccard(self) -> float:
        """TP / (TP + FP + FN)."""
        return _fraction(self.tp, self.tp + self.fp + self.fn)

    @property
    def precision(self) -> float:
        """TP / (TP + FP)."""
        return _fraction(self.tp, self.n_found)

    @property
    def recall(self) -> float:
        """TP / (TP + FN)."""
        return _fraction(self.tp, self.n_truth)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return _fraction(2 * self.tp, self.n_found + self.n_truth)

    @property
    def rmse_px(self) -> float:
        """Radial (lateral) root mean square error: sqrt(rmse_y^2 + rmse_x^2)."""
        return float(np.hypot(self.rmse_y, self.rmse_x))

    @property
    def rmse_nm(self) -> float:
        """`rmse_px` in nanometres."""
        return self.rmse_px * self._pixel

    @property
    def tolerance_nm(self) -> float:
        """`tolerance_px` in nanometres."""
        return self.tolerance_px * self._pixel

    @property
    def efficiency(self) -> float:
        """The SMLM challenge's lateral efficiency, see `efficiency`."""
        return efficiency(self.jaccard, self.rmse_nm)

    @property
    def _pixel(self) -> float:
        return np.nan if self.pixel_size_nm is None else self.pixel_size_nm

    def to_dict(self) -> dict[str, Any]:
        """All scores by name, ready for JSON: what is not known is None."""
        values = {name: getattr(self, name) for name in _SCORES}
        return {name: None if isinstance(v, float) and not np.isfinite(v) else v for name, v in values.items()}


_SCORES = (
    *("n_found", "n_truth", "tp", "fp", "fn", "jaccard", "precision", "recall", "f1", "efficiency"),
    *("n_ignored", "n_excused"),
    *("rmse_px", "rmse_nm", "rmse_y", "rmse_x", "rmse_z", "bias_y", "bias_x", "bias_z"),
    *("tolerance_px", "tolerance_nm", "pixel_size_nm", "method"),
)


def efficiency(jaccard: float, rmse_nm: float, alpha: float = 1.0) -> float:
    """One number for detection and precision: 1 - sqrt((1 - J)^2 + (alpha rmse / 100)^2); 1 is perfect.

    `rmse_nm` is radial and `alpha` per nanometre: 1 for lateral, 0.5 for axial errors (Sage et al., Nature Methods 16,
    387, 2019).

    Examples
    --------
    >>> round(efficiency(0.91204, 32.077), 4)
    0.6674
    """
    return float(1 - np.hypot(1 - jaccard, alpha * rmse_nm / 100))


def evaluate(
    found: Localizations,
    truth: Localizations,
    *,
    tolerance_nm: float | None = None,
    tolerance_px: float | None = None,
    method: Method = "optimal",
    border_nm: float = 0.0,
    field_shape: tuple[int, int] | None = None,
    photon_cut: float = 0.0,
    frames: Frames | None = None,
) -> Scores:
    """Compare found localizations with the truth.

    Parameters
    ----------
    found, truth
        Tables of the same movie. True rows flagged "ignore" neither have to be found nor count as wrong when found.
    tolerance_nm, tolerance_px
        Largest distance of a pair, in one of the two units.
    method
        ``"optimal"`` or ``"greedy"``, see `match`.
    border_nm, field_shape
        Rows of both tables that are this close to the edge of a field of (Y, X) pixels are left out.
    photon_cut
        This fraction of the true emitters, the dimmest by `photons`, is ignored.
    frames
        (start, stop) of the frames to compare. By default those that the record of `found` says were looked at, else
        all.

    Raises
    ------
    PinpointError
        Where the tolerance is missing, given twice or not above 0, where nanometres are asked for and neither table
        has a pixel size, where the tables have different ones, or where what border and photon cut need is missing.

    Warns
    -----
    PinpointWarning
        Where true rows lie in frames that were not looked at, as the record of `found` says; they are left out.
        Where frames or origin of the two tables seem to differ, as when one counts frames from 1 or pixels from
        their corner.

    Examples
    --------
    >>> truth = Localizations({"frame": [0, 0], "y": [5.0, 9.0], "x": [5.0, 9.0]}, pixel_size_nm=100)
    >>> found = Localizations({"frame": [0, 0], "y": [5.0, 2.0], "x": [5.25, 9.0]})
    >>> scores = evaluate(found, truth, tolerance_nm=50)
    >>> round(scores.jaccard, 3), scores.rmse_nm
    (0.333, 25.0)
    """
    frames = compared_frames(found, truth, frames)
    pairing = pair(
        found,
        truth,
        tolerance_nm=tolerance_nm,
        tolerance_px=tolerance_px,
        method=method,
        frames=frames,
        border_nm=border_nm,
        field_shape=field_shape,
        photon_cut=photon_cut,
    )
    warn_if_misaligned(pairing)
    return scores_of(pairing)


def evaluate_classes(
    found: Localizations,
    truth: Localizations,
    *,
    tolerance_nm: float | None = None,
    tolerance_px: float | None = None,
    method: Method = "optimal",
    frames: Frames | None = None,
    **left_out: Any,
) -> dict[str, Scores]:
    """Scores of each class by itself: only rows of the same `label` are paired.

    Takes what `evaluate` takes, but gives no warnings: `evaluate` tells of the same doubts. Without a column `label`
    in both tables there are no classes.

    Examples
    --------
    >>> cells = Localizations({"frame": [0, 0], "y": [1.0, 9.0], "x": [1.0, 9.0], "label": ["a", "b"]})
    >>> found = cells.with_columns(label=["a", "a"])
    >>> {name: scores.tp for name, scores in evaluate_classes(found, cells, tolerance_px=1).items()}
    {'a': 1, 'b': 0}
    """
    size = shared_calibration(found, truth, "pixel_size_nm")
    tolerance = tolerance_in_px(tolerance_nm, tolerance_px, size)
    frames = compared_frames(found, truth, frames)
    found, truth = what_counts(found, truth, frames, **left_out)
    pairings = {
        name: Pairing(*tables, match(*tables, tolerance=tolerance, method=method), frames, tolerance, size, method)
        for name, tables in by_class(found, truth).items()
    }
    return {name: scores_of(pairing) for name, pairing in pairings.items()}


def scores_of(pairing: Pairing) -> Scores:
    """Scores of points that are paired already."""
    matches = pairing.matches
    error = _displacements(pairing.found, pairing.truth, matches)
    return Scores(
        tp=len(matches.found),
        fp=len(matches.false),
        fn=len(matches.missed),
        **{f"rmse_{axis}": float(np.sqrt(_mean(values**2))) for axis, values in error.items()},
        **{f"bias_{axis}": _mean(values) for axis, values in error.items()},
        tolerance_px=pairing.tolerance_px,
        pixel_size_nm=pairing.pixel_size_nm,
        method=pairing.method,
        n_ignored=int((~pairing.is_expected).sum()),
        n_excused=len(matches.excused),
    )


def _displacements(found: Localizations, truth: Localizations, matches: Matches) -> dict[str, Any]:
    """Found minus true position of every pair, along each axis; empty along z where a table has none."""
    return {
        axis: found[axis][matches.found] - truth[axis][matches.truth]
        if axis in found and axis in truth
        else np.empty(0)
        for axis in ("y", "x", "z")
    }


def _fraction(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


def _mean(values: np.ndarray[Any, Any]) -> float:
    return float(values.mean()) if len(values) else np.nan
