"""Fits of simulated emitters: as precise as the bound allows, uncertainties that are right, whatever the camera."""

from __future__ import annotations

import numpy as np
import pytest

from napari_pinpoint import Camera, Localizations
from napari_pinpoint.evaluation import cramer_rao_bound
from napari_pinpoint.fitting import MEASURED, fit
from napari_pinpoint.localizations import FLAGS
from napari_pinpoint.psf import render_emitters

SIDE = 25
PLAIN = Camera(offset_adu=100, electrons_per_adu=0.5)
EMCCD = Camera(offset_adu=100, electrons_per_adu=45, em_gain=300, read_noise_e=74, clock_induced_charge_e=0.002)


def movie(rng, y, x, *, frame=None, photons=1000.0, background=10.0, sigma=(1.3, 1.3), camera=PLAIN, side=SIDE):
    """Counts of emitters in frames of 25 x 25 pixels."""
    y, x = np.asarray(y, float), np.asarray(x, float)
    frame = np.zeros(len(y), np.int64) if frame is None else frame
    values = (np.broadcast_to(float(v), len(y)) for v in (photons, *sigma))
    light = render_emitters(frame, y, x, *values, int(frame.max()) + 1, (side, side)) + background
    return camera.expose(light.astype(np.float32), rng)


def alone(rng, n, *, off=0.2, **options):
    """n frames with one emitter each, the truth, and where fits start: `off` px away (sd)."""
    y, x = rng.uniform(10, 14, (2, n))
    counts = movie(rng, y, x, frame=np.arange(n), **options)
    near = np.clip(rng.normal(0, off, (2, n)), -0.8, 0.8)
    return counts, y, x, Localizations({"frame": np.arange(n), "y": y + near[0], "x": x + near[1]})


def is_flagged(table, name):
    return (table["flags"] & FLAGS[name]) > 0


@pytest.mark.parametrize(
    ("photons", "background", "camera"),
    [(300, 3, PLAIN), (1000, 10, PLAIN), (5000, 50, PLAIN), (1500, 10, EMCCD)],
)
def test_isolated_emitters_are_as_precise_as_photons_allow(rng, photons, background, camera):
    counts, y, x, start = alone(rng, 600, photons=photons, background=background, camera=camera)
    found = fit(counts, start, camera, psf_sigma=1.2)
    bound = cramer_rao_bound(
        12.0,
        12.0,
        photons,
        background=background,
        psf_sigma=1.3,
        shape=(SIDE, SIDE),
        excess_noise=camera.excess_noise,
        read_variance=camera.read_noise_photons**2,
    )
    assert is_flagged(found, "not_converged").mean() < 0.01
    for axis, truth in (("y", y), ("x", x)):
        error = found[axis] - truth
        # 600 errors tell their spread to 3 %.
        assert np.std(error) == pytest.approx(bound.uncertainty_x[0], rel=0.1)
        assert abs(np.mean(error)) < 4 * np.std(error) / np.sqrt(len(error))
        assert 0.9 < np.std(error / found[f"uncertainty_{axis}"]) < 1.1
    assert np.median(found["photons"]) == pytest.approx(photons, rel=0.02)
    assert np.median(found["background"]) == pytest.approx(background, rel=0.04)
    assert np.median(found["psf_sigma_y"]) == pytest.approx(1.3, rel=0.03)
    assert 0.85 < np.std(found["photons"] - photons) / np.median(found["uncertainty_photons"]) < 1.15
    if camera is PLAIN:  # half of a chi-squared with as many degrees of freedom as pixels less parameters
        assert np.median(found["log_likelihood"]) == pytest.approx(-(11**2 - 6) / 2, rel=0.1)


def test_the_start_decides_nothing(rng):
    """But the pixel that the window lies around: one more or less of them 5 px away moves a fit by 0.05 sigma."""
    counts, y, x, start = alone(rng, 100)
    found = fit(counts, start, PLAIN, psf_sigma=1.3)
    again = fit(counts, Localizations({"frame": np.arange(100), "y": y, "x": x}), PLAIN, psf_sigma=1.3)
    same = np.rint(start["y"]) == np.rint(y)
    same &= np.rint(start["x"]) == np.rint(x)
    assert same.sum() > 50
    np.testing.assert_allclose(found["y"][same], again["y"][same], atol=1e-3)
    np.testing.assert_allclose(found["photons"][same], again["photons"][same], rtol=1e-3)
    np.testing.assert_allclose(found["y"], again["y"], atol=5e-3)


def test_widths_are_told_along_both_axes(rng):
    counts, _, _, start = alone(rng, 60, sigma=(1.1, 1.7), photons=4000)
    found = fit(counts, start, PLAIN, psf_sigma=1.4)
    assert np.median(found["psf_sigma_y"]) == pytest.approx(1.1, rel=0.03)
    assert np.median(found["psf_sigma_x"]) == pytest.approx(1.7, rel=0.03)


