"""Average precision of boxes, as COCO defines it.

COCO measures boxes as (x, y, width, height) with (x, y) the upper left corner and the **corner** of the first pixel at
(0, 0); we say where the centre is, with the **centre** of the first pixel at (0, 0).
"""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.evaluation.coverage import Frames, class_names, compared_frames, in_frames
from napari_pinpoint.evaluation.matching import Floats, Ints, is_ignored
from napari_pinpoint.localizations import Localizations

if TYPE_CHECKING:
    from pycocotools.cocoeval import COCOeval

#: What all boxes are where one of the tables knows no classes.
UNNAMED = "object"


@dataclass(frozen=True)
class BoxScores:
    """Average precision per class, and its mean over the classes that there are.

    Attributes
    ----------
    ap_50, ap
        By class: at an intersection over union (IoU) of 0.5, and the mean over 0.50, 0.55, ... 0.95, which is COCO's
        AP. NaN for a class without any box to be found.
    n_truth
        Boxes to be found, by class.
    """

    ap_50: dict[str, float]
    ap: dict[str, float]
    n_truth: dict[str, int]

    @property
    def map_50(self) -> float:
        """Mean of `ap_50` over the classes that have boxes to be found; NaN where none has."""
        return _mean_of_known(self.ap_50)

    @property
    def map(self) -> float:
        """Mean of `ap` over the classes that have boxes to be found; NaN where none has."""
        return _mean_of_known(self.ap)

    def to_dict(self) -> dict[str, Any]:
        """All of them by name, ready for JSON: what is not known is None."""

        def known(values: dict[str, float]) -> dict[str, float | None]:
            return {name: None if np.isnan(value) else value for name, value in values.items()}

        means = known({"map_50": self.map_50, "map": self.map})
        return {**means, "ap_50": known(self.ap_50), "ap": known(self.ap), "n_truth": self.n_truth}


class BoxComparison:
    """Found boxes matched with true ones; `scores` may be asked for again and again, for any of the frames.

    Parameters
    ----------
    found
        Needs `height`, `width` and `probability` in every row. Every row counts: COCO's limit of 100 per image does
        not hold here, and a threshold would cut the curve of precision and recall short.
    truth
        Needs `height` and `width` in every row. Rows flagged "ignore" are COCO's crowds: they need not be found, and
        any number of found boxes that lie in one, by at least the IoU asked for as a fraction of their own area, count
        neither as right nor as wrong.
    frames
        (start, stop) of the frames to compare; see `compared_frames` for the default.

    Notes
    -----
    Classes are told apart where both tables have a column `label`. Matching and averaging are those of pycocotools:
    boxes in order of their probability each take the free true box of their class that they overlap most; precision is
    made monotonic and averaged at 101 values of recall (Lin et al., ECCV 2014; cocodataset.org).
    """

    def __init__(self, found: Localizations, truth: Localizations, *, frames: Frames | None = None) -> None:
        start, stop = compared_frames(found, truth, frames)
        found, truth = (in_frames(table, (start, stop)) for table in (found, truth))
        if "probability" not in found or not np.isfinite(found["probability"]).all():
            raise PinpointError(
                "Average precision needs the column 'probability' in the found table, with a number in every row: "
                "boxes are compared in order of it."
            )
        if "label" not in found or "label" not in truth:
            found, truth = (table.with_columns(label=[UNNAMED] * len(table)) for table in (found, truth))
        names = [class_names(table) for table in (found, truth)]
        self.classes: list[str] = np.unique(np.concatenate(names)).tolist()
        self._n_expected = np.zeros((len(self.classes), stop - start), dtype=np.int64)
        expected = ~is_ignored(truth)
        at = np.searchsorted(self.classes, names[1][expected]), truth["frame"][expected] - start
        np.add.at(self._n_expected, at, 1)
        self._evaluation = _matched(found, truth, self.classes, (start, stop))

    def scores(self, frames: Ints | None = None) -> BoxScores:
        """The scores of some frames, by their indices from the first compared one, each as often as it is given."""
        n_frames = self._n_expected.shape[1]
        frames = np.arange(n_frames) if frames is None else frames
        n_truth = self._n_expected[:, frames].sum(axis=1)
        precision = np.full((10, len(self.classes)), np.nan)
        if len(frames) and n_truth.any():
            precision = self._precision(frames)
        return BoxScores(
            ap_50=dict(zip(self.classes, precision[0].tolist(), strict=True)),
            ap=dict(zip(self.classes, precision.mean(axis=0).tolist(), strict=True)),
            n_truth=dict(zip(self.classes, n_truth.tolist(), strict=True)),
        )

    def _precision(self, frames: Ints) -> Floats:
        """Average precision per IoU and class, shape (10, classes); NaN for classes without truth."""
        evaluation = self._evaluation
        every, n_frames = evaluation.evalImgs, self._n_expected.shape[1]
        # pycocotools keeps the outcome of class k and image i at k * n_images + i, and takes what it finds there.
        chosen = (np.arange(len(self.classes))[:, None] * n_frames + frames).ravel()
        parameters, ids = evaluation.params, evaluation.params.imgIds
        try:
            evaluation.evalImgs = [every[index] for index in chosen]
            parameters.imgIds = evaluation._paramsEval.imgIds = list(range(len(frames)))
            with redirect_stdout(io.StringIO()):
                evaluation.accumulate()
        finally:
            evaluation.evalImgs = every
            parameters.imgIds = evaluation._paramsEval.imgIds = ids
        curves: Floats = evaluation.eval["precision"][..., 0, 0]  # (IoU, recall, class); -1 where there is no truth
        precision: Floats = np.where(curves[:, 0] < 0, np.nan, curves.mean(axis=1))
        return precision


