"""Rows within limits, and the record of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.postprocessing import filter_column, passes


@pytest.fixture
def table() -> Localizations:
    columns: dict[str, Any] = {"frame": [0, 1, 2], "y": np.arange(3.0), "x": np.arange(3.0)}
    columns |= {"probability": [0.7, np.nan, 0.2], "n_frames": [1, 2, 3], "label": ["a", "b", None]}
    return Localizations(columns, pixel_size_nm=100, record={"steps": [{"step": "localize"}]})


@pytest.mark.parametrize(
    ("column", "limits", "kept"),
    [
        ("probability", {"at_least": 0.7}, [0]),  # the same number in single precision is no less
        ("probability", {"at_most": 0.7}, [0, 2]),
        ("probability", {"at_least": 0.8}, []),
        ("n_frames", {"at_least": 1.5, "at_most": 2}, [1]),
        ("n_frames", {}, [0, 1, 2]),
        ("probability", {}, [0, 1, 2]),  # a value that is not known fails no limit that is not there
    ],
)
def test_limits_pass_themselves(table: Localizations, column: str, limits: Any, kept: list[int]) -> None:
    assert np.flatnonzero(passes(table, column, **limits)).tolist() == kept
    assert filter_column(table, column, **limits)["frame"].tolist() == kept


def test_the_record_says_what_was_left_out(table: Localizations) -> None:
    filtered = filter_column(filter_column(table, "probability", at_least=0.1), "y", at_most=1)
    assert filtered.record["steps"] == [
        {"step": "localize"},
        {"step": "filter", "column": "probability", "at_least": 0.1, "at_most": None},
        {"step": "filter", "column": "y", "at_least": None, "at_most": 1},
    ]
    assert filtered.pixel_size_nm == 100
    assert len(table) == 3


@pytest.mark.parametrize(
    ("column", "limits", "words"),
    [
        ("label", {"at_least": 1}, "'label' holds no numbers"),
        ("contrast", {"at_least": 1}, "no column 'contrast'"),
        ("y", {"at_least": 2, "at_most": 1}, "exchange the limits"),
    ],
)
def test_what_cannot_be_filtered_is_said(table: Localizations, column: str, limits: Any, words: str) -> None:
    with pytest.raises(PinpointError, match=words):
        passes(table, column, **limits)
