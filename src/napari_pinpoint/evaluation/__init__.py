"""Scores against truth, and the bounds to compare them with."""

from napari_pinpoint.evaluation.bootstrap import Interval, bootstrap, bootstrap_difference
from napari_pinpoint.evaluation.bounds import Bound, closed_form_bound, cramer_rao_bound
from napari_pinpoint.evaluation.bounds_of_frames import bounds_by_window, frame_bounds
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
from napari_pinpoint.evaluation.curves import (
    DistanceCurve,
    Histogram,
    PixelPositions,
    Shares,
    f1_against_distance,
    pixel_positions,
    recall_against,
)
from napari_pinpoint.evaluation.details import Details, details, details_of
from napari_pinpoint.evaluation.differences import ModelDifference, compare_models, shared_frames
from napari_pinpoint.evaluation.full import Evaluation, evaluate_fully
from napari_pinpoint.evaluation.matching import Matches, match
from napari_pinpoint.evaluation.pairing import Pairing, nearest_neighbour, pair
from napari_pinpoint.evaluation.reference import Reference, recorded_camera, reference_scores
from napari_pinpoint.evaluation.scores import CHALLENGE, Scores, efficiency, evaluate, evaluate_classes, scores_of
from napari_pinpoint.evaluation.summary import (
    CLASS_COLUMNS,
    box_rows,
    chamfer_rows,
    class_rows,
    count_rows,
    difference_rows,
    probability_rows,
    reference_rows,
    rows_of,
    score_rows,
    score_table,
    uncertainty_rows,
)
from napari_pinpoint.evaluation.uncertainties import (
    UncertaintyCheck,
    check_probabilities,
    check_uncertainties,
    worst_probability,
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
    "Details",
    "DistanceCurve",
    "Evaluation",
    "Histogram",
    "Interval",
    "Matches",
    "ModelDifference",
    "Pairing",
    "PixelPositions",
    "Reference",
    "Scores",
    "Shares",
    "UncertaintyCheck",
    "average_precision",
    "bootstrap",
    "bootstrap_difference",
    "bounds_by_window",
    "box_rows",
    "by_class",
    "chamfer",
    "chamfer_per_frame",
    "chamfer_rows",
    "check_probabilities",
    "check_uncertainties",
    "class_rows",
    "closed_form_bound",
    "coco_boxes",
    "compare",
    "compare_models",
    "compared_frames",
    "count_errors",
    "count_rows",
    "counts_per_frame",
    "cramer_rao_bound",
    "details",
    "details_of",
    "difference_rows",
    "efficiency",
    "evaluate",
    "evaluate_classes",
    "evaluate_fully",
    "f1_against_distance",
    "frame_bounds",
    "game_per_frame",
    "has_boxes",
    "in_frames",
    "match",
    "nearest_neighbour",
    "pair",
    "pixel_positions",
    "probability_rows",
    "recall_against",
    "recorded_camera",
    "reference_rows",
    "reference_scores",
    "rows_of",
    "score_rows",
    "score_table",
    "scores_of",
    "shared_frames",
    "uncertainty_rows",
    "worst_probability",
]
