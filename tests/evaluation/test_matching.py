"""Matching found localizations with true ones."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from napari_pinpoint import Localizations
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.evaluation import match
from napari_pinpoint.localizations import FLAGS

METHODS = ["optimal", "greedy"]


def table(x, *, frame=0, y=0.0, **columns) -> Localizations:
    n = len(x)
    broadcast = {name: np.broadcast_to(values, n) for name, values in {"frame": frame, "y": y, **columns}.items()}
    return Localizations({**broadcast, "x": x})


def random_table(rng, n: int, size: float, n_frames: int = 1) -> Localizations:
    y, x = rng.uniform(0, size, (2, n))
    return Localizations({"frame": rng.integers(0, n_frames, n), "y": y, "x": x})


def test_greedy_takes_the_closest_pair_and_loses_one_that_optimal_keeps():
    """The closest pair is B-p; it leaves A and q, which are too far apart.

    x        0         0.9  1             1.9
    true     A              B
    found               p                 q
    """
    truth, found = table([0.0, 1.0]), table([0.9, 1.9])
    greedy = match(found, truth, tolerance=1, method="greedy")
    assert (greedy.found.tolist(), greedy.truth.tolist()) == ([0], [1])
    assert (greedy.missed.tolist(), greedy.false.tolist()) == ([0], [1])
    optimal = match(found, truth, tolerance=1, method="optimal")
    assert (optimal.found.tolist(), optimal.truth.tolist()) == ([0, 1], [0, 1])
    np.testing.assert_allclose(optimal.distance, 0.9)
    assert len(optimal.missed) == len(optimal.false) == 0


def brute_force(found: np.ndarray, truth: np.ndarray, tolerance: float) -> tuple[int, float]:
    """Number of pairs and sum of squared distances of the best of all matchings."""
    if len(found) < len(truth):
        found, truth = truth, found
    best = (0, 0.0)
    for rows in permutations(range(len(found)), len(truth)):
        distance = np.linalg.norm(found[list(rows)] - truth, axis=1)
        near = distance[distance <= tolerance]
        best = min(best, (-len(near), float(np.sum(near**2))))
    return -best[0], best[1]


@pytest.mark.parametrize("seed", range(25))
def test_optimal_equals_brute_force(seed):
    rng = np.random.default_rng(seed)
    found, truth = (random_table(rng, n, size=3) for n in rng.integers(1, 7, 2))
    matches = match(found, truth, tolerance=1)
    assert len(set(matches.found)) == len(set(matches.truth)) == len(matches.found)
    expected = brute_force(found.positions(), truth.positions(), tolerance=1)
    assert (len(matches.found), np.sum(matches.distance**2)) == pytest.approx(expected)


def test_optimal_equals_a_dense_assignment_of_each_frame(rng):
    """Large enough for many components in one block, components in several blocks and one larger than a block."""
    found, truth = random_table(rng, 2000, 30, n_frames=4), random_table(rng, 1800, 30, n_frames=4)
    matches = match(found, truth, tolerance=1.2)
    n_pairs, total = 0, 0.0
    for frame in range(4):
        distance = cdist(*(t.positions()[t["frame"] == frame] for t in (found, truth)))
        rows, columns = linear_sum_assignment(np.where(distance <= 1.2, distance**2, 1e4))
        chosen = distance[rows, columns]
        n_pairs += np.sum(chosen <= 1.2)
        total += np.sum(chosen[chosen <= 1.2] ** 2)
    assert len(matches.found) == n_pairs
    assert np.sum(matches.distance**2) == pytest.approx(total)


def test_greedy_equals_its_definition(rng):
    found, truth = random_table(rng, 60, 8), random_table(rng, 50, 8)
    distance = cdist(found.positions(), truth.positions())
    expected = set()
    while distance.min() <= 1:
        f, t = np.unravel_index(np.argmin(distance), distance.shape)
        expected.add((f, t))
        distance[f], distance[:, t] = np.inf, np.inf
    matches = match(found, truth, tolerance=1, method="greedy")
    assert set(zip(matches.found, matches.truth, strict=True)) == expected


@pytest.mark.parametrize("method", METHODS)
def test_pairs_rows_and_distances_belong_together(rng, method):
    found, truth = random_table(rng, 300, 10, n_frames=3), random_table(rng, 250, 10, n_frames=3)
    m = match(found, truth, tolerance=0.8, method=method)
    np.testing.assert_array_equal(found["frame"][m.found], truth["frame"][m.truth])
    gaps = np.linalg.norm(found.positions()[m.found] - truth.positions()[m.truth], axis=1)
    np.testing.assert_allclose(m.distance, gaps)
    assert m.distance.max() <= 0.8
    assert sorted([*m.truth, *m.missed]) == list(range(250))
    assert sorted([*m.found, *m.false]) == list(range(300))
    assert len(m.excused) == 0


@pytest.mark.parametrize("method", METHODS)
def test_only_rows_of_the_same_frame_match(method):
    truth, found = table([5.0, 5.0], frame=[0, 7]), table([5.1, 5.2], frame=[7, 8])
    matches = match(found, truth, tolerance=100, method=method)
    assert (matches.found.tolist(), matches.truth.tolist()) == ([0], [1])
    assert (matches.missed.tolist(), matches.false.tolist()) == ([0], [1])


@pytest.mark.parametrize("method", METHODS)
def test_a_distance_of_zero_and_one_of_exactly_the_tolerance_match(method):
    matches = match(table([1.0, 4.5]), table([1.0, 4.0]), tolerance=0.5, method=method)
    assert matches.distance.tolist() == [0.0, 0.5]


@pytest.mark.parametrize("method", METHODS)
def test_truth_to_ignore_costs_nothing(method):
    """Of the ignored G and H one is found, one not; a second localization at G is as false as anywhere.

    x        0    1    2    3    4    5    6
    true     A         G              H
    found    p         q r                 s
    """
    truth = table([0.0, 2.0, 5.0], flags=[0, FLAGS["ignore"], FLAGS["ignore"] | FLAGS["edge"]])
    m = match(table([0.0, 2.0, 2.2, 6.0]), truth, tolerance=0.5, method=method)
    assert (m.found.tolist(), m.truth.tolist()) == ([0], [0])
    assert m.missed.tolist() == []
    assert m.excused.tolist() == [1]
    assert m.false.tolist() == [2, 3]


def test_truth_to_ignore_comes_last_in_optimal_and_competes_in_greedy():
    """The one localization is closer to G, which is to be ignored, than to A."""
    truth, found = table([0.0, 1.0], flags=[0, FLAGS["ignore"]]), table([0.8])
    optimal = match(found, truth, tolerance=1)
    assert (optimal.truth.tolist(), optimal.missed.tolist(), optimal.excused.tolist()) == ([0], [], [])
    greedy = match(found, truth, tolerance=1, method="greedy")
    assert (greedy.truth.tolist(), greedy.missed.tolist(), greedy.excused.tolist()) == ([], [0], [0])
    assert len(optimal.false) == len(greedy.false) == 0


def test_z_counts_in_pixels_where_both_tables_have_it():
    flat, deep = table([0.0]), table([0.0], z=[2.0])
    assert len(match(flat, deep, tolerance=1).found) == 1
    assert len(match(table([0.0], z=[0.0]), deep, tolerance=1).found) == 0
    scaled = deep.with_calibration(pixel_size_nm=100, z_step_nm=25)
    assert match(table([0.0], z=[0.0]), scaled, tolerance=1).distance.tolist() == [0.5]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("n_found", "n_truth"), [(0, 0), (0, 3), (3, 0)])
def test_empty_tables(method, n_found, n_truth):
    m = match(table(np.zeros(n_found)), table(np.zeros(n_truth)), tolerance=1, method=method)
    assert len(m.found) == len(m.truth) == len(m.distance) == len(m.excused) == 0
    assert (len(m.false), len(m.missed)) == (n_found, n_truth)


@pytest.mark.parametrize("tolerance", [0, -1, np.nan, np.inf])
def test_a_tolerance_must_be_above_zero(tolerance):
    with pytest.raises(PinpointError, match="tolerance must be a distance above 0"):
        match(table([1.0]), table([1.0]), tolerance=tolerance)


def test_unknown_methods_different_pixels_and_missing_z_are_errors():
    with pytest.raises(PinpointError, match="There is no matching 'hungarian'; there are: optimal, greedy"):
        match(table([1.0]), table([1.0]), tolerance=1, method="hungarian")
    small, large = (table([1.0]).with_calibration(pixel_size_nm=size) for size in (100, 160))
    with pytest.raises(PinpointError, match="found table has pixel_size_nm = 100, the true one 160"):
        match(small, large, tolerance=1)
    with pytest.raises(PinpointError, match="every z is a finite number"):
        match(table([1.0], z=[np.nan]), table([1.0], z=[0.0]), tolerance=1)


def test_tallies_of_frames_sum_to_those_of_all(rng):
    frame = rng.integers(0, 6, size=(2, 80))
    y, x = rng.uniform(0, 30, (2, 2, 80))
    found, truth = (Localizations({"frame": frame[i], "y": y[i], "x": x[i]}) for i in range(2))
    matches = match(found, truth, tolerance=2)
    tally = matches.per_frame(found, truth, (0, 7))
    assert tally.shape == (7, 3)
    assert tally.sum(axis=0).tolist() == [len(matches.truth), len(matches.false), len(matches.missed)]
    third = match(*(table.select(table["frame"] == 2) for table in (found, truth)), tolerance=2)
    assert tally[2].tolist() == [len(third.truth), len(third.false), len(third.missed)]
    np.testing.assert_array_equal(matches.per_frame(found, truth, (2, 4)), tally[2:4])


@pytest.mark.parametrize("method", METHODS)
def test_every_found_row_may_have_a_reach_of_its_own(method):
    found, truth = table([0.0, 10.0]), table([2.0, 12.0])
    matches = match(found, truth, tolerance=np.array([3.0, 1.0]), method=method)
    assert (matches.found.tolist(), matches.truth.tolist()) == ([0], [0])
    with pytest.raises(PinpointError, match="above 0"):
        match(found, truth, tolerance=np.array([1.0, 0.0]), method=method)
    assert len(match(table([]), truth, tolerance=np.empty(0), method=method).missed) == 2
