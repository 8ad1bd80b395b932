"""Compare two tables: the work for the thread, and layers of what does not agree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from napari_pinpoint import evaluation
from napari_pinpoint.evaluation import Scores, compared_frames, in_frames, match
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.layers.calibration import KEY, own_metadata
from napari_pinpoint.plugin.layers.tables import Placement, points_layer_data


@dataclass(frozen=True, eq=False)
class Difference:
    """All scores, and the points of either table that have no partner."""

    comparison: evaluation.Comparison
    scores: Scores
    missed: Localizations
    false: Localizations


def compare(
    found: Callable[[], Localizations],
    truth: Callable[[], Localizations],
    tolerance: dict[str, Any],
    shape: tuple[int, int] | None,
) -> Difference:
    """Compare what `found` and `truth` give, as `evaluation.compare` does.

    Parameters
    ----------
    found, truth
        Give the tables.
    tolerance
        `tolerance_nm` or `tolerance_px`.
    shape
        (rows, columns) of the image, None where it is not known.
    """
    tables = found(), truth()
    frames = compared_frames(*tables)
    found_table, true_table = (in_frames(table, frames) for table in tables)
    comparison = evaluation.compare(found_table, true_table, frames=frames, shape=shape, **tolerance)
    assert comparison.scores is not None  # there is a tolerance
    used = comparison.scores.tolerance_px
    matches = match(found_table, true_table, tolerance=used)
    return Difference(
        comparison,
        comparison.scores,
        true_table.select(matches.missed).with_step("evaluate", kept="missed", tolerance_px=used),
        found_table.select(matches.false).with_step("evaluate", kept="false", tolerance_px=used),
    )


def difference_layer_data(
    table: Localizations, placement: Placement, *, kind: str, name: str
) -> tuple[Any, dict[str, Any], str]:
    """Points of one kind ("missed" or "false"), told apart by their symbol as well as by their colour."""
    data, attributes, points = points_layer_data(table, placement, name=f"{kind}: {name}")
    color = {"missed": "#ff9d3b", "false": "#ff5ad0"}[kind]
    attributes |= {"symbol": {"missed": "cross", "false": "x"}[kind], "size": 3.0, "border_width": 0.0}
    attributes["metadata"][KEY]["difference"] = [kind, name]
    return data, attributes | {"border_color": color, "face_color": color}, points


def earlier_differences(viewer: Any, *, kind: str, name: str) -> list[Any]:
    """The layers of a kind that were made for the same found layer before; others of that name are none of ours."""
    return [layer for layer in viewer.layers if own_metadata(layer.metadata).get("difference") == [kind, name]]
