"""Scores in words, for terminals and windows alike."""

from __future__ import annotations

import math

from napari_pinpoint.evaluation.scores import Scores


def rows_of(scores: Scores) -> list[tuple[str, str, str, str]]:
    """Name, value, unit and meaning of what there is to say; what is not known is left out.

    Examples
    --------
    >>> from napari_pinpoint import Localizations, evaluate
    >>> table = Localizations({"frame": [0], "y": [5.0], "x": [5.0]})
    >>> rows_of(evaluate(table, table, tolerance_px=1))[2]
    ('pairs', '1', '', 'optimal, at most 1 px apart')
    """
    rows = [
        ("true", f"{scores.n_truth:,}", "", "emitters that count"),
        ("found", f"{scores.n_found:,}", "", "localizations that count"),
        ("pairs", f"{scores.tp:,}", "", f"{scores.method}, at most {_distance(scores)} apart"),
        ("false", f"{scores.fp:,}", "", "localizations without an emitter"),
        ("missed", f"{scores.fn:,}", "", "emitters without a localization"),
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
    return [row for row in rows if "nan" not in row[1]]


def _distance(scores: Scores) -> str:
    return f"{scores.tolerance_px:g} px" if scores.pixel_size_nm is None else f"{scores.tolerance_nm:g} nm"
