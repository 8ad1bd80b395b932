"""What bad input gets: a message that says what is wrong, exit code 2, no traceback, and nothing written."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_pinpoint.io.write_images import write_stack
from napari_pinpoint.stack import Stack

Run = Callable[..., Any]
Camera = tuple[str, ...]


def assert_refused(ended: Any, *said: str) -> None:
    """Ended with a message on standard error that has all these words."""
    assert ended.code == 2, (ended.out, ended.err)
    assert ended.out == ""
    assert "pinpoint: error: " in ended.err
    assert "Traceback" not in ended.err
    for words in said:
        assert words in ended.err


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where tables go; it must be empty in the end."""
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def _float_movie_with(value: float, path: Path) -> None:
    frames = np.full((4, 40, 48), 120, np.float32)
    frames[2, 7, 9] = value
    write_stack(Stack(frames, "TYX", pixel_size_nm=100), path)


STACKS: dict[str, tuple[Callable[[Path, Path], object], tuple[str, ...]]] = {
    "missing.tif": (lambda path, movie: None, ("missing.tif", "does not exist")),
    "empty.tif": (lambda path, movie: path.touch(), ("empty.tif", "empty")),
    "truncated.tif": (lambda path, movie: path.write_bytes(movie.read_bytes()[:-5000]), ("truncated.tif", "truncated")),
    "header.tif": (lambda path, movie: path.write_bytes(movie.read_bytes()[:200]), ("header.tif",)),
    "text.tif": (lambda path, movie: path.write_text("hello, I am no image"), ("text.tif", "TIFF")),
    "nan.tif": (lambda path, movie: _float_movie_with(np.nan, path), ("nan.tif", "frame 2", "NaN")),
    "inf.tif": (lambda path, movie: _float_movie_with(np.inf, path), ("inf.tif", "frame 2")),
    "channels.tif": (
        lambda path, movie: write_stack(Stack(np.zeros((2, 3, 32, 32), np.uint16), "TCYX"), path),
        ("channels.tif", "--channel"),
    ),
    "planes.tif": (
        lambda path, movie: write_stack(Stack(np.zeros((2, 3, 32, 32), np.uint16), "TZYX", z_step_nm=250), path),
        ("planes.tif", "--plane"),
    ),
}


@pytest.mark.parametrize("name", STACKS)
def test_stacks(run: Run, movie: Path, model: Path, camera: Camera, folder: Path, name: str) -> None:
    make, said = STACKS[name]
    make(folder.parent / name, movie)
    ended = run("localize", folder.parent / name, "-o", folder / "t.parquet", "--model", model, *camera)
    assert_refused(ended, *said)
    assert not list(folder.iterdir())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--frames", "2:99"), ("6 frames", "2:99")),
        (("--frames", "4:2"), ("6 frames", "4:2")),
        (("--pixel-size-nm", "-100"), ("pixel_size_nm", "-100")),
        (("--pixel-size-nm", "nan"), ("pixel_size_nm",)),
        (("--electrons-per-adu", "0"), ("electrons per count",)),
        (("--em-gain", "0.5"), ("EM gain",)),
        (("--read-noise-e", "-1"), ("read noise",)),
        (("--threshold", "0"), ("threshold",)),
        (("--min-contrast", "-1"), ("min_contrast",)),
        (("--region", "missing.tif"), ("missing.tif", "does not exist")),
        (("--channel", "1"), ("channel",)),
        (("--plane", "7"), ("plane",)),
        (("--plane", "middle"), ("plane",)),
        (("--position", "3"), ("position",)),
        (("--axes", "CZYX"), ("axes",)),
        (("--device", "toaster"), ("toaster",)),
    ],
)
def test_options(
    run: Run, movie: Path, model: Path, camera: Camera, folder: Path, options: tuple[str, ...], said: tuple[str, ...]
) -> None:
    assert_refused(run("localize", movie, "-o", folder / "t.parquet", "--model", model, *camera, *options), *said)
    assert not list(folder.iterdir())


def test_a_format_that_there_is_not(run: Run, movie: Path, folder: Path) -> None:
    ended = run("localize", movie, "-o", folder / "t.parquet", "--format", "excel")
    assert ended.code == 2
    assert all(name in ended.err for name in ("excel", "thunderstorm", "parquet"))
    assert not list(folder.iterdir())


def test_a_region_of_another_image(run: Run, movie: Path, model: Path, camera: Camera, folder: Path) -> None:
    write_stack(Stack(np.ones((20, 20), np.uint8), "YX"), folder.parent / "small.tif")
    how = ("--model", model, *camera, "--region", folder.parent / "small.tif")
    ended = run("localize", movie, "-o", folder / "t.parquet", *how)
    assert_refused(ended, "small.tif", "20 x 20", "40 x 48")
    assert_refused(run("localize", movie, "-o", folder / "t.parquet", *how[:-1], movie), "movie.tif", "one image")
    assert not list(folder.iterdir())


def test_frames_that_are_none(run: Run, movie: Path) -> None:
    ended = run("localize", movie, "-o", "t.parquet", "--frames", "first")
    assert ended.code == 2
    assert "START:STOP" in ended.err


