"""Regions: which pixel, and so which label, a point belongs to."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.io.regions import read_region
from napari_pinpoint.region import Region


@pytest.fixture
def labels() -> np.ndarray:
    """Two cells that touch, and a third in the corner."""
    image = np.zeros((20, 30), np.int32)
    image[4:9, 5:10] = 1
    image[4:9, 10:14] = 300
    image[-1, -1] = 2
    return image


def test_a_point_belongs_to_the_pixel_that_its_centre_lies_in(labels: np.ndarray) -> None:
    region = Region(labels)
    places = {(3.49, 7): 0, (3.5, 7): 1, (8.49, 7): 1, (8.5, 7): 0, (6, 9.49): 1, (6, 9.5): 300, (19.9, 30.2): 2}
    y, x = np.array(list(places)).T
    assert region.labels_at(y, x).tolist() == list(places.values())
    assert region.labels_at(np.array([-0.9]), np.array([-0.9])).tolist() == [0]
    assert region.bounds() == ((4, 20), (5, 30))


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int32, np.uint64])
def test_a_record_makes_it_again(labels: np.ndarray, dtype: type) -> None:
    region = Region((labels % 251).astype(dtype), name="cells", path="cells.tif")
    again = Region.from_record(json.loads(json.dumps(region.to_record())))
    np.testing.assert_array_equal(again.labels, region.labels)
    assert (again.name, again.path) == ("cells", "cells.tif")
    assert again.to_record() == region.to_record()


def test_a_record_of_many_cells_stays_small() -> None:
    rows, columns = np.mgrid[:1024, :1024]
    cells = np.where((rows % 64 - 32) ** 2 + (columns % 64 - 32) ** 2 < 700, rows // 64 * 16 + columns // 64 + 1, 0)
    assert len(json.dumps(Region(cells).to_record())) < 50_000


def test_a_damaged_record_is_refused(labels: np.ndarray) -> None:
    record = Region(labels).to_record()
    for damage in ({"runs": record["runs"][:-8]}, {"runs": "x"}, {"sha256": "0"}, {"shape": [3, 3]}):
        with pytest.raises(PinpointError, match="damaged"):
            Region.from_record({**record, **damage})


def test_labels_are_copied_and_cannot_change(labels: np.ndarray) -> None:
    region = Region(labels)
    labels[:] = 0
    assert region.labels.any()
    with pytest.raises(ValueError, match="read-only"):
        region.labels[0, 0] = 1


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (np.zeros((4, 4), int), "'cell' is empty"),
        (np.ones((2, 4, 4), int), r"one image.*\(2, 4, 4\)"),
        (np.full((4, 4), 0.5), "whole numbers.*float64"),
    ],
)
def test_what_is_no_region(labels: np.ndarray, said: str) -> None:
    with pytest.raises(PinpointError, match=said):
        Region(labels, name="cell")


def test_reading_a_label_image(tmp_path: Path, labels: np.ndarray) -> None:
    path = tmp_path / "cells.tif"
    for written in (labels.astype(np.uint16), labels.astype(np.float32), labels[None, None].astype(np.uint16)):
        tifffile.imwrite(path, written)
        region = read_region(path)
        np.testing.assert_array_equal(region.labels, labels)
        assert (region.name, region.path) == ("cells.tif", str(path))
    tifffile.imwrite(path, np.ones((3, 8, 8), np.uint8), photometric="minisblack")
    with pytest.raises(PinpointError, match=r"cells.tif.*one image"):
        read_region(path)
    tifffile.imwrite(path, np.full((8, 8), 0.5, np.float32))
    with pytest.raises(PinpointError, match=r"cells.tif.*whole numbers"):
        read_region(path)
