"""`--decoder`, `--threshold-function` and `--labels`: chosen by name, recorded, made again."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from napari_pinpoint import read_localizations

Run = Callable[..., Any]


def untrained(path: Path, method: str, scale: float, bias: float) -> Path:
    """A tiny model of random weights, which finds things in noise."""
    import torch

    from napari_pinpoint.model import Localizer, ModelSpec, save_model
    from napari_pinpoint.registry import Part

    spec = ModelSpec(name=method, backbone=Part(name="unet", options={"widths": [4, 4]}), method=Part(name=method))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model = Localizer(spec)
    with torch.no_grad():
        for name, values in model.head.named_parameters():
            values.mul_(scale) if name.endswith("weight") else values.fill_(bias)
    save_model(model, path)
    return path


@pytest.fixture(scope="session")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained(tmp_path_factory.mktemp("models") / "blobs.safetensors", "lcfcn", 100, 0)


@pytest.fixture(scope="session")
def heat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained(tmp_path_factory.mktemp("models") / "heat.safetensors", "gaussian", 100, 0)


def test_labels_lie_beside_the_table_and_are_made_again(
    run: Run, movie: Path, blobs: Path, camera: tuple[str, ...], tmp_path: Path
) -> None:
    how = ("--model", blobs, *camera, "--device", "cpu", "--pixel-size-nm", 100)
    ended = run(
        "localize", movie, "-o", tmp_path / "found.parquet", "--labels", tmp_path / "labels.tif", *how, "--json"
    )
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["results"][0]["labels"] == str(tmp_path / "labels.tif")
    table, labels = read_localizations(tmp_path / "found.parquet"), tifffile.imread(tmp_path / "labels.tif")
    assert labels.shape == (6, 40, 48)
    for frame in range(6):
        assert set(np.unique(labels[frame])) - {0} == set(table["blob"][table["frame"] == frame])
    assert len(table) > 10

    again = run("rerun", tmp_path / "found.parquet", "-o", tmp_path / "a.parquet", "--labels", tmp_path / "a.tif")
    assert "the same rows" in again.out
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.tif"), labels)


def test_labels_of_a_folder(run: Run, movie: Path, blobs: Path, camera: tuple[str, ...], tmp_path: Path) -> None:
    how = ("--model", blobs, *camera, "--device", "cpu")
    ended = run("localize", movie, "-o", tmp_path / "tables", "--labels", tmp_path / "labels", *how)
    assert ended.code == 0, ended.err
    assert [file.name for file in (tmp_path / "labels").iterdir()] == ["movie-labels.tif"]
    assert "1 skipped" in run("localize", movie, "-o", tmp_path / "tables", "--labels", tmp_path / "labels", *how).out
    wrong = run("localize", movie, "-o", tmp_path / "tables", "--labels", tmp_path / "labels.tif", *how)
    assert wrong.code == 2
    assert "so must be --labels" in wrong.err


def test_labels_of_a_model_that_gives_points(run: Run, movie: Path, model: Path, tmp_path: Path) -> None:
    ended = run("localize", movie, "-o", tmp_path / "a.csv", "--labels", tmp_path / "a.tif", "--model", model)
    assert ended.code == 2
    assert "gives points, but no labels" in ended.err
    assert "blobs" in ended.err
    assert list(tmp_path.iterdir()) == []


def test_a_threshold_function_by_name(
    run: Run, movie: Path, heat: Path, camera: tuple[str, ...], tmp_path: Path
) -> None:
    found = {}
    for name, chosen in (("own", ()), ("h_maxima", ("--threshold-function", "h_maxima"))):
        path = tmp_path / f"{name}.parquet"
        ended = run("localize", movie, "-o", path, "--model", heat, *camera, "--device", "cpu", *chosen)
        assert ended.code == 0, ended.err
        found[name] = read_localizations(path)
    assert 0 < len(found["h_maxima"]) < len(found["own"])
    record = found["h_maxima"].record
    assert record["settings"]["decoder"] == {"name": "peaks", "options": {"function": "h_maxima"}}
    assert found["own"].record["settings"]["decoder"] is None
    assert record["model"] == found["own"].record["model"]
    again = json.loads(run("rerun", tmp_path / "h_maxima.parquet", "-o", tmp_path / "again.parquet", "--json").out)
    assert (again["same_rows"], again["changed"]) == (True, [])


def test_a_decoder_by_name(run: Run, movie: Path, heat: Path, camera: tuple[str, ...], tmp_path: Path) -> None:
    """The threshold is then the decoder's own, not that of the model's decoder."""
    path = tmp_path / "table.parquet"
    ended = run("localize", movie, "-o", path, "--model", heat, "--decoder", "argmax", *camera, "--device", "cpu")
    assert ended.code == 0, ended.err
    table = read_localizations(path)
    assert list(table["frame"]) == [0, 1, 2, 3, 4, 5]
    assert table.record["settings"]["decoder"] == {"name": "argmax", "options": {}}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ("--decoder", "blobs"),
            "decoder blobs needs blob, which the method matching does not give; decoders that fit",
        ),
        (("--decoder", "blob"), "Did you mean 'blobs'?"),
        (("--threshold-function", "fixed"), "pooled_mass takes no threshold function; these do: peaks"),
        (("--threshold-function", "otsu"), "There is no threshold 'otsu'"),
    ],
)
def test_what_does_not_fit(run: Run, movie: Path, model: Path, tmp_path: Path, options: tuple, words: str) -> None:
    ended = run("localize", movie, "-o", tmp_path / "a.csv", "--model", model, *options)
    assert ended.code == 2
    assert words in " ".join(ended.err.replace("│", " ").split())


def test_help_lists_what_third_parties_add(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from napari_pinpoint.decoders import DECODERS

    point = EntryPoint("my_decoder", "my_package.decoder:Mine", DECODERS.group)
    monkeypatch.setattr("napari_pinpoint.registry.entry_points", lambda group: [point] if group == point.group else [])
    monkeypatch.delitem(DECODERS.__dict__, "entries", raising=False)
    ended = run("localize", "--help")
    monkeypatch.delitem(DECODERS.__dict__, "entries", raising=False)
    words = " ".join(ended.out.replace("│", " ").split())
    assert "pooled_mass" in words
    assert "my_decoder" in words
    assert "local_maxima" in words
