"""LCFCN from a stack to points, labels and counts, whole and in tiles."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_pinpoint.inference import LocalizeSettings, localize_iter, plan
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.model import Localizer, ModelSpec
from napari_pinpoint.postprocessing import count
from napari_pinpoint.registry import Part
from napari_pinpoint.stack import Stack


@pytest.fixture
def brightness_model() -> Localizer:
    """Blobs are where the image is bright: a network of one pixel's reach, whose weights are written by hand."""
    spec = ModelSpec(
        name="bright",
        backbone=Part(name="plain", options={"widths": [1], "kernels": [1]}),
        method=Part(name="lcfcn"),
        normalization=Part(name="local", options={"cell": 1024, "low": 0, "high": 100}),
    )
    model = Localizer(spec)
    with torch.no_grad():
        for values in model.parameters():
            values.zero_()
        model.backbone.layers[0].weight.fill_(1.0)
        model.head.layer.weight[0, 0, 1, 1] = 20.0
        model.head.layer.bias.fill_(-10.0)
    return model.eval()


def discs(n_frames: int, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """Bright discs on dark ground; some touch."""
    y, x = np.indices(shape)
    frames = np.full((n_frames, *shape), 10, np.uint8)
    for frame in frames:
        for _ in range(9):
            cy, cx = rng.uniform(0, shape[0]), rng.uniform(0, shape[1])
            frame[(y - cy) ** 2 + (x - cx) ** 2 < rng.uniform(4, 9) ** 2] = 200
    return frames


@pytest.mark.parametrize("tile", [None, 32])
def test_blobs_of_whole_frames_are_numbered_counted_and_located(
    brightness_model: Localizer, tile: int | None, rng: np.random.Generator
) -> None:
    frames = discs(3, (75, 90), rng)
    settings = LocalizeSettings(tile=tile)
    chunks = list(localize_iter(plan(Stack(frames, "TYX"), brightness_model, settings=settings, device="cpu")))
    table = Localizations.concatenate([chunk.localizations for chunk in chunks])
    labels = np.concatenate([chunk.images["labels"] for chunk in chunks])
    np.testing.assert_array_equal(labels > 0, frames > 100)
    expected = [ndimage.label(frame > 100, np.ones((3, 3)))[1] for frame in frames]
    np.testing.assert_array_equal(count(table, n_frames=3)["n"], expected)
    for frame, number, y, x, area in zip(
        *(table[name] for name in ("frame", "blob", "y", "x", "area_px")), strict=True
    ):
        pixels = np.argwhere(labels[frame] == number)
        assert len(pixels) == area
        np.testing.assert_allclose(pixels.mean(axis=0), (y, x), atol=1e-3)
