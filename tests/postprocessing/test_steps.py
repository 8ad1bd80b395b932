"""What was done with a table, done again."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.postprocessing import (
    correct_drift,
    estimate_drift,
    filter_column,
    filter_rows,
    link,
    merge,
    replay,
    steps_of,
)


@pytest.fixture
def table() -> Localizations:
    columns = {"frame": [0, 1, 2], "y": [1.0, 1.1, 5.0], "x": [2.0, 2.0, 5.0], "photons": [100, 400, 900]}
    return Localizations(columns, record={"steps": [{"step": "localize"}]})


def test_every_verb_leaves_enough_to_do_it_again(drifting: Callable[..., Any]) -> None:
    table, _ = drifting(6, n_frames=300, side=48)
    table = table.with_step("localize")
    done = filter_column(filter_rows(table, "photons > 20"), "uncertainty_x", at_most=0.2)
    done = correct_drift(done, estimate_drift(done, segment_frames=100, max_drift_px=3))
    done = merge(link(done, radius_nm=50, dark_frames=1))
    assert [step["step"] for step in steps_of(done)] == ["filter", "filter", "drift", "link", "merge"]
    again = replay(table, json.loads(json.dumps(done.record["steps"])))
    assert again.record == done.record
    for name in done:
        np.testing.assert_array_equal(again[name], done[name])


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ({"step": "select", "points": 3}, "'select' cannot be done again; those that can are filter, link"),
        ("filter", "A step is a verb"),
        ({"no": "step"}, "None cannot be done again"),
        ({"step": "link", "radius": 3}, r"Step 2 \(link\) has settings that do not fit.*radius"),
        ({"step": "filter", "expression": "foton > 3"}, r"Step 2 \(filter\).*no column 'foton'"),
        ({"step": "drift"}, r"Step 2 \(drift\).*damaged"),
    ],
)
def test_what_cannot_be_done_again_is_said(table: Localizations, step: Any, words: str) -> None:
    with pytest.raises(PinpointError, match=words):
        replay(table, [{"step": "localize"}, {"step": "filter", "expression": "x > 0"}, step])
