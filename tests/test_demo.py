"""The demonstration writes what it promises, replaces only its own files, and shows a model that works."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from napari_pinpoint import read_localizations, read_stack
from napari_pinpoint.cli import main
from napari_pinpoint.demo import FILES, run_demo, score
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.evaluation.bounds_of_frames import frame_bounds
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.scenes.examples import CAMERA, filaments
from napari_pinpoint.stack import Stack


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short demonstration, made once."""
    place = tmp_path_factory.mktemp("demo") / "pinpoint-demo"
    run_demo(place, n_frames=30, device="cpu")
    return place


def test_everything_is_there(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == sorted([*FILES.values(), "localizations.csv.json"])
    stack = read_stack(folder / "movie.tif")
    assert stack.sizes["T"] == 30
    assert stack.pixel_size_nm == 100
    assert stack.sources["pixel_size_nm"] == "ImageJ metadata"
    table, csv = (read_localizations(folder / name) for name in ("localizations.parquet", "localizations.csv"))
    assert len(csv) == len(table) > 0
    np.testing.assert_allclose(csv["x"], table["x"], atol=1e-4)
    for name in ("super-resolution.png", "average-and-super-resolution.png"):
        assert (folder / name).read_bytes().startswith(b"\x89PNG")
    compile((folder / "open_in_napari.py").read_text(encoding="utf-8"), "open_in_napari.py", "exec")


def test_the_shipped_model_does_well(folder: Path) -> None:
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert results["jaccard"] > 0.7
    assert 0.9 < results["error_over_bound"] < 1.4


def test_scores_and_bound(rng: np.random.Generator) -> None:
    stack, truth = filaments(5)
    report = score(truth, truth, stack)
    assert report.jaccard == 1
    assert report.rmse_nm == report.error_over_bound == 0
    # sigma / sqrt(N) for a lone emitter of 1500 photons is 3.4 nm along an axis; neighbours and background add to it.
    assert 3.4 * np.sqrt(2) < report.bound_nm < 40
    shaken = truth.with_columns(**{axis: truth[axis] + rng.normal(0, 0.05, len(truth)) for axis in "yx"})
    assert score(shaken, truth, stack).rmse_nm == pytest.approx(5 * np.sqrt(2), rel=0.1)


def test_errors_as_large_as_the_bound_are_one_bound(rng: np.random.Generator) -> None:
    """Lone emitters, moved by exactly what the bound allows."""
    frame = np.repeat(np.arange(20), 16)
    y, x = (np.tile(grid.ravel(), 20) for grid in np.meshgrid(np.arange(12, 108, 24), np.arange(12, 108, 24)))
    known = {"photons": 1500.0, "background": 15.0, "psf_sigma_y": 1.3, "psf_sigma_x": 1.3}
    truth = Localizations(
        {"frame": frame, "y": y, "x": x, **{name: np.full(320, value) for name, value in known.items()}},
        pixel_size_nm=100,
    )
    stack = Stack(np.zeros((20, 108, 108), np.uint16), "TYX", CAMERA.camera(), pixel_size_nm=100)
    bound = frame_bounds(truth, stack.camera, (108, 108)) / np.sqrt(2)
    moved = truth.with_columns(**{axis: truth[axis] + rng.normal(0, bound) for axis in "yx"})
    assert score(moved, truth, stack).error_over_bound == pytest.approx(1, abs=0.12)


def test_it_replaces_its_own_files_and_no_others(folder: Path, tmp_path: Path) -> None:
    run_demo(folder, n_frames=3, device="cpu")
    assert read_stack(folder / "movie.tif").sizes["T"] == 3
    (tmp_path / "movie.tif").write_text("mine")
    with pytest.raises(PinpointError, match=r"movie.tif.*--overwrite"):
        run_demo(tmp_path, n_frames=3)
    assert (tmp_path / "movie.tif").read_text() == "mine"
    with pytest.raises(PinpointError, match="does not exist"):
        run_demo(tmp_path / "no" / "demo", n_frames=3)


def test_the_command_prints_scores_and_how_to_open_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "demo"
    assert main(["demo", "-o", str(place), "--frames", "3", "--device", "cpu"]) == 0
    printed = capsys.readouterr().out
    for words in ("Jaccard", "RMSE", "Cramer-Rao bound", str(place / "open_in_napari.py"), "pinpoint localize"):
        assert words in printed.replace("/pinpoint localize", " pinpoint localize")
    assert main(["demo", "-o", str(place), "--frames", "3", "--device", "cpu", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["files"]["movie"] == str(place / "movie.tif")
