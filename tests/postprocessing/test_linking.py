"""Linking over frames, and merging what was linked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_pinpoint.errors import PinpointError, PinpointWarning
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.postprocessing import link, merge, suggested_radius_px


def table_of(rows: list[tuple[float, ...]], **more: Any) -> Localizations:
    """A table from (frame, y, x)."""
    frame, y, x = np.array(rows, dtype=float).T
    return Localizations({"frame": frame, "y": y, "x": x, **more}, pixel_size_nm=100, z_step_nm=200)


def particles(table: Localizations, **settings: Any) -> list[int]:
    return link(table, **settings)["particle"].tolist()


def test_rows_are_linked_within_the_radius_and_over_dark_frames() -> None:
    table = table_of([(0, 5, 5), (1, 5.4, 5), (1, 5, 8), (3, 5.4, 5.3), (7, 5.4, 5.3)])
    assert particles(table, radius_px=0.5) == [0, 0, 1, 2, 3]
    assert particles(table, radius_nm=50, dark_frames=1) == [0, 0, 1, 0, 2]
    assert particles(table, radius_nm=50, dark_frames=3) == [0, 0, 1, 0, 0]
    assert particles(table, radius_px=0.3, dark_frames=3) == [0, 1, 2, 1, 1]


def test_the_order_of_the_rows_does_not_matter(rng: np.random.Generator) -> None:
    table = table_of([(frame, place + rng.normal(0, 0.02), place) for frame in range(5) for place in range(8)])
    shuffled = link(table.select(rng.permutation(len(table))), radius_px=0.3)
    places = np.round(shuffled["x"]).astype(int)
    assert len(np.unique(np.stack([places, shuffled["particle"]]), axis=1).T) == 8


def test_rivals_are_settled_by_the_least_sum_of_squares() -> None:
    # The nearest pair alone would leave the other two 1.0 apart, beyond the radius.
    table = table_of([(0, 0, 0.0), (0, 0, 0.6), (1, 0, 0.5), (1, 0, 1.0)])
    assert particles(table, radius_px=0.8) == [0, 1, 0, 1]
    # One row for two: the nearer has it.
    assert particles(table_of([(0, 0, 0.0), (0, 0, 0.6), (1, 0, 0.5)]), radius_px=0.8) == [0, 1, 1]
    # At the same place: a distance of nothing is a link, too.
    assert particles(table_of([(0, 0, 0.0), (0, 0, 0.4), (1, 0, 0.0), (1, 0, 0.4)]), radius_px=0.8) == [0, 1, 0, 1]


def test_the_next_frame_comes_before_a_later_one() -> None:
    table = table_of([(0, 0, 0.0), (1, 0, 0.4), (2, 0, 0.05)])
    assert particles(table, radius_px=0.5, dark_frames=1) == [0, 0, 0]


def test_a_frame_has_a_particle_once(rng: np.random.Generator) -> None:
    frame = np.sort(rng.integers(0, 30, 900))
    table = Localizations({"frame": frame, "y": rng.random(900) * 6, "x": rng.random(900) * 6})
    linked = link(table, radius_px=0.5, dark_frames=2)
    pairs = np.stack([linked["frame"], linked["particle"]])
    assert np.unique(pairs, axis=1).shape == pairs.shape
    order = np.lexsort((linked["frame"], linked["particle"]))
    same = np.diff(linked["particle"][order]) == 0
    assert np.diff(linked["frame"][order])[same].max() <= 3
    steps = np.hypot(*(np.diff(linked[axis][order])[same] for axis in "yx"))
    assert steps.max() <= 0.5
    assert same.sum() > 300


def test_channels_and_planes_are_apart() -> None:
    rows = [(0, 5.0, 5.0), (1, 5.0, 5.0)]
    assert particles(table_of(rows, channel=[0, 1]), radius_px=1) == [0, 1]
    assert particles(table_of(rows, channel=[1, 1], plane=[0, 2]), radius_px=1) == [0, 1]
    assert particles(table_of(rows, z=[0.0, 1.0]), radius_nm=100) == [0, 1]  # 200 nm
    assert particles(table_of(rows, z=[0.0, 1.0]), radius_nm=210) == [0, 0]


def test_no_rows_and_one_row() -> None:
    assert particles(table_of([(3, 1, 1)]), radius_px=1) == [0]
    assert len(merge(link(Localizations.empty(["photons", "uncertainty_x"]), radius_px=1))) == 0


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "in nanometres or in pixels. By the uncertainties of this table, 53 nm"),
        ({"radius_nm": 5, "radius_px": 5}, "in nanometres or in pixels"),
        ({"radius_px": 0}, "above 0, not 0"),
        ({"radius_nm": -30}, "above 0, not -30"),
        ({"radius_px": float("nan")}, "above 0"),
        ({"radius_px": 1, "dark_frames": -1}, "at least 0, not -1"),
    ],
)
def test_settings_that_make_no_sense(settings: Any, words: str) -> None:
    table = table_of([(0, 1, 1)], uncertainty_y=[0.1], uncertainty_x=[0.1])
    assert suggested_radius_px(table) == pytest.approx(0.53)
    with pytest.raises(PinpointError, match=words):
        link(table, **settings)


def test_nanometres_need_the_size_of_a_pixel() -> None:
    with pytest.raises(PinpointError, match="--pixel-size-nm"):
        link(Localizations({"frame": [0], "y": [0], "x": [0]}), radius_nm=50)


def test_the_record_says_how_rows_were_linked_and_merged() -> None:
    merged = merge(link(table_of([(0, 1, 1)]), radius_nm=40, dark_frames=1))
    assert merged.record["steps"] == [
        {"step": "link", "radius_nm": 40, "radius_px": None, "dark_frames": 1},
        {"step": "merge"},
    ]


def test_merged_positions_are_as_good_as_they_say(rng: np.random.Generator) -> None:
    """The weighted mean's error, in units of its uncertainty, has a standard deviation of 1."""
    n_particles, n_frames = 2000, 4
    sigma = rng.uniform(0.05, 0.3, (n_frames, n_particles))
    columns = {
        "frame": np.repeat(np.arange(n_frames), n_particles),
        "particle": np.tile(np.arange(n_particles), n_frames),
        "y": np.zeros(sigma.size),
        "x": 50 + rng.normal(0, sigma).ravel(),
        "uncertainty_x": sigma.ravel(),
    }
    merged = merge(Localizations(columns))
    score = (merged["x"] - 50) / merged["uncertainty_x"]
    assert np.std(score) == pytest.approx(1, abs=0.06)
    assert np.std(merged["x"]) < 0.8 * np.std(columns["x"].reshape(n_frames, -1).mean(axis=0))