def average_precision(found: Localizations, truth: Localizations, *, frames: Frames | None = None) -> BoxScores:
    """Average precision of found boxes, per class; see `BoxComparison` for what the tables need.

    Examples
    --------
    >>> columns = {"frame": [0, 0], "y": [5.0, 20.0], "x": [5.0, 20.0], "height": [6, 4], "width": [6, 4]}
    >>> truth = Localizations(columns)
    >>> found = Localizations({**columns, "y": [5.0, 60.0], "probability": [0.9, 0.8]})
    >>> round(average_precision(found, truth).map_50, 3)
    0.505
    """
    return BoxComparison(found, truth, frames=frames).scores()


def has_boxes(table: Localizations) -> bool:
    """Whether every row of a table, and at least one, has a height and a width above 0."""
    return bool(len(table) and all(name in table and (table[name] > 0).all() for name in ("height", "width")))


def coco_boxes(table: Localizations) -> Floats:
    """Boxes of a table as COCO writes them, shape (n, 4): x, y, width, height, from the corner of the first pixel.

    Raises
    ------
    PinpointError
        Where a row has no height or width above 0.

    Examples
    --------
    >>> one_pixel = Localizations({"frame": [0], "y": [0.0], "x": [3.0], "height": [1], "width": [1]})
    >>> coco_boxes(one_pixel)
    array([[3., 0., 1., 1.]])
    """
    for name in ("height", "width"):
        if name not in table:
            raise PinpointError(f"Boxes need the column {name!r}, which the table does not have.")
        wrong = ~((table[name] > 0) & np.isfinite(table[name]))
        if wrong.any():
            row = int(np.argmax(wrong))
            raise PinpointError(
                f"Every box needs a {name} above 0; row {row} (frame {table['frame'][row]}) has {table[name][row]}."
            )
    height, width = table["height"].astype(np.float64), table["width"].astype(np.float64)
    return np.column_stack([table["x"] + 0.5 - width / 2, table["y"] + 0.5 - height / 2, width, height])


def _matched(found: Localizations, truth: Localizations, classes: list[str], frames: Frames) -> COCOeval:
    """pycocotools' evaluation after it has matched the boxes of every frame."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    sides = (COCO(), COCO())
    extras = {"iscrowd": is_ignored(truth).astype(int)}, {"score": found["probability"]}
    for side, table, extra in zip(sides, (truth, found), extras, strict=True):
        side.dataset = {
            "images": [{"id": frame} for frame in range(*frames)],
            "categories": [{"id": n, "name": name} for n, name in enumerate(classes)],
            "annotations": _annotations(table, classes, extra),
        }
    with redirect_stdout(io.StringIO()):
        for side in sides:
            side.createIndex()
        evaluation = COCOeval(*sides, iouType="bbox")
        evaluation.params.maxDets = [int(np.bincount(found["frame"], minlength=1).max())]
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, np.inf]], ["all"]
        evaluation.evaluate()
    return evaluation


def _annotations(table: Localizations, classes: list[str], extra: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of a table as COCO's annotations; ids count from 1, for pycocotools takes a match with id 0 for none."""
    boxes = coco_boxes(table)
    columns = {
        "id": np.arange(1, len(table) + 1),
        "image_id": table["frame"],
        "category_id": np.searchsorted(classes, class_names(table)),
        "bbox": boxes,
        "area": boxes[:, 2] * boxes[:, 3],
        "iscrowd": np.zeros(len(table), int),
        **extra,
    }
    rows = zip(*(values.tolist() for values in columns.values()), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _mean_of_known(values: dict[str, float]) -> float:
    known = [value for value in values.values() if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")