def test_neighbours_are_fitted_jointly(rng):
    """Pairs 3.5 px apart: fitted one by one they draw each other; together they are where they are."""
    n = 150
    y, x = rng.uniform(11, 13, (2, n))
    both_y, both_x = np.concatenate([y, y]), np.concatenate([x - 1.75, x + 1.75])
    frame = np.concatenate([np.arange(n)] * 2)
    counts = movie(rng, both_y, both_x, frame=frame, photons=2000)
    start = Localizations({"frame": frame, "y": both_y, "x": both_x})
    together = fit(counts, start, PLAIN, psf_sigma=1.3)
    single = fit(counts, start.select(np.arange(n)), PLAIN, psf_sigma=1.3)
    bound = cramer_rao_bound([12, 12], [10.25, 13.75], 2000, background=10, psf_sigma=1.3, shape=(SIDE, SIDE))
    error = np.hypot(together["y"] - both_y, together["x"] - both_x)
    assert np.sqrt(np.mean(error**2)) == pytest.approx(bound.radial[0], rel=0.15)
    off = np.abs(single["x"] - both_x[:n]) > 3 * bound.uncertainty_x[0]
    assert np.mean(off | is_flagged(single, "not_converged")) > 0.9
    assert np.median(together["uncertainty_x"]) == pytest.approx(bound.uncertainty_x[0], rel=0.1)


def test_a_crowd_is_fitted_in_parts_that_see_each_other(rng):
    """90 emitters in one cluster: more than are fitted at once."""
    grid = np.stack(np.meshgrid(np.arange(10), np.arange(9), indexing="ij"), axis=-1).reshape(-1, 2) * 4.5 + 5
    y, x = (grid + rng.uniform(-0.8, 0.8, grid.shape)).T
    counts = movie(rng, y, x, photons=3000, side=50)
    near = rng.uniform(-0.3, 0.3, (2, len(y)))
    found = fit(
        counts, Localizations({"frame": 0 * y.astype(int), "y": y + near[0], "x": x + near[1]}), PLAIN, psf_sigma=1.3
    )
    bound = cramer_rao_bound(y, x, 3000, background=10, psf_sigma=1.3, shape=(50, 50))
    error = np.hypot(found["y"] - y, found["x"] - x)
    assert np.sqrt(np.mean(error**2)) < 1.25 * np.sqrt(np.mean(bound.radial**2))
    assert np.median(found["photons"]) == pytest.approx(3000, rel=0.05)
    assert np.median(found["uncertainty_x"] / bound.uncertainty_x) == pytest.approx(1, rel=0.1)


def test_noisy_pixels_of_an_scmos_camera_count_for_less(rng):
    """A few pixels with 30 electrons of read noise, and gains and offsets of their own."""
    noise = np.where(rng.uniform(size=(SIDE, SIDE)) < 0.15, 30.0, 1.5)
    camera = Camera(
        offset_adu=rng.uniform(90, 110, (SIDE, SIDE)),
        electrons_per_adu=rng.uniform(0.4, 0.6, (SIDE, SIDE)),
        read_noise_e=noise,
    )
    counts, y, x, start = alone(rng, 300, camera=camera)
    blind = Camera(camera.offset_adu, camera.electrons_per_adu, read_noise_e=float(np.median(noise)))
    knowing, unknowing = (fit(counts, start, c, psf_sigma=1.3) for c in (camera, blind))
    spread = [np.sqrt(np.mean((t["y"] - y) ** 2 + (t["x"] - x) ** 2)) for t in (knowing, unknowing)]
    assert spread[0] < 0.7 * spread[1]
    assert np.std((knowing["x"] - x) / knowing["uncertainty_x"]) == pytest.approx(1, abs=0.12)


def test_saturated_pixels_are_left_out_and_said(rng):
    camera = Camera(offset_adu=100, electrons_per_adu=0.5, saturation_adu=1200)
    counts, _, x, start = alone(rng, 100, photons=10_000, camera=camera)
    assert (counts == 1200).sum(axis=(1, 2)).min() >= 2
    found = fit(counts, start, camera, psf_sigma=1.3)
    assert is_flagged(found, "saturated").all()
    assert np.median(found["photons"]) == pytest.approx(10_000, rel=0.03)
    assert np.std((found["x"] - x) / found["uncertainty_x"]) == pytest.approx(1, abs=0.2)
    fine = fit(*alone(rng, 5)[::3], PLAIN, psf_sigma=1.3)
    assert not is_flagged(fine, "saturated").any()


def test_integer_pixels_at_the_end_of_their_range_are_saturated(rng):
    counts = np.full((1, SIDE, SIDE), 200, np.uint8)
    counts[0, 12, 12] = 255
    found = fit(counts, Localizations({"frame": [0], "y": [12.0], "x": [12.0]}), PLAIN, psf_sigma=1.3)
    assert is_flagged(found, "saturated").all()


