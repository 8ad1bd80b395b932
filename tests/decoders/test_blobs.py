"""Blobs: centroids, numbers, classes and strides."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_pinpoint.decoders.blobs import Blobs


def maps(probability) -> dict[str, torch.Tensor]:
    return {"blob": torch.logit(torch.as_tensor(probability, dtype=torch.float64), eps=1e-9)}


def test_a_blob_is_its_weighted_centroid_and_its_largest_probability() -> None:
    p = np.full((1, 1, 5, 6), 0.1)
    p[0, 0, 1, 2], p[0, 0, 1, 3] = 0.6, 0.9
    decoded = Blobs()(maps(p), stride=1)
    table = decoded.localizations
    assert table["y"][0] == pytest.approx(1)
    assert table["x"][0] == pytest.approx((0.6 * 2 + 0.9 * 3) / 1.5, abs=1e-6)
    assert table["probability"][0] == pytest.approx(0.9, abs=1e-6)
    assert table["area_px"][0] == 2
    assert "label" not in table
    np.testing.assert_array_equal(decoded.images["labels"][0], (p[0, 0] > 0.5).astype(int))


def test_numbers_start_anew_in_every_frame_and_follow_the_rows() -> None:
    p = np.full((3, 1, 8, 8), 0.1)
    places = [(0, 6, 1), (0, 1, 5), (2, 4, 4), (2, 0, 0), (2, 7, 7)]
    for frame, y, x in places:
        p[frame, 0, y, x] = 0.8
    decoded = Blobs()(maps(p), stride=1)
    table, labels = decoded.localizations, decoded.images["labels"]
    assert labels.dtype == np.int32
    assert labels.shape == (3, 8, 8)
    assert sorted(zip(table["frame"], table["y"], table["x"], strict=True)) == sorted(places)
    assert list(table["frame"]) == [0, 0, 2, 2, 2]
    at = labels[table["frame"], table["y"].astype(int), table["x"].astype(int)]
    np.testing.assert_array_equal(at, [1, 2, 1, 2, 3])


def test_corners_connect_unless_told_otherwise() -> None:
    p = np.full((1, 1, 4, 4), 0.1)
    p[0, 0, 1, 1] = p[0, 0, 2, 2] = 0.9
    assert len(Blobs()(maps(p), stride=1).localizations) == 1
    assert len(Blobs(corners=False)(maps(p), stride=1).localizations) == 2


def test_small_blobs_are_left_out_of_rows_and_numbers() -> None:
    p = np.full((2, 1, 6, 6), 0.1)
    p[0, 0, 0, 0] = 0.9
    p[0, 0, 3:5, 3:5] = 0.9
    decoded = Blobs(min_area_px=2)(maps(p), stride=1)
    assert list(decoded.localizations["area_px"]) == [4]
    assert decoded.images["labels"][0, 0, 0] == 0
    assert decoded.images["labels"][0, 3, 3] == 1
    assert decoded.images["labels"][1].max() == 0


def test_a_stride_gives_pixels_of_the_input() -> None:
    """Cell (1, 2) at stride 4 holds the rows 4 to 7 and the columns 8 to 11."""
    p = np.full((1, 1, 3, 4), 0.1)
    p[0, 0, 1, 2] = 0.9
    decoded = Blobs()(maps(p), stride=4)
    table, labels = decoded.localizations, decoded.images["labels"][0]
    assert (table["y"][0], table["x"][0], table["area_px"][0]) == (5.5, 9.5, 16)
    assert labels.shape == (12, 16)
    np.testing.assert_array_equal(np.argwhere(labels).mean(axis=0), [5.5, 9.5])
    assert labels.sum() == 16


def test_classes_are_told_and_the_more_probable_one_is_shown() -> None:
    p = np.full((1, 2, 4, 4), 0.1)
    p[0, 0, 1, 0:3], p[0, 1, 1, 2] = 0.7, 0.9
    decoded = Blobs()(maps(p), stride=1)
    assert list(decoded.localizations["label"]) == ["0", "1"]
    np.testing.assert_array_equal(decoded.images["labels"][0, 1], [1, 1, 2, 0])


def test_volumes_have_blobs_too() -> None:
    p = np.full((1, 1, 4, 5, 6), 0.1)
    p[0, 0, 1:3, 2, 3] = 0.9
    table = Blobs()(maps(p), stride=1).localizations
    assert (table["z"][0], table["y"][0], table["x"][0]) == pytest.approx((1.5, 2, 3))


def test_nothing_is_a_table_without_rows_and_an_empty_image() -> None:
    decoded = Blobs()(maps(np.full((2, 1, 4, 4), 0.1)), stride=1)
    assert len(decoded.localizations) == 0
    assert decoded.images["labels"].shape == (2, 4, 4)
    assert decoded.images["labels"].max() == 0


def test_blobs_of_hundreds_are_each_found() -> None:
    p = np.full((1, 1, 60, 60), 0.1)
    p[0, 0, ::2, ::2] = 0.9
    decoded = Blobs()(maps(p), stride=1)
    assert len(decoded.localizations) == 900
    assert decoded.images["labels"].max() == 900
