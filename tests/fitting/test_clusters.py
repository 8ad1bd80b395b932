"""Who is fitted with whom."""

from __future__ import annotations

import numpy as np

from napari_pinpoint.fitting.clusters import parts_of, with_guests


def parts(frame, y, x, *, radius=5, most=8):
    return parts_of(np.asarray(frame), np.asarray(y, float), np.asarray(x, float), radius=radius, most=most)


def test_those_whose_windows_share_pixels_belong_together_within_a_frame():
    """Windows of 11 pixels around pixels that are 10 apart share one column, those 11 apart none."""
    part, cut = parts([0, 0, 0, 1], [5, 5, 5, 5], [5, 15, 26, 15])
    np.testing.assert_array_equal(part, [0, 0, 1, 2])
    assert not cut.any()


def test_neighbours_of_neighbours_belong_to_the_same_part():
    part, _ = parts([0] * 3, [5, 13, 21], [5, 13, 21])
    assert len(set(part)) == 1


def test_a_large_cluster_is_cut_across_its_longer_side_where_it_is_thin():
    """Two clumps of six that touch: eleven of its windows overlap, the cut falls between the clumps."""
    x = np.concatenate([np.arange(6.0), 14 + np.arange(6.0)])
    part, cut = parts([0] * 12, np.zeros(12), x)
    assert cut.all()
    assert len(set(part[:6])) == len(set(part[6:])) == 1
    assert part[0] != part[6]


def test_no_part_is_too_large_and_every_row_is_in_one(rng):
    part, cut = parts(rng.integers(0, 3, 300), *rng.uniform(0, 64, (2, 300)), most=8)
    assert np.bincount(part).max() <= 8
    assert np.bincount(part).min() >= 1
    assert cut.all()


def test_nothing_makes_no_part():
    part, cut = parts(np.zeros(0, int), [], [])
    assert len(part) == len(cut) == 0


def test_guests_are_neighbours_of_other_parts_in_the_same_frame():
    part, frame, x = np.array([0, 0, 1, 2]), np.array([0, 0, 0, 1]), np.array([0.0, 5.0, 8.0, 8.0])
    parts, rows, own = with_guests(part, frame, np.zeros(4), x, within=4)
    np.testing.assert_array_equal(own, [True] * 4 + [False] * 2)
    assert set(zip(parts[~own].tolist(), rows[~own].tolist(), strict=True)) == {(0, 2), (1, 1)}