def test_what_becomes_of_each_column() -> None:
    columns = {
        "particle": [4, 2, 4, 4],
        "photons": [100, 50, 200, 300],
        "background": [10, 5, 20, 30],
        "uncertainty_photons": [3, 1, 4, 12],
        "uncertainty_y": [0.1, 0.2, np.nan, 0.1],
        "uncertainty_x": [np.nan, 0.2, np.nan, np.nan],
        "psf_sigma_x": [1.0, 2.0, 1.5, np.nan],
        "probability": [0.5, 0.6, np.nan, 0.9],
        "flags": [1, 0, 4, 1],
        "label": ["a", "b", "c", "c"],
    }
    table = table_of([(6, 2.0, 1), (2, 7.0, 3), (4, 8.0, 3), (5, 3.0, 2)], **columns)
    merged = merge(table)
    assert merged["particle"].tolist() == [2, 4]  # in the order of first frames
    assert merged["frame"].tolist() == [2, 4]
    assert merged["n_frames"].tolist() == [1, 3]
    assert merged["label"].tolist() == ["b", "c"]
    assert merged["flags"].tolist() == [0, 5]
    expected = {
        "y": [7, 2.5],  # the row whose uncertainty is not known takes no part
        "uncertainty_y": [0.2, 0.1 / np.sqrt(2)],
        "x": [3, 2],  # none is known: all weigh the same
        "uncertainty_x": [0.2, np.nan],
        "photons": [50, 600],
        "background": [5, 60],
        "uncertainty_photons": [1, 13],
        "psf_sigma_x": [2, 1.25],
        "probability": [0.6, 0.9],
    }
    for name, values in expected.items():
        np.testing.assert_allclose(merged[name], values, rtol=1e-6, err_msg=name)
    assert merge(merged)["n_frames"].tolist() == [1, 3]


def test_foreign_columns_are_said() -> None:
    table = table_of([(0, 1, 1), (1, 1, 1)], chi2=[3.0, 4.0], particle=[0, 0])
    with pytest.warns(PinpointWarning, match="chi2"):
        assert merge(table)["chi2"].tolist() == [3.0]


def test_only_what_was_linked_can_be_merged() -> None:
    with pytest.raises(PinpointError, match="Link it first"):
        merge(table_of([(0, 1, 1)]))
