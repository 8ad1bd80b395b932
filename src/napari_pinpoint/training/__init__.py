"""From a scene or annotated images to a model: `train_iter`, and `train` which collects it."""

from napari_pinpoint.training.defaults import REFINING, recipe_for, refining
from napari_pinpoint.training.loop import train, train_iter, train_recipe
from napari_pinpoint.training.recalibrating import frames_of, recalibrated
from napari_pinpoint.training.sources import Sources, sources_of
from napari_pinpoint.training.spec import DatasetPart, Progress, Recipe, TrainingSpec, read_recipe, scene_of

__all__ = [
    "REFINING",
    "DatasetPart",
    "Progress",
    "Recipe",
    "Sources",
    "TrainingSpec",
    "frames_of",
    "read_recipe",
    "recalibrated",
    "recipe_for",
    "refining",
    "scene_of",
    "sources_of",
    "train",
    "train_iter",
    "train_recipe",
]
