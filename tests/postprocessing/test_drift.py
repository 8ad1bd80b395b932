"""Drift: its sign, that it is found, undone, and kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from napari_pinpoint.errors import PinpointError, PinpointWarning
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.postprocessing import (
    Drift,
    correct_drift,
    drift_figure,
    estimate_drift,
    estimate_drift_from_fiducials,
    filter_rows,
    link,
    merge,
    remove_drift_correction,
)
from napari_pinpoint.postprocessing.drift_correlation import _fitted
from napari_pinpoint.region import Region

TABLE = Localizations({"frame": [0, 1, 2, 2], "y": [5.0, 6, 7, 1], "x": [3.0, 3, 3, 9]}, pixel_size_nm=100)
DRIFT = Drift([0, 1, 2], y=[0, 1, 2], x=[0, -0.5, 0.25], pixel_size_nm=100)


def error_nm(found: Drift, true: np.ndarray[Any, Any]) -> float:
    error = np.stack([found.y, found.x], axis=1) - true
    return float(np.sqrt(((error - error.mean(axis=0)) ** 2).sum(axis=1).mean()) * 100)


def test_what_moved_down_and_right_is_moved_back() -> None:
    corrected = correct_drift(TABLE, DRIFT)
    assert corrected["y"].tolist() == [5, 5, 5, -1]
    assert corrected["x"].tolist() == [3, 3.5, 2.75, 8.75]


def test_undone_it_is_as_before() -> None:
    corrected = filter_rows(correct_drift(TABLE.with_step("localize"), DRIFT), "y > 0")
    before = remove_drift_correction(corrected)
    np.testing.assert_allclose(before.positions(), TABLE.positions()[:3], atol=1e-12)
    assert [step["step"] for step in before.record["steps"]] == ["localize", "filter"]
    with pytest.raises(PinpointError, match="nothing to undo"):
        remove_drift_correction(before)
    with pytest.raises(PinpointError, match=r"\(merge\)"):
        remove_drift_correction(merge(link(corrected, radius_px=1)))


def test_the_record_holds_the_drift_itself() -> None:
    step = json.loads(json.dumps(correct_drift(TABLE, DRIFT).record["steps"][-1]))
    again = Drift.from_record(step)
    np.testing.assert_array_equal(again.frame, DRIFT.frame)
    np.testing.assert_array_equal(again.y, DRIFT.y)
    np.testing.assert_array_equal(again.x, DRIFT.x)
    assert (again.pixel_size_nm, again.method) == (100, "given")
    with pytest.raises(PinpointError, match="damaged"):
        Drift.from_record({**step, "sha256": "0"})
    with pytest.raises(PinpointError, match="damaged"):
        Drift.from_record({"step": "drift"})


def test_frames_without_a_drift_are_said() -> None:
    with pytest.warns(PinpointWarning, match="2 localizations lie outside the frames 0 to 1"):
        corrected = correct_drift(TABLE, Drift([0, 1], y=[0, 1], x=[0, 0]))
    assert corrected["y"].tolist() == [5, 5, 6, 0]


@pytest.mark.parametrize(
    ("frame", "y", "words"),
    [
        ([0, 2], [0, 1], "every frame"),
        ([0, 1], [0, np.nan], "finite"),
        ([0, 1], [0, 1, 2], "y and an x for every frame"),
        ([], [], "at least one"),
        ([-1, 0], [0, 0], "from 0 on"),
    ],
)
def test_a_drift_checks_itself(frame: list[int], y: list[float], words: str) -> None:
    with pytest.raises(PinpointError, match=words):
        Drift(frame, y=y, x=y)


@pytest.mark.parametrize("structure", ["filaments", "clusters"])
def test_it_is_found_to_three_nanometres(structure: str, drifting: Callable[..., Any]) -> None:
    """At 5,000 localizations a segment; the corrected table has the drift no more."""
    table, true = drifting(3, structure=structure, n_frames=1500, side=64)
    found = estimate_drift(table, localizations_per_segment=5000)
    assert error_nm(found, true) < 3
    assert np.ptp(true, axis=0).min() * 100 > 100
    rest = estimate_drift(correct_drift(table, found), localizations_per_segment=5000, max_drift_px=2)
    assert max(np.ptp(rest.y), np.ptp(rest.x)) * 100 < 10


def test_estimates_repeat(drifting: Callable[..., Any]) -> None:
    table, _ = drifting(4, n_frames=400, side=48)
    first, second = (estimate_drift(table, segment_frames=100, max_drift_px=4) for _ in range(2))
    np.testing.assert_array_equal(first.y, second.y)
    assert first.settings["segment_frames"] == 100
    assert len(first.frame) == table["frame"].max() + 1
    assert first.y[0] == first.x[0] == 0


def test_pairs_that_are_wrong_are_left_out(rng: np.random.Generator) -> None:
    """A third of all pairs says nonsense, and no error comes of it."""
    n = 12
    true = np.cumsum(rng.normal(0, 0.3, (n, 2)), axis=0)
    pairs = np.array([(i, j) for i in range(n) for j in range(i + 1, n)])
    shifts = true[pairs[:, 1]] - true[pairs[:, 0]] + rng.normal(0, 0.01, (len(pairs), 2))
    wrong = rng.choice(len(pairs), len(pairs) // 3, replace=False)
    shifts[wrong] = rng.uniform(-10, 10, (len(wrong), 2))
    assert np.abs(_fitted(pairs, shifts, n) - (true - true.mean(axis=0))).max() < 0.02


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"segment_frames": 2, "localizations_per_segment": 9}, "not both"),
        ({"segment_frames": 0}, "segment_frames must be at least 1"),
        ({"segment_frames": 10_000}, "only one segment"),
        ({"max_drift_px": 0}, "max_drift_px"),
    ],
)
def test_settings_that_make_no_sense(settings: Any, words: str, drifting: Callable[..., Any]) -> None:
    table, _ = drifting(5, n_frames=50)
    with pytest.raises(PinpointError, match=words):
        estimate_drift(table, **settings)
    with pytest.raises(PinpointError, match="from 4 localizations"):
        estimate_drift(TABLE)


@pytest.fixture
def beads(rng: np.random.Generator) -> tuple[Localizations, np.ndarray[Any, Any]]:
    """Three beads, one of which is gone for a while, a dim one beside, and one that is seen in a few frames only."""
    n_frames = 200
    drift = np.stack([np.linspace(0, 2, n_frames), np.sin(np.arange(n_frames) / 40)], axis=1)
    drift -= drift[0]
    rows = []
    for number, (y, x) in enumerate([(10, 10), (10, 30), (30, 20), (40, 40)]):
        frames = np.arange(n_frames)
        if number == 1:
            frames = frames[(frames < 50) | (frames > 70)]
        if number == 3:
            frames = frames[:40]
        place = np.array([y, x]) + drift[frames] + rng.normal(0, 0.01, (len(frames), 2))
        rows += [np.column_stack([frames, place, np.full(len(frames), 5000.0)])]
        rows += [np.column_stack([frames[::3], place[::3] + 1.0, np.full(len(frames[::3]), 100.0)])]
    frame, y, x, photons = np.concatenate(rows).T
    columns = {"frame": frame, "y": y, "x": x, "photons": photons}
    return Localizations(columns, pixel_size_nm=100), drift


def test_fiducials_give_the_drift(beads: Any) -> None:
    table, true = beads
    found = estimate_drift_from_fiducials(table, [(11, 10), (11, 30), (31, 20)])
    assert error_nm(found, true) < 1.5
    assert found.settings["fiducials"] == 3
    smooth = estimate_drift_from_fiducials(table, [(11, 10), (11, 30), (31, 20)], smooth_frames=3)
    assert error_nm(smooth, true) < error_nm(found, true)
    without = table.select(table["photons"] > 1000).without_columns("photons")
    assert error_nm(estimate_drift_from_fiducials(without, [(11, 10), (31, 20)]), true) < 1.5


def test_fiducials_in_a_region(beads: Any) -> None:
    table, true = beads
    labels = np.zeros((50, 50), np.uint8)
    labels[5:16, 5:16], labels[25:36, 15:26], labels[36:46, 36:46] = 1, 2, 3
    with pytest.warns(PinpointWarning, match="label 3 in 20%"):
        found = estimate_drift_from_fiducials(table, Region(labels))
    assert found.settings["fiducials"] == 2
    assert error_nm(found, true) < 1.5


def test_no_fiducial_is_an_error(beads: Any) -> None:
    with pytest.raises(PinpointError, match=r"\(40, 40\) in 20%"):
        estimate_drift_from_fiducials(beads[0], [(40, 40)])
    with pytest.raises(PinpointError, match="as \\(y, x\\)"):
        estimate_drift_from_fiducials(beads[0], [1, 2, 3])
    with pytest.raises(PinpointError, match="empty"):
        estimate_drift_from_fiducials(Localizations.empty(), [(1, 1)])


def test_the_figure_shows_both_axes_in_nanometres() -> None:
    over_time, way = drift_figure(DRIFT).axes
    assert over_time.get_ylabel() == "drift [nm]"
    np.testing.assert_allclose(over_time.lines[1].get_ydata(), [0, 100, 200])
    assert way.yaxis_inverted()
    assert drift_figure(Drift([0, 1], y=[0, 1], x=[0, 1])).axes[0].get_ylabel() == "drift [px]"
