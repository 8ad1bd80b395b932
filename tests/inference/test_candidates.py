"""Contrast, and candidates: whatever the settings, selecting is the same as localizing."""

from __future__ import annotations

import numpy as np
import pytest

from napari_pinpoint.contrast import contrast
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.inference import LocalizeSettings, candidates, keep, localize, plan
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.model import Localizer, ModelSpec, load_model
from napari_pinpoint.recalibration import Recalibration
from napari_pinpoint.region import Region
from napari_pinpoint.registry import Part
from napari_pinpoint.scenes.emitters import EmitterScene
from napari_pinpoint.stack import Stack


@pytest.fixture(scope="module")
def by_probability() -> Localizer:
    return load_model("smlm-2d")


@pytest.fixture(scope="module")
def by_contrast(by_probability: Localizer) -> Localizer:
    """The same network, of which contrast is the control."""
    model = Localizer(by_probability.spec.model_copy(update={"min_contrast": 4.0}))
    model.load_state_dict(by_probability.state_dict())
    return model.eval()


@pytest.fixture(scope="module")
def recalibrated(by_probability: Localizer) -> Localizer:
    """The same network, whose probabilities and uncertainties are moved."""
    seen = Recalibration(
        probability=((0.1, 0.2), (0.5, 0.6), (0.9, 0.85)), uncertainty=((1.0, 1.2), (4.0, 0.8)), counts_from=0.3
    )
    return by_probability.recalibrated(seen)


@pytest.fixture(scope="module")
def stack() -> Stack:
    scene = EmitterScene(shape=(61, 83), density=(0.02, 0.02), background=(20, 20), photons=(300, 3000))
    return scene.sample(3, np.random.default_rng(8))[0]


def assert_same(a: Localizations, b: Localizations) -> None:
    """The same rows, columns and record, to the last bit."""
    assert list(a) == list(b)
    assert len(a) > 0
    for name in a:
        np.testing.assert_array_equal(a[name], b[name])
    assert a.record == b.record


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"threshold": 0.05},
        {"threshold": 0.9},
        {"min_contrast": 0.0},
        {"min_contrast": 5.0},
        {"threshold": 0.4, "min_contrast": 4.5},
    ],
)
@pytest.mark.parametrize("model", ["by_probability", "by_contrast", "recalibrated"])
def test_keeping_candidates_is_localizing_the_frame(model: str, settings: dict, stack: Stack, request) -> None:
    network: Localizer = request.getfixturevalue(model)
    asked = LocalizeSettings(**settings)
    decided = plan(stack, network, device="cpu")
    found = localize(stack, network, settings=asked.model_copy(update={"frames": (1, 2)}), device="cpu")
    assert_same(keep(candidates(decided, 1), asked, network), found)


def test_keeping_candidates_of_a_region(by_contrast: Localizer, stack: Stack) -> None:
    labels = np.zeros((61, 83), np.uint8)
    labels[10:40, 20:60] = 3
    region = Region(labels)
    found = localize(stack, by_contrast, settings=LocalizeSettings(frames=(2, 3)), region=region, device="cpu")
    decided = plan(stack, by_contrast, region=region, device="cpu")
    assert_same(keep(candidates(decided, 2), LocalizeSettings(), by_contrast), found)
    assert set(found["region"]) == {3}


def test_candidates_are_everything_there_is_to_choose_from(by_probability: Localizer, stack: Stack) -> None:
    table = candidates(plan(stack, by_probability), 0)
    assert set(table["frame"]) == {0}
    assert table["probability"].min() < by_probability.decoder.threshold / 2
    assert {"probability", "contrast"} <= set(table)
    everything = localize(stack, by_probability, settings=LocalizeSettings(frames=(0, 1)))
    assert len(table) > len(everything)


def test_contrast_is_measured_on_the_raw_frames_tiled_or_not(by_contrast: Localizer, stack: Stack) -> None:
    everything = LocalizeSettings(min_contrast=0)
    whole = localize(stack, by_contrast, settings=everything)
    expected = contrast(np.asarray(stack.data), whole["frame"], whole["y"], whole["x"])
    np.testing.assert_array_equal(whole["contrast"], expected)
    tiled = localize(stack, by_contrast, settings=everything.model_copy(update={"tile": 32}))
    np.testing.assert_allclose(tiled["contrast"], expected, rtol=1e-6)


