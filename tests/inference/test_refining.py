"""`refine="mle"`: every row of a run measured again, whatever the tiles, batches and chunks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_pinpoint.camera import Camera
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.fitting import MEASURED
from napari_pinpoint.inference import LocalizeSettings, candidates, keep, localize, localize_iter, plan
from napari_pinpoint.inference.refining import usual_sigma
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.model import Localizer, load_model
from napari_pinpoint.region import Region
from napari_pinpoint.scenes.emitters import EmitterScene
from napari_pinpoint.stack import Stack

REFINED = LocalizeSettings(refine="mle")


@pytest.fixture(scope="module")
def model() -> Localizer:
    return load_model("smlm-2d")


@pytest.fixture(scope="module")
def movie() -> tuple[Stack, Localizations]:
    scene = EmitterScene(shape=(72, 84), density=(0.01, 0.01), psf_sigma=(1.2, 1.2), background=(10, 10))
    return scene.sample(4, np.random.default_rng(5))


@pytest.fixture(scope="module")
def table(movie: tuple[Stack, Localizations], model: Localizer) -> Localizations:
    return localize(movie[0], model, settings=REFINED)


def assert_alike(a: Localizations, b: Localizations) -> None:
    np.testing.assert_array_equal(a["frame"], b["frame"])
    for name in ("y", "x", "photons", "uncertainty_x", "psf_sigma_y"):
        np.testing.assert_allclose(a[name], b[name], rtol=5e-3, atol=5e-3)
    np.testing.assert_array_equal(a["flags"], b["flags"])


def test_the_same_rows_are_measured_again(movie, model, table) -> None:
    plain = localize(movie[0], model)
    assert len(table) == len(plain) > 100
    np.testing.assert_array_equal(table["probability"], plain["probability"])
    assert {*MEASURED, "flags"} <= set(table)
    moved = np.hypot(table["y"] - plain["y"], table["x"] - plain["x"])
    assert 0 < np.median(moved) < 0.1
    assert table.record["settings"]["refine"] == "mle"
    assert table.record["fit"]["psf_sigma_px"] == pytest.approx(1.2, abs=0.15)
    assert "fit" not in plain.record


def test_tiles_batches_and_chunks_change_nothing(movie, model, table) -> None:
    cut = LocalizeSettings(refine="mle", tile=32, batch=3)
    assert_alike(localize(movie[0], model, settings=cut), table)
    one_by_one = replace(plan(movie[0], model, settings=REFINED), chunk_frames=1)
    assert len(one_by_one.chunks) == 4
    parts = [chunk.localizations for chunk in localize_iter(one_by_one)]
    assert_alike(Localizations.concatenate(parts), table)


def test_a_part_of_the_frames_is_fitted_as_all_of_them(movie, model, table) -> None:
    late = localize(movie[0], model, settings=LocalizeSettings(refine="mle", frames=(2, 4)))
    assert_alike(late, table.select(table["frame"] >= 2))


def test_a_frame_without_points_and_one_of_many(model) -> None:
    camera = Camera(offset_adu=100, electrons_per_adu=0.5)
    dark = Stack(np.full((2, 40, 40), 100, np.uint16), "TYX", camera)
    found = localize(dark, model, settings=REFINED)
    assert len(found) == 0
    assert {*MEASURED, "flags"} <= set(found)


def test_candidates_are_as_the_model_sees_them(movie, model, table) -> None:
    seen = candidates(plan(movie[0], model, settings=REFINED), 1)
    assert seen.record["settings"]["refine"] == "none"
    kept = keep(seen, REFINED, model)
    run = table.select(table["frame"] == 1)
    np.testing.assert_allclose(kept["probability"], run["probability"], atol=1e-5)


def test_points_of_a_region_are_fitted(movie, model) -> None:
    labels = np.zeros((72, 84), np.int64)
    labels[20:60, 30:70] = 3
    inside = localize(movie[0], model, settings=REFINED, region=Region(labels))
    assert len(inside) > 10
    assert (inside["region"] == 3).all()
    assert np.isfinite(inside["photons"]).mean() > 0.9


def test_an_unknown_camera_is_an_error(movie, model) -> None:
    unknown = replace(movie[0], camera=Camera(offset_adu=100))
    with pytest.raises(PinpointError, match=r"electrons per count is missing.*refine='none'"):
        plan(unknown, model, settings=REFINED)


@pytest.mark.parametrize(
    ("axes", "choice", "shown"),
    [("TCYX", {"channel": "luminance"}, "luminance"), ("TZYX", {"plane": "max"}, "maximum along z")],
)
def test_what_is_no_photograph_is_refused(movie, model, axes: str, choice: dict, shown: str) -> None:
    data = np.repeat(movie[0].data[:, None], 3, axis=1)
    view = Stack(data, axes, movie[0].camera).view(**choice)
    with pytest.raises(PinpointError, match=rf"one channel.*{shown}"):
        plan(view, model, settings=REFINED)


def test_the_width_is_that_of_the_stack_or_of_the_model(movie, model) -> None:
    assert usual_sigma(movie[0].view(), model) == pytest.approx(1.2, abs=0.15)
    dark = Stack(np.full((2, 40, 40), 100, np.uint16), "TYX", movie[0].camera)
    assert usual_sigma(dark.view(), model) == pytest.approx(1.2)  # the middle of 1.0 to 1.4


def test_rerun_gives_the_same_table(movie, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from napari_pinpoint.cli import app
    from napari_pinpoint.io.tables import read_localizations
    from napari_pinpoint.io.write_images import write_stack

    write_stack(movie[0], tmp_path / "movie.tif")
    given = ["--offset-adu", "100", "--electrons-per-adu", "0.5", "--read-noise-e", "1.5", "--pixel-size-nm", "100"]
    first, second = tmp_path / "first.parquet", tmp_path / "second.parquet"
    for command in (
        ["localize", str(tmp_path / "movie.tif"), "-o", str(first), "--refine", "mle", *given],
        ["rerun", str(first), "-o", str(second)],
    ):
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0, done.output
    a, b = read_localizations(first), read_localizations(second)
    for name in a:
        np.testing.assert_array_equal(a[name], b[name])
    assert a.record["settings"]["refine"] == "mle"
    bad = CliRunner().invoke(
        app, ["localize", str(tmp_path / "movie.tif"), "-o", str(tmp_path / "x.parquet"), "--refine", "lsq", *given]
    )
    assert bad.exit_code != 0
