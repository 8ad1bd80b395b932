"""`pinpoint convert` and `pinpoint evaluate`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_pinpoint import read_localizations
from napari_pinpoint.io.tables import FORMATS, write_localizations
from napari_pinpoint.localizations import Localizations

Run = Callable[..., Any]


def test_convert_and_back(run: Run, truth: Path, tmp_path: Path) -> None:
    there = run("convert", truth, tmp_path / "truth.csv")
    assert there.code == 0
    assert "particle" in there.err
    back = run("convert", tmp_path / "truth.csv", tmp_path / "back.parquet", "--json")
    assert json.loads(back.out)["columns_left_out"] == []
    before, after = read_localizations(truth), read_localizations(tmp_path / "back.parquet")
    np.testing.assert_array_equal(after["frame"], before["frame"])
    np.testing.assert_allclose(after["x"], before["x"], atol=1e-4)


@pytest.mark.filterwarnings("ignore:.*no place for")
@pytest.mark.filterwarnings("ignore:.*for Picasso")
@pytest.mark.parametrize("name", [name for name in FORMATS if name != "parquet"])
def test_convert_by_every_format(run: Run, truth: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / f"a{FORMATS[name].suffixes[0]}"
    there = run("convert", truth, path, "--to", name)
    assert there.code == 0, there.err
    assert str(FORMATS[name].convention) in there.out
    assert "pixels of 100 nm" in there.out
    assert run("convert", path, tmp_path / "back.parquet").code == 0
    before, after = read_localizations(truth), read_localizations(tmp_path / "back.parquet")
    for column in ("frame", "y", "x"):
        np.testing.assert_allclose(after[column], before[column], atol=1e-3)


def test_convert_asks_for_the_convention(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Channel,Frame,X (nm),Y (nm)\n0,0,300,500\n")
    ended = run("convert", tmp_path / "a.csv", tmp_path / "b.parquet")
    assert ended.code == 2
    assert "--pixel-size-nm" in ended.err
    assert "--origin centre|corner|one" in ended.err
    said = ("--pixel-size-nm", "100", "--origin", "centre")
    ended = run("convert", tmp_path / "a.csv", tmp_path / "b.parquet", *said, "--json")
    assert json.loads(ended.out)["convention"].startswith("pixels; 0 is the centre of the first pixel")
    assert read_localizations(tmp_path / "b.parquet")["x"].tolist() == [3]
    ended = run("convert", tmp_path / "a.csv", tmp_path / "c.parquet", *said[:3], "middle")
    assert ended.code == 2
    assert "one of centre, corner, one" in ended.err


def test_convert_needs_a_pixel_size_for_nanometres(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('"frame","x [nm]","y [nm]"\n1,150,250\n')
    ended = run("convert", tmp_path / "a.csv", tmp_path / "b.parquet")
    assert ended.code == 2
    assert "--pixel-size-nm" in ended.err
    assert run("convert", tmp_path / "a.csv", tmp_path / "b.parquet", "--pixel-size-nm", "100").code == 0
    table = read_localizations(tmp_path / "b.parquet")
    assert (table["frame"][0], table["y"][0], table["x"][0]) == (0, 2.0, 1.0)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """Found and true points, with one pair 30 nm apart, one false and one missed; only one file knows its pixels."""
    from napari_pinpoint import write_localizations

    found = Localizations({"frame": [0, 0], "y": [10.3, 20.0], "x": [10.0, 20.0]}, pixel_size_nm=100)
    write_localizations(found, tmp_path / "found.parquet")
    (tmp_path / "truth.csv").write_text('"frame","x [nm]","y [nm]"\n1,1050,1050\n1,3050,3050\n')
    return tmp_path / "found.parquet", tmp_path / "truth.csv"


def test_evaluate(run: Run, pair: tuple[Path, Path]) -> None:
    ended = run("evaluate", *pair, "--tolerance-nm", "50", "--json")
    assert ended.code == 0, ended.err
    scores = json.loads(ended.out)
    assert (scores["tp"], scores["fp"], scores["fn"]) == (1, 1, 1)
    assert scores["rmse_nm"] == pytest.approx(30)
    assert scores["rmse_z"] is None
    assert json.loads(run("evaluate", *pair, "--tolerance-px", "0.2", "--json").out)["tp"] == 0


def test_evaluate_prints_a_table(run: Run, pair: tuple[Path, Path]) -> None:
    ended = run("evaluate", *pair, "--tolerance-nm", "50", "--method", "greedy")
    assert "33.3" in ended.out
    assert "30.00" in ended.out
    assert "greedy" in ended.out
    assert "nan" not in ended.out


def test_evaluate_as_the_challenge_does(run: Run, truth: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.parquet"  # a table that does not say how large its images are
    write_localizations(read_localizations(truth).with_record({}), elsewhere)
    ended = run("evaluate", elsewhere, elsewhere, "--challenge", "--json")
    assert ended.code == 2
    assert "--field-px" in ended.err
    scores = json.loads(run("evaluate", truth, truth, "--challenge", "--field-px", "40x48", "--json").out)
    assert scores["method"] == "greedy"
    assert scores["tolerance_nm"] == 250
    assert 0 < scores["n_truth"] < len(read_localizations(truth))


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ((), "tolerance"),
        (("--tolerance-nm", "50", "--tolerance-px", "1"), "both"),
        (("--tolerance-nm", "-1"), "above 0"),
    ],
)
def test_evaluate_without_a_sensible_tolerance(run: Run, pair: tuple[Path, Path], how: Any, said: str) -> None:
    ended = run("evaluate", *pair, *how)
    assert ended.code == 2
    assert said in ended.err
