"""`pinpoint evaluate` beyond pairs: Chamfer distance, counts, boxes, classes, and whole datasets."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from napari_pinpoint.io.tables import read_localizations, write_localizations
from napari_pinpoint.localizations import Localizations

Run = Callable[..., Any]

CELLS = {
    "frame": [0, 0, 1],
    "y": [20.0, 60.0, 40.0],
    "x": [20.0, 60.0, 40.0],
    "height": [10, 20, 10],
    "width": [10, 20, 10],
    "label": ["RBC", "WBC", "RBC"],
}


@pytest.fixture
def cells(tmp_path: Path) -> tuple[Path, Path]:
    """Three boxes of two classes in two frames, and what was found: one of a wrong class, one missed."""
    truth = Localizations(CELLS)
    found = truth.select([0, 1]).with_columns(label=["RBC", "RBC"], probability=[0.9, 0.6])
    for name, table in (("found", found), ("truth", truth)):
        write_localizations(table, tmp_path / f"{name}.parquet")
    return tmp_path / "found.parquet", tmp_path / "truth.parquet"


def test_json_holds_all_there_is(run: Run, cells: tuple[Path, Path]) -> None:
    ended = run("evaluate", *cells, "--tolerance-px", "2", "--field-px", "80x80", "--json")
    assert ended.code == 0, ended.err
    all_of_it = json.loads(ended.out)
    assert (all_of_it["tp"], all_of_it["fn"]) == (2, 1)
    assert all_of_it["chamfer"] == {"distance_px": 0.0, "n_frames": 1, "n_one_sided": 1}
    assert all_of_it["counts"]["mae"] == 0.5
    assert all_of_it["counts"]["game"] == [0.5] * 4
    assert all_of_it["boxes"]["ap_50"] == {"RBC": pytest.approx(0.505, abs=1e-3), "WBC": 0}
    assert all_of_it["boxes"]["map_50"] == pytest.approx(0.2525, abs=1e-3)
    assert {name: of["tp"] for name, of in all_of_it["classes"].items()} == {"RBC": 1, "WBC": 0}


def test_tables_in_words(run: Run, cells: tuple[Path, Path]) -> None:
    out = run("evaluate", *cells, "--tolerance-px", "2", "--field-px", "80x80").out
    assert "Chamfer" in out
    assert "without the 1 frames that have points in one table only" in out
    assert "mAP 0.5" in out
    assert "AP 0.5" in out
    assert "GAME" not in out
    assert "GAME(3)" in run("evaluate", *cells, "--tolerance-px", "2", "--field-px", "80x80", "--counts").out


def test_counts_and_boxes_need_no_tolerance(run: Run, cells: tuple[Path, Path]) -> None:
    ended = run("evaluate", *cells, "--counts")
    assert ended.code == 0, ended.err
    assert "MAE" in ended.out
    assert "recall" not in ended.out
    assert "tp" not in json.loads(run("evaluate", *cells, "--boxes", "--json").out)


def test_boxes_that_are_not_there_are_told(run: Run, cells: tuple[Path, Path], tmp_path: Path) -> None:
    write_localizations(Localizations({"frame": [0], "y": [1], "x": [1]}), tmp_path / "points.parquet")
    ended = run("evaluate", cells[0], tmp_path / "points.parquet", "--boxes")
    assert ended.code == 2
    assert "Boxes need the column 'height'" in ended.err


def test_frames_that_were_not_looked_at_are_left_out_and_told(run: Run, tmp_path: Path) -> None:
    truth = Localizations({"frame": np.arange(10), "y": np.ones(10), "x": np.ones(10)})
    found = truth.select(slice(0, 4)).with_record({"settings": {"frames": [0, 5]}})
    paths = tmp_path / "found.parquet", tmp_path / "truth.parquet"
    for path, table in zip(paths, (found, truth), strict=True):
        write_localizations(table, path)
    ended = run("evaluate", *paths, "--tolerance-px", "1", "--json")
    assert "Only frames 0 to 4 were looked at" in ended.err
    assert ended.err.count("warning") == 1
    assert json.loads(ended.out)["fn"] == 1
    ended = run("evaluate", *paths, "--tolerance-px", "1", "--frames", "0:", "--json")
    assert ended.err == ""
    assert json.loads(ended.out)["fn"] == 6


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Two images of different size, each with a label image: two objects in the first, one in the second."""
    for folder in ("images", "labels"):
        (tmp_path / "data" / folder).mkdir(parents=True)
    for name, shape, boxes in (("a", (40, 48), [(5, 5), (20, 20)]), ("b", (64, 64), [(30, 30)])):
        labels = np.zeros(shape, np.uint16)
        for number, (y, x) in enumerate(boxes, start=1):
            labels[y : y + 9, x : x + 9] = number
        tifffile.imwrite(tmp_path / "data" / "labels" / f"{name}.tif", labels)
        tifffile.imwrite(tmp_path / "data" / "images" / f"{name}.tif", (labels > 0).astype(np.uint8))
    return tmp_path / "data"


