"""Blood cells: CenterNet finds red cells, white cells and platelets in colour pictures, each with its box.

The pictures (BCCD, 640 x 480) are few, and many red cells in them have no box. What that costs is measured, too:
detections that touch no annotated box may be cells all the same, so scores are given with and without them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from napari_pinpoint.bench import Tell, tell_nobody
from napari_pinpoint.bench.cache import hash_of_files, in_quick, trained_on, training_table
from napari_pinpoint.bench.cells_figures import examples_figure, unannotated_figure
from napari_pinpoint.datasets import Dataset, read_dataset
from napari_pinpoint.evaluation.bootstrap import bootstrap
from napari_pinpoint.evaluation.boxes import BoxComparison, BoxScores, coco_boxes
from napari_pinpoint.inference import LocalizeSettings, localize
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.model import Localizer
from napari_pinpoint.reports.writing import Goal, Picture, Section, Table
from napari_pinpoint.training import Recipe
from napari_pinpoint.training.sources import sources_of
from napari_pinpoint.training.spec import read_recipe

Array = np.ndarray[Any, Any]

#: mAP at IoU 0.5 on the val part.
TO_REACH = 0.70
#: Average precision asks for the whole curve, down to improbable boxes.
LEAST = 0.01
#: From this probability on a box is counted and drawn: the model's threshold.
SHOWN = 0.2
#: A detection of less overlap than this with every annotated box touches none.
TOUCHES = 0.1

RECIPE = read_recipe("blood-cells")
CLASSES = RECIPE.model.classes


class BloodCells:
    """The task; see the module."""

    name: ClassVar[str] = "cells"
    title: ClassVar[str] = "Blood cells in boxes by CenterNet"
    needs_data: ClassVar[bool] = True

    def run(self, folder: Path, data: Path | None, *, quick: bool = False, progress: Tell = tell_nobody) -> Section:
        assert data is not None  # it needs data
        whole = read_dataset(data / "cells_boxes", classes=CLASSES)
        learn, test = whole.part("train"), whole.part("val")
        if quick:
            learn, test = learn[:6], test[:4]
        model = trained_model(learn, folder, quick=quick, progress=progress)
        progress("scoring blood cells", 0, 1)
        found, truth = boxes_of(model, test), truth_of(test)
        return _section(self.title, model, test, found, truth, n_resamples=20 if quick else 1000)


def trained_model(learn: Dataset, folder: Path, *, quick: bool = False, progress: Tell = tell_nobody) -> Localizer:
    """The model that was trained on those pictures."""
    recipe = _quick(RECIPE) if quick else RECIPE
    sources = sources_of(recipe, learn)
    return trained_on(
        recipe.model,
        recipe.training,
        folder,
        source=lambda: sources.source,
        validation=lambda: sources.validation,
        data={
            "images": hash_of_files(sample.image for sample in learn if isinstance(sample.image, Path)),
            "n_boxes": learn.n_points,
            "dataset": recipe.model_dump(mode="json")["dataset"],
        },
        progress=progress,
    )


def _quick(recipe: Recipe) -> Recipe:
    dataset = None if recipe.dataset is None else recipe.dataset.model_copy(update={"window": 192})
    return recipe.model_copy(update={"dataset": dataset, "training": in_quick(recipe.training, batch=2)})


def boxes_of(model: Localizer, dataset: Dataset) -> Localizations:
    """Boxes found in all pictures; the n-th is frame n."""
    settings = LocalizeSettings(threshold=LEAST)
    return _in_frames(localize(sample.view(), model, settings=settings, device="cpu") for sample in dataset)


def truth_of(dataset: Dataset) -> Localizations:
    """Annotated boxes of all pictures; the n-th is frame n."""
    return _in_frames(sample.table for sample in dataset)


def touches_none(found: Localizations, truth: Localizations) -> Array:
    """(n,) bool: found boxes that overlap no annotated one, of any class, by an IoU of `TOUCHES`."""
    from pycocotools import mask

    alone = np.ones(len(found), dtype=bool)
    for frame in np.unique(found["frame"]):
        rows, there = np.flatnonzero(found["frame"] == frame), truth.select(truth["frame"] == frame)
        if len(there):
            iou = mask.iou(coco_boxes(found.select(rows)), coco_boxes(there), [0] * len(there))
            alone[rows] = np.asarray(iou).max(axis=1) < TOUCHES
    return alone


def _in_frames(tables: Any) -> Localizations:
    return Localizations.concatenate([t.with_columns(frame=np.full(len(t), i)) for i, t in enumerate(tables)])


def _section(
    title: str, model: Localizer, test: Dataset, found: Localizations, truth: Localizations, *, n_resamples: int
) -> Section:
    n, classes = len(test), CLASSES
    alone = touches_none(found, truth)
    every, strict = (BoxComparison(t, truth, frames=(0, n)) for t in (found, found.select(~alone)))
    names: list[tuple[str, Callable[[BoxScores], float]]] = [("mean", lambda scores: scores.map_50)]
    names += [(c, lambda scores, c=c: scores.ap_50.get(c, float("nan"))) for c in classes]  # type: ignore[misc]
    drawn = _remembered(every)
    intervals = {name: bootstrap(lambda i, of=of: of(drawn(i)), n, n_resamples=n_resamples) for name, of in names}  # type: ignore[misc]
    scores, upper = every.scores(), strict.scores()
    rows = [
        (
            name,
            scores.n_truth.get(name) if name in classes else sum(scores.n_truth.values()),
            str(intervals[name]),
            scores.ap.get(name) if name in classes else scores.map,
            of(upper),
        )
        for name, of in names
    ]
    columns = ("class", "boxes", f"AP at IoU 0.5 ({n} pictures)", "AP at 0.50 to 0.95", "AP at 0.5, strangers left out")
    sure = alone & (found["probability"] >= SHOWN) & (found["label"] == "RBC")
    n_sure = int(((found["probability"] >= SHOWN) & (found["label"] == "RBC")).sum())
    return Section(
        title,
        [
            *_said(),
            Table(columns, rows, "Average precision on the val part, with 95 % intervals over pictures"),
            f"Many red cells have no box. Of the {n_sure} red cells that are found in the test pictures with a "
            f"probability of at least {SHOWN}, {int(sure.sum())} overlap no annotated box of any class by an IoU of "
            f"{TOUCHES} (strangers). Each counts as wrong above; the last column leaves them out and is what the score "
            "could be if all of them were cells without a box. The figure shows the most probable ones.",
            Picture.of(
                unannotated_figure(test, found.select(sure)),
                "cells-strangers",
                "The most probable red cells that touch no annotated box (solid), and the annotated boxes (dashed).",
            ),
            Picture.of(
                examples_figure(test, found.select(found["probability"] >= SHOWN), truth, classes),
                "cells-examples",
                f"Test pictures: boxes found with a probability of at least {SHOWN} (solid, with the first letter of "
                "their class), and annotated boxes (dashed).",
            ),
            training_table({"blood cells": model}),
        ],
        goals=[Goal("mAP at IoU 0.5", intervals["mean"].value, at_least=TO_REACH)],
        results={
            "scores": scores.to_dict(),
            "intervals": {name: interval.to_dict() for name, interval in intervals.items()},
            "without_strangers": upper.to_dict(),
            "red_cells_shown": n_sure,
            "red_cells_shown_strangers": int(sure.sum()),
            "seconds": model.record["seconds"],
        },
    )


def _remembered(comparison: BoxComparison) -> Callable[[Array], BoxScores]:
    """The scores of some pictures, found once: the intervals of all classes are of the same draws."""
    known: dict[bytes, BoxScores] = {}

    def scores(images: Array) -> BoxScores:
        key = images.tobytes()
        if key not in known:
            known[key] = comparison.scores(images)
        return known[key]

    return scores


def _said() -> list[str]:
    return [
        "Trained on the train part alone, from random weights; every fifth of its pictures was not learned from: these "
        "chose among three checkpoints, by the points' Jaccard index, and the threshold, by F1 at IoU 0.5. Windows are "
        "mirrored, turned, scaled and given other hues, contrast and brightness. The two boxes without area were left "
        "out. Nothing was tuned on the val part.",
    ]
