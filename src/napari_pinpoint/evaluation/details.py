"""Behind the scores: every curve and histogram of a comparison, for figures, reports and files alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_pinpoint.evaluation.counting import counts_per_frame
from napari_pinpoint.evaluation.curves import (
    DistanceCurve,
    Histogram,
    PixelPositions,
    Shares,
    f1_against_distance,
    pixel_positions,
    recall_against,
)
from napari_pinpoint.evaluation.matching import Ints
from napari_pinpoint.evaluation.pairing import Pairing, nearest_neighbour, pair
from napari_pinpoint.evaluation.uncertainties import UncertaintyCheck, check_probabilities, check_uncertainties
from napari_pinpoint.localizations import Localizations

#: Bins of the histograms of errors, from 0 to the tolerance.
_BINS = 40


@dataclass(frozen=True, eq=False)
class Details:
    """What `details` finds; None stands for what the tables do not tell.

    Attributes
    ----------
    pairing
        The tables and their pairs.
    f1
        F1 against the largest distance of a pair.
    recall_photons, recall_neighbour
        Share of the true points that was found, against their photons, and against the distance of their nearest
        neighbour in pixels (points that are alone in their frame are in no bin).
    errors
        Histograms of |dy|, |dx| and of the distance of pairs, in pixels, under "y", "x" and "distance".
    positions
        Position within the pixel, under "y" and "x".
    uncertainties, probabilities
        Whether they can be believed.
    """

    pairing: Pairing
    f1: DistanceCurve
    recall_photons: Shares | None
    recall_neighbour: Shares
    errors: dict[str, Histogram]
    positions: dict[str, PixelPositions]
    uncertainties: UncertaintyCheck | None
    probabilities: Shares | None

    @property
    def counts(self) -> tuple[Ints, Ints]:
        """True and found points in every frame, both of shape (n_frames,)."""
        expected = self.pairing.truth.select(self.pairing.is_expected)
        frames = self.pairing.frames
        return counts_per_frame(expected, frames), counts_per_frame(self.pairing.found, frames)

    def to_dict(self) -> dict[str, Any]:
        """All of it by name, ready for JSON."""
        parts = ("f1", "recall_photons", "recall_neighbour", "uncertainties", "probabilities")
        values = {name: getattr(self, name) for name in parts}
        return {
            **{name: None if value is None else value.to_dict() for name, value in values.items()},
            "errors": {name: histogram.to_dict() for name, histogram in self.errors.items()},
            "positions": {name: position.to_dict() for name, position in self.positions.items()},
        }


def details(found: Localizations, truth: Localizations, **how: Any) -> Details:
    """Curves and histograms of a comparison; takes what `evaluate` takes.

    Examples
    --------
    >>> truth = Localizations({"frame": [0, 0], "y": [5.0, 9.0], "x": [5.0, 9.0]})
    >>> found = Localizations({"frame": [0], "y": [5.0], "x": [5.25]})
    >>> seen = details(found, truth, tolerance_px=1)
    >>> seen.recall_neighbour.share, seen.probabilities
    (array([0.5]), None)
    """
    return details_of(pair(found, truth, **how))


def details_of(pairing: Pairing) -> Details:
    """The same of points that are paired already."""
    expected = pairing.is_expected
    hit = pairing.is_found[expected]
    photons = pairing.truth["photons"][expected] if "photons" in pairing.truth else np.full(len(hit), np.nan)
    reach = pairing.tolerance_px
    errors = {"y": np.abs(pairing.error("y")), "x": np.abs(pairing.error("x")), "distance": pairing.lateral}
    return Details(
        pairing=pairing,
        f1=f1_against_distance(pairing),
        recall_photons=recall_against(photons, hit) if np.isfinite(photons).any() else None,
        recall_neighbour=recall_against(nearest_neighbour(pairing.truth)[expected], hit),
        errors={name: Histogram.of(values, 0, reach, _BINS) for name, values in errors.items()},
        positions={axis: pixel_positions(pairing, axis) for axis in ("y", "x")},
        uncertainties=check_uncertainties(pairing),
        probabilities=check_probabilities(pairing),
    )
