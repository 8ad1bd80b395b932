"""Scores in words, for terminals and windows alike: rows of name, value, unit and meaning."""

from __future__ import annotations

import math
from collections.abc import Sequence

from napari_pinpoint.evaluation.boxes import BoxScores
from napari_pinpoint.evaluation.chamfer import Chamfer
from napari_pinpoint.evaluation.comparison import Comparison
from napari_pinpoint.evaluation.counting import CountErrors
from napari_pinpoint.evaluation.curves import Shares
from napari_pinpoint.evaluation.differences import ModelDifference
from napari_pinpoint.evaluation.full import Evaluation
from napari_pinpoint.evaluation.reference import Reference
from napari_pinpoint.evaluation.scores import Scores
from napari_pinpoint.evaluation.uncertainties import UncertaintyCheck, worst_probability

Row = tuple[str, str, str, str]


def rows_of(scores: Scores) -> list[Row]:
    """What there is to say of pairs; what is not known is left out.

    Examples
    --------
    >>> from napari_pinpoint import Localizations, evaluate
    >>> table = Localizations({"frame": [0], "y": [5.0], "x": [5.0]})
    >>> rows_of(evaluate(table, table, tolerance_px=1))[2]
    ('pairs', '1', '', 'optimal, at most 1 px apart')
    """
    more = f"; {scores.n_ignored:,} more are to be ignored" if scores.n_ignored else ""
    excused = f"; {scores.n_excused:,} more match true points to be ignored: neither right nor wrong"
    rows = [
        ("true", f"{scores.n_truth:,}", "", "true points that count" + more),
        ("found", f"{scores.n_found:,}", "", "found points that count" + (excused if scores.n_excused else "")),
        ("pairs", f"{scores.tp:,}", "", f"{scores.method}, at most {_distance(scores)} apart"),
        ("false", f"{scores.fp:,}", "", "found points without a true one"),
        ("missed", f"{scores.fn:,}", "", "true points without a found one"),
        ("Jaccard", f"{100 * scores.jaccard:.1f}", "%", "pairs / (pairs + false + missed)"),
        ("precision", f"{100 * scores.precision:.1f}", "%", "pairs / found"),
        ("recall", f"{100 * scores.recall:.1f}", "%", "pairs / true"),
        ("F1", f"{100 * scores.f1:.1f}", "%", "harmonic mean of precision and recall"),
        ("RMSE", f"{scores.rmse_nm:.2f}", "nm", "radial error of the pairs"),
        ("RMSE", f"{scores.rmse_px:.4f}", "px", "the same in pixels"),
        ("RMSE y, x", f"{scores.rmse_y:.4f}, {scores.rmse_x:.4f}", "px", "error along each axis"),
        ("bias y, x", f"{scores.bias_y:+.4f}, {scores.bias_x:+.4f}", "px", "mean of found - true"),
        ("efficiency", f"{scores.efficiency:.4f}", "", "SMLM challenge, lateral; 1 is perfect"),
    ]
    if math.isfinite(scores.rmse_z):
        rows.append(("RMSE z, bias z", f"{scores.rmse_z:.4f}, {scores.bias_z:+.4f}", "planes", "axial error"))
    return _known(rows)


def chamfer_rows(chamfer: Chamfer) -> list[Row]:
    """The Chamfer distance, and what it leaves out."""
    words = "how far the nearest point is, mean of both ways; no tolerance"
    if chamfer.n_one_sided:
        words += f"; without the {chamfer.n_one_sided:,} frames that have points in one table only"
    return _known([("Chamfer", f"{chamfer.distance_px:.4f}", "px", words)])


