"""Counts per frame and class."""

from __future__ import annotations

import numpy as np
import pytest

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.postprocessing import count


def test_every_frame_and_class_is_counted_zeros_too() -> None:
    table = Localizations({"frame": [0, 2, 2, 2], "y": [0] * 4, "x": [0] * 4, "label": ["b", "a", "b", "b"]})
    counts = count(table, n_frames=4)
    assert list(counts["label"]) == ["a", "b"] * 4
    np.testing.assert_array_equal(counts["frame"], np.repeat(np.arange(4), 2))
    np.testing.assert_array_equal(counts["n"], [0, 1, 0, 0, 1, 2, 0, 0])


def test_rows_without_a_class_are_counted() -> None:
    table = Localizations({"frame": [0, 0], "y": [0, 0], "x": [0, 0], "label": ["a", None]})
    assert dict(zip(count(table)["label"], count(table)["n"], strict=True)) == {"": 1, "a": 1}


def test_no_rows_count_zero() -> None:
    np.testing.assert_array_equal(count(Localizations.empty(), n_frames=2)["n"], [0, 0])
    assert len(count(Localizations.empty(["label"]))["n"]) == 0


def test_rows_behind_the_frames_are_an_error() -> None:
    table = Localizations({"frame": [3], "y": [0], "x": [0]})
    with pytest.raises(PinpointError, match="frame 3, but only 2"):
        count(table, n_frames=2)
