"""Scores against truth, and the bounds to compare them with."""

from napari_pinpoint.evaluation.bounds import Bound, closed_form_bound, cramer_rao_bound, frame_bounds
from napari_pinpoint.evaluation.matching import Matches, match
from napari_pinpoint.evaluation.scores import CHALLENGE, Scores, efficiency, evaluate
from napari_pinpoint.evaluation.summary import rows_of

__all__ = [
    "CHALLENGE",
    "Bound",
    "Matches",
    "Scores",
    "closed_form_bound",
    "cramer_rao_bound",
    "efficiency",
    "evaluate",
    "frame_bounds",
    "match",
    "rows_of",
]
