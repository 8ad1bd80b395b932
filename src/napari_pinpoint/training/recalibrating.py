"""Recalibrating a model: what it says of its points against what was seen, on frames that it was not chosen on."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.optimize import isotonic_regression

from napari_pinpoint.datasets import one_after_another
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.evaluation import Pairing, match, pair
from napari_pinpoint.evaluation.uncertainties import robust_sd
from napari_pinpoint.inference import localize
from napari_pinpoint.model import Localizer
from napari_pinpoint.recalibration import Knots, Recalibration, nearest_counted
from napari_pinpoint.training.spec import Recipe, scene_of
from napari_pinpoint.training.state import Pair

Array = np.ndarray[Any, Any]

#: About the width of a PSF: what is further from any emitter is not one that was found a little off.
TOLERANCE_PX = 1.5
#: Of so many frames smlm-2d's knots are known to about 0.01.
FRAMES = 200
_SEED = 20_251_122
#: Frames of a movie.
_MOVIE = 5
#: Fewer points, or errors, than this tell nothing.
_ENOUGH = 200
#: Edges of the bins of probability, each of which may become a knot; what is said most is told apart most.
_EDGES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.995, 0.9999, np.inf)
#: The largest probability of a knot.
_MOST = 0.9999
#: Edges of the bins of the distance to the nearest point, in pixels; farther ones are as good as alone.
_DISTANCES = (0.8, 1.2, 1.6, 2.2, 3.0, 4.0)
#: Pairs may be so many sigma apart: a radius below would cut the errors, and flatter.
_SIGMAS = 4.0
#: Within a radius above this (in pixels), nearly any emitter would do.
_WIDEST_PX = 8.0


def frames_of(recipe: Recipe, n_frames: int | None = None) -> list[Pair]:
    """Movies to recalibrate a recipe's model on, of the scene that it is validated on, but none of those frames.

    They are short, for a movie has one camera, and all of them should take part.
    """
    if recipe.validation is None:
        raise PinpointError("The recipe has no scene to recalibrate on (validation); give a stack and its truth.")
    rng = np.random.default_rng(_SEED)
    left = n_frames or recipe.recalibration_frames or FRAMES
    lengths = [_MOVIE] * (left // _MOVIE) + [left % _MOVIE] * (left % _MOVIE > 0)
    scene = scene_of(recipe.validation)
    return [scene.sample(length, rng) for length in lengths]


def recalibrated(
    model: Localizer, pairs: Sequence[Pair], *, tolerance_px: float = TOLERANCE_PX, device: str = "auto"
) -> Localizer:
    """The model with a recalibration that was fitted on frames whose truth is known.

    The points are those at the model's own threshold. Probability becomes the share of points, among those of which
    the same was said, that have an emitter within the tolerance: it depends on that tolerance, and in part on how dense
    the frames are. Uncertainties are multiplied until the robust standard deviation of error / uncertainty is 1 among
    points whose nearest neighbour is about as far away. Where fewer than 200 points tell something, nothing is changed.

    Parameters
    ----------
    pairs
        Stacks and their truth, which neither the weights nor anything else of the model was chosen on.
    tolerance_px
        Distance within which a point counts as real. Errors are taken from pairs within 4 sigma, whatever it is.

    Raises
    ------
    PinpointError
        If there are too few points to tell anything.

    Examples
    --------
    >>> from napari_pinpoint import load_model
    >>> from napari_pinpoint.scenes.emitters import EmitterScene
    >>> stack, truth = EmitterScene(density=(0.03, 0.03)).sample(5, np.random.default_rng(0))
    >>> better = recalibrated(load_model("smlm-2d"), [(stack, truth)])
    >>> len(better.spec.recalibration.uncertainty) > 0
    True
    """
    before = model.recalibrated(None)
    if not before.decoder.selectable or before.decoder.images:
        raise PinpointError(
            f"{model.spec.name} cannot be recalibrated: its decoder {before.decoder_part.name} does not simply keep "
            "the points of at least some probability."
        )
    tables = [localize(stack, before, device=device) for stack, _ in pairs]
    lengths = [stack.n_frames for stack, _ in pairs]
    found, truth = (one_after_another(each, lengths) for each in (tables, [truth for _, truth in pairs]))
    pairing = pair(found, truth, tolerance_px=tolerance_px, frames=(0, sum(lengths)))
    fitted = fit_recalibration(pairing, counts_from=before.decoder.threshold)
    if fitted is None:
        raise PinpointError(
            f"{model.spec.name} found {len(found):,} points in {sum(lengths):,} frames; to recalibrate it takes some "
            f"{_ENOUGH} points of like probability or uncertainty, whose truth is known. Give more frames."
        )
    better = before.recalibrated(fitted)
    told = {"n_frames": sum(lengths), "n_found": len(found), "n_true": len(truth), "before": model.fingerprint()}
    better.record = {**model.record, "recalibration": told}
    return better


def fit_recalibration(pairing: Pairing, *, counts_from: float) -> Recalibration | None:
    """What turns the probabilities and uncertainties of found points into those that were seen; None where unknown.

    `counts_from` is the least probability of the found points, which all count as neighbours.
    """
    probability, uncertainty = _of_probability(pairing), _of_uncertainty(pairing, counts_from)
    if not (probability or uncertainty):
        return None
    return Recalibration(
        probability=probability,
        uncertainty=uncertainty,
        counts_from=counts_from,
        tolerance_px=pairing.tolerance_px,
    )


def _of_probability(pairing: Pairing) -> Knots:
    """Mean probability and share of the real ones in every bin with enough points."""
    if "probability" not in pairing.found:
        return ()
    said = pairing.found["probability"][pairing.is_judged].astype(np.float64)
    right, index = pairing.is_right[pairing.is_judged], np.digitize(said, _EDGES)
    bins = [index == number for number in range(1, len(_EDGES))]
    bins = [inside for inside in bins if inside.sum() >= _ENOUGH]
    n = np.array([inside.sum() for inside in bins])
    # Half a point right and half a point wrong more: never quite 0 or 1.
    seen = np.array([right[inside].sum() + 0.5 for inside in bins]) / (n + 1)
    mean = np.array([said[inside].mean() for inside in bins])
    # Neighbouring bins of which more is said and less was seen become one.
    blocks = isotonic_regression(seen, weights=n).blocks if len(bins) else [0]
    knots: list[tuple[float, ...]] = []
    for a, b in pairwise(blocks):
        knot = [min(np.average(values[a:b], weights=n[a:b]), _MOST) for values in (mean, seen)]
        if not knots or (knot[0] > knots[-1][0] and knot[1] > knots[-1][1]):  # else it was cut off
            knots.append(tuple(float(f"{value:.6g}") for value in knot))
    return tuple((said, seen) for said, seen in knots)


def _of_uncertainty(pairing: Pairing, counts_from: float) -> Knots:
    """Knots of the factor that makes uncertainties as large as the errors are."""
    axes = [axis for axis in "zyx" if f"uncertainty_{axis}" in pairing.found and axis in pairing.truth]
    if not axes:
        return ()
    sigma = np.stack([pairing.found[f"uncertainty_{axis}"] for axis in axes]).astype(np.float64)
    clear = pairing.is_judged & (sigma > 0).all(axis=0) & (_SIGMAS * sigma.max(axis=0) <= _WIDEST_PX)
    nearest = nearest_counted(pairing.found, counts_from)[clear]
    judged, sigma = pairing.found.select(clear), sigma[:, clear]
    factors = Recalibration(counts_from=counts_from)
    for _ in range(2):  # the first factors only say how far apart pairs may be
        radius = _SIGMAS * (sigma * factors.factor(nearest)).max(axis=0)
        matches = match(judged, pairing.truth, tolerance=radius)
        error = np.stack([judged[axis][matches.found] - pairing.truth[axis][matches.truth] for axis in axes])
        knots = _by_distance(error / sigma[:, matches.found], nearest[matches.found])
        factors = factors.model_copy(update={"uncertainty": knots})
    return factors.uncertainty


def _by_distance(ratio: Array, nearest: Array) -> Knots:
    """Middle distance and robust standard deviation of error / uncertainty, (axes, pairs), in every bin with enough."""
    index, knots = np.digitize(nearest, _DISTANCES), []
    for number in range(len(_DISTANCES) + 1):
        inside = index == number
        if ratio[:, inside].size >= _ENOUGH:
            distance = min(float(np.median(nearest[inside])), _DISTANCES[-1])
            knots.append((float(f"{distance:.4g}"), float(f"{robust_sd(ratio[:, inside].ravel()):.4g}")))
    return tuple(knots)
