"""`pinpoint render`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_pinpoint import read_stack, write_localizations
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.rendering import render

Run = Callable[..., Any]


@pytest.fixture
def made() -> Localizations:
    rng = np.random.default_rng(3)
    y, x = rng.uniform(0, 20, (2, 100))
    columns = {"frame": np.arange(100), "y": y, "x": x, "uncertainty_y": np.full(100, 0.1)}
    columns["uncertainty_x"] = rng.uniform(0.05, 0.2, 100)
    return Localizations(columns, pixel_size_nm=100, record={"input": {"shape": [100, 24, 30]}})


@pytest.fixture
def table(made: Localizations, tmp_path: Path) -> Path:
    write_localizations(made, tmp_path / "table.parquet")
    return tmp_path / "table.parquet"


@pytest.mark.parametrize("method", ["histogram", "gaussian", "ash"])
def test_the_picture_is_that_of_the_function(run: Run, made: Localizations, table: Path, method: str) -> None:
    path = table.with_name("picture.ome.tif")
    ended = run("render", table, "-o", path, "--method", method, "--picture-pixel-nm", 25, "--json")
    assert ended.code == 0, ended.err
    said = json.loads(ended.out)
    assert (said["shape"], said["picture_pixel_nm"], said["magnification"]) == ([96, 120], 25, 4)
    stack = read_stack(path)
    assert stack.pixel_size_nm == 25
    expected = render(made, shape=(24, 30), picture_pixel_nm=25, method=method)
    np.testing.assert_allclose(np.asarray(stack.data), expected, rtol=1e-6)


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_a_figure_in_colours(run: Run, table: Path, suffix: str) -> None:
    path = table.with_name(f"figure.{suffix}")
    how = ("--color-by", "uncertainty_x_nm", "--color-limits", "5:15", "--json")
    ended = run("render", table, "-o", path, *how)
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["color_limits"] == [5, 15]
    assert path.stat().st_size > 5000


@pytest.mark.parametrize("method", ["histogram", "gaussian"])
def test_what_lies_outside_the_field_is_counted(run: Run, made: Localizations, table: Path, method: str) -> None:
    inside = int(np.count_nonzero((made["y"] < 15.5) & (made["x"] < 9.5)))
    ended = run("render", table, "-o", table.with_name("a.ome.tif"), "--field-px", "16x10", "--method", method)
    assert f"{inside} localizations; {100 - inside} more lie outside the field." in ended.out


def test_what_cannot_be_rendered(run: Run, table: Path) -> None:
    ended = run("render", table, "-o", table.with_name("a.jpg"))
    assert ended.code == 2
    assert "let the name end in .ome.tif for the picture, or .png or .svg for a figure" in ended.err
    assert "'5' is not LOW:HIGH" in run("render", table, "-o", "a.png", "--color-limits", "5").err
    assert "no column 'photons'" in run("render", table, "-o", "a.png", "--color-by", "photons").err
