"""Counts, densities and light per object."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.postprocessing import count_objects

LABELS = np.array([[1, 1, 0, 5], [1, 1, 0, 5], [0, 0, 0, 0], [7, 7, 7, 0]])


def table_of(**columns: Any) -> Localizations:
    places: dict[str, Any] = {"frame": [0, 0, 1, 2], "y": [0.4, 1.2, 0.0, 2.0], "x": [0.0, 1.4, 3.9, 1.0]}
    return Localizations({**places, **columns}, pixel_size_nm=500)


def test_objects_without_any_are_zero_and_the_border_belongs_to_the_nearest_pixel() -> None:
    counts = count_objects(table_of(photons=[100, 300, 50, 999]), LABELS)
    expected = {
        "object": [1, 5, 7],
        "localizations": [2, 1, 0],
        "area_px": [4, 2, 3],
        "area_um2": [1, 0.5, 0.75],
        "density_per_um2": [2, 2, 0],
        "density_per_px": [0.5, 0.5, 0],
        "photons": [400, 50, 0],
        "photons_mean": [200, 50, np.nan],
    }
    assert list(counts) == list(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(counts[name], values, err_msg=name)


def test_each_channel_and_class_is_counted_by_itself() -> None:
    counts = count_objects(table_of(channel=[0, 2, 2, 0], label=["a", "b", None, "a"]), LABELS)
    rows = list(zip(*(counts[name] for name in ("object", "channel", "label", "localizations")), strict=True))
    assert len(rows) == 3 * 2 * 3
    assert [row for row in rows if row[3]] == [(1, 0, "a", 1), (1, 2, "b", 1), (5, 2, "", 1)]
    assert rows[:3] == [(1, 0, "", 0), (1, 0, "a", 1), (1, 0, "b", 0)]
    assert counts["area_px"].tolist() == [4] * 6 + [2] * 6 + [3] * 6


def test_labels_of_frames_hold_in_their_frame() -> None:
    moved = np.stack([LABELS, np.where(LABELS == 5, 0, LABELS), LABELS])
    counts = count_objects(table_of(), moved, image=np.broadcast_to(np.arange(4.0), moved.shape))
    assert counts["frame"].tolist() == [0, 0, 0, 1, 1, 2, 2, 2]
    assert counts["object"].tolist() == [1, 5, 7, 1, 7, 1, 5, 7]
    assert counts["localizations"].tolist() == [2, 0, 0, 0, 0, 0, 0, 0]
    np.testing.assert_allclose(counts["image_mean"], [0.5, 3, 1, 0.5, 1, 0.5, 3, 1])


def test_without_the_size_of_a_pixel_there_is_no_area_in_micrometres() -> None:
    counts = count_objects(Localizations({"frame": [0], "y": [0], "x": [0]}), LABELS)
    assert np.isnan(counts["area_um2"]).all()
    assert counts["density_per_px"].tolist() == [0.25, 0, 0]
    assert "photons" not in counts
    assert count_objects(Localizations.empty(["channel", "label"]), LABELS)["localizations"].sum() == 0


@pytest.mark.parametrize(
    ("labels", "image", "words"),
    [
        (LABELS.astype(float), None, "whole numbers"),
        (-LABELS, None, "at least 0"),
        (LABELS[0], None, "shape \\(4,\\)"),
        (np.stack([LABELS, LABELS]), None, "frame 2, but labels for 2 frames"),
        (LABELS, np.zeros((3, 3)), "shape of the labels"),
    ],
)
def test_labels_that_do_not_fit(labels: Any, image: Any, words: str) -> None:
    with pytest.raises(PinpointError, match=words):
        count_objects(table_of(), labels, image=image)
