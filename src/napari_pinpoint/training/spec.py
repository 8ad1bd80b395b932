"""What to train: TrainingSpec, Recipe, and the progress that is reported."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from napari_pinpoint.augmentation import Augmentation
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.model import ModelSpec
from napari_pinpoint.registry import Part
from napari_pinpoint.scenes import SCENES
from napari_pinpoint.zoo import RECIPES


class TrainingSpec(BaseModel, extra="forbid", frozen=True):
    """How long and how to train."""

    steps: int = Field(default=20_000, ge=1)
    batch: int = Field(default=16, ge=1, description="Windows per step.")
    learning_rate: float = Field(default=1e-3, gt=0, description="At the start; it follows a cosine down to 1 %.")
    warm_up: int = Field(default=200, ge=0, description="Steps over which the learning rate rises at first.")
    clip: float = Field(default=1.0, gt=0, description="Largest norm of the gradient.")
    averaging: float = Field(default=0.998, ge=0, lt=1, description="Decay of the moving average of the weights.")
    seed: int = 0
    report_every: int = Field(default=50, ge=1, description="Steps between two reports.")
    validate_every: int = Field(default=2_000, ge=1, description="Steps between two validations and checkpoints.")
    patience: int | None = Field(default=None, ge=1, description="Validations without gain after which to stop.")
    tolerance_px: float = Field(default=0.5, gt=0, description="Distance within which validation counts a match.")
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    schedules_from: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Share of the method's schedules that lies behind at the first step; 1 for a model that is to "
        "be refined, whose schedules have ended.",
    )

    def progress(self, step: int) -> float:
        """How much of the method's schedules lies behind at a step."""
        return self.schedules_from + (1 - self.schedules_from) * step / self.steps


class DatasetPart(BaseModel, extra="forbid", frozen=True):
    """Annotated images to learn from, and how windows are cut from them."""

    path: str | None = Field(default=None, description="The folder, from the recipe's own; else it is given.")
    format: str | None = Field(default=None, description="The dataset's format; else it is recognized.")
    split: str | None = Field(
        default=None, description="The part to learn from; by default train, or all where there are no parts."
    )
    validation: str | None = Field(
        default=None,
        description="The part to validate on; by default val, unless `split` is given; without it every fifth image.",
    )
    channel: int | str | None = Field(default=None, description="As for `Stack.view`: a number, all or luminance.")
    plane: int | str | None = Field(default=None, description="As for `Stack.view`: a number, max or volume.")
    axes: str | None = Field(default=None, description="As for `read_stack`.")
    window: int = Field(default=64, ge=8, description="Side of the windows in pixels.")
    on_points: float = Field(default=0.5, ge=0, le=1, description="Share of the windows that hold a point for certain.")
    rim: int = Field(default=0, ge=0, description="Pixels along a cut through the image that are not believed.")
    augmentation: Augmentation = Augmentation()

    @field_validator("channel", "plane")
    @classmethod
    def _number(cls, value: int | str | None) -> int | str | None:
        return int(value) if isinstance(value, str) and value.isdigit() else value


class Recipe(BaseModel, extra="forbid", frozen=True):
    """All that makes a model again: what it is, what it learns from (a scene, annotated images or both), and how."""

    model: ModelSpec
    scene: Part | None = None
    validation: Part | None = Field(
        default=None, description="The scene that validation frames are drawn from, once; without it, images are used."
    )
    validation_frames: int = Field(default=20, ge=1)
    dataset: DatasetPart | None = None
    share: float = Field(default=0.5, gt=0, lt=1, description="Of windows from images, where there is a scene, too.")
    recalibration_frames: int = Field(
        default=0, ge=0, description="Further frames of that scene on which the trained model is recalibrated."
    )
    training: TrainingSpec = TrainingSpec()

    @model_validator(mode="after")
    def _has_its_sources(self) -> Recipe:
        if self.scene is None and self.dataset is None:
            raise ValueError("a recipe needs a scene or a dataset to learn from, or both")
        if self.recalibration_frames and self.validation is None:
            raise ValueError("frames to recalibrate on (recalibration_frames) need a scene to validate on (validation)")
        return self


@dataclass(frozen=True)
class Progress:
    """How far a training is: reported every few steps, and with scores after a validation."""

    step: int
    steps: int
    loss: float
    terms: dict[str, float]
    seconds: float
    seconds_left: float
    validation: dict[str, float | None] = field(default_factory=dict)
    best: bool = False

    def to_dict(self) -> dict[str, Any]:
        return dict(self.__dict__)


def read_recipe(name: str | os.PathLike[str]) -> Recipe:
    """The recipe of a model that ships, or one from a YAML file."""
    path = RECIPES.get(str(name), Path(name))
    if not path.is_file():
        raise PinpointError(
            f"There is no recipe {str(name)!r}: neither a file nor one of {', '.join(RECIPES) or 'none'}."
        )
    try:
        recipe = Recipe.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, ValidationError, UnicodeDecodeError) as error:
        raise PinpointError(f"{path}: the recipe cannot be used: {error}") from error
    if recipe.dataset is None or recipe.dataset.path is None:
        return recipe
    place = str((path.parent / Path(recipe.dataset.path).expanduser()).absolute())
    return recipe.model_copy(update={"dataset": recipe.dataset.model_copy(update={"path": place})})


def scene_of(part: Part) -> Any:
    """The scene that a recipe names."""
    return SCENES.make(part)
