"""Everything that can be said of two tables, for commands and windows alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from napari_pinpoint.evaluation.boxes import BoxScores, average_precision, has_boxes
from napari_pinpoint.evaluation.chamfer import Chamfer, chamfer
from napari_pinpoint.evaluation.counting import CountErrors, Shape, count_errors
from napari_pinpoint.evaluation.coverage import Frames, by_class, compared_frames, in_frames
from napari_pinpoint.evaluation.curves import Shares
from napari_pinpoint.evaluation.pairing import pair
from napari_pinpoint.evaluation.scores import Scores, evaluate, evaluate_classes
from napari_pinpoint.evaluation.uncertainties import UncertaintyCheck, check_probabilities, check_uncertainties
from napari_pinpoint.localizations import Localizations


@dataclass(frozen=True)
class Comparison:
    """What `compare` finds; None stands for what was not asked for or cannot be known.

    Attributes
    ----------
    scores
        Pairs and their errors, whatever the class; None without a tolerance.
    chamfer, counts
        The Chamfer distance, and errors of the counts.
    boxes
        Average precision; None where not all rows have boxes.
    classes
        `scores` and `counts` of each class by itself; empty where one of the tables knows no classes.
    uncertainties, probabilities
        Whether those that the found table claims can be believed; None where it claims none, or without a tolerance.
    """

    scores: Scores | None
    chamfer: Chamfer
    counts: CountErrors
    boxes: BoxScores | None
    classes: dict[str, tuple[Scores | None, CountErrors]]
    uncertainties: UncertaintyCheck | None = None
    probabilities: Shares | None = None

    def to_dict(self) -> dict[str, Any]:
        """All of it by name: `scores` at the top, the others under names of their own."""
        return {
            **(self.scores.to_dict() if self.scores else {}),
            "chamfer": self.chamfer.to_dict(),
            "counts": self.counts.to_dict(),
            "boxes": self.boxes.to_dict() if self.boxes else None,
            "uncertainties": self.uncertainties.to_dict() if self.uncertainties else None,
            "probabilities": self.probabilities.to_dict() if self.probabilities else None,
            "classes": {
                name: {**(scores.to_dict() if scores else {}), "counts": counts.to_dict()}
                for name, (scores, counts) in self.classes.items()
            },
        }


def compare(
    found: Localizations,
    truth: Localizations,
    *,
    frames: Frames | None = None,
    shape: Shape | None = None,
    boxes: bool | None = None,
    **pairs: Any,
) -> Comparison:
    """Compare found points with the truth in every way that the tables allow.

    Parameters
    ----------
    found, truth
        Tables of the same movie.
    frames
        (start, stop) of the frames to compare; see `compared_frames` for the default.
    shape
        (rows, columns) of the frames, or one pair per frame, for GAME; by default what the record of `found` says.
    boxes
        Whether to take the average precision of boxes; by default where both tables have them.
    pairs
        How to pair points, as `evaluate` takes it; without a tolerance they are not paired. A border and dim emitters
        that are left out of pairs still count for all else.

    Examples
    --------
    >>> truth = Localizations({"frame": [0, 1], "y": [5.0, 9.0], "x": [5.0, 9.0]})
    >>> found = Localizations({"frame": [0], "y": [5.0], "x": [5.5]})
    >>> comparison = compare(found, truth, tolerance_px=1)
    >>> comparison.scores.recall, comparison.chamfer.distance_px, comparison.counts.mae
    (0.5, 0.5, 0.5)
    """
    frames = compared_frames(found, truth, frames)
    found, truth = in_frames(found, frames), in_frames(truth, frames)
    paired = any(pairs.get(name) is not None for name in ("tolerance_nm", "tolerance_px"))
    if boxes is None:
        boxes = has_boxes(found) and has_boxes(truth) and "probability" in found
    of_class = evaluate_classes(found, truth, frames=frames, **pairs) if paired else {}
    pairing = pair(found, truth, frames=frames, **pairs) if paired else None
    return Comparison(
        scores=evaluate(found, truth, frames=frames, **pairs) if paired else None,
        chamfer=chamfer(found, truth, frames=frames),
        counts=count_errors(found, truth, frames=frames, shape=shape),
        boxes=average_precision(found, truth, frames=frames) if boxes else None,
        classes={
            name: (of_class.get(name), count_errors(*tables, frames=frames, shape=shape))
            for name, tables in by_class(found, truth).items()
        },
        uncertainties=check_uncertainties(pairing) if pairing else None,
        probabilities=check_probabilities(pairing) if pairing else None,
    )
