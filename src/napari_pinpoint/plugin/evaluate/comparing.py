"""Compare tables: the work for the thread, and layers of what agrees and what does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from napari_pinpoint import evaluation
from napari_pinpoint.camera import Camera
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.evaluation import Scores, compared_frames, in_frames
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.layers.calibration import KEY, own_metadata
from napari_pinpoint.plugin.layers.tables import Placement, points_layer_data

Source = Callable[[], Localizations]
#: Colour and symbol of what agrees and what does not: nothing is told by colour alone.
_LOOKS = {"right": ("#56b4e9", "diamond"), "missed": ("#ff9d3b", "cross"), "false": ("#ff5ad0", "x")}


@dataclass(frozen=True, eq=False)
class Difference:
    """All scores, and the points of either table that have a partner, or none.

    Attributes
    ----------
    comparison, scores
        Of the first found table.
    right, missed, false
        Found points with a true one, true points without a found one, found points without a true one.
    pairing
        Which of them belong together.
    second
        Name and scores of a second found table, where there is one.
    models
        The difference of the two.
    reference
        Where it was asked for.
    fully
        Evaluates the same tables in every way, for figures and reports.
    """

    comparison: evaluation.Comparison
    scores: Scores
    right: Localizations
    missed: Localizations
    false: Localizations
    pairing: evaluation.Pairing
    second: tuple[str, evaluation.Comparison] | None
    models: evaluation.ModelDifference | None
    reference: evaluation.Reference | None
    fully: Callable[[], evaluation.Evaluation]


def compare(
    found: Mapping[str, Source],
    truth: Source,
    tolerance: dict[str, Any],
    shape: tuple[int, int] | None,
    *,
    reference: bool = False,
    camera: Camera | None = None,
) -> Difference:
    """Compare tables with the truth, as `evaluation.compare` does, and two of them with each other.

    Parameters
    ----------
    found, truth
        Give the tables; of those that were found there are one or two, by what they are called.
    tolerance
        `tolerance_nm` or `tolerance_px`.
    shape
        (rows, columns) of the image, None where it is not known.
    reference
        Whether to score the reference.
    camera
        Its camera, where the tables do not know theirs.
    """
    name, *others = found
    first, true = found[name](), truth()
    second = found[others[0]]() if others else None
    both = None if second is None else evaluation.shared_frames(first, second, true)
    frames = both or compared_frames(first, true)
    how: dict[str, Any] = {"frames": frames, **tolerance}
    first, true = in_frames(first, frames), in_frames(true, frames)
    comparison = evaluation.compare(first, true, shape=shape, **how)
    assert comparison.scores is not None  # there is a tolerance
    tables = {name: first} if second is None else {name: first, others[0]: second}
    if reference:
        camera = _camera(true, first, camera)
    pairing = evaluation.pair(first, true, **how)
    matches, used = pairing.matches, comparison.scores.tolerance_px
    return Difference(
        comparison,
        comparison.scores,
        first.select(matches.found).with_step("evaluate", kept="right", tolerance_px=used),
        true.select(matches.missed).with_step("evaluate", kept="missed", tolerance_px=used),
        first.select(matches.false).with_step("evaluate", kept="false", tolerance_px=used),
        pairing,
        second=None if second is None else (others[0], evaluation.compare(second, true, shape=shape, **how)),
        models=None if second is None else evaluation.compare_models(first, second, true, **how),
        reference=evaluation.reference_scores(true, camera, shape=shape, **how) if reference and camera else None,
        fully=partial(
            evaluation.evaluate_fully, tables, true, shape=shape, camera=camera if reference else None, **how
        ),
    )


def write_report(difference: Difference, folder: str, *, truth: str, title: str, overwrite: bool) -> Path:
    """Write the report of a comparison into a folder; gives its page."""
    from napari_pinpoint.reports.evaluation import evaluation_report
    from napari_pinpoint.reports.writing import PAGE

    report = evaluation_report(difference.fully(), truth=truth, title=title)
    report.write(folder, overwrite=overwrite)
    return Path(folder) / PAGE


def _camera(truth: Localizations, found: Localizations, camera: Camera | None) -> Camera:
    known = evaluation.recorded_camera(truth, found) or camera
    if known is None:
        raise PinpointError(
            "The reference needs the noise of the camera, which no layer knows: give the camera in the tab Localize, "
            "or leave the reference out."
        )
    return known


def difference_layer_data(
    table: Localizations, placement: Placement, *, kind: str, name: str
) -> tuple[Any, dict[str, Any], str]:
    """Points of one kind ("right", "missed" or "false"), told apart by their symbol as well as by their colour."""
    data, attributes, points = points_layer_data(table, placement, name=f"{kind}: {name}")
    color, symbol = _LOOKS[kind]
    attributes |= {"symbol": symbol, "size": 3.0, "border_color": color}
    # What is right is an outline, so that the spot is seen inside.
    look = (
        {"face_color": "#00000000", "border_width": 0.1}
        if kind == "right"
        else {"face_color": color, "border_width": 0.0}
    )
    attributes["metadata"][KEY]["difference"] = [kind, name]
    return data, attributes | look, points


def pairs_layer_data(
    pairing: evaluation.Pairing, placement: Placement, *, name: str
) -> tuple[Any, dict[str, Any], str]:
    """Arrows from where points truly are to where they were found, as long as the errors are."""
    truth = pairing.truth.select(pairing.matches.truth)
    start = placement.coordinates(truth, truth["y"], truth["x"])
    error = np.zeros_like(start)
    error[:, -2], error[:, -1] = pairing.error("y"), pairing.error("x")
    attributes = {
        "name": f"pairs: {name}",
        "edge_color": "#f0e442",
        "edge_width": 0.15,
        "vector_style": "arrow",
        "metadata": {KEY: {"difference": ["pairs", name]}},
        **placement.transform,
    }
    return np.stack([start, error], axis=1), attributes, "vectors"


def earlier_differences(viewer: Any, *, kind: str, name: str) -> list[Any]:
    """The layers of a kind that were made for the same found layer before; others of that name are none of ours."""
    return [layer for layer in viewer.layers if own_metadata(layer.metadata).get("difference") == [kind, name]]
