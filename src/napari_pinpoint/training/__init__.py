"""From a scene or annotated images to a model: `train_iter`, and `train` which collects it."""

from napari_pinpoint.training.loop import train, train_iter, train_recipe
from napari_pinpoint.training.spec import Progress, Recipe, TrainingSpec, read_recipe, scene_of

__all__ = ["Progress", "Recipe", "TrainingSpec", "read_recipe", "scene_of", "train", "train_iter", "train_recipe"]
