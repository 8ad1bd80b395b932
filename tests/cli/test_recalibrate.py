"""`pinpoint recalibrate` writes a model that says what is seen."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile

from napari_pinpoint.cli import main
from napari_pinpoint.io.tables import write_localizations
from napari_pinpoint.model import load_model
from napari_pinpoint.scenes.emitters import EmitterScene
from napari_pinpoint.training import frames_of, read_recipe, recalibrated


def test_on_frames_of_a_recipe_as_in_python(tmp_path, capsys) -> None:
    path = tmp_path / "better.safetensors"
    command = ["recalibrate", "smlm-2d", "--recipe", "smlm-2d", "--frames", "10", "-o", str(path)]
    assert main([*command, "--device", "cpu", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    model = recalibrated(load_model("smlm-2d"), frames_of(read_recipe("smlm-2d"), 10), device="cpu")
    assert load_model(path).spec.recalibration == model.spec.recalibration
    assert told["threshold"] == load_model(path).decoder.threshold
    assert told["record"]["n_frames"] == 10
    assert main([*command, "--device", "cpu"]) == 2
    assert "exists" in capsys.readouterr().err
    assert main(["models", str(path)]) == 0
    assert "px from the next point" in capsys.readouterr().out


def test_on_a_stack_with_its_truth(tmp_path, capsys) -> None:
    stack, truth = EmitterScene(shape=(64, 64), density=(0.03, 0.03)).sample(6, np.random.default_rng(1))
    tifffile.imwrite(tmp_path / "movie.tif", stack.data)
    write_localizations(truth, tmp_path / "truth.parquet")
    camera = [f"--offset-adu={stack.camera.offset_adu}", f"--electrons-per-adu={stack.camera.electrons_per_adu}"]
    on = ["--stack", str(tmp_path / "movie.tif"), "--truth", str(tmp_path / "truth.parquet"), "--axes", "TYX"]
    path = tmp_path / "better.safetensors"
    assert main(["recalibrate", "smlm-2d", *on, *camera, "--pixel-size-nm=100", "-o", str(path)]) == 0
    assert "threshold" in capsys.readouterr().out
    assert load_model(path).spec.recalibration is not None


@pytest.mark.parametrize("wrong", [[], ["--recipe", "smlm-2d", "--stack", "s.tif"], ["--stack", "s.tif"]])
def test_it_takes_a_recipe_or_a_stack_with_truth(tmp_path, capsys, wrong: list[str]) -> None:
    assert main(["recalibrate", "smlm-2d", *wrong, "-o", str(tmp_path / "m.safetensors")]) == 2
    assert "--recipe" in capsys.readouterr().err
