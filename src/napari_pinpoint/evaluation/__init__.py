"""Scores against truth, and the bounds to compare them with."""

from napari_pinpoint.evaluation.bootstrap import Interval, bootstrap, bootstrap_difference
from napari_pinpoint.evaluation.bounds import Bound, closed_form_bound, cramer_rao_bound, frame_bounds
from napari_pinpoint.evaluation.boxes import (
    BoxComparison,
    BoxScores,
    average_precision,
    coco_boxes,
    has_boxes,
)
from napari_pinpoint.evaluation.chamfer import Chamfer, chamfer, chamfer_per_frame
from napari_pinpoint.evaluation.comparison import Comparison, compare
from napari_pinpoint.evaluation.counting import CountErrors, count_errors, counts_per_frame, game_per_frame
from napari_pinpoint.evaluation.coverage import by_class, compared_frames, in_frames
from napari_pinpoint.evaluation.matching import Matches, match
from napari_pinpoint.evaluation.scores import CHALLENGE, Scores, efficiency, evaluate, evaluate_classes
from napari_pinpoint.evaluation.summary import (
    CLASS_COLUMNS,
    box_rows,
    chamfer_rows,
    class_rows,
    count_rows,
    rows_of,
)

__all__ = [
    "CHALLENGE",
    "CLASS_COLUMNS",
    "Bound",
    "BoxComparison",
    "BoxScores",
    "Chamfer",
    "Comparison",
    "CountErrors",
    "Interval",
    "Matches",
    "Scores",
    "average_precision",
    "bootstrap",
    "bootstrap_difference",
    "box_rows",
    "by_class",
    "chamfer",
    "chamfer_per_frame",
    "chamfer_rows",
    "class_rows",
    "closed_form_bound",
    "coco_boxes",
    "compare",
    "compared_frames",
    "count_errors",
    "count_rows",
    "counts_per_frame",
    "cramer_rao_bound",
    "efficiency",
    "evaluate",
    "evaluate_classes",
    "frame_bounds",
    "game_per_frame",
    "has_boxes",
    "in_frames",
    "match",
    "rows_of",
]