def _newer(path: Path) -> None:
    """Say in the header of a model that a later version has written it."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    ours = json.loads(header["__metadata__"]["pinpoint"])
    header["__metadata__"]["pinpoint"] = json.dumps({**ours, "format_version": 99})
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])


def _pickled(path: Path) -> None:
    import torch

    torch.save({"weights": torch.zeros(3)}, path)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-100]), ("truncated",)),
        (_pickled, ("pickle",)),
        (_newer, ("newer",)),
        (lambda path: path.unlink(), ("There is no model",)),
        (lambda path: path.write_text("hello"), ("not a model",)),
    ],
    ids=["truncated", "pickle", "newer", "missing", "text"],
)
def test_models(
    run: Run, movie: Path, model: Path, folder: Path, spoil: Callable[[Path], object], said: tuple[str, ...]
) -> None:
    bad = folder.parent / "bad.safetensors"
    bad.write_bytes(model.read_bytes())
    spoil(bad)
    assert_refused(run("localize", movie, "-o", folder / "t.parquet", "--model", bad), "bad.safetensors", *said)
    assert not list(folder.iterdir())


def test_an_output_that_exists_is_kept(run: Run, movie: Path, model: Path, camera: Camera, folder: Path) -> None:
    (folder / "t.parquet").write_text("mine")
    command = ("localize", movie, "-o", folder / "t.parquet", "--model", model, *camera)
    assert_refused(run(*command), "t.parquet exists", "--overwrite")
    assert (folder / "t.parquet").read_text() == "mine"
    assert run(*command, "--overwrite").code == 0


@pytest.mark.parametrize(
    ("output", "said"), [("no/t.parquet", ("no does not exist",)), ("t.xyz", ("t.xyz", ".csv", ".parquet"))]
)
def test_outputs(
    run: Run, movie: Path, model: Path, camera: Camera, folder: Path, output: str, said: tuple[str, ...]
) -> None:
    assert_refused(run("localize", movie, "-o", folder / output, "--model", model, *camera), *said)
    assert not list(folder.iterdir())


def test_nanometres_without_a_pixel_size(run: Run, model: Path, camera: Camera, folder: Path) -> None:
    write_stack(Stack(np.full((2, 40, 40), 100, np.uint16), "TYX"), folder.parent / "plain.tif")
    command = ("localize", folder.parent / "plain.tif", "-o", folder / "t.csv", "--model", model, *camera)
    assert_refused(run(*command), "--pixel-size-nm")
    assert not list(folder.iterdir())


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("no_x.csv", '"frame","y [nm]"\n1,2\n', ("no_x.csv", "x")),
        ("unit.csv", '"frame","x [furlong]","y [furlong]"\n1,2,3\n', ("unit.csv", "furlong")),
        ("words.csv", '"frame","x [nm]","y [nm]"\n1,2,three\n', ("words.csv", "line 2", "three")),
        ("empty.csv", "", ("empty.csv", "empty")),
        ("table.xls", "hello", ("table.xls", ".csv")),
        ("torn.parquet", "PAR1", ("torn.parquet",)),
        ("missing.csv", None, ("missing.csv",)),
    ],
)
def test_tables(run: Run, folder: Path, truth: Path, name: str, text: str | None, said: tuple[str, ...]) -> None:
    bad = folder.parent / name
    if text is not None:
        bad.write_text(text)
    assert_refused(run("convert", bad, folder / "t.parquet", "--pixel-size-nm", "100"), *said)
    assert_refused(run("evaluate", bad, truth, "--tolerance-nm", "50"), *said)
    assert not list(folder.iterdir())


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_to(run: Run, truth: Path, folder: Path) -> None:
    folder.chmod(0o500)
    assert_refused(run("convert", truth, folder / "t.csv"), "permission")
    folder.chmod(0o700)


def test_a_full_disk(process: Run, movie: Path, model: Path, camera: Camera, folder: Path) -> None:
    """No file may grow beyond 4 kB; the message must be ours, and no half of a table may stay."""
    resource = pytest.importorskip("resource")

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    ended = process("localize", movie, "-o", folder / "t.parquet", "--model", model, *camera, preexec_fn=limit)
    assert_refused(ended, "cannot be written")
    assert not list(folder.iterdir())


def test_a_real_process_shows_no_traceback_and_ends_with_2(process: Run, movie: Path, folder: Path) -> None:
    (folder.parent / "torn.tif").write_bytes(movie.read_bytes()[:-5000])
    assert_refused(process("info", folder.parent / "torn.tif"), "torn.tif")


def test_a_constant_movie_is_no_error(run: Run, model: Path, camera: Camera, folder: Path) -> None:
    write_stack(Stack(np.full((3, 80, 80), 107, np.uint16), "TYX", pixel_size_nm=100), folder.parent / "flat.tif")
    command = ("localize", folder.parent / "flat.tif", "-o", folder / "t.parquet", "--model", model)
    assert run(*command, *camera).code == 0
    # Without noise there is nothing to estimate a camera from.
    assert_refused(run(*command, "--overwrite"), "camera")


def test_a_pixel_size_far_from_the_domain_warns(
    run: Run, movie: Path, model: Path, camera: Camera, folder: Path
) -> None:
    ended = run("localize", movie, "-o", folder / "t.parquet", "--model", model, *camera, "--pixel-size-nm", "2000")
    assert ended.code == 0
    assert "pinpoint: warning: " in ended.err
    assert "2000 nm" in ended.err
