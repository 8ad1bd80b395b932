"""`pinpoint resolution`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_pinpoint import write_localizations
from napari_pinpoint.localizations import Localizations

Run = Callable[..., Any]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Molecules that are on in every tenth and the following frame, with an error of 0.1 px."""
    rng = np.random.default_rng(5)
    place = np.repeat(rng.uniform(0, 30, (1000, 2)), 8, axis=0) + 0.1 * rng.normal(size=(8000, 2))
    frame = (rng.integers(0, 10, (1000, 1)) * 2 + [0, 1, 30, 31, 60, 61, 90, 91]).ravel()
    columns = {"frame": frame, "y": place[:, 0], "x": place[:, 1]}
    columns |= {f"uncertainty_{axis}": np.full(8000, 0.1) for axis in "yx"}
    write_localizations(Localizations(columns, pixel_size_nm=120), tmp_path / "table.parquet")
    return tmp_path / "table.parquet"


def test_both_measures_and_the_figure(run: Run, table: Path) -> None:
    ended = run("resolution", table, "--figure", table.with_name("resolution.svg"), "--repeats", 2, "--json")
    assert ended.code == 0, ended.err
    said = json.loads(ended.out)
    assert said["nena"]["precision_nm"] == pytest.approx(12, rel=0.05)
    assert said["frc"]["resolution_nm"] == pytest.approx(120 * said["frc"]["resolution_px"])
    assert 30 < said["frc"]["resolution_nm"] < 60
    assert len(said["frc"]["frequency"]) == len(said["frc"]["smoothed"])
    assert "</svg>" in table.with_name("resolution.svg").read_text()
    words = run("resolution", table, "--repeats", 1).out
    assert "precision (NeNA)" in words
    assert "resolution (FRC)" in words


def test_what_the_table_does_not_allow_is_left_out(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "one.parquet"
    rows = {"frame": [0, 0], "y": [1, 2], "x": [1, 2]}
    write_localizations(Localizations(rows), path)
    ended = run("resolution", path)
    assert ended.code == 2
    assert "points in more than one frame" in ended.err
    assert "there are 0 pairs" in ended.err
