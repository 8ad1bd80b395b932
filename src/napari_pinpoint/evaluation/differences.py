"""Two models on the same frames: by how much they differ, and whether that is more than chance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.evaluation.bootstrap import Interval, bootstrap_difference
from napari_pinpoint.evaluation.counting import counts_per_frame
from napari_pinpoint.evaluation.coverage import Frames, recorded_frames
from napari_pinpoint.evaluation.matching import Floats, shared_calibration
from napari_pinpoint.evaluation.pairing import Pairing, pair
from napari_pinpoint.localizations import Localizations

#: Columns of what is summed over frames.
_TP, _FP, _FN, _SQUARES, _COUNT_ERROR, _FRAMES = range(6)


@dataclass(frozen=True)
class ModelDifference:
    """By how much the scores of a first table exceed those of a second one, with intervals.

    Attributes
    ----------
    scores
        Name to first - second: fractions for "jaccard", "precision", "recall" and "f1", pixels for "rmse_px",
        nanometres for "rmse_nm" where they are known, points per frame for "count_mae". Ends that are NaN are not
        known: there is only one frame.
    n_frames
        How many frames were compared.
    """

    scores: dict[str, Interval]
    n_frames: int

    def to_dict(self) -> dict[str, Any]:
        """All of it by name, ready for JSON; what is not known is None."""
        plain = {
            name: {key: None if np.isnan(value) else value for key, value in interval.to_dict().items()}
            for name, interval in self.scores.items()
        }
        return {"n_frames": self.n_frames, "first_minus_second": plain}


def shared_frames(first: Localizations, second: Localizations, truth: Localizations) -> Frames:
    """The frames that both tables looked at, as far as their records say it; else all up to the last with a row.

    Examples
    --------
    >>> table = Localizations({"frame": [3], "y": [1.0], "x": [1.0]})
    >>> shared_frames(table.with_record({"settings": {"frames": [2, 9]}}), table, table)
    (2, 9)
    """
    recorded = [frames for table in (first, second) if (frames := recorded_frames(table)) is not None]
    if not recorded:
        return 0, int(max(table["frame"].max(initial=0) for table in (first, second, truth))) + 1
    start, stop = max(frames[0] for frames in recorded), min(frames[1] for frames in recorded)
    if start >= stop:
        raise PinpointError(
            "The two tables have no frame in common: "
            + " and ".join(f"{first} to {end - 1}" for first, end in recorded)
            + " were looked at, say their records."
        )
    return start, stop


def compare_models(
    first: Localizations,
    second: Localizations,
    truth: Localizations,
    *,
    frames: Frames | None = None,
    n_resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    **pairs: Any,
) -> ModelDifference:
    """By how much a first table is better than a second one, with bootstrap intervals over frames.

    Both are compared with the same truth in the same frames, and every draw takes the same frames of both, so that
    what makes a frame hard for both drops out. Frames count as independent; where the same molecules shine in
    successive frames intervals are somewhat too narrow.

    Parameters
    ----------
    first, second, truth
        Tables of the same movie.
    frames
        (start, stop) of the frames to compare; by default those that both looked at, as their records say.
    n_resamples, level, seed
        As `bootstrap` takes them.
    pairs
        How to pair points, as `evaluate` takes it.

    Examples
    --------
    >>> truth = Localizations({"frame": np.arange(40), "y": np.full(40, 5.0), "x": np.full(40, 5.0)})
    >>> worse = truth.select(truth["frame"] % 2 == 0)
    >>> difference = compare_models(truth, worse, truth, tolerance_px=1).scores["recall"]
    >>> difference.value, difference.low > 0.3, difference.high < 0.7
    (0.5, True, True)
    """
    frames = shared_frames(first, second, truth) if frames is None else frames
    sums = [_per_frame(pair(table, truth, frames=frames, **pairs)) for table in (first, second)]
    n_frames = frames[1] - frames[0]
    scores = {}
    for name, score in _SCORES.items():
        a, b = (partial(_score_of, score, values) for values in sums)
        interval = bootstrap_difference(a, b, n_frames, n_resamples=n_resamples, level=level, seed=seed)
        scores[name] = interval if n_frames > 1 else Interval(interval.value, np.nan, np.nan, level)
    size = shared_calibration(first, truth, "pixel_size_nm")
    if size is not None:
        px = scores["rmse_px"]
        scores["rmse_nm"] = Interval(px.value * size, px.low * size, px.high * size, level)
    return ModelDifference(scores, n_frames)


def _per_frame(pairing: Pairing) -> Floats:
    """What the scores are sums of, in each frame: shape (n_frames, 6)."""
    start, stop = pairing.frames
    pairs = pairing.matches.per_frame(pairing.found, pairing.truth, pairing.frames)
    frame = pairing.truth["frame"][pairing.matches.truth] - start
    squares = np.bincount(frame, weights=pairing.lateral**2, minlength=stop - start)
    expected = pairing.truth.select(pairing.is_expected)
    error = counts_per_frame(pairing.found, pairing.frames) - counts_per_frame(expected, pairing.frames)
    return np.column_stack([pairs, squares, np.abs(error), np.ones(stop - start)])


def _score_of(score: Callable[[Floats], float], sums: Floats, images: Any) -> float:
    return score(sums[images].sum(axis=0))


def _fraction(part: float, whole: float) -> float:
    return float(part / whole) if whole else 1.0


def _rmse(s: Floats) -> float:
    return float(np.sqrt(s[_SQUARES] / s[_TP])) if s[_TP] else float("nan")


_SCORES: dict[str, Callable[[Floats], float]] = {
    "jaccard": lambda s: _fraction(s[_TP], s[_TP] + s[_FP] + s[_FN]),
    "precision": lambda s: _fraction(s[_TP], s[_TP] + s[_FP]),
    "recall": lambda s: _fraction(s[_TP], s[_TP] + s[_FN]),
    "f1": lambda s: _fraction(2 * s[_TP], 2 * s[_TP] + s[_FP] + s[_FN]),
    "rmse_px": _rmse,
    "count_mae": lambda s: float(s[_COUNT_ERROR] / s[_FRAMES]),
}
