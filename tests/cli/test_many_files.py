"""`pinpoint localize` on many files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from napari_pinpoint import read_localizations
from napari_pinpoint.batch import find_stacks, is_folder, plan_jobs
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.io.parts import PartFolder

Run = Callable[..., Any]
Camera = tuple[str, ...]


@pytest.fixture
def movies(movie: Path, tmp_path: Path) -> Path:
    """A folder with two good movies around a broken one, and a text file."""
    folder = tmp_path / "movies"
    folder.mkdir()
    shutil.copy(movie, folder / "a.tif")
    (folder / "b.tif").write_bytes(movie.read_bytes()[:3000])
    shutil.copy(movie, folder / "c.ome.tif")
    (folder / "notes.txt").write_text("not a stack")
    return folder


def test_one_that_fails_does_not_stop_the_others(
    run: Run, movies: Path, model: Path, camera: Camera, tmp_path: Path
) -> None:
    tables = tmp_path / "tables"
    ended = run("localize", movies, "-o", tables, "--model", model, *camera)
    assert ended.code == 1
    assert sorted(path.name for path in tables.iterdir()) == ["a.parquet", "c.parquet"]
    assert "2 done, 0 skipped, 1 failed" in ended.out
    assert f"[2/3] {movies / 'b.tif'} failed: " in ended.err
    assert len(read_localizations(tables / "a.parquet")) == len(read_localizations(tables / "c.parquet")) > 0


def test_what_is_finished_is_skipped_unless_told_otherwise(
    run: Run, movies: Path, model: Path, camera: Camera, tmp_path: Path
) -> None:
    command = ("localize", movies, "-o", tmp_path / "tables", "--model", model, *camera, "--json")
    run(*command)
    changed = (tmp_path / "tables" / "a.parquet").stat().st_mtime_ns

    again = run(*command)
    assert again.code == 1
    result = json.loads(again.out)
    assert (result["done"], result["skipped"], result["failed"]) == (0, 2, 1)
    assert [one["status"] for one in result["results"]] == ["skipped", "failed", "skipped"]
    assert "b.tif" in result["results"][1]["reason"]
    assert (tmp_path / "tables" / "a.parquet").stat().st_mtime_ns == changed

    assert json.loads(run(*command, "--overwrite").out)["done"] == 2
    assert (tmp_path / "tables" / "a.parquet").stat().st_mtime_ns > changed


def test_a_glob_and_a_format(run: Run, movies: Path, model: Path, camera: Camera, tmp_path: Path) -> None:
    tables = tmp_path / "tables"
    ended = run("localize", f"{movies}/[ac]*.tif", "-o", tables, "--model", model, *camera, "--format", "thunderstorm")
    assert ended.code == 0, ended.err
    assert sorted(path.name for path in tables.glob("*.csv")) == ["a.csv", "c.csv"]


@pytest.mark.usefixtures("few_frames_at_once")
def test_one_that_was_interrupted_is_gone_on_with(
    run: Run, movies: Path, model: Path, camera: Camera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("localize", movies / "a.tif", "-o", tmp_path / "tables", "--model", model, *camera)
    write, written = PartFolder.write, []

    def press_ctrl_c_once(parts: PartFolder, chunks: range, table: Any, *images: Any) -> None:
        written.append(chunks.start)
        if written == [0, 1]:
            raise KeyboardInterrupt
        write(parts, chunks, table, *images)

    monkeypatch.setattr(PartFolder, "write", press_ctrl_c_once)
    assert run(*command).code == 130
    assert run(*command).code == 0
    assert written == [0, 1, 1, 2]
    assert [path.name for path in (tmp_path / "tables").iterdir()] == ["a.parquet"]


def test_what_is_wrong_with_all_of_them_is_said_at_once(run: Run, movies: Path, model: Path, tmp_path: Path) -> None:
    ended = run("localize", movies, "-o", tmp_path / "no" / "tables", "--model", model)
    assert ended.code == 2
    assert f"{tmp_path / 'no'} does not exist" in ended.err
    (tmp_path / "empty").mkdir()
    assert "no images" in run("localize", tmp_path / "empty", "-o", tmp_path / "tables", "--model", model).err
    assert "no file matches" in run("localize", f"{movies}/*.dax", "-o", tmp_path / "tables", "--model", model).err


def test_two_stacks_must_not_want_the_same_table() -> None:
    with pytest.raises(PinpointError, match=r"a/x.tif and b/x.tif would both be written to"):
        plan_jobs(["a/x.tif", "b/x.tif"], "tables", suffix=".csv")


def test_frame_10_comes_after_frame_9_and_names_stay(tmp_path: Path) -> None:
    for name in ("s10.tif", "s9.tif", "s1.TIFF"):
        (tmp_path / name).touch()
    assert [Path(name).name for name in find_stacks([str(tmp_path)])] == ["s1.TIFF", "s9.tif", "s10.tif"]
    assert find_stacks(["missing.tif", "missing.tif"]) == ["missing.tif"]


def test_files_of_one_data_set_are_one_stack(tmp_path: Path, movie: Path) -> None:
    """OME-TIFF in two files: the first names the second as part of it."""
    import tifffile

    frames = tifffile.imread(movie)
    names = {"a.ome.tif": frames[:3], "b.ome.tif": frames[3:]}
    described = "".join(
        f'<TiffData FirstT="{3 * i}" IFD="0" PlaneCount="3"><UUID FileName="{name}">urn:uuid:{i}</UUID></TiffData>'
        for i, name in enumerate(names)
    )
    xml = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0"><Pixels ID="Pixels:0" '
        'DimensionOrder="XYCZT" Type="uint16" SizeX="48" SizeY="40" SizeC="1" SizeZ="1" SizeT="6">'
        f'<Channel ID="Channel:0:0" SamplesPerPixel="1"/>{described}</Pixels></Image></OME>'
    )
    for name, part in names.items():
        tifffile.imwrite(tmp_path / name, part, description=xml, metadata=None, photometric="minisblack")
    assert [Path(name).name for name in find_stacks([str(tmp_path)])] == ["a.ome.tif"]


@pytest.mark.parametrize(
    ("output", "expected"), [("tables/", True), ("tables", True), ("table.csv", False), ("a.b/table.parquet", False)]
)
def test_what_is_meant_as_a_folder(output: str, expected: bool) -> None:
    assert is_folder(output) is expected