def test_a_folder_of_tables_against_a_dataset(run: Run, dataset: Path, tmp_path: Path) -> None:
    found = tmp_path / "found"
    found.mkdir()
    record = {"settings": {"frames": [0, 1]}, "input": {"shape": [40, 48]}}
    a = Localizations({"frame": [0, 0], "y": [9.0, 24.0], "x": [9.5, 24.0]}, record=record)
    write_localizations(a, found / "a.parquet")
    write_localizations(Localizations.empty(record=record), found / "b.parquet")
    ended = run("evaluate", found, dataset, "--tolerance-px", "2", "--json")
    assert (ended.code, ended.err) == (0, "")
    scores = json.loads(ended.out)
    assert (scores["tp"], scores["fp"], scores["fn"]) == (2, 0, 1)
    assert (scores["counts"]["n_frames"], scores["counts"]["mae"]) == (2, 0.5)
    assert scores["counts"]["game"] == [0.5] * 4


def test_images_without_a_table_are_named(run: Run, dataset: Path, tmp_path: Path) -> None:
    write_localizations(Localizations({"frame": [0], "y": [34.0], "x": [34.0]}), tmp_path / "b.parquet")
    ended = run("evaluate", tmp_path / "b.parquet", dataset, "--tolerance-px", "2", "--json")
    assert "1 images have no table, and are left out: a." in ended.err
    assert json.loads(ended.out)["recall"] == 1
    (tmp_path / "b.parquet").rename(tmp_path / "c.parquet")
    ended = run("evaluate", tmp_path / "c.parquet", dataset, "--counts")
    assert ended.code == 2
    assert "None of the tables (c) has the name of one of the 2 images (a, b)" in ended.err
    (tmp_path / "empty").mkdir()
    assert "there is no table in this folder" in run("evaluate", tmp_path / "empty", dataset, "--counts").err


def test_two_tables_of_one_image_are_refused(run: Run, dataset: Path, tmp_path: Path) -> None:
    found = tmp_path / "found"
    found.mkdir()
    for suffix in ("parquet", "csv"):
        write_localizations(
            Localizations({"frame": [0], "y": [9.0], "x": [9.0]}, pixel_size_nm=100), found / f"a.{suffix}"
        )
    ended = run("evaluate", found, dataset, "--counts")
    assert ended.code == 2
    assert "two tables of one image, a.csv and a.parquet" in ended.err


def test_the_challenge_on_a_dataset_takes_the_size_of_its_images(run: Run, dataset: Path, tmp_path: Path) -> None:
    """It once asked for --field-px, and did not heed it."""
    found = Localizations({"frame": [0], "y": [9.0], "x": [9.0]}, pixel_size_nm=100)
    write_localizations(found, tmp_path / "a.parquet")
    how = ("evaluate", tmp_path / "a.parquet", dataset, "--challenge", "--pixel-size-nm", "100")
    ended = run(*how)
    assert "needs the size of a frame" not in ended.err
    assert "A photon cut needs the column 'photons'" in ended.err
    assert "of the field of (6, 6) pixels" in run(*how, "--field-px", "6x6").err


def test_two_tolerances_are_one_too_many(run: Run, cells: tuple[Path, Path]) -> None:
    how = ("--challenge", "--field-px", "80x80", "--pixel-size-nm", "100")
    ended = run("evaluate", *cells, "--tolerance-px", "2", "--tolerance-nm", "30", *how)
    assert ended.code == 2
    assert "either in nanometres or in pixels; both" in ended.err


def test_frames_without_end_go_as_far_as_was_looked(run: Run, cells: tuple[Path, Path]) -> None:
    """Frames in which nothing is and nothing was found count among those that were right."""
    found, truth = cells
    record = {"settings": {"frames": [0, 10]}}
    write_localizations(Localizations(read_localizations(found).columns, record=record), found, overwrite=True)
    ended = run("evaluate", found, truth, "--counts", "--frames", "1:", "--json")
    assert json.loads(ended.out)["counts"]["n_frames"] == 9


