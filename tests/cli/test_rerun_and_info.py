"""`pinpoint rerun` and `pinpoint info`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_pinpoint import read_localizations
from napari_pinpoint.io.write_images import write_stack
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.stack import Stack

Run = Callable[..., Any]
Camera = tuple[str, ...]


@pytest.fixture
def table(run: Run, movie: Path, model: Path, camera: Camera, tmp_path: Path) -> Path:
    """A table of frames 1 to 3 of a movie that lies beside it."""
    shutil.copy(movie, tmp_path / "movie.tif")
    how = ("--model", model, *camera, "--frames", "1:4", "--device", "cpu", "--pixel-size-nm", "110")
    assert run("localize", tmp_path / "movie.tif", "-o", tmp_path / "table.parquet", *how).code == 0
    return tmp_path / "table.parquet"


def test_rerun_makes_the_same_table(run: Run, table: Path) -> None:
    again = table.with_name("again.parquet")
    ended = run("rerun", table, "-o", again, "--json")
    assert ended.code == 0, ended.err
    result = json.loads(ended.out)
    assert result["same_rows"] is True
    assert result["changed"] == []
    before, after = read_localizations(table), read_localizations(again)
    assert after.record == before.record
    np.testing.assert_array_equal(after["x"], before["x"])
    assert "the same rows" in run("rerun", again, "-o", table, "--overwrite").out


def test_rerun_repeats_region_and_contrast(
    run: Run, movie: Path, model: Path, camera: Camera, labels: Path, tmp_path: Path
) -> None:
    """The record holds the region itself: the file it came from may be gone."""
    table, again = tmp_path / "table.parquet", tmp_path / "again.parquet"
    shutil.copy(labels, tmp_path / "cells.tif")
    how = ("--model", model, *camera, "--device", "cpu", "--region", tmp_path / "cells.tif", "--min-contrast", "0.4")
    assert run("localize", movie, "-o", table, *how).code == 0
    (tmp_path / "cells.tif").unlink()
    assert json.loads(run("rerun", table, "-o", again, "--json").out)["same_rows"] is True
    before, after = read_localizations(table), read_localizations(again)
    assert after.record == before.record
    assert len(after) > 0
    for name in ("region", "contrast"):
        np.testing.assert_array_equal(after[name], before[name])


def test_rerun_finds_a_stack_that_moved_with_the_table(run: Run, table: Path) -> None:
    elsewhere = table.with_name("elsewhere")
    elsewhere.mkdir()
    for name in ("movie.tif", "table.parquet"):
        shutil.move(table.with_name(name), elsewhere / name)
    assert "the same rows" in run("rerun", elsewhere / "table.parquet", "-o", elsewhere / "again.csv").out
    shutil.move(elsewhere / "movie.tif", table.with_name("moved.tif"))
    ended = run("rerun", elsewhere / "table.parquet", "-o", elsewhere / "again.csv", "--overwrite")
    assert ended.code == 2
    assert "movie.tif" in ended.err
    found = run("rerun", elsewhere / "table.parquet", "-o", table, "--stack", table.with_name("moved.tif"))
    assert "the same rows" in found.out


def test_rerun_says_what_changed(run: Run, table: Path) -> None:
    write_stack(Stack(np.full((6, 40, 48), 100, np.uint16), "TYX"), table.with_name("movie.tif"), overwrite=True)
    ended = run("rerun", table, "-o", table.with_name("again.parquet"), "--json")
    assert ended.code == 0
    assert "is not the one that the table was made from" in ended.err
    result = json.loads(ended.out)
    assert result["same_rows"] is False
    assert len(result["changed"]) == 1


def test_rerun_needs_a_record(run: Run, truth: Path, tmp_path: Path) -> None:
    ended = run("rerun", truth, "-o", tmp_path / "again.parquet")
    assert ended.code == 2
    assert "no record of a localization" in ended.err


def test_rerun_repeats_what_was_done_since(run: Run, table: Path) -> None:
    """Filter, drift, link and merge; into a format, too, that cannot hold what they need."""
    names = [table.with_name(f"{name}.parquet") for name in ("filtered", "still", "merged")]
    assert run("filter", table, "probability > 0.6 and y < 30", "-o", names[0]).code == 0
    (table.with_name("drift.csv")).write_text("frame,y [px],x [px]\n1,0,0\n2,0.5,0\n3,1,-0.5\n")
    assert run("drift", names[0], "-o", names[1], "--drift", table.with_name("drift.csv")).code == 0
    assert run("link", names[1], "-o", names[2], "--radius-px", "1", "--merge").code == 0
    ended = run("rerun", names[2], "-o", table.with_name("again.parquet"), "--json")
    assert ended.code == 0, ended.err
    result = json.loads(ended.out)
    assert result["same_rows"] is True
    assert result["steps"] == ["filter", "drift", "link", "merge"]
    before, after = read_localizations(names[2]), read_localizations(table.with_name("again.parquet"))
    assert 0 < len(after) < len(read_localizations(table))
    assert after.record == before.record
    np.testing.assert_array_equal(after["x"], before["x"])
    assert "the same rows" in run("rerun", names[2], "-o", table.with_name("again.csv")).out
    assert not list(table.parent.glob("*.localized.*"))


def test_rerun_says_what_it_cannot_repeat(run: Run, table: Path) -> None:
    from napari_pinpoint import write_localizations

    changed: Localizations = read_localizations(table).with_step("select", points=3)
    write_localizations(changed, table, overwrite=True)
    ended = run("rerun", table, "-o", table.with_name("again.parquet"))
    assert ended.code == 0
    assert "by hand after it was localized (select)" in ended.err


def test_info_tells_where_each_number_comes_from(run: Run, movie: Path) -> None:
    known = json.loads(run("info", movie, "--json").out)
    assert known["sizes"] == {"time": 6, "row": 40, "column": 48}
    assert known["pixel_size_nm"] == {"value": 100.0, "source": "ImageJ metadata"}
    assert len(known["missing_for_photons"]) == 2
    printed = run("info", movie).out
    assert "6 frames, 40 rows, 48 columns" in printed
    assert "ImageJ metadata" in printed
    assert "--offset-adu" in printed


def test_info_estimates_the_camera(run: Run, tmp_path: Path) -> None:
    from napari_pinpoint.scenes.emitters import EmitterScene

    stack, _ = EmitterScene(shape=(96, 96)).sample(20, np.random.default_rng(1))
    write_stack(stack, tmp_path / "movie.tif")
    command = ("info", tmp_path / "movie.tif", "--read-noise-e", "1.5")
    estimate = json.loads(run(*command, "--json").out)["estimated_camera"]
    assert estimate["electrons_per_adu"] == pytest.approx(0.5, abs=4 * estimate["electrons_per_adu_error"])
    assert estimate["offset_adu"] == pytest.approx(100, abs=4 * estimate["offset_adu_error"])
    assert estimate["text"] in run(*command).out


def test_info_proposes_a_model_and_says_why(run: Run, movie: Path, tmp_path: Path) -> None:
    from napari_pinpoint.zoo import ZOO

    proposal = json.loads(run("info", movie, "--json").out)["proposal"]
    assert proposal["model"] in ZOO
    printed = run("info", movie).out
    assert f"Proposed model: {proposal['model']}." in printed
    assert all(sentence in printed for sentence in [*proposal["reasons"], *proposal["missing"]])
    write_stack(Stack(np.zeros((2, 3, 32, 32), np.uint16), "TCYX"), tmp_path / "three.tif")
    assert "choose a channel" in json.loads(run("info", tmp_path / "three.tif", "--json").out)["proposal"]["problem"]
    assert run("info", tmp_path / "three.tif").out.count("choose a channel") == 1


def test_info_says_why_there_is_no_estimate(run: Run, tmp_path: Path) -> None:
    write_stack(Stack(np.zeros((2, 3, 32, 32), np.uint16), "TCYX"), tmp_path / "three.tif")
    ended = run("info", tmp_path / "three.tif")
    assert ended.code == 0
    assert "choose a channel" in ended.out
