"""`pinpoint train --dataset`: from a folder of annotated images to a model, by every method."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest

from napari_pinpoint import load_model
from napari_pinpoint.methods import METHODS

Run = Callable[..., Any]
QUICK = ("--steps", "2", "--window", "32", "--device", "cpu")


def images_in(folder: Path, rng: np.random.Generator, shapes: list[tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Pictures 0.png, 1.png, ... with three bright squares each; (3, 3) arrays of y, x."""
    folder.mkdir(parents=True, exist_ok=True)
    points = {}
    for number, shape in enumerate(shapes):
        image = rng.integers(0, 20, shape).astype(np.uint8)
        places = rng.integers(3, min(shape[:2]) - 3, (3, 2))
        for y, x in places:
            image[y - 2 : y + 3, x - 2 : x + 3] = 200
        imagecodecs.imwrite(folder / f"{number}.png", image)
        points[str(number)] = places
    return points


@pytest.fixture
def spots(tmp_path: Path, rng: np.random.Generator) -> Path:
    """Ten images of two sizes and a CSV for each, and one that is empty."""
    folder = tmp_path / "spots"
    for name, places in images_in(folder, rng, [(40, 36), (33, 50)] * 5).items():
        rows = "".join(f"{y},{x}\n" for y, x in places) if name != "3" else ""
        (folder / f"{name}.csv").write_text("y,x\n" + rows)
    return folder


@pytest.fixture
def cells(tmp_path: Path, rng: np.random.Generator) -> Path:
    """Ten colour pictures and one table of boxes of two classes."""
    folder = tmp_path / "cells"
    rows = ["image,class,ymin,xmin,ymax,xmax"]
    for name, places in images_in(folder / "images", rng, [(40, 36, 3)] * 10).items():
        rows += [f"{name}.png,{'ab'[i % 2]},{y - 2},{x - 2},{y + 3},{x + 3}" for i, (y, x) in enumerate(places)]
    (folder / "boxes.csv").write_text("\n".join(rows))
    return folder


@pytest.mark.parametrize("method", METHODS.names())
def test_every_method_learns_from_a_folder(run: Run, spots: Path, tmp_path: Path, method: str) -> None:
    output = tmp_path / "taught.safetensors"
    ended = run("train", "--dataset", spots, "--method", method, "-o", output, *QUICK, "--json")
    assert ended.code == 0, ended.err
    record = json.loads(ended.out)["record"]
    assert record["images"]["learnt_from"] == 8
    assert record["images"]["validated_on"] == ["4", "9"]
    assert record["validation"]["recall"] is not None
    model = load_model(output)
    assert (model.spec.name, model.spec.method.name, model.spec.channels) == ("taught", method, 1)
    assert not (tmp_path / "taught.safetensors.training").exists()


def test_boxes_in_classes_and_colour_make_a_centernet(run: Run, cells: Path, tmp_path: Path) -> None:
    output = tmp_path / "cells.safetensors"
    ended = run("train", "--dataset", cells, "-o", output, *QUICK)
    assert ended.code == 0, ended.err
    spec = load_model(output).spec
    assert (spec.method.name, spec.channels, spec.classes) == ("centernet", 3, ("a", "b"))
    picture, table = cells / "images" / "0.png", tmp_path / "found.parquet"
    found = run("localize", picture, "--model", output, "--threshold", "0.01", "-o", table)
    assert found.code == 0, found.err


