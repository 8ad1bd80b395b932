"""Scores against truth, and the bounds to compare them with."""

from napari_pinpoint.evaluation.matching import Matches, match
from napari_pinpoint.evaluation.scores import CHALLENGE, Scores, efficiency, evaluate

__all__ = [
    "CHALLENGE",
    "Matches",
    "Scores",
    "efficiency",
    "evaluate",
    "match",
]
