"""`pinpoint localize` on one stack."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_pinpoint import localize, read_localizations, read_stack
from napari_pinpoint.inference import LocalizeSettings
from napari_pinpoint.io.parts import PartFolder
from napari_pinpoint.io.regions import read_region
from napari_pinpoint.io.write_images import write_stack
from napari_pinpoint.stack import Stack

Run = Callable[..., Any]
Camera = tuple[str, ...]


def assert_same(a: Any, b: Any) -> None:
    """The same columns and rows, to the last bit."""
    assert list(a) == list(b)
    assert len(a) > 0
    for name in a:
        np.testing.assert_array_equal(a[name], b[name])


def test_the_command_gives_the_table_that_python_gives(
    process: Run, movie: Path, model: Path, camera: Camera, tmp_path: Path
) -> None:
    output = tmp_path / "found.parquet"

    ended = process("localize", movie, "-o", output, "--model", model, *camera, "--device", "cpu", "--json")

    assert ended.code == 0, ended.err
    stack = read_stack(movie, offset_adu=100, electrons_per_adu=0.5, read_noise_e=1.5)
    expected, found = localize(stack, model, device="cpu"), read_localizations(output)
    assert_same(found, expected)
    assert found.record == expected.record
    assert found.pixel_size_nm == 100
    result = json.loads(ended.out)
    assert (result["done"], result["skipped"], result["failed"]) == (1, 0, 0)
    assert result["results"][0]["localizations"] == len(expected)
    assert result["results"][0]["frames"] == 6


def test_settings_are_those_of_python(run: Run, movie: Path, model: Path, camera: Camera, tmp_path: Path) -> None:
    output = tmp_path / "found.parquet"
    how = ("--frames", "1:5", "--threshold", "0.52", "--batch", "2", "--tile", "16", "--pixel-size-nm", "120")
    assert run("localize", movie, "-o", output, "--model", model, *camera, *how, "--device", "cpu").code == 0
    stack = read_stack(movie, offset_adu=100, electrons_per_adu=0.5, read_noise_e=1.5, pixel_size_nm=120)
    settings = LocalizeSettings(frames=(1, 5), threshold=0.52, batch=2, tile=16)
    found = read_localizations(output)
    assert_same(found, localize(stack, model, settings=settings, device="cpu"))
    assert found.pixel_size_nm == 120
    assert set(found["frame"]) == {1, 2, 3, 4}


def test_region_and_contrast_are_those_of_python(
    run: Run, movie: Path, model: Path, camera: Camera, labels: Path, tmp_path: Path
) -> None:
    output = tmp_path / "found.parquet"
    how = ("--region", labels, "--min-contrast", "0.4", "--device", "cpu")
    assert run("localize", movie, "-o", output, "--model", model, *camera, *how).code == 0
    stack = read_stack(movie, offset_adu=100, electrons_per_adu=0.5, read_noise_e=1.5)
    found = read_localizations(output)
    settings = LocalizeSettings(min_contrast=0.4)
    assert_same(found, localize(stack, model, settings=settings, region=read_region(labels), device="cpu"))
    assert set(found["region"]) == {1, 2}
    assert found["contrast"].min() >= 0.4
    assert found.record["region"]["path"] == str(labels)


@pytest.mark.parametrize(("given", "expected"), [(":2", {0, 1}), ("4:", {4, 5}), ("2:3", {2})])
def test_frames_count_as_in_python(
    run: Run, movie: Path, model: Path, camera: Camera, tmp_path: Path, given: str, expected: set[int]
) -> None:
    output = tmp_path / "found.parquet"
    assert run("localize", movie, "-o", output, "--model", model, *camera, "--frames", given).code == 0
    assert set(read_localizations(output)["frame"]) == expected


def test_a_csv_says_what_it_has_no_place_for(
    run: Run, movie: Path, model: Path, camera: Camera, tmp_path: Path
) -> None:
    ended = run("localize", movie, "-o", tmp_path / "found.csv", "--model", model, *camera)
    assert ended.code == 0
    assert "found.csv: " in ended.out
    assert "pinpoint: warning: " in ended.err
    assert "probability" in ended.err
    header = (tmp_path / "found.csv").read_text(encoding="utf-8").splitlines()[0]
    assert header == '"id","frame","x [nm]","y [nm]"'


def test_a_format_may_be_named(run: Run, movie: Path, model: Path, camera: Camera, tmp_path: Path) -> None:
    output = tmp_path / "found.table"
    assert run("localize", movie, "-o", output, "--model", model, *camera, "--format", "parquet").code == 0
    assert len(read_localizations(output, format="parquet")) > 0


def test_a_camera_that_is_not_known_is_estimated_with_a_warning(
    run: Run, movie: Path, model: Path, camera: Camera, tmp_path: Path
) -> None:
    ended = run("localize", movie, "-o", tmp_path / "found.parquet", "--model", model, "--json")
    assert ended.code == 0
    assert "pinpoint: warning:" in ended.err
    assert "electrons per count" in ended.err
    assert json.loads(ended.out)["done"] == 1


def test_files_of_a_series_are_one_stack(run: Run, movie: Path, model: Path, camera: Camera, tmp_path: Path) -> None:
    import tifffile

    for index, frame in enumerate(tifffile.imread(movie)):
        tifffile.imwrite(tmp_path / f"img_{index}.tif", frame)
    output = tmp_path / "found.parquet"
    ended = run("localize", *sorted(tmp_path.glob("*.tif")), "-o", output, "--model", model, *camera)
    assert ended.code == 0, ended.err
    assert set(read_localizations(output)["frame"]) == set(range(6))


@pytest.mark.usefixtures("few_frames_at_once")
def test_an_interrupted_run_says_how_to_go_on_and_does(
    run: Run, movie: Path, model: Path, camera: Camera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "found.parquet"
    command = ("localize", movie, "-o", output, "--model", model, *camera, "--device", "cpu")
    write = PartFolder.write

    def press_ctrl_c(parts: PartFolder, chunks: range, table: Any, images: Any) -> None:
        if chunks.start == 1:
            raise KeyboardInterrupt
        write(parts, chunks, table, images)

    with monkeypatch.context() as patch:
        patch.setattr(PartFolder, "write", press_ctrl_c)
        ended = run(*command)
    assert ended.code == 130
    assert "--resume" in ended.err
    assert [path.name for path in tmp_path.iterdir()] == ["found.parquet.parts"]

    again = run(*command)
    assert again.code == 2
    assert "--resume" in again.err

    assert run(*command, "--resume").code == 0
    stack = read_stack(movie, offset_adu=100, electrons_per_adu=0.5, read_noise_e=1.5)
    assert_same(read_localizations(output), localize(stack, model, device="cpu"))
    assert [path.name for path in tmp_path.iterdir()] == ["found.parquet"]


def test_nothing_there_is_an_empty_table(run: Run, model: Path, camera: Camera, tmp_path: Path) -> None:
    write_stack(Stack(np.full((3, 40, 40), 100, np.uint16), "TYX", pixel_size_nm=100), tmp_path / "dark.tif")
    output = tmp_path / "found.csv"
    how = ("--model", model, *camera, "--threshold", "1", "--json")
    ended = run("localize", tmp_path / "dark.tif", "-o", output, *how)
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["results"][0]["localizations"] == 0
    assert len(read_localizations(output)) == 0


def test_auto_takes_the_model_that_is_proposed_and_says_why(
    run: Run, movie: Path, camera: Camera, tmp_path: Path
) -> None:
    """A movie of molecules that blink gets another model than a still picture of the same; each is told."""
    from napari_pinpoint.proposal import propose

    stack = read_stack(movie, offset_adu=100, electrons_per_adu=0.5, read_noise_e=1.5)
    still = tmp_path / "in" / "still.tif"
    still.parent.mkdir()
    write_stack(Stack(stack.data[0], "YX", stack.camera, pixel_size_nm=100), still)
    (still.parent / "movie.tif").write_bytes(movie.read_bytes())
    proposed = {"movie": propose(stack), "still": propose(read_stack(still))}
    assert proposed["movie"].model != proposed["still"].model

    ended = run("localize", still.parent, "-o", tmp_path / "out", "--model", "auto", *camera, "--device", "cpu")

    assert ended.code == 0, ended.err
    for name, proposal in proposed.items():
        assert read_localizations(tmp_path / "out" / f"{name}.parquet").record["model"]["name"] == proposal.model
        assert f"{name}.tif: model {proposal.model}, as proposed. {proposal.reasons[0]}" in ended.err


def test_what_does_not_suit_the_proposed_model_is_said(run: Run, movie: Path, camera: Camera, tmp_path: Path) -> None:
    how = ("--model", "auto", "--labels", tmp_path / "labels.tif", *camera)
    ended = run("localize", movie, "-o", tmp_path / "found.parquet", *how)
    assert ended.code == 2
    assert "model smlm-2d, as proposed." in ended.err
    assert "labels" in ended.err.split("pinpoint: error:")[1]
