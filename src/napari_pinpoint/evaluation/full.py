"""One table, or two on the same frames, against the truth in every way: what reports, commands and windows show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from napari_pinpoint.camera import Camera
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.evaluation.comparison import Comparison, compare
from napari_pinpoint.evaluation.counting import Shape
from napari_pinpoint.evaluation.coverage import Frames, compared_frames
from napari_pinpoint.evaluation.details import Details, details, details_of
from napari_pinpoint.evaluation.differences import ModelDifference, compare_models, shared_frames
from napari_pinpoint.evaluation.reference import Reference, reference_scores
from napari_pinpoint.localizations import Localizations, recorded_field


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What `evaluate_fully` finds.

    Attributes
    ----------
    comparisons, details
        Of each table, by its name.
    difference
        First minus second table; None where there is only one.
    reference
        None where it was not asked for.
    frames
        (start, stop) of the frames that were compared.
    """

    comparisons: dict[str, Comparison]
    details: dict[str, Details]
    difference: ModelDifference | None
    reference: Reference | None
    frames: Frames

    @property
    def names(self) -> list[str]:
        """What the tables are called, the first one first."""
        return list(self.comparisons)

    def curves(self) -> dict[str, Details]:
        """What figures show: the details of each table, and those of the reference where there is one."""
        reference = {"reference": details_of(self.reference.pairing)} if self.reference else {}
        return {**self.details, **reference}

    def to_dict(self) -> dict[str, Any]:
        """The scores of the first table at the top, as `Comparison.to_dict` has them, then all else by name."""
        first, *others = self.names
        return {
            **self.comparisons[first].to_dict(),
            "details": self.details[first].to_dict(),
            "against": {
                name: {**self.comparisons[name].to_dict(), "details": self.details[name].to_dict()} for name in others
            },
            "difference": self.difference.to_dict() if self.difference else None,
            "reference": self.reference.to_dict() if self.reference else None,
        }


def evaluate_fully(
    found: Mapping[str, Localizations],
    truth: Localizations,
    *,
    frames: Frames | None = None,
    shape: Shape | None = None,
    camera: Camera | None = None,
    boxes: bool | None = None,
    **pairs: Any,
) -> Evaluation:
    """Evaluate one table, or two that are to be compared with each other.

    Parameters
    ----------
    found
        One or two tables by the names that they are to be called by.
    truth
        What is there.
    frames
        (start, stop) of the frames to compare; by default those that all tables looked at.
    shape
        (rows, columns) of the frames, or one pair per frame; by default what the record of a table says.
    camera
        Given, the reference is made, too (`reference_scores`); it needs the noise of the camera only.
    boxes
        See `compare`.
    pairs
        The tolerance, and what else `evaluate` takes.

    Examples
    --------
    >>> truth = Localizations({"frame": [0, 1], "y": [5.0, 9.0], "x": [5.0, 9.0]})
    >>> evaluation = evaluate_fully({"mine": truth, "other": truth.select([0])}, truth, tolerance_px=1)
    >>> evaluation.difference.scores["recall"].value
    0.5
    """
    tables = list(found.values())
    if not 1 <= len(tables) <= 2:
        raise PinpointError(f"One or two tables can be evaluated at once, not {len(tables)}.")
    first, *others = tables
    if frames is None:
        frames = shared_frames(first, others[0], truth) if others else compared_frames(first, truth)
    if shape is None:
        shape = next((size for table in (*tables, truth) if (size := recorded_field(table.record))), None)
    reference = None
    if camera is not None:
        size = shape if isinstance(shape, tuple) else None
        reference = reference_scores(truth, camera, shape=size, frames=frames, **pairs)
    return Evaluation(
        comparisons={
            name: compare(table, truth, frames=frames, shape=shape, boxes=boxes, **pairs)
            for name, table in found.items()
        },
        details={name: details(table, truth, frames=frames, **pairs) for name, table in found.items()},
        difference=compare_models(first, others[0], truth, frames=frames, **pairs) if others else None,
        reference=reference,
        frames=frames,
    )
