"""What every decoder keeps: tiles change nothing, and what it says of its threshold is so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_pinpoint.camera import Camera
from napari_pinpoint.decoders import DECODERS
from napari_pinpoint.decoders.thresholds import THRESHOLDS
from napari_pinpoint.inference import LocalizeSettings, localize, localize_iter, plan
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.methods import METHODS
from napari_pinpoint.model import Localizer, ModelSpec
from napari_pinpoint.region import Region
from napari_pinpoint.registry import Part
from napari_pinpoint.stack import Stack


def pairs() -> list[Any]:
    """Every method with every decoder that fits, and every threshold function where one is taken."""
    found = []
    for method in METHODS:
        for decoder in DECODERS:
            if set(DECODERS[decoder].needs) <= set(METHODS[method].outputs):
                functions = THRESHOLDS.names() if "function" in DECODERS[decoder].model_fields else (None,)
                options = [{} if function is None else {"function": function} for function in functions]
                found += [
                    pytest.param(method, Part(name=decoder, options=o), id="-".join([method, decoder, *o.values()]))
                    for o in options
                ]
    return found


PLAIN = Part(name="plain", options={"widths": [4], "kernels": [3]})


def unet(stride: int = 1) -> Part:
    return Part(name="unet", options={"widths": [4, 6], "stride": stride})


def model_of(method: str, decoder: Part, stack: Stack, backbone: Part | None = None) -> Localizer:
    """A tiny random network whose probabilities in the images of a stack are of all sizes."""
    backbone = backbone or unet()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        model = Localizer(ModelSpec(name="tiny", backbone=backbone, method=Part(name=method), decoder=decoder))
    (name,) = {"logit", "heat", "blob"} & set(model.method.outputs)
    frames, normalization = stack.view().read(0, 1), model.normalization
    seen = normalization.apply(frames, normalization.measure(frames), origin=(0, 0), camera=stack.camera)
    with torch.no_grad():
        answer = model.eval()(torch.from_numpy(seen[..., :44, :68]))[name]

    def spread(module: Any, inputs: Any, maps: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {**maps, name: 2 * (maps[name] - answer.mean()) / answer.std() - 1}

    model.head.register_forward_hook(spread)
    return model


@pytest.fixture(scope="module")
def stack() -> Stack:
    rng = np.random.default_rng(4)
    light = ndimage.gaussian_filter(rng.normal(size=(2, 45, 71)), (0, 1.5, 1.5))
    camera = Camera(offset_adu=100, electrons_per_adu=0.5, read_noise_e=1.0)
    return Stack(camera.expose(20 + 300 * np.clip(light, 0, None), rng), "TYX", camera)


def places(table: Localizations, above: float = 0.0) -> np.ndarray:
    """Frame, y, x and probability of the rows that are clearly above a probability, in order."""
    rows = table.select(table["probability"] >= np.float32(above))
    return np.stack([rows[name] for name in ("frame", "y", "x", "probability")], axis=1)


@pytest.mark.parametrize(("method", "decoder"), pairs())
@pytest.mark.parametrize("backbone", [unet(), unet(stride=2), PLAIN], ids=["unet-1", "unet-2", "plain"])
def test_tiles_change_nothing(method: str, decoder: Part, backbone: Part, stack: Stack) -> None:
    model = model_of(method, decoder, stack, backbone)
    whole = list(localize_iter(plan(stack, model, device="cpu")))
    tiled = list(localize_iter(plan(stack, model, settings=LocalizeSettings(tile=16), device="cpu")))
    assert sum(len(chunk.localizations) for chunk in whole) > 0
    for a, b in zip(whole, tiled, strict=True):
        np.testing.assert_allclose(places(b.localizations), places(a.localizations), atol=1e-3)
        for name in model.decoder.images:
            np.testing.assert_array_equal(b.images[name], a.images[name])


@pytest.mark.parametrize(("method", "decoder"), pairs())
def test_a_region_has_the_points_of_the_whole_image(method: str, decoder: Part, stack: Stack) -> None:
    labels = np.zeros((45, 71), np.uint8)
    labels[:12, 50:] = 1
    region, model = Region(labels), model_of(method, decoder, stack)
    whole = localize(stack, model, device="cpu")
    expected = whole.select(region.labels_at(whole["y"], whole["x"]) != 0)
    found = localize(stack, model, settings=LocalizeSettings(tile=16), region=region, device="cpu")
    np.testing.assert_allclose(places(found), places(expected), atol=1e-3)


@pytest.mark.parametrize(("method", "decoder"), pairs())
def test_selecting_is_decoding_where_it_says_so(method: str, decoder: Part, stack: Stack) -> None:
    model = model_of(method, decoder, stack)
    loose, strict = (
        localize(stack, model, settings=LocalizeSettings(threshold=threshold), device="cpu")
        for threshold in (0.05, 0.6)
    )
    if model.decoder.selectable:
        np.testing.assert_array_equal(places(loose, 0.6), places(strict))
        assert len(loose) > 0
    assert model.decoder.scope == "frame" or not model.decoder.images