@pytest.fixture
def rivals(tmp_path: Path, truth: Path) -> tuple[Path, Path]:
    """What two models found of the truth: one nearly all of it, the other half, and less exactly."""
    table = read_localizations(truth).without_columns("photons")
    rng = np.random.default_rng(0)
    good = table.with_columns(x=table["x"] + rng.normal(0, 0.05, len(table)))
    poor = table.with_columns(x=table["x"] + rng.normal(0, 0.3, len(table))).select(slice(None, None, 2))
    for name, found in (("good", good), ("poor", poor)):
        write_localizations(found, tmp_path / f"{name}.parquet")
    return tmp_path / "good.parquet", tmp_path / "poor.parquet"


def test_two_models_and_their_report(run: Run, rivals: tuple[Path, Path], truth: Path, tmp_path: Path) -> None:
    good, poor = rivals
    call = ("evaluate", good, truth, "--against", poor, "--tolerance-nm", "100", "--reference")
    ended = run(*call, "--report", tmp_path / "report", "--json")
    assert ended.code == 0, ended.err
    told = json.loads(ended.out)
    assert Path(told["report"]).is_file()
    assert (tmp_path / "report" / "pairs-2.csv").is_file()
    assert told["recall"] > 0.95
    assert told["against"]["poor"]["recall"] < 0.6
    recall = told["difference"]["first_minus_second"]["recall"]
    assert recall["value"] == pytest.approx(told["recall"] - told["against"]["poor"]["recall"])
    assert recall["low"] > 0
    assert told["reference"]["seeds"] == [0, 1, 2, 3, 4]
    again = run(*call, "--report", tmp_path / "report")
    assert again.code == 2
    assert "--overwrite" in again.err
    words = run(*call).out
    for heading in ("good", "poor", "difference", "reference"):
        assert heading in words


def test_one_table_with_a_report_is_scored_as_without(
    run: Run, rivals: tuple[Path, Path], truth: Path, tmp_path: Path
) -> None:
    plain = json.loads(run("evaluate", rivals[1], truth, "--tolerance-nm", "100", "--json").out)
    ended = run("evaluate", rivals[1], truth, "--tolerance-nm", "100", "--json", "--report", tmp_path / "r")
    full = json.loads(ended.out)
    assert {name: full[name] for name in plain} == plain
    assert full["difference"] is None


def test_what_the_reference_needs_is_asked_for(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "points.parquet"
    write_localizations(Localizations({"frame": [0], "y": [5.0], "x": [5.0]}), path)
    ended = run("evaluate", path, path, "--tolerance-px", "1", "--reference", "--field-px", "32x32")
    assert ended.code == 2
    assert "--read-noise-e" in ended.err
    ended = run("evaluate", path, path, "--tolerance-px", "1", "--reference", "--field-px", "32x32", "--em-gain", "100")
    assert "lacks photons" in ended.err
    ended = run("evaluate", path, path, "--counts", "--report", tmp_path / "r")
    assert "Give the tolerance" in ended.err
    assert not (tmp_path / "r").exists()


def test_two_folders_of_tables_against_a_dataset(run: Run, dataset: Path, tmp_path: Path) -> None:
    for folder, x in (("first", 9.5), ("second", 9.0)):
        (tmp_path / folder).mkdir()
        write_localizations(Localizations({"frame": [0], "y": [9.0], "x": [x]}), tmp_path / folder / "a.parquet")
        write_localizations(Localizations({"frame": [0], "y": [34.0], "x": [x]}), tmp_path / folder / "b.parquet")
    call = ("evaluate", tmp_path / "first", dataset, "--tolerance-px", "2", "--report", tmp_path / "report")
    ended = run(*call, "--against", tmp_path / "second", "--json")
    assert ended.code == 0, ended.err
    told = json.loads(ended.out)
    assert told["rmse_px"] == 0.5
    assert told["against"]["second"]["rmse_px"] == 0
    assert told["difference"]["first_minus_second"]["rmse_px"]["value"] == 0.5
    (tmp_path / "second" / "b.parquet").unlink()
    ended = run(*call, "--against", tmp_path / "second", "--overwrite")
    assert ended.code == 2
    assert "tables of other images" in ended.err
