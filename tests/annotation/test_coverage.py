"""Where an annotation is complete: pixels, frames, and the file that says it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_pinpoint.annotation import CompleteRegion, Coverage, read_coverage, write_coverage
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.region import Region

RECTANGLE = [(1.6, 2.0), (1.6, 5.0), (4.0, 5.0), (4.0, 2.0)]
LABELS = np.pad(np.full((2, 3), 7, np.uint8), ((1, 5), (2, 3)))


@pytest.mark.parametrize("corners", [RECTANGLE, RECTANGLE[::-1]], ids=["one way round", "the other"])
def test_a_pixel_is_inside_if_its_centre_is(corners) -> None:
    inside = CompleteRegion(corners).mask((8, 8))
    expected = np.zeros((8, 8), bool)
    expected[2:5, 2:6] = True  # on the edge counts
    np.testing.assert_array_equal(inside, expected)


def test_a_polygon_may_reach_beyond_the_image_and_need_not_be_convex() -> None:
    hook = CompleteRegion([(-9, -9), (-9, 30), (2, 30), (2, 2), (30, 2), (30, -9)])
    rows, columns = np.indices((6, 7))
    np.testing.assert_array_equal(hook.mask((6, 7)), (rows <= 2) | (columns <= 2))
    assert not CompleteRegion([(20, 20), (20, 25), (25, 25)]).mask((6, 7)).any()


def test_what_is_known_of_each_frame() -> None:
    coverage = Coverage((CompleteRegion(RECTANGLE, frames=(1, 3)), CompleteRegion(Region(LABELS))), (5, 9))
    assert coverage.frames(4) == (0, 1, 2, 3)
    assert Coverage(coverage.regions[:1], (5, 9)).frames(8) == (1, 2, 5)
    assert [int(coverage.believed(frame, (8, 8)).sum()) for frame in (0, 1, 5)] == [6, 15, 64]
    points = Localizations({"frame": [1, 1, 1, 2], "y": [4.4, 4.6, 1.0, 3.0], "x": [5.0, 5.0, 2.0, 3.0]})
    assert coverage.within(points, 1, (8, 8))["y"].tolist() == [4.4, 1.0]
    assert len(coverage.within(points, 0, (8, 8))) == 0


def test_a_file_holds_all_of_it(tmp_path: Path) -> None:
    regions = (CompleteRegion([(0.1, 1 / 3), (0.2, 9), (7, 8)], frames=(2, 4)), CompleteRegion(Region(LABELS, "cells")))
    coverage = Coverage(regions, empty_frames=(4, 2, 2))
    write_coverage(coverage, tmp_path / "regions.json")
    assert read_coverage(tmp_path / "regions.json") == coverage
    with pytest.raises(PinpointError, match="exists"):
        write_coverage(Coverage(), tmp_path / "regions.json")


def test_a_label_image_says_it_for_all_frames(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "labels.tif", LABELS)
    coverage = read_coverage(tmp_path / "labels.tif")
    np.testing.assert_array_equal(coverage.believed(17, (8, 8)), LABELS > 0)
    with pytest.raises(PinpointError, match="8, 9"):
        coverage.believed(0, (8, 9))


@pytest.mark.parametrize("content", ["{}", "[]", "no json", '{"napari_pinpoint_coverage": 99}'])
def test_another_file_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(PinpointError, match=r"a\.json"):
        read_coverage(tmp_path / "a.json")


@pytest.mark.parametrize("wrong", [{"outline": [(0, 0), (1, 1)]}, {"outline": RECTANGLE, "frames": (3, 3)}])
def test_a_region_that_makes_no_sense_is_refused(wrong) -> None:
    with pytest.raises(PinpointError):
        CompleteRegion(**wrong)
