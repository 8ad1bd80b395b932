"""What a model says of its own points, brought in line with what was seen where the truth is known.

A network may be too sure or too modest. On frames with known truth one sees how many of the points with a probability
of 0.6 are real, and how far those with an uncertainty of 0.2 px really are from their emitters. A `Recalibration`
holds what follows from that as a few knots. Those of the probability are joined by straight lines on the scale of
logits (Guo et al., ICML 2017, have one line there) and ascend, so that the order of rows stays as it was. Uncertainties
are multiplied by a factor that depends on how near the next point is: crowded ones are doubted too little, lone ones
too much, whatever uncertainty they claim.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any

import numpy as np
from pydantic import AfterValidator, BaseModel, Field
from scipy.spatial import cKDTree

from napari_pinpoint.localizations import Localizations

Array = np.ndarray[Any, Any]
Knots = tuple[tuple[float, float], ...]

#: Probabilities nearer to 1 than this are one and the same.
_NEAR_1 = 1e-4
#: By how much (of a logit) a decoder is asked for more than is wanted, so that rounding loses nothing.
_MARGIN = 1e-3


def _ascending(knots: Knots) -> Knots:
    for before, after in pairwise(knots):
        if not (before[0] < after[0] and before[1] < after[1]):
            raise ValueError(f"knots go up in both numbers, not from {before} to {after}")
    if not all(0 < value < 1 for knot in knots for value in knot):
        raise ValueError(f"probabilities of knots lie between 0 and 1, not {knots}")
    return knots


def _factors(knots: Knots) -> Knots:
    if not all(before[0] < after[0] for before, after in pairwise(knots)):
        raise ValueError(f"distances of knots go up, not {knots}")
    if not all(distance >= 0 and 0 < factor < np.inf for distance, factor in knots):
        raise ValueError(f"knots hold a distance and a factor above 0, not {knots}")
    return knots


class Recalibration(BaseModel, extra="forbid", frozen=True):
    """What becomes of the answers of a decoder; without knots they stay as they are.

    Below the first knot and above the last one, logits of probabilities are shifted as at that knot, and factors are
    those of that knot.

    Examples
    --------
    >>> table = Localizations({"frame": [0], "y": [5.0], "x": [5.0], "probability": [0.5], "uncertainty_y": [0.4]})
    >>> seen = Recalibration(probability=((0.5, 0.75),), uncertainty=((1, 1.1), (4, 0.5)))(table)
    >>> round(float(seen["probability"][0]), 3), round(float(seen["uncertainty_y"][0]), 3)
    (0.75, 0.2)
    """

    probability: Annotated[Knots, AfterValidator(_ascending)] = Field(
        default=(), description="Said probability, and the share of such points that are real."
    )
    uncertainty: Annotated[Knots, AfterValidator(_factors)] = Field(
        default=(), description="Distance to the nearest other point, px, and the factor of position uncertainties."
    )
    counts_from: float = Field(
        default=0.5, gt=0, le=1, description="Said probability from which a point counts as a neighbour."
    )
    tolerance_px: float | None = Field(
        default=None, gt=0, description="Distance to the truth within which a point counted as real."
    )

    @property
    def reach(self) -> float:
        """Pixels within which other points matter."""
        return self.uncertainty[-1][0] if len(self.uncertainty) > 1 else 0.0

    def __call__(self, table: Localizations) -> Localizations:
        """The table of a decoder with what was seen in the place of what it says.

        It has to hold all points of at least the probability `needed`, or neighbours are missed.
        """
        columns: dict[str, Array] = {}
        if self.uncertainty:
            factor = self.factor(nearest_counted(table, self.counts_from))
            names = [f"uncertainty_{axis}" for axis in "zyx"]
            columns = {name: table[name] * factor for name in names if name in table}
        if self.probability:
            columns["probability"] = self.seen(table["probability"].astype(np.float64))
        return table.with_columns(**columns) if columns else table

    def factor(self, nearest: Array) -> Array:
        """The factor of uncertainties at distances to the nearest other point."""
        if not self.uncertainty:
            return np.ones_like(nearest)
        return np.asarray(np.interp(nearest, *np.transpose(self.uncertainty)))

    def seen(self, probability: Any) -> Any:
        """What was seen where so much is said, of a number or an array."""
        if not self.probability:
            return probability
        said = np.clip(probability, np.finfo(np.float32).tiny, 1 - _NEAR_1)
        return _probability(_moved(_logit(said), *self._logits()))

    def said(self, probability: float) -> float:
        """What to ask of a decoder so that no row of at least `probability` (as seen) is missed: a touch too little."""
        if not self.probability:
            return probability
        said, seen = self._logits()
        logit = _logit(np.minimum(probability, 1 - 1e-9))
        return float(_probability(_moved(logit, seen, said) - _MARGIN))

    def needed(self, probability: float) -> float:
        """What to ask of a decoder where rows of at least `probability` (as seen), and their neighbours, are wanted."""
        least = self.said(probability)
        return min(least, self.counts_from) if self.reach else least

    def _logits(self) -> Array:
        """Logits of what is said and of what was seen, (2, knots)."""
        return _logit(np.array(self.probability)).T


def nearest_counted(table: Localizations, counts_from: float) -> Array:
    """Distance of every row to the nearest other row of its frame of at least that probability, px: shape (rows,)."""
    position = np.stack([table[axis] for axis in "zyx" if axis in table], axis=1)
    counted = table["probability"] >= np.float32(counts_from)
    if not counted.any():
        return np.full(len(table), np.inf)
    # Frames lie further apart along an axis of their own than any two points of a frame: one tree serves them all.
    apart = 2 * np.ptp(position, axis=0).sum() + 1
    position = np.column_stack([table["frame"] * apart, position])
    distance = np.asarray(cKDTree(position[counted]).query(position, k=2)[0])
    nearest: Array = np.where(counted, distance[:, 1], distance[:, 0])  # the first of a counted row is itself
    return np.where(nearest < apart, nearest, np.inf)


def _moved(values: Any, before: Array, after: Array) -> Array:
    """Values on the lines between knots; beyond these as far from the last one as before."""
    return np.asarray(values + np.interp(values, before, after - before))


def _logit(probability: Any) -> Array:
    return np.asarray(np.log(probability) - np.log1p(-probability))


def _probability(logit: Array) -> Array:
    return 1 / (1 + np.exp(-logit))
