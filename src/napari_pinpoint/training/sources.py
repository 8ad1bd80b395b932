"""Sources: what a recipe's model learns from and is validated on."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from napari_pinpoint.datasets import Dataset, read_dataset
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.methods import METHODS
from napari_pinpoint.model import Localizer, ModelSpec
from napari_pinpoint.sampling import DatasetSource, MixedSource, SampleSource, SceneSource
from napari_pinpoint.training.spec import DatasetPart, Recipe, scene_of
from napari_pinpoint.training.state import Validation

#: The part of the images that are held out where no part is for validation: one in so many.
EVERY = 5


@dataclass(frozen=True)
class Sources:
    """What a training learns from and is validated on; `made_from` says of the images what the recipe does not."""

    source: SampleSource
    validation: Validation | None
    made_from: dict[str, Any]


def sources_of(recipe: Recipe, dataset: Dataset | str | os.PathLike[str] | None = None) -> Sources:
    """What a recipe learns from, opened.

    Parameters
    ----------
    dataset
        The annotated images, or where they are; else the recipe's own path.

    Raises
    ------
    PinpointError
        If it is not said where the images are, they cannot be read, the recipe does not learn from any, or the
        windows do not fit the network.
    """
    if recipe.dataset is None:
        if dataset is not None:
            raise PinpointError("The recipe learns from no images (dataset), so that those given would not be seen.")
        if recipe.scene is None or recipe.validation is None:
            raise PinpointError("The recipe has no scene to validate on (validation).")
        return Sources(SceneSource(scene_of(recipe.scene)), _simulated(recipe), {})
    part = recipe.dataset
    opened = dataset if isinstance(dataset, Dataset) else read_part(part, dataset, recipe.model.classes)
    opened = replace(opened, classes=recipe.model.classes)
    if "size" in METHODS[recipe.model.method.name].outputs:
        opened = opened.centred_on_boxes()
    learn, check = divide(opened, part)
    check_window(recipe.model, part.window)
    channels = recipe.model.channels
    source: SampleSource = DatasetSource(
        learn,
        window=part.window,
        channels=channels,
        augmentation=part.augmentation,
        on_points=part.on_points,
        rim=part.rim,
    )
    if recipe.scene is not None:
        source = MixedSource([SceneSource(scene_of(recipe.scene)), source], [1 - recipe.share, recipe.share])
    validation = check.pairs(channels) if recipe.validation is None else _simulated(recipe)
    made_from = {
        "images": {
            "path": part.path if dataset is None or isinstance(dataset, Dataset) else str(dataset),
            "learnt_from": len(learn),
            "points": learn.n_points,
            "validated_on": [sample.name for sample in check] if recipe.validation is None else [],
        }
    }
    return Sources(source, validation or None, made_from)


def read_part(part: DatasetPart, path: str | os.PathLike[str] | None = None, classes: tuple[str, ...] = ()) -> Dataset:
    """The dataset that a recipe names, with all of its parts."""
    place = path or part.path
    if place is None:
        raise PinpointError("The recipe learns from annotated images: say where they are (dataset=, --dataset FOLDER).")
    return read_dataset(
        place, format=part.format, classes=classes or None, channel=part.channel, plane=part.plane, axes=part.axes
    )


def divide(dataset: Dataset, part: DatasetPart) -> tuple[Dataset, Dataset]:
    """The images to learn from and those to validate on; without a part for these, every fifth is held out."""
    split = part.split or ("train" if "train" in dataset.splits else None)
    learn = dataset if split is None else dataset.part(split)
    own = "val" if part.split is None and "train" in dataset.splits and "val" in dataset.splits else None
    if part.validation or own:
        return learn, dataset.part(str(part.validation or own))
    return learn.divided(every=EVERY)


def _simulated(recipe: Recipe) -> Validation | None:
    if recipe.validation is None:
        return None
    frames: Validation = scene_of(recipe.validation).sample(recipe.validation_frames, np.random.default_rng(20_251_121))
    return frames


def check_window(model: ModelSpec, window: int) -> None:
    """Raise unless windows of that side fit the network's grid."""
    grid = Localizer(model).grid
    if window % grid:
        raise PinpointError(
            f"The network takes windows of a multiple of {grid} pixels, not {window}; the nearest are "
            f"{window // grid * grid or grid} and {-(-window // grid) * grid}."
        )
