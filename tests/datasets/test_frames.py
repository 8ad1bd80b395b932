"""Datasets as movies."""

from __future__ import annotations

import numpy as np
import pytest

from napari_pinpoint import Localizations, evaluate
from napari_pinpoint.datasets import Dataset, Sample, as_frames
from napari_pinpoint.errors import PinpointError, PinpointWarning


def points(*rows: tuple[int, float, float], **more) -> Localizations:
    frame, y, x = np.array(rows, float).reshape(-1, 3).T
    return Localizations({"frame": frame, "y": y, "x": x}, **more)


def sample(name: str, *rows: tuple[int, float, float], shape: tuple[int, int] = (8, 9)) -> Sample:
    return Sample(np.zeros(shape, np.uint8), points(*rows), name)


def test_images_are_numbered_in_their_order_whatever_the_records_say():
    dataset = Dataset((sample("a", (0, 1, 1)), sample("b", (0, 2, 2), (0, 5, 5), shape=(16, 10)), sample("c")))
    record = {"settings": {"frames": [0, 1]}}
    found = {"c": points((0, 3, 3)), "b": points((0, 2, 2), record=record), "a": points((0, 1, 1), record=record)}
    frames = as_frames(dataset, found)
    assert frames.truth["frame"].tolist() == [0, 1, 1]
    assert frames.found["frame"].tolist() == [0, 1, 2]
    assert frames.shapes.tolist() == [[8, 9], [16, 10], [8, 9]]
    scores = evaluate(frames.found, frames.truth, tolerance_px=1)
    assert (scores.tp, scores.fp, scores.fn) == (2, 1, 1)


def test_what_has_no_counterpart_is_named():
    dataset = Dataset((sample("a"), sample("b", (0, 2, 2))))
    with pytest.warns(PinpointWarning) as told:
        frames = as_frames(dataset, {"b": points((0, 2, 2)), "d": points()})
    assert [str(one.message) for one in told] == [
        "1 images have no table, and are left out: a.",
        "1 tables belong to no image, and are left out: d.",
    ]
    assert frames.truth["frame"].tolist() == [0]
    with pytest.raises(PinpointError, match=r"the table of IMAGE\.tif must be called IMAGE"):
        as_frames(dataset, {"d": points()})


def test_sizes_of_pixels_are_kept_where_they_agree():
    dataset = Dataset((sample("a", (0, 1, 1)), sample("b", (0, 2, 2))))
    a, b, c = (points((0, 1, 1), pixel_size_nm=size) for size in (100, 100, 65))
    assert as_frames(dataset, {"a": a, "b": b}).found.pixel_size_nm == 100
    assert as_frames(dataset, {"a": a, "b": c}).found.pixel_size_nm is None
