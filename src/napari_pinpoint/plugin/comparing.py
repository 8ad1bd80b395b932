"""Compare two tables: the work for the thread, and layers of what does not agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from napari_pinpoint.evaluation import Scores, evaluate, match
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.layers import Placement, points_layer_data


@dataclass(frozen=True, eq=False)
class Comparison:
    """The scores, and the points of either table that have no partner."""

    scores: Scores
    missed: Localizations
    false: Localizations


def compare(found: Localizations, truth: Localizations, tolerance: dict[str, float]) -> Comparison:
    """Score `found` as `evaluate` does with this tolerance (`tolerance_nm` or `tolerance_px`)."""
    scores = evaluate(
        found, truth, tolerance_nm=tolerance.get("tolerance_nm"), tolerance_px=tolerance.get("tolerance_px")
    )
    matches = match(found, truth, tolerance=scores.tolerance_px)
    missed, false = truth.select(matches.missed), found.select(matches.false)
    return Comparison(
        scores,
        missed.with_step("evaluate", kept="missed", tolerance_px=scores.tolerance_px),
        false.with_step("evaluate", kept="false", tolerance_px=scores.tolerance_px),
    )


def difference_layer_data(
    table: Localizations, placement: Placement, *, kind: str, name: str
) -> tuple[Any, dict[str, Any], str]:
    """Points of one kind ("missed" or "false"), told apart by their symbol as well as by their colour."""
    data, attributes, points = points_layer_data(table, placement, name=f"{kind}: {name}")
    color = {"missed": "#ff9d3b", "false": "#ff5ad0"}[kind]
    attributes |= {"symbol": {"missed": "cross", "false": "x"}[kind], "size": 3.0, "border_width": 0.0}
    return data, attributes | {"border_color": color, "face_color": color}, points
