"""Decoders that need the whole frame: the network still works on tiles, and its maps are stitched."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.inference import Chunk, LocalizeSettings, candidates, keep, localize, localize_iter, plan
from napari_pinpoint.model import Localizer
from napari_pinpoint.region import Region
from napari_pinpoint.registry import Part
from napari_pinpoint.stack import Stack


def only_chunk(stack: Stack, model: Localizer, region: Region | None = None, **settings: object) -> Chunk:
    (chunk,) = localize_iter(plan(stack, model, settings=LocalizeSettings(**settings), region=region, device="cpu"))
    return chunk


@pytest.mark.parametrize("shape", [(3, 101, 75), (2, 64, 130), (1, 17, 200)])
@pytest.mark.parametrize("stride", [1, 4])
def test_tiled_equals_untiled(blob_model: Callable, noise: Callable, stride: int, shape: tuple) -> None:
    stack, model = noise(*shape), blob_model(stride)
    assert len(plan(stack, model).windows) == 1
    assert len(plan(stack, model, settings=LocalizeSettings(tile=64)).windows) > 1
    whole, tiled = only_chunk(stack, model), only_chunk(stack, model, tile=64)

    assert len(whole.localizations) > 0
    for name in whole.localizations:
        np.testing.assert_allclose(tiled.localizations[name], whole.localizations[name], atol=1e-5, rtol=0)
    np.testing.assert_array_equal(tiled.images["labels"], whole.images["labels"])
    np.testing.assert_allclose(tiled.images["probability"], whole.images["probability"], atol=1e-5, rtol=0)
    assert whole.images["labels"].shape == shape
    assert whole.images["probability"].shape == shape


def test_a_blob_over_several_tiles_is_one(blob_model: Callable, noise: Callable) -> None:
    (labels,) = only_chunk(noise(1, 60, 150), blob_model(threshold=0.35), tile=64).images["labels"]
    assert set(labels[:, 63]) & set(labels[:, 64]) - {0}


def test_batches_and_reduced_precision_give_whole_float_maps(blob_model: Callable, noise: Callable) -> None:
    stack, model = noise(5, 40, 40), blob_model()
    whole, batches = only_chunk(stack, model), only_chunk(stack, model, batch=2)
    np.testing.assert_allclose(batches.images["probability"], whole.images["probability"], atol=1e-5, rtol=0)
    reduced = only_chunk(stack, model, precision="bfloat16")
    assert reduced.images["probability"].dtype == np.float32
    np.testing.assert_allclose(reduced.images["probability"], whole.images["probability"], atol=0.1)


def test_in_a_region_there_is_what_the_whole_image_has_and_nothing_elsewhere(
    blob_model: Callable, noise: Callable
) -> None:
    stack, model = noise(2, 90, 240), blob_model()
    labels = np.zeros((90, 240), np.uint8)
    labels[10:25, 8:40], labels[60:80, 210:230] = 5, 6
    region = Region(labels)
    whole = only_chunk(stack, model)
    inside = region.labels_at(whole.localizations["y"], whole.localizations["x"])
    expected = whole.localizations.select(inside != 0)

    chunk = only_chunk(stack, model, region, tile=16)
    found = chunk.localizations

    assert len(found) == len(expected) > 10
    np.testing.assert_array_equal(found["region"], inside[inside != 0])
    np.testing.assert_allclose(found.positions(), expected.positions(), atol=1e-4)
    assert chunk.images["probability"][:, :, 100:140].max() == 0
    for frame in (0, 1):
        there = found["frame"] == frame
        assert set(np.unique(chunk.images["labels"][frame])) - {0} == set(found["blob"][there])


def test_its_own_reach_needs_no_halo(blob_model: Callable) -> None:
    assert blob_model(reach=500.0).halo == blob_model(reach=0.0).halo


def test_candidates_of_a_decoder_that_cannot_select_are_those_of_one_threshold(
    blob_model: Callable, noise: Callable
) -> None:
    """At a lower threshold blobs are others, not more: nothing is selected, and nobody claims so."""
    stack, model = noise(3, 60, 60), blob_model()
    decided = plan(stack, model, settings=LocalizeSettings(threshold=0.55), device="cpu")
    found = localize(stack, model, settings=LocalizeSettings(threshold=0.55, frames=(1, 2)), device="cpu")
    kept = keep(candidates(decided, 1), LocalizeSettings(threshold=0.55), model)
    assert list(kept) == list(found)
    for name in found:
        np.testing.assert_array_equal(kept[name], found[name])
    assert kept.record == found.record
    with pytest.raises(PinpointError, match=r"threshold 0.55.*find them anew"):
        keep(candidates(decided, 1), LocalizeSettings(threshold=0.6), model)


def test_the_chosen_decoder_says_whether_candidates_can_be_selected(blob_model: Callable, noise: Callable) -> None:
    stack, model = noise(2, 60, 60), blob_model()
    pooled = Part(name="pooled_mass", options={"radius": 2.0})
    asked = LocalizeSettings(decoder=pooled, threshold=0.7, frames=(1, 2))
    found = candidates(plan(stack, model, settings=LocalizeSettings(decoder=pooled), device="cpu"), 1)
    kept, run = keep(found, asked, model), localize(stack, model, settings=asked, device="cpu")
    assert 0 < len(run) < len(found)
    np.testing.assert_array_equal(kept.positions(), run.positions())


def test_contrast_still_selects(blob_model: Callable, noise: Callable) -> None:
    stack, model = noise(3, 60, 60), blob_model()
    asked = LocalizeSettings(min_contrast=2.0, frames=(2, 3))
    found = localize(stack, model, settings=asked, device="cpu")
    kept = keep(candidates(plan(stack, model, device="cpu"), 2), asked, model)
    assert 0 < len(found) < len(localize(stack, model, settings=LocalizeSettings(frames=(2, 3))))
    np.testing.assert_array_equal(kept["blob"], found["blob"])


def test_another_decoder_than_the_models_own(blob_model: Callable, noise: Callable) -> None:
    stack, model = noise(2, 60, 60), blob_model()
    before, weights = model.fingerprint(), model.state_dict()["head.layer.bias"]
    asked = LocalizeSettings(decoder=Part(name="pooled_mass", options={"radius": 2.0, "threshold": 0.7}))
    decided = plan(stack, model, settings=asked)
    assert decided.model.decoder.radius == 2.0
    assert decided.settings.threshold == 0.7
    assert decided.model.state_dict()["head.layer.bias"].data_ptr() == weights.data_ptr()
    assert decided.record["settings"]["decoder"] == {
        "name": "pooled_mass",
        "options": {"radius": 2.0, "threshold": 0.7},
    }
    assert decided.record["model"]["fingerprint"] == before == model.fingerprint()
    assert model.decoder.images
    found = localize(stack, model, settings=asked)
    assert "blob" not in found
    assert found["probability"].min() >= 0.7


def test_a_decoder_that_does_not_fit_says_what_does(blob_model: Callable, noise: Callable, monkeypatch) -> None:
    model = blob_model()
    monkeypatch.setattr(type(model.decoder), "needs", ("blob",))
    with pytest.raises(PinpointError, match=r"components needs blob.*matching does not give.*pooled_mass"):
        plan(noise(1, 40, 40), model, settings=LocalizeSettings(decoder="components"))
    with pytest.raises(PinpointError, match="no decoder 'tea'"):
        plan(noise(1, 40, 40), model, settings=LocalizeSettings(decoder="tea"))
