"""`pinpoint train`: from a recipe, and from a stack whose points are known."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from napari_pinpoint import load_model
from napari_pinpoint.annotation import CompleteRegion, Coverage, write_coverage

Run = Callable[..., Any]
Camera = tuple[str, ...]

RECIPE = """
model: {name: small, backbone: {name: unet, options: {widths: [4, 4]}}}
scene: {name: emitters, options: {shape: [16, 16], independent_frames: true}}
validation: {name: emitters, options: {shape: [32, 32]}}
validation_frames: 2
training: {steps: 6, batch: 2, report_every: 2, validate_every: 3, warm_up: 0}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(RECIPE)
    return path


def test_a_recipe_gives_a_model(run: Run, recipe: Path, tmp_path: Path) -> None:
    output = tmp_path / "small.safetensors"
    ended = run("train", "--recipe", recipe, "-o", output, "--steps", "4", "--device", "cpu", "--json")
    assert ended.code == 0, ended.err
    progress = [json.loads(line) for line in ended.err.splitlines() if line.startswith("{")]
    assert [(p["event"], p["step"], p["steps"]) for p in progress][-1] == ("progress", 4, 4)
    assert json.loads(ended.out)["record"]["steps_done"] == 4
    model = load_model(output)
    assert model.spec.name == "small"
    assert json.loads(ended.out)["fingerprint"] == model.fingerprint()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["small.safetensors", "small.yaml"]


def test_an_interrupted_training_goes_on_to_the_same_model(
    run: Run, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_pinpoint.training.state import Run as Training

    whole = json.loads(
        run("train", "--recipe", recipe, "-o", tmp_path / "whole.safetensors", "--device", "cpu", "--json").out
    )
    command = ("train", "--recipe", recipe, "-o", tmp_path / "parts.safetensors", "--device", "cpu", "--json")
    learn = Training.learn

    def press_ctrl_c(state: Any, batch: Any) -> Any:
        if state.step == 4:
            raise KeyboardInterrupt
        return learn(state, batch)

    with monkeypatch.context() as patch:
        patch.setattr(Training, "learn", press_ctrl_c)
        ended = run(*command)
    assert ended.code == 130
    assert "parts.safetensors.training" in ended.err
    again = run(*command)
    assert again.code == 0
    assert json.loads(again.out)["fingerprint"] == whole["fingerprint"]


def test_points_on_a_stack_teach_a_model(
    run: Run, movie: Path, truth: Path, model: Path, camera: Camera, tmp_path: Path
) -> None:
    output = tmp_path / "taught.safetensors"
    how = ("--start", model, "--steps", "2", "--device", "cpu", "--folder", tmp_path / "checkpoints")
    ended = run("train", "--stack", movie, "--points", truth, "-o", output, *how, *camera)
    assert ended.code == 0, ended.err
    taught = load_model(output)
    assert taught.spec.name == "taught"
    assert taught.record["validation"]["recall"] is not None
    assert taught.record["start"] == load_model(model).fingerprint()
    assert (tmp_path / "checkpoints" / "best.safetensors").is_file()
    assert "Jaccard" in ended.out


def test_a_stack_that_is_annotated_in_part_teaches_and_validates_there(
    run: Run, movie: Path, truth: Path, model: Path, camera: Camera, tmp_path: Path
) -> None:
    regions = tmp_path / "regions.json"
    write_coverage(Coverage((CompleteRegion([(0, 0), (0, 20), (20, 20), (20, 0)]),)), regions)
    output = tmp_path / "taught.safetensors"
    how = ("--start", model, "--steps", "2", "--device", "cpu", "--regions", regions)
    ended = run("train", "--stack", movie, "--points", truth, "-o", output, *how, *camera)
    assert ended.code == 0, ended.err
    record = load_model(output).record
    assert record["regions"] == str(regions)
    assert record["validation"]["recall"] is not None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-o", "m.safetensors"), "--recipe"),
        (("--stack", "a.tif", "-o", "m.safetensors"), "--points"),
        (("--recipe", "no-such", "--regions", "r.json", "-o", "m.safetensors"), "--regions"),
        (("--recipe", "no-such", "-o", "m.safetensors"), "no recipe"),
        (("--recipe", "no-such", "-o", "m.pt"), ".safetensors"),
    ],
)
def test_what_is_missing_is_said(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = run("train", *arguments)
    assert ended.code == 2
    assert said in ended.err
    assert not list(tmp_path.iterdir())


def test_interrupted_while_the_images_are_read(
    run: Run, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_pinpoint.training import loop

    def press_ctrl_c(*_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "sources_of", press_ctrl_c)
    ended = run("train", "--recipe", recipe, "-o", tmp_path / "m.safetensors")
    assert ended.code == 130
    assert "there is no checkpoint yet" in ended.err
