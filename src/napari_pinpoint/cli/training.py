"""What `pinpoint train` does: from its options to the reports of a training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_pinpoint.annotation import read_coverage
from napari_pinpoint.cli.options import Reading, build
from napari_pinpoint.datasets import Dataset, Sample
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.io.tables import read_localizations
from napari_pinpoint.model import Localizer, load_model
from napari_pinpoint.sampling import StackSource, hold_out, hold_out_covered
from napari_pinpoint.training import DatasetPart, Recipe, read_recipe, recipe_for, refining, train_iter, train_recipe
from napari_pinpoint.training.sources import check_window, read_part

if TYPE_CHECKING:
    from napari_pinpoint.stack import StackView
    from napari_pinpoint.training import Progress
    from napari_pinpoint.training.state import Validation

    Reports = Iterator["Progress | Localizer"]


@dataclass(frozen=True)
class Choices:
    """What the options say of the model, of the images and of the training; what was not said is not there, or None.

    `new` are options of `recipe_for` that say what a new model is, `images` fields of a `DatasetPart`.
    """

    name: str
    recipe: str | None
    start: str | None
    stack: str | None
    points: Path | None
    regions: Path | None
    new: dict[str, Any]
    images: dict[str, Any]
    classes: tuple[str, ...]
    steps: int | None
    reading: Reading

    def part(self, of: DatasetPart | None = None) -> DatasetPart:
        """Which images, and what of them; what is not said is as a recipe has it."""
        before = of.model_dump(exclude_unset=True) if of is not None else {}
        return build("The options of the images do not fit", DatasetPart, {**before, **self.images})

    def timed(self, recipe: Recipe) -> Recipe:
        """The recipe with as many steps as are asked for."""
        if self.steps is None:
            return recipe
        return recipe.model_copy(update={"training": recipe.training.model_copy(update={"steps": self.steps})})


def reports_of(choices: Choices, *, folder: Path, device: str) -> Reports:
    """The training that the options ask for: on a stack, or on what a recipe or `choices.images` say."""
    if choices.stack is not None and choices.points is not None:
        view = choices.reading(choices.stack)
        return _on_stack(choices, view, choices.points, folder=folder, device=device)
    begin, dataset = None, None
    if choices.recipe is not None:
        recipe = _with_images(read_recipe(choices.recipe), choices)
    else:
        part = choices.part()
        begin = None if choices.start is None else load_model(choices.start)
        dataset = read_part(part, classes=choices.classes if begin is None else begin.spec.classes)
        recipe = _recipe(choices, begin, dataset, part)
    return train_recipe(choices.timed(recipe), dataset=dataset, folder=folder, start=begin, device=device)


def _with_images(recipe: Recipe, choices: Choices) -> Recipe:
    """The recipe with what the options say of its images; one that only simulates is taken for its model alone."""
    if not choices.images:
        return recipe
    if recipe.dataset is not None:
        return recipe.model_copy(update={"dataset": choices.part(recipe.dataset)})
    if "path" not in choices.images:
        raise PinpointError(
            f"The recipe {choices.recipe} simulates what it learns from; what was said of images "
            f"({', '.join(choices.images)}) has no meaning without --dataset FOLDER."
        )
    return recipe.model_copy(update={"dataset": choices.part(), "scene": None, "validation": None})


def _recipe(choices: Choices, begin: Localizer | None, dataset: Dataset, part: DatasetPart | None) -> Recipe:
    """A new model for a dataset, or one that is there and is to learn more."""
    window = choices.images.get("window")
    if begin is not None:
        return refining(begin, dataset, name=choices.name, images=part, window=window)
    return recipe_for(dataset, name=choices.name, images=part, window=window, **choices.new)


def _on_stack(choices: Choices, view: StackView, table: Path, *, folder: Path, device: str) -> Reports:
    """A training on the annotated frames of a stack; every fifth of those with points is validated on."""
    points = read_localizations(table, pixel_size_nm=view.stack.pixel_size_nm)
    coverage = None if choices.regions is None else read_coverage(choices.regions)
    begin = None
    if choices.recipe is not None:
        recipe = read_recipe(choices.recipe)
        model = recipe.model.model_copy(update={"name": choices.name, "version": 1})
        recipe = recipe.model_copy(update={"model": model})
    else:
        if choices.start is not None or not (choices.new or choices.classes):
            begin = load_model(choices.start or "smlm-2d")
        sample = Sample(view, points, view.stack.name)
        labels = tuple(sorted(Dataset((sample,)).labels))
        recipe = _recipe(choices, begin, Dataset((sample,), choices.classes or labels), None)
    part = choices.part(recipe.dataset)
    check_window(recipe.model, part.window)
    learn_from, frames = points, None
    validation: Validation | None
    if coverage is None:
        learn_from, validation = hold_out(view, points)
    else:
        frames, validation = hold_out_covered(view, points, coverage)
    source = StackSource(
        view,
        learn_from,
        coverage=coverage,
        frames=frames,
        window=part.window,
        classes=recipe.model.classes,
        augmentation=part.augmentation,
        on_points=part.on_points,
        rim=part.rim,
    )
    return train_iter(
        recipe.model,
        choices.timed(recipe).training,
        source=source,
        validation=validation,
        folder=folder,
        start=begin,
        device=device,
        made_from={
            "stack": view.stack.path,
            "points": str(table),
            **({} if choices.regions is None else {"regions": str(choices.regions)}),
        },
    )
