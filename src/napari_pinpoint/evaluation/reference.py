"""What a perfect detector with the best unbiased precision would score: a line to compare with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_pinpoint.camera import Camera
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.evaluation.bounds_of_frames import bounds_by_window
from napari_pinpoint.evaluation.coverage import Frames, in_frames
from napari_pinpoint.evaluation.matching import Floats, Ints, is_ignored
from napari_pinpoint.evaluation.pairing import Pairing, pair
from napari_pinpoint.evaluation.scores import Scores, scores_of
from napari_pinpoint.json_values import plain
from napari_pinpoint.localizations import Localizations, recorded_field

_NEEDED = ("photons", "background", "psf_sigma_y", "psf_sigma_x")
#: The scores of a reference.
_SCORES = ("jaccard", "precision", "recall", "f1", "efficiency", "rmse_px", "rmse_nm", "rmse_y", "rmse_x")


@dataclass(frozen=True, eq=False)
class Reference:
    """Scores of the truth itself, moved by the errors that the image allows.

    Attributes
    ----------
    draws
        The scores of each seed.
    seeds
        What makes the draws repeatable.
    n_unknown
        Emitters whose position the image does not tell at all; they are not found.
    pairing
        Of the first draw, for curves.
    """

    draws: tuple[Scores, ...]
    seeds: tuple[int, ...]
    n_unknown: int
    pairing: Pairing

    def mean(self, name: str) -> float:
        """Mean of a score of `Scores` over the draws."""
        return float(np.mean([getattr(scores, name) for scores in self.draws]))

    def spread(self, name: str) -> float:
        """Standard deviation of a score over the draws."""
        return float(np.std([getattr(scores, name) for scores in self.draws]))

    def to_dict(self) -> dict[str, Any]:
        """Means and standard deviations by name, ready for JSON; what is not known is None."""
        means = {name: plain(self.mean(name)) for name in _SCORES}
        spreads = {name: plain(self.spread(name)) for name in _SCORES}
        return {**means, "standard_deviation": spreads, "seeds": list(self.seeds), "n_unknown": self.n_unknown}


def reference_scores(
    truth: Localizations,
    camera: Camera,
    *,
    shape: tuple[int, int] | None = None,
    frames: Frames | None = None,
    seeds: Sequence[int] = range(5),
    **pairs: Any,
) -> Reference:
    """What a method would score that misses nothing, invents nothing, and errs as little as an unbiased one can.

    Every true emitter is moved by an error drawn from the Cramer-Rao bound of the covariance of all positions in its
    frame together: neighbours make each other less certain, and their errors depend on each other. What comes out is
    compared with the truth like any table; in a dense frame some emitters move further than the tolerance, or nearer
    to others than to themselves. **This is a line to compare with, not a bound**: it knows nothing of what emitters
    usually look like, and a method with a good prior beats it in dense scenes; nor does it know how hard it is to see
    a dim emitter at all, and no method reaches its recall where many are dim.

    Parameters
    ----------
    truth
        Table with `photons`, `background`, `psf_sigma_y` and `psf_sigma_x`. Rows flagged "ignore" give light, but need
        not be found.
    camera
        Gives excess noise, read noise and clock-induced charge.
    shape
        (rows, columns) of a frame; by default what the record of `truth` says.
    frames
        (start, stop) of the frames to take; all by default. Some hundreds are enough.
    seeds
        One draw of all errors for each of them.
    pairs
        The tolerance, and what else `evaluate` takes.

    Raises
    ------
    PinpointError
        Where the truth lacks a column, or the size of a frame is not known.

    Examples
    --------
    >>> values = {"photons": [900.0], "background": [9.0], "psf_sigma_y": [1.3], "psf_sigma_x": [1.3]}
    >>> truth = Localizations({"frame": [0], "y": [16.0], "x": [16.0], **values})
    >>> reference = reference_scores(truth, Camera(), shape=(32, 32), tolerance_px=1)
    >>> reference.mean("jaccard"), 0.02 < reference.mean("rmse_px") < 0.15
    (1.0, True)
    """
    if not seeds:
        raise PinpointError("The reference needs at least one seed.")
    shape = recorded_field(truth.record) if shape is None else shape
    if shape is None:
        raise PinpointError("The reference needs the size of the frames, (rows, columns): the table does not know it.")
    missing = [name for name in _NEEDED if name not in truth]
    if missing:
        raise PinpointError(
            f"The reference needs to know of every true emitter its {', '.join(_NEEDED)}; the true table lacks "
            f"{', '.join(missing)}. Simulated truth has all of them."
        )
    frames = (0, int(truth["frame"].max(initial=0)) + 1) if frames is None else frames
    truth = in_frames(truth, frames)
    draws = _errors(truth, camera, shape, seeds)
    known = np.isfinite(draws[0]).all(axis=1)
    moved = [
        truth.select(known).with_columns(y=truth["y"][known] + errors[known, 0], x=truth["x"][known] + errors[known, 1])
        for errors in draws
    ]
    pairings = [pair(found, truth, frames=frames, **pairs) for found in moved]
    return Reference(
        draws=tuple(map(scores_of, pairings)),
        seeds=tuple(seeds),
        n_unknown=int((~known & ~is_ignored(truth)).sum()),
        pairing=pairings[0],
    )


def recorded_camera(*tables: Localizations) -> Camera | None:
    """The noise of the camera that one of the tables was recorded or simulated with, the first that knows it.

    Of maps of pixels a record holds the mean; it is what counts.

    Examples
    --------
    >>> table = Localizations.empty(record={"camera": {"em_gain": 1.0, "read_noise_e": 1.6}})
    >>> recorded_camera(Localizations.empty(), table).read_noise_e
    1.6
    """
    record = next((table.record["camera"] for table in tables if table.record.get("camera")), None)
    if record is None:
        return None
    values = {name: record.get(name) for name in ("em_gain", "read_noise_e", "clock_induced_charge_e")}
    numbers = {name: value["mean"] if isinstance(value, dict) else value for name, value in values.items()}
    return Camera(**{name: value for name, value in numbers.items() if value is not None})


def _errors(truth: Localizations, camera: Camera, shape: tuple[int, int], seeds: Sequence[int]) -> list[Floats]:
    """For each seed the errors of y and x of every row, (n, 2); NaN where the image does not tell a position."""
    draws = [np.full((len(truth), 2), np.nan) for _ in seeds]
    generators = [np.random.default_rng(seed) for seed in seeds]
    for rows, root in _roots(truth, camera, shape):
        for errors, rng in zip(draws, generators, strict=True):
            errors[rows] = (root @ rng.standard_normal(root.shape[1])).reshape(2, -1).T
    return draws


def _roots(truth: Localizations, camera: Camera, shape: tuple[int, int]) -> Iterator[tuple[Ints, Floats]]:
    """Rows of the truth, shape (k,), and what makes their errors, all y, then all x, of white noise: shape (2 k, n)."""
    for rows, core, bound in bounds_by_window(truth, camera, shape):
        n = len(rows)
        variance = bound.positions.diagonal().reshape(2, n)
        known = np.isfinite(variance).all(axis=0)
        used = np.concatenate([known, known])
        values, vectors = np.linalg.eigh(bound.positions[np.ix_(used, used)])
        root = vectors * np.sqrt(np.maximum(values, 0))  # rounding may leave a variance below 0
        kept = core[known]
        yield rows[known][kept], root[np.concatenate([kept, kept])]