def test_parts_that_are_chosen_by_name(run: Run, spots: Path, tmp_path: Path) -> None:
    output = tmp_path / "parts.safetensors"
    parts = ("--backbone", "plain", "--loss", "focal", "--target", "gaussian", "--threshold-function", "fixed")
    ended = run("train", "--dataset", spots, "--method", "gaussian", *parts, "-o", output, *QUICK)
    assert ended.code == 0, ended.err
    spec = load_model(output).spec
    assert spec.backbone.name == "plain"
    assert spec.method.options["loss_function"] == {"name": "focal", "options": {}}
    assert spec.decoder.options["function"]["name"] == "fixed"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--method", "matching", "--decoder", "blobs"), "decoders that fit: pooled_mass"),
        (("--method", "matching", "--loss", "mse"), "The method matching has no loss to choose; these have: gaussian"),
        (("--method", "lcfcn", "--threshold-function", "fixed"), "The decoder blobs has no threshold function"),
        (("--method", "no-such"), "There are: mixture"),
        (("--dataset-format", "no-such"), "There are: one-table"),
        (("--window", "33"), "multiple of 4 pixels, not 33; the nearest are 32 and 36"),
        (("--split", "test"), "no part 'test'"),
        (("--channel", "3"), "no channel"),
        (("--start", "spots", "--method", "gaussian"), "--start says what the model is; leave --method away"),
        (("--recipe", "spots", "--start", "spots"), "not both"),
        (("--start", "spots", "--classes", "a,b"), "--start says what the model is; leave --classes away"),
        (("--stack", "a.tif", "--points", "a.csv"), "not both"),
        (("--offset-adu", "100", "--position", "0"), "--offset-adu, --position: these describe a stack"),
    ],
)
def test_what_does_not_fit_says_what_does(
    run: Run, spots: Path, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    output = tmp_path / "m.safetensors"
    ended = run("train", "--dataset", spots, "-o", output, "--steps", "1", "--device", "cpu", *arguments)
    assert ended.code == 2
    assert said in " ".join(ended.err.replace("│", " ").split())
    assert not output.exists()


def test_names_of_all_registries_are_listed_and_nothing_heavy_is_loaded(process: Run) -> None:
    ended = process("train", "--help", env={"COLUMNS": "200", "PATH": "/usr/bin", "PYTHONPROFILEIMPORTTIME": "1"})
    assert ended.code == 0
    text = " ".join(ended.out.replace("│", " ").split())
    for names in ("mixture, gaussian, matching", "mse, weighted_mse", "unet, plain", "one-table, voc, coco"):
        assert names in text
    assert "torch" not in {line.split("|")[-1].strip() for line in ended.err.splitlines()}


def test_a_model_that_is_there_learns_more(run: Run, spots: Path, tmp_path: Path) -> None:
    output = tmp_path / "more.safetensors"
    ended = run("train", "--dataset", spots, "--start", "spots", "-o", output, *QUICK)
    assert ended.code == 0, ended.err
    taught, before = load_model(output), load_model("spots")
    assert taught.spec == before.spec.model_copy(update={"name": "more", "version": 1})
    assert taught.fingerprint() != before.fingerprint()


RECIPE = """
model: {name: mine, backbone: {name: unet, options: {widths: [4, 4]}}, normalization: {name: local}}
dataset: {path: spots, window: 32, augmentation: {contrast: 0.1}}
training: {steps: 2, batch: 2, validate_every: 2}
"""


def test_a_recipe_of_images_makes_the_same_model_again(run: Run, spots: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text(RECIPE)
    prints = []
    runs = {"one": (), "two": ("--dataset", spots), "three": ("--window", "16", "--dataset", spots)}
    for name, more in {**runs, "four": ("--window", "16")}.items():
        ended = run(
            "train", "--recipe", recipe, *more, "-o", tmp_path / f"{name}.safetensors", "--device", "cpu", "--json"
        )
        assert ended.code == 0, ended.err
        prints.append(json.loads(ended.out)["fingerprint"])
    assert prints[0] == prints[1] != prints[2] == prints[3]


def test_simulated_and_annotated_images_together(run: Run, spots: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "mix.yaml"
    recipe.write_text(RECIPE + "scene: {name: spots, options: {shape: [32, 32]}}\nshare: 0.75\n")
    ended = run("train", "--recipe", recipe, "-o", tmp_path / "mix.safetensors", "--device", "cpu", "--json")
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["record"]["share"] == 0.75


def test_a_recipe_without_a_place_asks_for_it(run: Run, tmp_path: Path) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text(RECIPE.replace("path: spots, ", ""))
    ended = run("train", "--recipe", recipe, "-o", tmp_path / "m.safetensors")
    assert ended.code == 2
    assert "--dataset FOLDER" in ended.err
    recipe.write_text("model: {name: mine}")
    assert "needs a scene or a dataset" in run("train", "--recipe", recipe, "-o", tmp_path / "m.safetensors").err


def test_a_stack_with_points_can_teach_a_new_model(run: Run, movie: Path, truth: Path, tmp_path: Path) -> None:
    output = tmp_path / "new.safetensors"
    ended = run("train", "--stack", movie, "--points", truth, "--method", "gaussian", "-o", output, *QUICK)
    assert ended.code == 0, ended.err
    assert load_model(output).spec.method.name == "gaussian"
    again = ("train", "--stack", movie, "--points", truth, "-o", tmp_path / "other.safetensors", "--window", "33")
    ended = run(*again, "--start", output)
    assert ended.code == 2
    assert "multiple of 4 pixels, not 33" in ended.err


def test_options_that_would_not_be_heeded_are_refused(run: Run, tmp_path: Path) -> None:
    ended = run("train", "--recipe", "smlm-2d", "--split", "train", "-o", tmp_path / "m.safetensors")
    assert ended.code == 2
    assert "smlm-2d simulates what it learns from; what was said of images (split)" in ended.err
    on_stack = ("train", "--stack", "a.tif", "--points", "a.csv", "-o", tmp_path / "m.safetensors")
    ended = run(*on_stack, "--split", "train", "--dataset-format", "voc")
    assert ended.code == 2
    assert "--dataset-format, --split: a stack has no parts" in ended.err


def test_a_window_is_heeded_on_a_stack_with_a_recipe(run: Run, spots: Path, movie: Path, truth: Path) -> None:
    recipe = spots.parent / "mine.yaml"
    recipe.write_text(RECIPE)
    output = spots.parent / "m.safetensors"
    ended = run("train", "--recipe", recipe, "--stack", movie, "--points", truth, "--window", "33", "-o", output)
    assert ended.code == 2
    assert "multiple of 2 pixels, not 33" in ended.err
