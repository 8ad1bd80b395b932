"""The Chamfer distance."""

from __future__ import annotations

import numpy as np
import pytest

from napari_pinpoint import Localizations
from napari_pinpoint.evaluation import chamfer, chamfer_per_frame
from napari_pinpoint.localizations import FLAGS


def table(*rows: tuple[int, float, float], **columns) -> Localizations:
    frame, y, x = np.array(rows, dtype=float).reshape(-1, 3).T
    return Localizations({"frame": frame, "y": y, "x": x, **columns})


def test_it_is_the_mean_of_both_directions():
    truth = table((0, 0, 0), (0, 10, 0))
    found = table((0, 3, 4))
    # found to truth 5; truth to found 5 and hypot(7, 4)
    expected = (5 + (5 + np.hypot(7, 4)) / 2) / 2
    assert chamfer(found, truth).distance_px == pytest.approx(expected)
    assert chamfer(truth, found).distance_px == pytest.approx(expected)


def test_it_is_zero_for_the_same_points_in_any_order(rng):
    y, x = rng.uniform(0, 50, (2, 30))
    frame = rng.integers(0, 4, 30)
    truth = Localizations({"frame": frame, "y": y, "x": x})
    assert chamfer(truth.select(rng.permutation(30)), truth).distance_px == 0


def test_only_points_of_the_same_frame_are_near():
    truth, found = table((0, 0, 0), (1, 0, 0)), table((0, 0, 8), (1, 0, 2), (1, 30, 0))
    assert chamfer_per_frame(found, truth).tolist() == [8, (16 + 2) / 2]
    assert chamfer(found, truth).distance_px == 8.5


def test_frames_with_points_in_one_table_only_are_told_apart():
    truth, found = table((0, 0, 0), (1, 0, 0)), table((0, 0, 1), (3, 0, 0))
    assert chamfer_per_frame(found, truth).tolist() == pytest.approx([1, np.inf, np.nan, np.inf], nan_ok=True)
    result = chamfer(found, truth)
    assert (result.distance_px, result.n_frames, result.n_one_sided) == (1, 1, 2)


def test_nothing_to_compare_is_unknown():
    assert np.isnan(chamfer(table(), table()).distance_px)
    assert chamfer(table(), table((0, 1, 1))).to_dict() == {"distance_px": None, "n_frames": 0, "n_one_sided": 1}


def test_truth_to_be_ignored_neither_attracts_nor_punishes():
    truth = table((0, 0, 0), (0, 20, 0), flags=[0, FLAGS["ignore"]])
    assert chamfer(table((0, 0, 2)), truth).distance_px == 2
    assert chamfer(table((0, 0, 2), (0, 20, 1)), truth).distance_px == 2
    # A found point in a frame of its own has no neighbour, whatever the first true row is.
    only_ignored = table((0, 0, 0), flags=[FLAGS["ignore"]])
    assert chamfer_per_frame(table((1, 0, 0)), only_ignored).tolist() == pytest.approx([np.nan, np.inf], nan_ok=True)
