"""What is trained where a user only says on which images."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from napari_pinpoint.augmentation import Augmentation
from napari_pinpoint.datasets import Dataset, Sample
from napari_pinpoint.errors import PinpointError, PinpointWarning
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.methods import METHODS
from napari_pinpoint.model import Localizer, ModelSpec, load_model
from napari_pinpoint.training import REFINING, DatasetPart, recipe_for, refining
from napari_pinpoint.training import defaults as module

POINTS = {"frame": [0, 0], "y": [9.0, 20.0], "x": [4.0, 30.0]}


def dataset(*, size: float | None = None, classes: tuple[str, ...] = (), colour: bool = False) -> Dataset:
    table = Localizations(POINTS)
    if size is not None:
        table = table.with_columns(height=[size, size], width=[size, size])
    if classes:
        table = table.with_columns(label=[classes[0], classes[-1]])
    image = np.zeros((3, 40, 48) if colour else (40, 48), np.uint8)
    return Dataset((Sample(image, table, "a", seen={"channel": "all"} if colour else {}),), classes)


@pytest.mark.parametrize("method", METHODS.names())
@pytest.mark.parametrize("size", [None, 6.0, 15.0, 60.0])
def test_a_model_can_be_built_for_every_method_and_size(method: str, size: float | None) -> None:
    recipe = recipe_for(dataset(size=size), method=method)
    assert recipe.model.method.name == method
    assert recipe.dataset.window % Localizer(recipe.model).grid == 0
    assert recipe.model.normalization.name == "local"  # no camera is needed


def test_boxes_and_colours_make_a_centernet_with_classes() -> None:
    recipe = recipe_for(dataset(size=60, classes=("a", "b"), colour=True), name="cells")
    assert recipe.model.method.name == "centernet"
    assert (recipe.model.name, recipe.model.channels, recipe.model.classes) == ("cells", 3, ("a", "b"))
    assert Localizer(recipe.model).backbone.stride == 4
    assert recipe.training.tolerance_px == 20
    assert recipe_for(dataset()).model.method.name == "matching"


def test_what_is_said_is_heeded() -> None:
    images = DatasetPart(path="here", channel=0, split="train")
    recipe = recipe_for(dataset(), method="gaussian", backbone="plain", loss="mse", images=images, window=48, steps=7)
    assert recipe.model.backbone.name == "plain"
    assert (recipe.dataset.path, recipe.dataset.split, recipe.dataset.window) == ("here", "train", 48)
    assert recipe.dataset.augmentation != Augmentation()
    assert recipe.training.steps == 7
    own = recipe_for(dataset(), method="gaussian", backbone="unet").model.backbone
    assert own == recipe_for(dataset(), method="gaussian").model.backbone


def test_what_does_not_fit_says_what_does() -> None:
    with pytest.raises(PinpointError, match="The method matching has no target to choose; these have: gaussian"):
        recipe_for(dataset(), method="matching", target="gaussian")
    with pytest.raises(PinpointError, match="decoders that fit: blobs"):
        recipe_for(dataset(), method="lcfcn", decoder="peaks")


def test_a_method_without_classes_learns_them_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    class Simple:
        model_fields: ClassVar[dict] = {}

    monkeypatch.setattr(module, "METHODS", {"simple": Simple, "gaussian": METHODS["gaussian"]})
    with pytest.warns(PinpointWarning, match="simple does not tell classes apart: a, b are learnt as one.*: gaussian"):
        assert module._classes("simple", ("a", "b")) == ()
    assert module._classes("simple", ("a",)) == ()


def test_refining_is_gentle_and_exact_where_photons_count() -> None:
    spots, smlm = load_model("spots"), load_model("smlm-2d")
    recipe = refining(spots, dataset(), name="mine")
    assert recipe.model == spots.spec.model_copy(update={"name": "mine", "version": 1})
    assert recipe.training.learning_rate == REFINING.learning_rate
    assert not recipe.dataset.augmentation.is_exact
    assert refining(smlm, dataset()).dataset.augmentation.is_exact


def test_windows_are_on_the_grid_of_the_model_that_is_there() -> None:
    deep = Localizer(ModelSpec(name="deep", backbone={"name": "unet", "options": {"widths": [4] * 6}}))
    assert refining(deep, dataset()).dataset.window == 64
    assert deep.grid == 32
