"""Whether uncertainties and probabilities can be believed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri

from napari_pinpoint.evaluation.curves import Histogram, Shares
from napari_pinpoint.evaluation.matching import Floats, match
from napari_pinpoint.evaluation.pairing import Pairing

#: Levels at which coverage is taken for a curve.
_LEVELS = np.array([0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.68, 0.75, 0.8, 0.85, 0.9, 0.95, 0.99])
#: Pairs may be this many sigma apart, whatever the tolerance: a radius below would cut the errors, and flatter.
_SIGMAS = 4.0
#: A row whose radius would exceed this many pixels (and the tolerance) says nothing of where its emitter is.
_WIDEST_PX = 8.0
#: Fewer rows than this do not tell a wrong probability from chance.
_ENOUGH = 100


@dataclass(frozen=True, eq=False)
class UncertaintyCheck:
    """Errors of the pairs over their uncertainties, along y and x together: these ratios should be a standard normal.

    Attributes
    ----------
    n_pairs, n_unmatched, n_vague
        Found rows that were paired; those without truth within the tolerance and 4 sigma; those whose uncertainty is
        missing, or so large that any truth would do, which are not judged.
    coverage_68, coverage_95
        Shares of the errors within the interval that should hold 68 % and 95 % of them.
    robust_sd
        Of error / uncertainty, 1.4826 times the median absolute deviation; above 1 uncertainties are too small.
    robust_sd_y, robust_sd_x
        The same along one axis.
    level, coverage
        Shares that intervals should hold, and those that they hold: shape (levels,).
    ratio
        Histogram of error / uncertainty from -5 to 5.
    """

    n_pairs: int
    n_unmatched: int
    n_vague: int
    coverage_68: float
    coverage_95: float
    robust_sd: float
    robust_sd_y: float
    robust_sd_x: float
    level: Floats
    coverage: Floats
    ratio: Histogram

    @property
    def unmatched(self) -> float:
        """Share of the judged rows that have no partner; of their uncertainties nothing is known."""
        whole = self.n_pairs + self.n_unmatched
        return self.n_unmatched / whole if whole else float("nan")

    def to_dict(self) -> dict[str, Any]:
        """All of it by name, ready for JSON; what is not known is None."""
        names = ("coverage_68", "coverage_95", "robust_sd", "robust_sd_y", "robust_sd_x", "unmatched")
        values = {name: getattr(self, name) for name in names}
        return {
            "n_pairs": self.n_pairs,
            "n_unmatched": self.n_unmatched,
            "n_vague": self.n_vague,
            **{name: None if np.isnan(value) else value for name, value in values.items()},
            "levels": self.level.tolist(),
            "coverage": [None if np.isnan(value) else value for value in self.coverage.tolist()],
            "ratio": self.ratio.to_dict(),
        }


def check_uncertainties(pairing: Pairing) -> UncertaintyCheck | None:
    """Compare the errors of found points with the uncertainties that they claim; None where they claim none.

    Points are paired anew, each within the tolerance or 4 of its own sigma, whichever is wider: pairs that are kept
    only where they are close have small errors whatever the method. In dense scenes some of these pairs are wrong.

    Examples
    --------
    >>> from napari_pinpoint import Localizations
    >>> from napari_pinpoint.evaluation.pairing import pair
    >>> rng = np.random.default_rng(0)
    >>> truth = Localizations({"frame": np.arange(5000), "y": np.zeros(5000), "x": np.zeros(5000)})
    >>> found = truth.with_columns(y=rng.normal(0, 0.1, 5000), x=rng.normal(0, 0.1, 5000))
    >>> found = found.with_columns(uncertainty_y=np.full(5000, 0.1), uncertainty_x=np.full(5000, 0.1))
    >>> check = check_uncertainties(pair(found, truth, tolerance_px=1))
    >>> round(check.coverage_68, 2), round(check.robust_sd, 1), check.unmatched
    (0.68, 1.0, 0.0)
    """
    names = ("uncertainty_y", "uncertainty_x")
    if not all(name in pairing.found for name in names):
        return None
    judged = pairing.found.select(pairing.is_judged)
    sigma = np.stack([judged[name].astype(np.float64) for name in names])
    with np.errstate(invalid="ignore"):
        radius = np.maximum(pairing.tolerance_px, _SIGMAS * sigma.max(axis=0))
        vague = ~((sigma > 0).all(axis=0) & (radius <= max(_WIDEST_PX, pairing.tolerance_px)))
    clear, sigma, radius = judged.select(~vague), sigma[:, ~vague], radius[~vague]
    matches = match(clear, pairing.truth, tolerance=radius)
    error = np.stack([clear[axis][matches.found] - pairing.truth[axis][matches.truth] for axis in ("y", "x")])
    ratio = error / sigma[:, matches.found]
    coverage = [_share_within(ratio, level) for level in _LEVELS]
    return UncertaintyCheck(
        n_pairs=len(matches.found),
        n_unmatched=len(matches.false),
        n_vague=int(vague.sum()),
        coverage_68=_share_within(ratio, 0.68),
        coverage_95=_share_within(ratio, 0.95),
        robust_sd=robust_sd(ratio.ravel()),
        robust_sd_y=robust_sd(ratio[0]),
        robust_sd_x=robust_sd(ratio[1]),
        level=_LEVELS,
        coverage=np.array(coverage),
        ratio=Histogram.of(ratio.ravel(), -5, 5, 50),
    )


def _share_within(ratio: Floats, level: float) -> float:
    """Share of the ratios that lie within the interval which holds `level` of a standard normal."""
    return float(np.mean(np.abs(ratio) <= ndtri(0.5 + level / 2))) if ratio.size else float("nan")


def robust_sd(values: Floats) -> float:
    """Standard deviation by the median absolute deviation from the median; NaN of nothing.

    Examples
    --------
    >>> round(robust_sd(np.array([-1.0, 0.0, 1.0, 1000.0])), 4)
    1.4826
    """
    return float(1.482602 * np.median(np.abs(values - np.median(values)))) if len(values) else float("nan")


def check_probabilities(pairing: Pairing, *, n_bins: int = 10) -> Shares | None:
    """Which share of the found points is right, in each tenth of the probability; None without probabilities.

    `share` should be `value`, the mean probability in the bin: of points with a probability of 0.8, four in five are
    real. Points that match truth to be ignored are neither right nor wrong, and left out.

    Examples
    --------
    >>> from napari_pinpoint import Localizations
    >>> from napari_pinpoint.evaluation.pairing import pair
    >>> truth = Localizations({"frame": [0], "y": [5.0], "x": [5.0]})
    >>> found = Localizations({"frame": [0, 0], "y": [5.0, 9.0], "x": [5.0, 9.0], "probability": [0.55, 0.51]})
    >>> check = check_probabilities(pair(found, truth, tolerance_px=1))
    >>> int(check.n[5]), float(check.share[5]), round(float(check.value[5]), 2)
    (2, 0.5, 0.53)
    """
    if "probability" not in pairing.found:
        return None
    probability = pairing.found["probability"].astype(np.float64)
    finite = np.isfinite(probability)
    used = finite & pairing.is_judged
    probability, right = probability[used], pairing.is_right[used]
    edges = np.linspace(0, 1, n_bins + 1)
    index = np.clip(np.searchsorted(edges, probability, side="right") - 1, 0, n_bins - 1)
    n = np.bincount(index, minlength=n_bins)
    with np.errstate(invalid="ignore"):
        mean = np.bincount(index, weights=probability, minlength=n_bins) / n
    n_right = np.bincount(index, weights=right, minlength=n_bins).astype(np.int64)
    return Shares(edges[:-1], edges[1:], mean, n, n_right, n_left_out=int((pairing.is_judged & ~finite).sum()))


def worst_probability(check: Shares) -> float:
    """Largest difference of probability and share in the bins that hold at least 100 points; NaN if none does."""
    enough = check.n >= _ENOUGH
    return float(np.abs(check.share - check.value)[enough].max()) if enough.any() else float("nan")
