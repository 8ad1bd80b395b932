"""A decoder that needs whole frames, and models that use it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal

import numpy as np
import pytest
import torch
from pydantic import BaseModel
from scipy import ndimage

from napari_pinpoint.camera import Camera
from napari_pinpoint.decoders import DECODERS, Decoded
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.model import Localizer, ModelSpec
from napari_pinpoint.registry import Entry, Part
from napari_pinpoint.stack import Stack


class Components(BaseModel, extra="forbid", frozen=True):
    """Connected components of what is above the threshold, the largest first; they may be of any size."""

    needs: ClassVar[tuple[str, ...]] = ("logit",)
    images: ClassVar[tuple[str, ...]] = ("labels", "probability")
    scope: ClassVar[Literal["local", "frame"]] = "frame"
    selectable: ClassVar[bool] = False

    threshold: float = 0.5
    reach: float = 1.0

    def __call__(self, maps: dict[str, torch.Tensor], *, stride: int) -> Decoded:
        probability = torch.sigmoid(maps["logit"]).amax(dim=(1, 2)).numpy()
        rows, labels = [], []
        for frame, image in enumerate(probability):
            found, n = ndimage.label(image >= self.threshold)
            numbers = np.arange(1, n + 1)
            order = np.argsort(-ndimage.sum_labels(np.ones_like(image), found, numbers), kind="stable")
            new = np.zeros(n + 1, np.int64)
            new[numbers[order]] = numbers
            labels.append(new[found])
            centres = np.reshape(ndimage.center_of_mass(image, labels[-1], numbers), (n, 2)) * stride + (stride - 1) / 2
            highest = ndimage.maximum(image, labels[-1], numbers)
            rows += [(frame, y, x, p) for (y, x), p in zip(centres, highest, strict=True)]
        columns = dict(zip(("frame", "y", "x", "probability"), np.reshape(rows, (-1, 4)).T, strict=True))
        enlarged = np.kron(np.stack(labels), np.ones((1, stride, stride), np.int64))
        pixels = np.kron(probability, np.ones((1, stride, stride), np.float32))
        return Decoded(Localizations(columns), {"labels": enlarged, "probability": pixels})


class _Loaded(Entry):
    def load(self) -> Any:
        return Components


@pytest.fixture
def components(monkeypatch: pytest.MonkeyPatch) -> None:
    """The decoder `components` is registered."""
    entry = _Loaded("components", "Connected components.", "", None)
    monkeypatch.setitem(DECODERS.entries, "components", entry)


@pytest.fixture
def blob_model(components: None) -> Callable[..., Localizer]:
    """Makes small random networks with that decoder, that find blobs of some pixels in noise."""

    def make(stride: int = 1, **options: Any) -> Localizer:
        torch.manual_seed(3)
        backbone = Part(name="unet", options={"widths": [6, 8, 8], "stride": stride})
        decoder = Part(name="components", options=options)
        model = Localizer(ModelSpec(name="blobs", backbone=backbone, decoder=decoder))
        with torch.no_grad():
            for values in model.backbone.parameters():
                values *= 3
            model.head.layer.weight *= 10
            model.head.layer.bias.fill_({1: 0.4, 4: -1.5}[stride])
        return model.eval()

    return make


@pytest.fixture
def noise() -> Callable[..., Stack]:
    """Makes smooth noise of so many frames, rows and columns, as a camera sees it."""

    def make(*shape: int) -> Stack:
        rng = np.random.default_rng(11)
        light = ndimage.gaussian_filter(rng.normal(size=shape), (0, 2, 2))
        camera = Camera(offset_adu=100, electrons_per_adu=0.5, read_noise_e=1.0)
        counts = camera.expose(40 + 200 * np.clip(light, 0, None), rng)
        return Stack(counts, "TYX", camera, pixel_size_nm=100)

    return make
