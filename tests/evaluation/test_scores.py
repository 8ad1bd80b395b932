"""Scores of a table against the truth."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest

from napari_pinpoint import Localizations
from napari_pinpoint.errors import PinpointError, PinpointWarning
from napari_pinpoint.evaluation import CHALLENGE, Scores, efficiency, evaluate
from napari_pinpoint.localizations import FLAGS


def table(y, x, *, frame=0, pixel_size_nm=None, **columns) -> Localizations:
    columns = {"frame": np.broadcast_to(frame, len(y)), "y": y, "x": x, **columns}
    return Localizations(columns, pixel_size_nm=pixel_size_nm)


@pytest.fixture
def truth() -> Localizations:
    return table([10.0, 20.0, 30.0, 40.0], [10.0, 20.0, 30.0, 40.0], pixel_size_nm=100)


@pytest.fixture
def found() -> Localizations:
    """Three of the four, off by (0.3, 0.4), (0.3, 0.4) and (0.3, -0.4) px, and one that is nowhere."""
    return table([10.3, 20.3, 30.3, 50.0], [10.4, 20.4, 29.6, 50.0])


@pytest.fixture
def movie(rng) -> Localizations:
    """Ten emitters in each of twenty frames, nowhere the same."""
    y, x = rng.uniform(5, 95, (2, 200))
    return table(y, x, frame=np.repeat(np.arange(20), 10), pixel_size_nm=100)


def test_counts_and_fractions(found, truth):
    scores = evaluate(found, truth, tolerance_px=1)
    assert (scores.tp, scores.fp, scores.fn, scores.n_found, scores.n_truth) == (3, 1, 1, 4, 4)
    assert scores.jaccard == 3 / 5
    assert scores.precision == scores.recall == scores.f1 == 3 / 4


def test_errors_are_radial_and_per_axis_and_biases_point_from_truth_to_found(found, truth):
    scores = evaluate(found, truth, tolerance_px=1)
    assert (scores.rmse_y, scores.rmse_x, scores.rmse_px) == pytest.approx((0.3, 0.4, 0.5))
    assert (scores.bias_y, scores.bias_x) == pytest.approx((0.3, 0.4 / 3))
    assert scores.rmse_nm == pytest.approx(50)
    assert scores.efficiency == pytest.approx(1 - np.hypot(0.4, 0.5))


def test_nanometres_and_pixels_are_the_same_tolerance(found, truth):
    in_nm, in_px = evaluate(found, truth, tolerance_nm=80), evaluate(found, truth, tolerance_px=0.8)
    assert in_nm.to_dict() == in_px.to_dict()
    assert (in_nm.tolerance_px, in_nm.tolerance_nm) == (0.8, 80)
    assert evaluate(found, truth, tolerance_nm=40).tp == 0


def test_errors_along_z_are_in_planes():
    scores = evaluate(table([1.0], [1.0], z=[2.5]), table([1.0], [1.0], z=[3.0]), tolerance_px=1)
    assert (scores.rmse_z, scores.bias_z, scores.rmse_px) == (0.5, -0.5, 0.0)
    assert np.isnan(evaluate(table([1.0], [1.0]), table([1.0], [1.0], z=[3.0]), tolerance_px=1).rmse_z)


def test_efficiency_has_the_published_value():
    assert efficiency(0.91204, 32.077) == pytest.approx(0.6674, abs=5e-5)
    assert efficiency(1, 0) == 1
    assert efficiency(1, 100, alpha=0.5) == 0.5


@pytest.mark.parametrize(
    ("n_found", "n_truth", "expected"),
    [(0, 0, (1, 1, 1, 1)), (0, 2, (0, 1, 0, 0)), (2, 0, (0, 0, 1, 0))],
)
def test_a_fraction_of_nothing_is_one_and_an_error_of_nothing_unknown(n_found, n_truth, expected):
    places = np.array([1.0, 9.0])
    scores = evaluate(*(table(places[:n], places[:n]) for n in (n_found, n_truth)), tolerance_px=1)
    assert (scores.jaccard, scores.precision, scores.recall, scores.f1) == expected
    assert np.isnan([scores.rmse_px, scores.bias_y, scores.efficiency]).all()


def test_the_dict_is_json_and_says_everything(found, truth):
    known = json.loads(json.dumps(evaluate(found, truth, tolerance_nm=100).to_dict(), allow_nan=False))
    assert known["jaccard"] == 0.6
    assert known["rmse_z"] is None
    assert known["method"] == "optimal"
    assert set(Scores.__dataclass_fields__) <= set(known)
    empty = json.loads(json.dumps(evaluate(found.select([]), found, tolerance_px=1).to_dict(), allow_nan=False))
    assert (empty["rmse_px"], empty["rmse_nm"], empty["tolerance_nm"], empty["recall"]) == (None, None, None, 0)


def test_the_border_is_measured_from_the_edge_of_the_field():
    """450 nm are 4.5 px from the edge, which is at -0.5 px: rows at up to 4.0 and from 59.0 on are left out."""
    truth = table([30.0, 30.0, 3.9, 4.1], [3.9, 4.1, 30.0, 30.0], pixel_size_nm=100)
    found = table([30.0, 30.0, 58.9, 59.1], [58.9, 59.1, 30.0, 30.0])
    scores = evaluate(found, truth, tolerance_px=1, border_nm=450, field_shape=(64, 64))
    assert (scores.n_truth, scores.n_found) == (2, 2)
    # In a field of 128 columns the right edge is far away.
    assert evaluate(found, truth, tolerance_px=1, border_nm=450, field_shape=(64, 128)).n_found == 3


def test_the_photon_cut_ignores_the_dimmest(truth, found):
    truth = truth.with_columns(photons=[100, 4000, 3000, 2000])
    scores = evaluate(found, truth, tolerance_px=1, photon_cut=0.25)
    assert (scores.tp, scores.fp, scores.fn) == (2, 1, 1)


def test_what_is_ignored_already_does_not_count_among_the_dimmest(truth, found):
    truth = truth.with_columns(photons=[100, 4000, 3000, 2000], flags=[FLAGS["ignore"], 0, 0, 0])
    scores = evaluate(found, truth, tolerance_px=1, photon_cut=0.5)
    # Of 4000, 3000 and 2000 the median is kept: the emitter at 40, which is not found, is ignored as well.
    assert (scores.tp, scores.fp, scores.fn) == (2, 1, 0)


def test_the_settings_of_the_challenge(truth, found):
    truth = truth.with_columns(photons=[100, 4000, 3000, 2000])
    scores = evaluate(found, truth, field_shape=(64, 64), **CHALLENGE)
    assert (scores.tp, scores.fp, scores.fn, scores.tolerance_px, scores.method) == (2, 1, 1, 2.5, "greedy")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "neither was given"),
        ({"tolerance_px": 1, "tolerance_nm": 100}, "both was given"),
        ({"tolerance_px": 0}, "above 0, not 0"),
        ({"tolerance_nm": -50}, "above 0, not -50"),
        ({"tolerance_px": 1, "method": "closest"}, "no matching 'closest'"),
        ({"tolerance_px": 1, "border_nm": 450}, "field_shape="),
        ({"tolerance_px": 1, "border_nm": 450, "field_shape": (9, 64)}, "4.5 pixels on each side"),
        ({"tolerance_px": 1, "photon_cut": 1}, "fraction of emitters"),
        ({"tolerance_px": 1, "photon_cut": 0.25}, "column 'photons'"),
    ],
)
def test_bad_settings(found, truth, settings, message):
    with pytest.raises(PinpointError, match=message):
        evaluate(found, truth, **settings)


def test_pixel_sizes_that_are_missing_or_differ(found, truth):
    with pytest.raises(PinpointError, match="neither table has one"):
        evaluate(found, found, tolerance_nm=100)
    with pytest.raises(PinpointError, match="found table has pixel_size_nm = 160, the true one 100"):
        evaluate(found.with_calibration(pixel_size_nm=160), truth, tolerance_nm=100)
    assert evaluate(found.with_calibration(pixel_size_nm=100.05), truth, tolerance_px=1).tp == 3


def test_tables_that_share_no_frame(movie):
    later = movie.with_columns(frame=movie["frame"] + 20)
    with pytest.warns(PinpointWarning, match="share no frame: found 20 to 39, true 0 to 19"):
        evaluate(later, movie, tolerance_nm=50)


@pytest.mark.parametrize(("found_shift", "truth_shift", "name"), [(0, 1, "found"), (1, 0, "true")])
def test_a_table_that_counts_frames_from_one(movie, found_shift, truth_shift, name):
    found, truth = (movie.with_columns(frame=movie["frame"] + shift) for shift in (found_shift, truth_shift))
    with pytest.warns(PinpointWarning, match=f"every frame of the {name} one is raised by 1"):
        evaluate(found, truth, tolerance_nm=50)


@pytest.mark.parametrize("tolerance_nm", [50, 100])
def test_a_table_that_measures_from_the_corner(movie, tolerance_nm):
    """Also where the tolerance is too small for any pair to show it."""
    corner = movie.with_columns(y=movie["y"] + 0.5, x=movie["x"] + 0.5)
    with pytest.warns(PinpointWarning, match=r"off by \(0.50, 0.50\) px"):
        evaluate(corner, movie, tolerance_nm=tolerance_nm)


@pytest.mark.parametrize(("step", "words"), [("drift", "corrected for drift"), ("merge", "one row for each molecule")])
def test_a_table_that_is_no_more_where_the_camera_saw_it(movie, step, words):
    worked = movie.with_step(step)
    with pytest.warns(PinpointWarning, match=f"found table .*{words}.*before that step"):
        evaluate(worked, movie, tolerance_nm=50)
    with pytest.warns(PinpointWarning, match=f"true table .*{words}"):
        evaluate(movie, worked, tolerance_nm=50)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        evaluate(worked, worked, tolerance_nm=50)


def test_good_and_poor_tables_alike_give_no_warning(movie, rng):
    good = movie.with_columns(x=movie["x"] + rng.normal(0, 0.2, len(movie)))
    poor = movie.with_columns(x=rng.uniform(0, 100, len(movie)))
    one_axis = movie.with_columns(x=movie["x"] + 0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for found in (good, poor, one_axis, movie.select([])):
            evaluate(found, movie, tolerance_nm=100)