def test_a_fit_that_runs_away_keeps_its_place_and_is_flagged(rng):
    """The start is 2.5 px from the only emitter, and a fit may go 1.3 px."""
    counts = movie(rng, [12.0], [12.0], photons=5000)
    found = fit(counts, Localizations({"frame": [0], "y": [12.0], "x": [14.5]}), PLAIN, psf_sigma=1.3)
    assert is_flagged(found, "not_converged").all()
    assert (found["y"][0], found["x"][0]) == (12.0, 14.5)
    assert np.isnan(found["photons"][0])
    assert np.isnan(found["uncertainty_x"][0])


@pytest.mark.parametrize("level", [0, 20])
def test_nothing_there_is_survived(rng, level):
    counts = movie(rng, [12.0], [12.0], photons=0, background=level)
    found = fit(counts, Localizations({"frame": [0, 0], "y": [8.0, 8.0], "x": [12.0, 12.0]}), PLAIN, psf_sigma=1.3)
    assert np.hypot(found["y"] - 8, found["x"] - 12).max() < 2
    assert set(MEASURED) <= set(found)


def test_edge_and_overlap_are_flagged(rng):
    y, x = np.array([1.0, 12.0, 12.0, 20.0]), np.array([12.0, 10.0, 12.5, 20.0])
    counts = movie(rng, y, x, photons=5000)
    found = fit(counts, Localizations({"frame": [0] * 4, "y": y, "x": x}), PLAIN, psf_sigma=1.3)
    np.testing.assert_array_equal(is_flagged(found, "edge"), [True, False, False, False])
    np.testing.assert_array_equal(is_flagged(found, "overlapping"), [False, True, True, False])
    assert np.hypot(found["y"] - y, found["x"] - x).max() < 0.2


def test_rows_columns_and_other_flags_stay(rng):
    counts, _, _, start = alone(rng, 3)
    table = start.with_columns(probability=[0.5, 0.6, 0.7], flags=[FLAGS["ignore"], 0, FLAGS["saturated"]])
    table = table.select([2, 0, 1])
    found = fit(counts, table, PLAIN, psf_sigma=1.3)
    np.testing.assert_array_equal(found["frame"], [2, 0, 1])
    np.testing.assert_array_equal(found["probability"], table["probability"])
    np.testing.assert_array_equal(found["flags"], [0, FLAGS["ignore"], 0])


def test_an_empty_table_gets_its_columns():
    found = fit(np.zeros((1, 9, 9)), Localizations.empty(), PLAIN, psf_sigma=1.3)
    assert len(found) == 0
    assert {*MEASURED, "flags"} <= set(found)


def test_what_else_is_fitted_beside_changes_nothing(rng):
    """Tiles, batches and chunks only change who shares a block."""
    y, x = rng.uniform(0, 60, (2, 30))
    frame = np.repeat([0, 1], 15)
    counts = movie(rng, y, x, frame=frame, side=60)
    start = Localizations({"frame": frame, "y": y, "x": x})
    whole = fit(counts, start, PLAIN, psf_sigma=1.3)
    second = fit(counts[1:], start.select(frame == 1).with_columns(frame=np.zeros(15, int)), PLAIN, psf_sigma=1.3)
    for name in ("y", "x", "photons", "uncertainty_y", "log_likelihood"):
        np.testing.assert_allclose(second[name], whole[name][frame == 1], rtol=2e-3, atol=2e-3)
    np.testing.assert_array_equal(second["flags"], whole["flags"][frame == 1])


def test_a_second_row_for_the_same_emitter_is_told_from_a_neighbour(rng):
    """Three starts around one bright emitter: one row is the emitter, the others are flagged and stay in place."""
    n = 40
    y, x = rng.uniform(11, 13, (2, n))
    frame = np.repeat(np.arange(n), 3)
    off_y, off_x = np.tile([[0.3, -0.4, 0.0], [0.3, 0.1, -0.6]], n)
    start = Localizations({"frame": frame, "y": np.repeat(y, 3) + off_y, "x": np.repeat(x, 3) + off_x})
    found = fit(movie(rng, y, x, frame=np.arange(n), photons=5000), start, PLAIN, psf_sigma=1.3)
    good = ~is_flagged(found, "not_converged")
    assert (np.bincount(frame[good], minlength=n) == 1).mean() > 0.9
    error = np.hypot(found["y"] - np.repeat(y, 3), found["x"] - np.repeat(x, 3))[good]
    bound = cramer_rao_bound(12, 12, 5000, background=10, psf_sigma=1.3, shape=(SIDE, SIDE)).radial[0]
    assert np.sqrt(np.mean(error**2)) < 1.2 * bound
    np.testing.assert_array_equal(found["y"][~good], start["y"][~good])

    pair_x, pair_frame = np.concatenate([x - 0.9, x + 0.9]), np.tile(np.arange(n), 2)
    both = Localizations({"frame": pair_frame, "y": np.tile(y, 2), "x": pair_x})
    found = fit(movie(rng, both["y"], pair_x, frame=pair_frame, photons=5000), both, PLAIN, psf_sigma=1.3)
    assert is_flagged(found, "not_converged").mean() < 0.1
