"""From an annotation to what training sees: taught where it is complete, nothing elsewhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_pinpoint.annotation import Annotation, CompleteRegion, Coverage, read_coverage, write_coverage
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.io.tables import read_localizations, write_localizations
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.normalization import LocalNormalization
from napari_pinpoint.sampling import StackSource, hold_out_covered
from napari_pinpoint.stack import Stack

NORMALIZATION = LocalNormalization()
SQUARE = [(40, 10), (40, 29), (59, 29), (59, 10)]  # 20 x 20 pixels
INSIDE, OUTSIDE = (50.0, 20.0), (10.0, 70.0)


@pytest.fixture
def stack(rng) -> Stack:
    return Stack(rng.normal(100, 2, (12, 80, 90)).astype(np.float32), "TYX", pixel_size_nm=100)


def points_in(frames: list[int]) -> Localizations:
    """A point inside of the square and one outside of it in each frame."""
    y, x = zip(*[INSIDE, OUTSIDE] * len(frames), strict=True)
    return Localizations({"frame": np.repeat(frames, 2), "y": y, "x": x})


def test_only_what_is_complete_is_believed_and_windows_are_laid_on_it(stack) -> None:
    coverage = Coverage((CompleteRegion(SQUARE, frames=(3, 5)),))
    source = StackSource(stack, points_in([3, 7]), window=24, coverage=coverage)
    assert [frame.index for frame in source.frames] == [3, 4]  # in 4 it is complete, and nothing is there
    assert [len(frame.table) for frame in source.frames] == [1, 0]
    batch = source.draw(32, np.random.default_rng(2), NORMALIZATION)
    believed = batch.valid.sum(dim=(1, 2))
    assert believed.min() > 0  # 5 % of the pixels are known, and no window misses them
    assert believed.max() <= 400
    assert set(batch.points.counts.tolist()) == {0, 1}


def test_an_empty_frame_is_believed_all_over(stack) -> None:
    coverage = Coverage((CompleteRegion(SQUARE, frames=(3, 4)),), empty_frames=(9,))
    source = StackSource(stack, points_in([3]), window=24, coverage=coverage)
    batch = source.draw(32, np.random.default_rng(2), NORMALIZATION)
    whole = batch.valid.all(dim=2).all(dim=1)
    assert 8 <= int(whole.sum()) <= 24
    assert batch.points.counts[whole].max() == 0


def test_frames_that_are_held_out_are_not_learnt_from(stack) -> None:
    coverage = Coverage((CompleteRegion(SQUARE, frames=(0, 11)),), empty_frames=(11,))
    points = points_in(list(range(11)))
    frames, checks = hold_out_covered(stack.view(), points, coverage)
    assert frames == [0, 1, 2, 3, 5, 6, 7, 8, 10, 11]
    image, truth, region = checks[0]
    np.testing.assert_array_equal(image.read(0, 1)[0, 0], stack.data[4])
    assert (truth["frame"].tolist(), truth["y"].tolist()) == ([0], [50.0])
    assert region.bounds() == ((40, 60), (10, 30))
    assert len(checks) == 2
    source = StackSource(stack, points, window=24, coverage=coverage, frames=frames)
    assert [frame.index for frame in source.frames] == frames


def test_regions_without_a_point_are_an_error(stack) -> None:
    with pytest.raises(PinpointError, match="None of the 2 points"):
        StackSource(stack, points_in([3]), coverage=Coverage((CompleteRegion(SQUARE, frames=(0, 2)),)))


def test_what_is_exported_is_read_back_without_loss(tmp_path: Path) -> None:
    annotation = Annotation(pixel_size_nm=103.5)
    annotation.add(points_in([0, 3]))
    annotation.relabel([1], "cell")
    annotation.propose(Localizations({"frame": [1], "y": [1 / 3], "x": [0.1], "probability": [0.7]}), source="spots-2d")
    annotation.move([4], [0.3], [0.2], moved_by=0.123)
    annotation.add_region(CompleteRegion(SQUARE, frames=(0, 4)))
    annotation.mark_empty([2])
    write_localizations(annotation.points, tmp_path / "points.parquet")
    write_coverage(annotation.coverage, tmp_path / "regions.json")
    again = Annotation(pixel_size_nm=103.5)
    again.add(read_localizations(tmp_path / "points.parquet"))
    assert list(again.points) == list(annotation.points)
    for name in again.points:
        np.testing.assert_array_equal(again.points[name], annotation.points[name])
    assert again.points["label"].tolist() == [None, "cell", None, None, None]
    assert read_coverage(tmp_path / "regions.json") == annotation.coverage
