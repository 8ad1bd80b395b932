"""Models are trained once, under a name that everything that decides the weights is part of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_pinpoint.bench.cache import hash_of_files, model_path, trained, trained_on, training_table
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.model import ModelSpec, load_model, save_model
from napari_pinpoint.registry import Part
from napari_pinpoint.sampling import StackSource
from napari_pinpoint.stack import Stack
from napari_pinpoint.training import Recipe, TrainingSpec

TINY = ModelSpec(name="tiny", backbone=Part(name="plain", options={"widths": [4], "kernels": [3]}))
SCENE = Part(name="emitters", options={"shape": [16, 16]})
TRAINING = TrainingSpec(steps=4, batch=2, validate_every=2, report_every=1, warm_up=1)


def recipe(**changes: object) -> Recipe:
    return Recipe(model=TINY, scene=SCENE, validation=SCENE, validation_frames=2, training=TRAINING).model_copy(
        update=changes
    )


def test_a_model_is_trained_once(tmp_path: Path) -> None:
    told: list[tuple[str, float, float]] = []
    first = trained(recipe(), tmp_path, device="cpu", progress=lambda *what: told.append(what))
    assert told[-1] == ("training tiny", 4, 4)
    (file,) = (tmp_path / "models").iterdir()
    assert file == model_path(recipe(), tmp_path)
    told.clear()
    again = trained(recipe(), tmp_path, device="cpu", progress=lambda *what: told.append(what))
    assert told == []
    assert again.fingerprint() == first.fingerprint()
    table = training_table({"it": first})
    row = dict(zip(table.columns, table.texts()[0], strict=True))
    assert row["network"] == "plain (widths [4], kernels [3])"
    assert row["steps x batch"] == "4 x 2"


def test_everything_that_decides_the_weights_is_in_the_name(tmp_path: Path) -> None:
    changed = [
        recipe(),
        recipe(model=TINY.model_copy(update={"method": Part(name="matching", options={"candidates": 2})})),
        recipe(training=TRAINING.model_copy(update={"seed": 1})),
        recipe(scene=Part(name="emitters", options={"shape": [24, 24]})),
        recipe(validation_frames=3),
    ]
    assert len({model_path(one, tmp_path) for one in changed}) == len(changed)


def test_what_was_interrupted_goes_on(tmp_path: Path) -> None:
    class Enough(Exception):
        pass

    def stop(text: str, done: float, total: float) -> None:
        if done == 3:
            raise Enough

    with pytest.raises(Enough):
        trained(recipe(), tmp_path, device="cpu", progress=stop)
    steps: list[float] = []
    resumed = trained(recipe(), tmp_path, device="cpu", progress=lambda text, done, total: steps.append(done))
    assert steps == [3, 4]
    whole = trained(recipe(), tmp_path / "anew", device="cpu")
    assert resumed.fingerprint() == whole.fingerprint()
    assert [path.suffix for path in (tmp_path / "models").iterdir()] == [".safetensors"]


def test_a_model_under_a_wrong_name_is_refused(tmp_path: Path) -> None:
    model = trained(recipe(), tmp_path, device="cpu")
    other = recipe(model=TINY.model_copy(update={"summary": "Another."}))
    save_model(model, model_path(other, tmp_path))
    with pytest.raises(PinpointError, match="remove it"):
        trained(other, tmp_path, device="cpu")


@pytest.fixture
def source(rng: np.random.Generator) -> StackSource:
    stack = Stack(rng.poisson(20, (2, 16, 16)).astype(np.uint16), "TYX")
    return StackSource(stack, Localizations({"frame": [0, 1], "y": [4.0, 9.0], "x": [5.0, 8.0]}), window=16)


def test_images_are_known_by_what_is_said_of_them(tmp_path: Path, source: StackSource) -> None:
    made: list[str] = []

    def train_on(name: str) -> None:
        def make() -> StackSource:
            made.append(name)
            return source

        spec = TINY.model_copy(update={"normalization": Part(name="local")})
        trained_on(spec, TRAINING, tmp_path, source=make, data={"images": name}, device="cpu")

    for name in ("a", "a", "b"):
        train_on(name)
    assert made == ["a", "b"]
    records = [load_model(path).record["data"] for path in (tmp_path / "models").iterdir()]
    assert sorted(record["images"] for record in records) == ["a", "b"]


def test_files_are_known_by_name_and_content(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("same")
    two.write_text("same")
    hashes = {hash_of_files([one]), hash_of_files([two]), hash_of_files([one, two]), hash_of_files([two, one])}
    assert len(hashes) == 4
    before = hash_of_files([one])
    one.write_text("another")
    assert hash_of_files([one]) != before
