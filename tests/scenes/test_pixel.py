"""PixelScene: what is done to the one bright pixel, step by step."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from scipy.ndimage import convolve

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.scenes.pixel import KERNEL, PixelScene, blur_matrix

BARE = {"noise": 0, "clutter": 0}


@pytest.mark.parametrize("size", [5, 6, 50])
def test_the_blur_is_that_of_opencv(size: int) -> None:
    """[1 4 6 4 1] / 16 along an axis, mirrored at the outermost pixels (scipy calls it "mirror")."""
    np.testing.assert_allclose(blur_matrix(size), convolve(np.eye(size), KERNEL[:, None], mode="mirror"))


def test_without_noise_and_clutter_a_frame_is_the_blurred_pixel() -> None:
    stack, truth = PixelScene(shape=(8, 6), **BARE).sample(200, np.random.default_rng(0))
    for frame, y, x in zip(truth["frame"], truth["y"], truth["x"], strict=True):
        bright = np.zeros((8, 6))
        bright[int(y), int(x)] = 255
        expected = convolve(bright, np.outer(KERNEL, KERNEL), mode="mirror")
        np.testing.assert_array_equal(stack.data[frame], np.rint(expected))
    assert stack.data[:, 2:-2, 2:-2].max() == 36  # 255 * (6 / 16)^2


def test_truth_is_one_whole_pixel_anywhere_borders_included() -> None:
    _, truth = PixelScene(shape=(7, 9)).sample(4000, np.random.default_rng(0))
    assert truth["frame"].tolist() == list(range(4000))
    places, counts = np.unique(np.stack([truth["y"], truth["x"]]), axis=1, return_counts=True)
    assert places.shape[1] == 63
    np.testing.assert_array_equal(places, np.rint(places))
    assert counts.min() > 0.5 * 4000 / 63


def test_noise_is_clipped_at_black() -> None:
    stack, _ = PixelScene(clutter=0).sample(50, np.random.default_rng(0))
    assert (stack.data == 0).mean() == pytest.approx(0.52, abs=0.01)  # a normal deviate below 0.5 / 10
    assert np.percentile(stack.data, 84.13) == pytest.approx(10, abs=1)


def test_clutter_replaces_its_share_of_the_pixels_evenly() -> None:
    stack, _ = PixelScene(noise=0, clutter=0.2, brightness=1e-3).sample(40, np.random.default_rng(0))
    values, counts = np.unique(stack.data[stack.data > 0], return_counts=True)
    assert values.tolist() == list(range(5, 41))
    assert counts.sum() / stack.data.size == pytest.approx(0.2, abs=0.005)
    assert np.ptp(counts) < 0.4 * counts.mean()


def test_torch_makes_the_same_kind_of_frames() -> None:
    scene = PixelScene()
    stack, truth = scene.sample(100, torch.Generator().manual_seed(1))
    again, _ = scene.sample(100, torch.Generator().manual_seed(1))
    other, _ = scene.sample(100, np.random.default_rng(1))
    assert stack.data.shape == (100, 50, 50)
    assert torch.equal(stack.data, again.data)
    assert torch.equal(stack.data, stack.data.round().clamp(0, 255))
    assert float(stack.data.mean()) == pytest.approx(other.data.mean(), rel=0.02)
    y, x = (torch.as_tensor(truth[axis].astype(int)) for axis in "yx")
    assert float(stack.data[torch.arange(100), y, x].mean()) == pytest.approx(38, abs=4)


def test_no_frames_are_refused() -> None:
    with pytest.raises(PinpointError, match="at least one frame"):
        PixelScene().sample(0, np.random.default_rng(0))


def test_a_range_of_clutter_goes_up() -> None:
    with pytest.raises(ValidationError, match="from low to high, not from 40 to 5"):
        PixelScene(clutter_range=(40, 5))
