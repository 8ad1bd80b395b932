"""`pinpoint simulate` and the file that it writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_pinpoint import read_localizations, read_stack
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.io.write_images import write_stack
from napari_pinpoint.stack import Stack

Run = Callable[..., Any]


def simulate(run: Run, folder: Path, *more: Any) -> Any:
    return run("simulate", "emitters", "-o", folder / "m.tif", "--truth", folder / "t.parquet", "--frames", 3, *more)


def test_a_movie_and_its_truth(run: Run, tmp_path: Path) -> None:
    ended = simulate(run, tmp_path, "--set", "shape=[20, 30]", "--set", "pixel_size_nm=80", "--seed", 5, "--json")
    assert ended.code == 0, ended.err
    result = json.loads(ended.out)
    stack, truth = read_stack(tmp_path / "m.tif"), read_localizations(tmp_path / "t.parquet")
    assert (stack.axes, stack.shape, stack.pixel_size_nm) == ("TYX", (3, 20, 30), 80)
    assert len(truth) == result["emitters"]
    assert truth.record["steps"][-1] == {"step": "simulate", "seed": 5, "frames": 3}
    assert result["camera"]["offset_adu"] == 100


def test_the_same_seed_the_same_movie(run: Run, tmp_path: Path) -> None:
    small = ("--set", "shape=[20,20]", "--overwrite")
    movies = []
    for seed in (1, 1, 2):
        assert simulate(run, tmp_path, *small, "--seed", seed).code == 0
        movies.append(np.asarray(read_stack(tmp_path / "m.tif").data[:]))
    assert np.array_equal(movies[0], movies[1])
    assert not np.array_equal(movies[0], movies[2])


def test_options_are_listed(run: Run) -> None:
    assert "on_time_frames" in run("simulate", "emitters", "--options").out
    assert "density" in json.loads(run("simulate", "emitters", "--options", "--json").out)["properties"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--set", "colour=red"), "density"),
        (("--set", "density=[2"), "cannot be read"),
        (("--set", "density=many"), "density: "),
        (("--set", "photons=[9, 1]"), "low to high"),
    ],
)
def test_options_that_do_not_fit(run: Run, tmp_path: Path, arguments: tuple[str, str], said: str) -> None:
    ended = simulate(run, tmp_path, *arguments)
    assert ended.code == 2
    assert said in ended.err
    assert not list(tmp_path.iterdir())


def test_nothing_is_simulated_for_a_place_that_is_taken(run: Run, tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_text("mine")
    ended = simulate(run, tmp_path)
    assert ended.code == 2
    assert "--overwrite" in ended.err
    assert not (tmp_path / "m.tif").exists()
    assert "end in .tif" in run("simulate", "emitters", "-o", "m.avi", "--truth", tmp_path / "u.parquet").err


@pytest.mark.parametrize("name", ["five.tif", "five.ome.tif"])
def test_axes_and_calibration_come_back(tmp_path: Path, name: str) -> None:
    data = np.arange(3 * 2 * 4 * 8 * 9, dtype=np.uint16).reshape(3, 2, 4, 8, 9)
    stack = Stack(data, "TCZYX", pixel_size_nm=108.0, z_step_nm=250.0, frame_times_s=np.arange(3) * 0.05)
    write_stack(stack, tmp_path / name)
    found = read_stack(tmp_path / name)
    assert found.axes == "TCZYX"
    np.testing.assert_array_equal(np.asarray(found.data[:]), data)
    assert found.pixel_size_nm == pytest.approx(108.0, rel=1e-4)
    assert found.z_step_nm == pytest.approx(250.0)
    np.testing.assert_allclose(found.frame_times_s, stack.frame_times_s)


def test_a_type_that_imagej_does_not_know_becomes_ome(tmp_path: Path) -> None:
    data = np.linspace(0, 1, 2 * 8 * 8).reshape(2, 8, 8)
    write_stack(Stack(data, "TYX", pixel_size_nm=100), tmp_path / "m.tif")
    found = read_stack(tmp_path / "m.tif")
    assert found.dtype == np.float64
    assert found.sources["pixel_size_nm"].startswith("OME")
    np.testing.assert_array_equal(np.asarray(found.data[:]), data)


def test_positions_are_not_written_in_silence(tmp_path: Path) -> None:
    with pytest.raises(PinpointError, match="one position"):
        write_stack(Stack(np.zeros((2, 8, 8), np.uint16), "PYX"), tmp_path / "m.tif")


def test_a_scene_without_a_pixel_size(run: Run, tmp_path: Path) -> None:
    ended = run("simulate", "pixel", "-o", tmp_path / "m.tif", "--truth", tmp_path / "t.parquet", "--frames", 2)
    assert ended.code == 0, ended.err
    assert "2 frames of 50 x 50 px." in ended.out