def count_rows(counts: CountErrors) -> list[Row]:
    """Errors of the counts."""
    frames = f"{counts.n_frames:,} frames" if counts.n_frames > 1 else "the frame"
    rows = [
        ("true per frame", f"{counts.n_truth / counts.n_frames:.4g}", "", f"mean of {frames}"),
        ("MAE", f"{counts.mae:.4g}", "", f"mean error of the count per frame, |found - true|, over {frames}"),
        ("RMSE of count", f"{counts.rmse:.4g}", "", "root mean square of found - true per frame"),
        ("bias of count", f"{counts.bias:+.4g}", "", "mean of found - true per frame"),
    ]
    for level, error in enumerate(counts.game[1:], start=1):
        words = f"errors of the counts in {2**level} x {2**level} cells of a frame, summed; mean over {frames}"
        rows.append((f"GAME({level})", f"{error:.4g}", "", words))
    return rows


def box_rows(boxes: BoxScores) -> list[Row]:
    """Average precision over the classes."""
    classes = "mean over classes" if len(boxes.ap) > 1 else "one class"
    return _known(
        [
            ("mAP 0.5", f"{boxes.map_50:.4f}", "", f"average precision of boxes at an overlap (IoU) of 0.5; {classes}"),
            ("mAP 0.5:0.95", f"{boxes.map:.4f}", "", "the same, mean over IoU 0.5 to 0.95, as COCO has it"),
        ]
    )


def uncertainty_rows(check: UncertaintyCheck) -> list[Row]:
    """Whether uncertainties can be believed."""
    of = f"{check.n_pairs:,} points paired within the tolerance and 4 sigma"
    left = f"found points without a true one within both; {check.n_vague:,} more say nothing of where they are"
    return _known(
        [
            ("within 68 % interval", f"{100 * check.coverage_68:.1f}", "%", f"errors in it; should be 68 %; {of}"),
            ("within 95 % interval", f"{100 * check.coverage_95:.1f}", "%", "errors in it; should be 95 %"),
            (
                "error / uncertainty",
                f"{check.robust_sd:.3f}",
                "",
                "robust standard deviation; should be 1; more: uncertainties are too small",
            ),
            ("without a partner", f"{100 * check.unmatched:.2f}", "%", left),
        ]
    )


def probability_rows(check: Shares) -> list[Row]:
    """Whether probabilities can be believed."""
    words = "largest difference of probability and share that is right, over tenths with at least 100 points"
    return _known([("probability off by", f"{100 * worst_probability(check):.1f}", "%", words)])


#: How scores of `compare_models` and of a reference are called: name, factor, unit, digits.
_CALLED = {
    "jaccard": ("Jaccard", 100, "%", 1),
    "precision": ("precision", 100, "%", 1),
    "recall": ("recall", 100, "%", 1),
    "f1": ("F1", 100, "%", 1),
    "rmse_nm": ("RMSE", 1, "nm", 2),
    "rmse_px": ("RMSE", 1, "px", 4),
    "efficiency": ("efficiency", 1, "", 4),
    "count_mae": ("MAE", 1, "", 3),
}


def difference_rows(difference: ModelDifference, first: str, second: str) -> list[Row]:
    """By how much the first of two models exceeds the second one."""
    rows = []
    for key, (name, factor, unit, digits) in _CALLED.items():
        interval = difference.scores.get(key)
        if interval is None:
            continue
        value, low, high = (f"{factor * v:+.{digits}f}" for v in (interval.value, interval.low, interval.high))
        known = "nan" not in (low[1:], high[1:])
        sure = "" if not known else "differs" if interval.low > 0 or interval.high < 0 else "may be chance"
        words = f"{first} - {second}; {100 * interval.level:g} % interval over {difference.n_frames:,} frames"
        rows.append(
            (name, f"{value} ({low} to {high})" if known else value, unit, f"{words}: {sure}" if sure else words)
        )
    return _known(rows)


def reference_rows(reference: Reference) -> list[Row]:
    """What the truth itself scores, moved by the errors that the image allows: a line to compare with."""
    rows = []
    for key in ("jaccard", "recall", "precision", "rmse_nm", "rmse_px", "efficiency"):
        name, factor, unit, digits = _CALLED[key]
        value, spread = factor * reference.mean(key), factor * reference.spread(key)
        words = f"truth moved by its joint Cramer-Rao errors, mean of {len(reference.seeds)} draws; no upper limit"
        rows.append((name, f"{value:.{digits}f} ± {spread:.{digits}f}", unit, words))
    return _known(rows)


