"""Pairs and their errors, and how far the next point of the frame is."""

from __future__ import annotations

import numpy as np

from napari_pinpoint.evaluation import nearest_neighbour, pair
from napari_pinpoint.localizations import FLAGS, Localizations

#: Three emitters, the last to be ignored; two found beside the first and the last, one found nowhere.
TRUTH = Localizations(
    {"frame": [0, 0, 1], "y": [5.0, 9.0, 5.0], "x": [5.0, 9.0, 5.0], "flags": [0, 0, FLAGS["ignore"]]},
    pixel_size_nm=100,
)
FOUND = Localizations(
    {"frame": [0, 1, 1], "y": [5.3, 5.0, 20.0], "x": [4.6, 5.1, 20.0], "probability": [0.9, 0.8, 0.7]}
)


def test_who_is_right_and_who_is_found() -> None:
    pairing = pair(FOUND, TRUTH, tolerance_nm=60)
    assert (pairing.tolerance_px, pairing.frames, pairing.pixel_size_nm) == (0.6, (0, 2), 100)
    np.testing.assert_allclose(pairing.error("y"), [0.3])
    np.testing.assert_allclose(pairing.error("x"), [-0.4])
    np.testing.assert_allclose(pairing.lateral, [0.5])
    assert pairing.is_found.tolist() == [True, False, False]
    assert pairing.is_expected.tolist() == [True, True, False]
    assert pairing.is_right.tolist() == [True, False, False]
    assert pairing.is_judged.tolist() == [True, False, True]


def test_pairs_for_a_file() -> None:
    pairs = pair(FOUND, TRUTH, tolerance_px=1).to_frame()
    assert len(pairs) == 1
    row = pairs.iloc[0]
    assert (row["frame"], row["true_y_px"], row["x_px"]) == (0, 5.0, 4.6)
    np.testing.assert_allclose(row["true_nearest_neighbour_px"], np.hypot(4, 4))
    np.testing.assert_allclose(row["probability"], 0.9, rtol=1e-6)


def test_the_nearest_neighbour_is_in_the_same_frame() -> None:
    table = Localizations({"frame": [0, 7, 0, 0, 8], "y": [0, 0, 3, 0, 0.1], "x": [0, 0, 4, 1, 0]})
    np.testing.assert_allclose(nearest_neighbour(table), [1, np.inf, np.hypot(3, 3), 1, np.inf])
    assert nearest_neighbour(table.select([0])).tolist() == [np.inf]
    assert nearest_neighbour(Localizations.empty()).shape == (0,)
