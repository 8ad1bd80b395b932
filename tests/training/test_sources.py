"""What a recipe learns from and is validated on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from pydantic import ValidationError

from napari_pinpoint.datasets import Dataset, Sample
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.registry import Part
from napari_pinpoint.sampling import DatasetSource, MixedSource, SceneSource
from napari_pinpoint.training import DatasetPart, Recipe, read_recipe, sources_of, train
from napari_pinpoint.training.sources import divide

MODEL = {"name": "m", "backbone": {"name": "unet", "options": {"widths": [4, 4]}}, "normalization": "local"}
SCENE = Part(name="spots", options={"shape": [32, 32]})
TABLE = Localizations({"frame": [0], "y": [9.0], "x": [4.0]})


def dataset(n: int = 10, **splits: int) -> Dataset:
    """`n` images, or as many as each part is to have."""
    parts = [part for part, count in splits.items() for _ in range(count)] or [None] * n
    return Dataset(tuple(Sample(np.zeros((32, 40)), TABLE, str(i), part) for i, part in enumerate(parts)))


def names(samples: Dataset) -> str:
    return "".join(sample.name for sample in samples)


@pytest.mark.parametrize(
    ("splits", "part", "learn", "check"),
    [
        ({}, {}, "01235678", "49"),
        ({"train": 2, "val": 1}, {}, "01", "2"),
        ({"train": 2, "val": 1, "test": 3}, {}, "01", "2"),
        ({"train": 6, "val": 1}, {"split": "train"}, "01235", "4"),  # what was not named is not looked at
        ({"train": 2, "val": 1, "test": 2}, {"validation": "test"}, "01", "34"),
        ({"train": 6, "test": 1}, {}, "01235", "4"),
        ({"a": 5, "b": 5}, {"split": "b"}, "5678", "9"),
        ({"a": 2, "b": 3}, {}, "0123", "4"),
    ],
)
def test_which_images_are_learnt_from_and_which_validate(splits, part, learn, check) -> None:
    found = divide(dataset(**splits), DatasetPart(**part))
    assert tuple(map(names, found)) == (learn, check)


def test_a_scene_images_or_both() -> None:
    images = DatasetPart(window=32)
    simulated = sources_of(Recipe(model=MODEL, scene=SCENE, validation=SCENE, validation_frames=1))
    assert isinstance(simulated.source, SceneSource)
    annotated = sources_of(Recipe(model=MODEL, dataset=images), dataset())
    assert isinstance(annotated.source, DatasetSource)
    assert len(annotated.validation) == 2
    assert annotated.made_from["images"] == {
        "path": None, "learnt_from": 8, "points": 8, "validated_on": ["4", "9"]
    }  # fmt: skip
    both = sources_of(Recipe(model=MODEL, scene=SCENE, dataset=images, share=0.75), dataset())
    assert isinstance(both.source, MixedSource)
    assert both.source.weights.tolist() == [0.25, 0.75]
    checked = sources_of(Recipe(model=MODEL, validation=SCENE, validation_frames=1, dataset=images), dataset())
    assert checked.made_from["images"]["validated_on"] == []
    assert checked.validation[0].n_frames == 1
    with pytest.raises(PinpointError, match="learns from no images"):
        sources_of(Recipe(model=MODEL, scene=SCENE, validation=SCENE), dataset())
    with pytest.raises(ValidationError, match="a scene or a dataset"):
        Recipe(model=MODEL)


def test_few_images_are_all_learnt_from() -> None:
    recipe = Recipe(model=MODEL, dataset=DatasetPart(window=32), training={"steps": 1, "batch": 1})
    assert sources_of(recipe, dataset(3)).validation is None
    assert train(recipe, dataset=dataset(3), device="cpu").record["validation"] == {}


def test_boxes_are_centred_for_what_learns_sizes() -> None:
    table = TABLE.with_columns(height=[8.0], width=[8.0], box_y=[11.0], box_x=[5.0])
    images = Dataset((Sample(np.zeros((32, 40)), table, "a"),))
    part = DatasetPart(window=32)
    for method, y in (("matching", 9.0), ("centernet", 11.0)):
        source = sources_of(Recipe(model={**MODEL, "method": method}, dataset=part), images).source
        assert source.frames[0].table["y"].tolist() == [y]


def test_windows_fit_the_network() -> None:
    recipe = Recipe(model={**MODEL, "backbone": {"name": "unet", "options": {"widths": [4] * 5}}},
                    dataset=DatasetPart(window=40))  # fmt: skip
    with pytest.raises(PinpointError, match="multiple of 16 pixels, not 40; the nearest are 32 and 48"):
        sources_of(recipe, dataset())


def test_the_path_of_a_recipe_is_relative_to_it(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("model: {name: m}\ndataset: {path: ../images, channel: '0'}\n")
    recipe = read_recipe(tmp_path / "r.yaml")
    assert Path(recipe.dataset.path).resolve() == (tmp_path.parent / "images").resolve()
    assert recipe.dataset.channel == 0
    with pytest.raises(PinpointError, match="does not exist"):
        sources_of(recipe)


def test_the_examples_of_the_documentation_can_be_used() -> None:
    text = (Path(__file__).parents[2] / "docs" / "datasets.md").read_text(encoding="utf-8")
    python, recipe = (text.split(f"```{language}\n")[1].split("```")[0] for language in ("python", "yaml"))
    assert Recipe.model_validate(yaml.safe_load(recipe)).dataset.augmentation.hue == 15
    names: dict = {"image": np.zeros((32, 40), np.uint8)}
    exec(python.replace("recipe_for(dataset,", "recipe_for(dataset, steps=1,"), names)
    assert names["model"].spec.classes == ("cell",)