#: Columns of `class_rows`, and what each means.
CLASS_COLUMNS = {
    "class": "what the points are labelled as",
    "true": "true points of the class that count",
    "found": "found points of the class that count",
    "F1 %": "harmonic mean of precision and recall, pairing only points of the class",
    "MAE": "mean of |found - true| per frame",
    "AP 0.5": "average precision of boxes at an overlap (IoU) of 0.5",
    "AP": "average precision, mean over IoU 0.5 to 0.95",
}


def class_rows(comparison: Comparison) -> list[list[str]]:
    """One row per class with the columns of CLASS_COLUMNS; what is not known is a dash."""
    rows = []
    for name, (scores, counts) in comparison.classes.items():
        n_true, n_found = (scores.n_truth, scores.n_found) if scores else (counts.n_truth, counts.n_found)
        precision = (comparison.boxes.ap_50[name], comparison.boxes.ap[name]) if comparison.boxes else (math.nan,) * 2
        f1 = 100 * scores.f1 if scores else math.nan
        values = (f"{f1:.1f}", f"{counts.mae:.3g}", *(f"{value:.3f}" for value in precision))
        rows.append([name, f"{n_true:,}", f"{n_found:,}", *("-" if value == "nan" else value for value in values)])
    return rows


def score_rows(comparison: Comparison, *, counts: bool) -> list[Row]:
    """Everything that is said of one table; errors of the counts only on request."""
    rows = rows_of(comparison.scores) if comparison.scores else []
    rows += chamfer_rows(comparison.chamfer)
    rows += count_rows(comparison.counts) if counts else []
    rows += box_rows(comparison.boxes) if comparison.boxes else []
    rows += uncertainty_rows(comparison.uncertainties) if comparison.uncertainties else []
    return rows + (probability_rows(comparison.probabilities) if comparison.probabilities else [])


def score_table(evaluation: Evaluation, *, counts: bool) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Names of the columns and rows of one table: all scores, of two models side by side with their difference."""
    names = evaluation.names
    columns = {name: score_rows(evaluation.comparisons[name], counts=counts) for name in names}
    shown = {(name, unit) for rows in columns.values() for name, _, unit, _ in rows}
    if evaluation.difference:
        rows = difference_rows(evaluation.difference, *names)
        columns["difference"] = [row for row in rows if (row[0], row[2]) in shown]
    if evaluation.reference:
        columns["reference"] = reference_rows(evaluation.reference)
    return ("score", "unit", *columns, "meaning"), side_by_side(list(columns.values()))


def side_by_side(columns: Sequence[Sequence[Row]]) -> list[tuple[str, ...]]:
    """Rows of several lists, joined where name and unit are the same: name, unit, the values, and the meaning.

    What is in some lists only has a dash in the others.

    Examples
    --------
    >>> side_by_side([[("F1", "90", "%", "words")], [("F1", "80", "%", "words"), ("more", "1", "", "other")]])
    [('F1', '%', '90', '80', 'words'), ('more', '', '-', '1', 'other')]
    """
    found = [{(name, unit): (value, meaning) for name, value, unit, meaning in rows} for rows in columns]
    keys = list(dict.fromkeys(key for rows in found for key in rows))
    return [
        (
            *key,
            *(rows[key][0] if key in rows else "-" for rows in found),
            next(rows[key][1] for rows in found if key in rows),
        )
        for key in keys
    ]


def _known(rows: list[Row]) -> list[Row]:
    return [row for row in rows if "nan" not in row[1]]


def _distance(scores: Scores) -> str:
    return f"{scores.tolerance_px:g} px" if scores.pixel_size_nm is None else f"{scores.tolerance_nm:g} nm"
