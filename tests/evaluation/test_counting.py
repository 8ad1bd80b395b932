"""Errors of counts, as wholes and on grids."""

from __future__ import annotations

import numpy as np
import pytest

from napari_pinpoint import Localizations
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.evaluation import count_errors, counts_per_frame, game_per_frame
from napari_pinpoint.localizations import FLAGS


def table(*rows: tuple[int, float, float], **columns) -> Localizations:
    frame, y, x = np.array(rows, dtype=float).reshape(-1, 3).T
    record = columns.pop("record", None)
    return Localizations({"frame": frame, "y": y, "x": x, **columns}, record=record)


def test_errors_of_counts_over_frames():
    truth = table((0, 1, 1), (0, 2, 2), (1, 1, 1), (2, 1, 1))
    found = table((0, 5, 5), (1, 1, 1), (1, 2, 2), (1, 3, 3))
    errors = count_errors(found, truth, shape=(8, 8), levels=0)
    # found - true is -1, 2, -1
    assert (errors.n_frames, errors.n_found, errors.n_truth) == (3, 4, 4)
    assert (errors.mae, errors.bias, errors.rmse) == pytest.approx((4 / 3, 0, np.sqrt(2)))
    assert errors.game == (errors.mae,)


def test_frames_without_any_point_count():
    one = table((0, 1, 1))
    assert count_errors(table(), one, frames=(0, 4)).mae == 0.25
    assert count_errors(table(), one).mae == 1
    assert count_errors(table(), table()).n_frames == 1


def test_a_record_says_frames_and_field():
    record = {"settings": {"frames": [0, 10]}, "input": {"shape": [10, 16, 32]}}
    errors = count_errors(table((0, 2, 2), record=record), table((0, 14, 30)))
    assert (errors.n_frames, errors.mae) == (10, 0)
    assert errors.game == pytest.approx((0, 0.2, 0.2, 0.2))
    assert count_errors(table((0, 2, 2)), table((0, 14, 30))).game == ()


def test_truth_to_be_ignored_is_not_counted():
    truth = table((0, 1, 1), (0, 6, 6), flags=[0, FLAGS["ignore"]])
    errors = count_errors(table((0, 1, 1)), truth, shape=(8, 8), levels=1)
    assert (errors.n_truth, errors.mae, errors.game) == (1, 0, (0, 0))


def test_cells_cover_the_whole_image_when_its_size_is_no_multiple():
    # 10 x 7 pixels in 8 x 8 cells of 1.25 x 0.875 px; the last pixel's centre is in the last cell.
    last, first = table((0, 9, 6)), table((0, 0, 0))
    assert game_per_frame(last, last, level=3, shape=(10, 7)).tolist() == [0]
    assert game_per_frame(last, table(), level=3, shape=(10, 7)).tolist() == [1]
    assert game_per_frame(last, first, level=3, shape=(10, 7)).tolist() == [2]
    every_pixel = table(*((0, y, x) for y in range(10) for x in range(7)))
    assert game_per_frame(every_pixel, table(), level=3, shape=(10, 7)).tolist() == [70]


@pytest.mark.parametrize(("inside", "other"), [(0.74, 0.76), (2.99, 3.01), (4.49, 4.51)])
def test_where_the_edges_of_cells_lie(inside: float, other: float):
    # Ten rows have edges at -0.5 + 1.25 k for level 3: 0.75 and 4.5 are among them, 3.0 is not.
    cells = [np.floor((value + 0.5) / 1.25) for value in (inside, other)]
    found, truth = table((0, inside, 0)), table((0, other, 0))
    assert game_per_frame(found, truth, level=3, shape=(10, 7))[0] == 2 * (cells[0] != cells[1])


def test_a_point_on_an_edge_belongs_to_one_cell_and_one_outside_to_the_nearest():
    on_edge, behind, before = table((0, 4.5, 0)), table((0, 4.6, 0)), table((0, 4.4, 0))
    assert game_per_frame(on_edge, behind, level=1, shape=(10, 7)).tolist() == [0]
    assert game_per_frame(on_edge, before, level=1, shape=(10, 7)).tolist() == [2]
    outside, corner = table((0, -3, 40)), table((0, 0, 6))
    assert game_per_frame(outside, corner, level=3, shape=(10, 7)).tolist() == [0]


def test_frames_may_differ_in_size():
    found, truth = table((0, 6, 0), (1, 6, 0)), table((0, 9, 0), (1, 9, 0))
    assert game_per_frame(found, truth, level=1, shape=[(10, 10), (16, 10)]).tolist() == [0, 2]


def test_game_grows_with_the_level_and_starts_with_the_mae(rng):
    frame = rng.integers(0, 5, size=(2, 200))
    y, x = rng.uniform(0, 60, (2, 2, 200))
    found, truth = (Localizations({"frame": frame[i], "y": y[i], "x": x[i]}) for i in range(2))
    errors = count_errors(found, truth, shape=(61, 67))
    assert errors.game[0] == errors.mae
    assert list(errors.game) == sorted(errors.game)
    assert errors.game[3] > errors.game[1]


def test_counts_of_frames():
    assert counts_per_frame(table((1, 0, 0), (1, 0, 0), (3, 0, 0), (9, 0, 0)), (1, 5)).tolist() == [2, 0, 1, 0]


@pytest.mark.parametrize("shape", [(0, 8), (8,), [(8, 8)] * 3])
def test_a_shape_that_fits_no_frames_is_told(shape):
    with pytest.raises(PinpointError, match=r"\(rows, columns\)"):
        count_errors(table((0, 1, 1)), table((1, 1, 1)), shape=shape)
