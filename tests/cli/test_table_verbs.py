"""`pinpoint filter`, `link`, `drift`, `count` and `replay`: what they write is what Python gives."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tifffile

from napari_pinpoint import read_localizations, write_localizations
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.postprocessing import correct_drift, count_objects, estimate_drift, filter_rows, link, merge

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory, drifting: Callable[..., Any]) -> Path:
    path = tmp_path_factory.mktemp("tables") / "found.parquet"
    write_localizations(drifting(8, n_frames=300, side=48)[0], path)
    return path


def same(a: Localizations, b: Localizations) -> bool:
    return a.record == b.record and list(a) == list(b) and all(np.array_equal(a[n], b[n], equal_nan=True) for n in a)


def test_filter(run: Run, table: Path, tmp_path: Path) -> None:
    condition = "photons > 150 and uncertainty_x_nm < 12"
    ended = run("filter", table, condition, "-o", tmp_path / "out.parquet", "--json")
    assert ended.code == 0, ended.err
    expected = filter_rows(read_localizations(table), condition)
    assert same(read_localizations(tmp_path / "out.parquet"), expected)
    told = json.loads(ended.out)
    assert (told["localizations"], told["localizations_before"]) == (len(expected), len(read_localizations(table)))
    assert 0 < len(expected) < told["localizations_before"]


def test_filter_says_what_is_wrong(run: Run, table: Path, tmp_path: Path) -> None:
    ended = run("filter", table, "foton > 3", "-o", tmp_path / "out.parquet")
    assert ended.code == 2
    assert "no column 'foton'" in ended.err
    assert not (tmp_path / "out.parquet").exists()
    assert run("filter", table, "photons > 3", "-o", table).code == 2  # it is there already


def test_link_and_merge(run: Run, table: Path, tmp_path: Path) -> None:
    how = ("--radius-nm", "60", "--dark-frames", "1")
    assert run("link", table, "-o", tmp_path / "linked.parquet", *how).code == 0
    ended = run("link", table, "-o", tmp_path / "merged.parquet", *how, "--merge", "--json")
    linked = link(read_localizations(table), radius_nm=60, dark_frames=1)
    assert same(read_localizations(tmp_path / "linked.parquet"), linked)
    assert same(read_localizations(tmp_path / "merged.parquet"), merge(linked))
    assert json.loads(ended.out)["particles"] == len(merge(linked)) < len(linked)
    without = run("link", table, "-o", tmp_path / "again.parquet")
    assert without.code == 2
    assert "nm would do" in without.err


def test_drift_is_corrected_saved_and_drawn(run: Run, table: Path, tmp_path: Path) -> None:
    how = ("--segment-frames", "100", "--max-drift-px", "4")
    files = ("--save-drift", tmp_path / "drift.csv", "--figure", tmp_path / "drift.png")
    ended = run("drift", table, "-o", tmp_path / "still.parquet", *how, *files, "--json")
    assert ended.code == 0, ended.err
    before = read_localizations(table)
    drift = estimate_drift(before, segment_frames=100, max_drift_px=4)
    expected = correct_drift(before, drift)
    assert same(read_localizations(tmp_path / "still.parquet"), expected)
    assert json.loads(ended.out)["drift_y_px"] == pytest.approx(np.ptp(drift.y))
    assert (tmp_path / "drift.png").read_bytes()[:4] == b"\x89PNG"
    saved = pd.read_csv(tmp_path / "drift.csv")
    assert list(saved) == ["frame", "y [px]", "x [px]", "y [nm]", "x [nm]"]
    np.testing.assert_allclose(saved["y [nm]"], drift.y * 100, atol=1e-4)
    assert run("drift", table, "-o", tmp_path / "again.parquet", "--drift", tmp_path / "drift.csv").code == 0
    again = read_localizations(tmp_path / "again.parquet")
    np.testing.assert_array_equal(again.positions(), expected.positions())


def test_drift_from_beads(run: Run, tmp_path: Path) -> None:
    frame = np.arange(50)
    bead = Localizations({"frame": frame, "y": 10 + frame / 25, "x": np.full(50, 20.0)}, pixel_size_nm=100)
    write_localizations(bead, tmp_path / "bead.parquet")
    labels = np.zeros((30, 40), np.uint8)
    labels[8:16, 15:25] = 1
    tifffile.imwrite(tmp_path / "beads.tif", labels)
    for number, how in enumerate([("--fiducial", "11,20"), ("--fiducials", tmp_path / "beads.tif")]):
        output = tmp_path / f"still{number}.parquet"
        assert run("drift", tmp_path / "bead.parquet", "-o", output, *how).code == 0
        np.testing.assert_allclose(read_localizations(output)["y"], 10, atol=1e-6)
    wrong = run("drift", tmp_path / "bead.parquet", "-o", tmp_path / "a.parquet", "--fiducial", "11")
    assert wrong.code == 2
    assert "Y,X" in wrong.err
    both = run("drift", tmp_path / "bead.parquet", "-o", tmp_path / "a.parquet", *how, "--fiducial", "11,20")
    assert "not both" in both.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("frame,dy,dx\n0,1,1\n", "has the columns frame"),
        ("frame,y [px],x [px]\n", "no frame"),
        ("frame,y [px],x [px]\n0,a,1\n", "line 2"),
        ("frame,y [px],x [px]\n0,1,1\n2,1,1\n", "every frame"),
    ],
)
def test_a_drift_file_that_is_none(run: Run, table: Path, tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "drift.csv").write_text(text)
    ended = run("drift", table, "-o", tmp_path / "out.parquet", "--drift", tmp_path / "drift.csv")
    assert ended.code == 2
    assert said in ended.err


def test_count(run: Run, table: Path, tmp_path: Path) -> None:
    labels = np.zeros((48, 48), np.uint16)
    labels[:20, :20], labels[30:, 30:], labels[47, 0] = 1, 2, 9
    tifffile.imwrite(tmp_path / "cells.tif", labels)
    how = ("--objects", tmp_path / "cells.tif", "--image", tmp_path / "cells.tif")
    ended = run("count", table, "-o", tmp_path / "counts.csv", *how, "--json")
    assert ended.code == 0, ended.err
    written = pd.read_csv(tmp_path / "counts.csv")
    expected = count_objects(read_localizations(table), labels, image=labels)
    assert written["object"].tolist() == [1, 2, 9]
    for name in expected:
        np.testing.assert_allclose(written[name], expected[name], rtol=1e-6, err_msg=name)
    assert written["image_mean"].tolist() == [1, 2, 9]
    assert json.loads(ended.out)["counted"] == written["localizations"].sum()
    assert run("count", table, "-o", tmp_path / "frames.csv").code == 0
    assert pd.read_csv(tmp_path / "frames.csv")["n"].sum() == len(read_localizations(table))


def test_replay(run: Run, table: Path, tmp_path: Path) -> None:
    one, two, three = (tmp_path / f"{number}.parquet" for number in (1, 2, 3))
    assert run("filter", table, "photons > 150", "-o", one).code == 0
    assert run("link", one, "-o", two, "--radius-nm", "60", "--merge").code == 0
    ended = run("replay", table, "--steps", two, "-o", three, "--save-steps", tmp_path / "steps.json", "--json")
    assert json.loads(ended.out)["steps"] == ["filter", "link", "merge"]
    assert same(read_localizations(three), read_localizations(two))
    assert run("replay", table, "--steps", tmp_path / "steps.json", "-o", three, "--overwrite").code == 0
    assert same(read_localizations(three), read_localizations(two))
    (tmp_path / "steps.json").write_text('[{"step": "bake"}]')
    wrong = run("replay", table, "--steps", tmp_path / "steps.json", "-o", three, "--overwrite")
    assert wrong.code == 2
    assert "'bake' cannot be done again" in wrong.err
    assert "nothing was done" in run("replay", table, "--steps", table, "-o", tmp_path / "4.parquet").err
