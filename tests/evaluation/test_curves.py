"""Curves and histograms of a comparison, on cases that can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.evaluation import details, f1_against_distance, pair, pixel_positions, recall_against
from napari_pinpoint.evaluation.curves import in_pixel, locking
from napari_pinpoint.localizations import FLAGS, Localizations


def line(x: list[float], **columns: object) -> Localizations:
    return Localizations({"frame": np.zeros(len(x)), "y": np.zeros(len(x)), "x": x, **columns})


def test_f1_grows_with_the_distance_at_which_each_pair_is_allowed() -> None:
    """Errors of 0.1, 0.5 and 1.5, one false, one missed."""
    pairing = pair(line([0.1, 10.5, 21.5, 40]), line([0, 10, 20, 60]), tolerance_px=1)
    curve = f1_against_distance(pairing, [0.05, 0.2, 1, 2])
    np.testing.assert_allclose(curve.distance_px, [0.05, 0.2, 1, 2])
    np.testing.assert_allclose(curve.f1, [0, 1 / 4, 2 / 4, 3 / 4])
    assert f1_against_distance(pair(line([]), line([]), tolerance_px=1), [1]).f1.tolist() == [1]


def test_recall_in_bins_that_hold_equally_many() -> None:
    values = np.concatenate([np.arange(60.0), [np.inf, np.nan]])
    hit = np.concatenate([np.arange(60) >= 30, [True, False]])
    shares = recall_against(values, hit)
    assert shares.n.tolist() == [20, 20, 20]
    assert shares.n_with.tolist() == [0, 10, 20]
    assert (shares.low.tolist(), shares.high.tolist()) == ([0, 20, 40], [19, 39, 59])
    assert shares.value.tolist() == [9.5, 29.5, 49.5]
    assert shares.n_left_out == 2


def test_equal_values_share_a_bin() -> None:
    values = np.array([1.0] * 50 + [2.0] * 50)
    shares = recall_against(values, values == 2, n_bins=4)
    assert shares.n.tolist() == [50, 50]
    assert shares.share.tolist() == [0, 1]


def test_recall_of_nothing_and_of_tables_that_do_not_fit() -> None:
    assert len(recall_against(np.array([np.inf]), np.array([True])).share) == 0
    with pytest.raises(PinpointError, match="one value for each true row"):
        recall_against(np.zeros(3), np.zeros(2, dtype=bool))


def test_the_interval_of_a_share_is_wilson_s() -> None:
    """Wilson's interval of 8 in 10 is 0.490 to 0.943 (Brown, Cai and DasGupta, Statistical Science 16, 101, 2001)."""
    shares = recall_against(np.zeros(10), np.arange(10) < 8)
    low, high = shares.interval
    np.testing.assert_allclose([low[0], high[0]], [0.4902, 0.9433], atol=1e-4)


def test_position_within_the_pixel() -> None:
    np.testing.assert_allclose(in_pixel(np.array([-0.5, -0.2, 7.4, 7.5, 7.6])), [-0.5, -0.2, 0.4, -0.5, -0.4])
    assert locking(np.array([0.1, 5.1, 8.1])) == pytest.approx(1)
    assert locking(np.array([0.0, 0.5])) == pytest.approx(0)
    assert np.isnan(locking(np.empty(0)))


def test_locking_shows_in_what_was_found_and_not_in_the_truth() -> None:
    x = (np.arange(1000) + 0.5) / 20
    positions = pixel_positions(pair(line(np.floor(x + 0.5).tolist()), line(x.tolist()), tolerance_px=1), "x")
    assert positions.locking_found == pytest.approx(1)
    assert positions.locking_true < 0.01
    assert positions.found.counts.sum() == positions.true.counts.sum() == 1000
    assert np.count_nonzero(positions.found.counts) == 1
    np.testing.assert_array_equal(positions.true.counts, np.full(20, 50))


def test_details_of_tables_that_tell_little_and_much() -> None:
    truth = line([0.0, 3.0, 10.0], photons=[100, 200, 300], flags=[0, 0, FLAGS["ignore"]])
    found = line([0.25, 7.0], probability=[0.95, 0.4], uncertainty_y=[0.2, 0.2], uncertainty_x=[0.2, 0.2])
    seen = details(found, truth, tolerance_px=1)
    assert seen.errors["x"].counts.sum() == 1
    assert seen.recall_photons is not None
    assert seen.recall_photons.n.sum() == 2  # what is to be ignored need not be found
    assert [counts.tolist() for counts in seen.counts] == [[2], [2]]
    plain = seen.to_dict()
    assert plain["probabilities"]["n"][9] == 1
    assert plain["recall_neighbour"]["value"] == [3]
    little = details(line([0.25]), line([0.0]), tolerance_px=1).to_dict()
    assert little["recall_photons"] is little["uncertainties"] is little["probabilities"] is None
    assert little["recall_neighbour"]["n_left_out"] == 1