def test_the_model_decides_unless_the_settings_do(
    by_probability: Localizer, by_contrast: Localizer, stack: Stack
) -> None:
    own = localize(stack, by_contrast)
    assert own["contrast"].min() >= 4
    assert own.record["settings"]["min_contrast"] == 4
    everything = localize(stack, by_contrast, settings=LocalizeSettings(min_contrast=0))
    assert 0 < len(own) < len(everything)
    assert len(everything) == len(localize(stack, by_probability))
    plain = localize(stack, by_probability)
    assert "contrast" not in plain
    assert plain.record["settings"]["min_contrast"] is None


def test_nothing_there_has_the_columns_that_were_asked_for(by_contrast: Localizer, stack: Stack) -> None:
    nothing = localize(
        stack, by_contrast, settings=LocalizeSettings(min_contrast=1000), region=Region(np.eye(61, 83, dtype=int))
    )
    assert len(nothing) == 0
    told = {"uncertainty_y", "uncertainty_x", "photons", "background", "uncertainty_photons"}
    assert set(nothing) == {"frame", "y", "x", "probability", "region", "contrast"} | told


def test_contrast_is_for_images(by_probability: Localizer) -> None:
    spec = by_probability.spec.model_copy(update={"dims": 3})
    volume = Stack(np.zeros((1, 4, 16, 16), np.uint16), "TZYX")
    with pytest.raises(PinpointError, match="Contrast is measured in images"):
        plan(volume.view(plane="volume"), Localizer(spec), settings=LocalizeSettings(min_contrast=2))


def test_keeping_needs_what_was_measured(by_contrast: Localizer, by_probability: Localizer, stack: Stack) -> None:
    with pytest.raises(PinpointError, match="contrast"):
        keep(localize(stack, by_probability), LocalizeSettings(), by_contrast)


def test_a_model_that_has_no_contrast_keeps_its_fingerprint(by_probability: Localizer, by_contrast: Localizer) -> None:
    """Tables that were made before there was a further setting still name the model that ships."""
    former = by_probability.recalibrated(None)
    former.spec = former.spec.model_copy(update={"version": 2})
    assert former.fingerprint() == "a94aad692236b370"
    assert by_contrast.fingerprint() != by_probability.fingerprint()


def test_contrast_of_colours_is_that_of_all_of_them() -> None:
    """The centres of a random network in a picture whose red channel is empty."""
    rng = np.random.default_rng(2)
    picture = rng.integers(0, 60, (3, 40, 48)).astype(np.uint8)
    picture[0] = 0
    model = Localizer(
        ModelSpec(
            name="colours",
            channels=3,
            normalization=Part(name="scaled"),
            backbone=Part(name="unet", options={"widths": [4, 6]}),
            method=Part(name="centernet"),
        )
    ).eval()
    stack = Stack(picture, "CYX", channel_names=("red", "green", "blue"))
    settings = LocalizeSettings(threshold=0.01, min_contrast=0)
    found = localize(stack, model, settings=settings, device="cpu")
    assert len(found) > 10
    grey = picture.mean(axis=0)[None]
    np.testing.assert_array_equal(found["contrast"], contrast(grey, found["frame"], found["y"], found["x"]))
    assert found["contrast"].max() > 0


def test_a_probability_of_a_row_as_the_threshold_keeps_that_row(recalibrated: Localizer, stack: Stack) -> None:
    """Comparing is in float32 on both ways, whatever the probabilities went through."""
    found = localize(stack, recalibrated, settings=LocalizeSettings(threshold=0.1), device="cpu")
    for value in np.unique(found["probability"])[::10]:
        kept = localize(stack, recalibrated, settings=LocalizeSettings(threshold=float(value)), device="cpu")
        for name in kept:
            np.testing.assert_array_equal(kept[name], found.select(found["probability"] >= value)[name])


def test_a_recalibrated_uncertainty_depends_on_no_tile_and_no_region(recalibrated: Localizer, stack: Stack) -> None:
    whole = localize(stack, recalibrated, device="cpu")
    tiled = localize(stack, recalibrated, settings=LocalizeSettings(tile=16, batch=2), device="cpu")
    labels = np.zeros((61, 83), np.uint8)
    labels[10:40, 20:60] = 1
    inside = localize(stack, recalibrated, region=Region(labels), device="cpu")
    assert len(whole) == len(tiled) > len(inside) > 20
    part = whole.select(Region(labels).labels_at(whole["y"], whole["x"]) != 0)
    for name in ("y", "x", "uncertainty_y", "uncertainty_x", "probability"):
        np.testing.assert_allclose(tiled[name], whole[name], atol=1e-4)
        np.testing.assert_allclose(inside[name], part[name], atol=1e-4)
