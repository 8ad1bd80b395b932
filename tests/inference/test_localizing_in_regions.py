"""A region changes which points are there, and none of them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.inference import LocalizeSettings, localize, plan
from napari_pinpoint.model import Localizer, load_model
from napari_pinpoint.region import Region
from napari_pinpoint.scenes.emitters import EmitterScene
from napari_pinpoint.stack import Stack


@pytest.fixture(scope="module")
def model() -> Localizer:
    return load_model("smlm-2d")


@pytest.fixture(scope="module")
def stack() -> Stack:
    return EmitterScene(shape=(101, 150), density=(0.03, 0.03)).sample(2, np.random.default_rng(3))[0]


def cells(shape: tuple[int, int]) -> np.ndarray:
    """Cells that touch the border, two far apart, and one of a single row."""
    labels = np.zeros(shape, np.uint16)
    labels[:17, 3:22] = 4
    labels[33, 40:90] = 9
    labels[80:, 121:] = 700
    return labels


@pytest.mark.parametrize("tile", [None, 32])
def test_points_inside_are_those_of_the_whole_image(model: Localizer, stack: Stack, tile: int | None) -> None:
    region = Region(cells((101, 150)))
    whole = localize(stack, model)
    labels = region.labels_at(whole["y"], whole["x"])
    expected = whole.select(labels != 0)

    found = localize(stack, model, settings=LocalizeSettings(tile=tile), region=region)

    assert len(found) == len(expected) > 20
    assert set(found["region"]) == {4, 9, 700}
    np.testing.assert_array_equal(found["region"], labels[labels != 0])
    for axis in "yx":
        np.testing.assert_allclose(found[axis], expected[axis], atol=1e-4, rtol=0)


def test_only_what_is_around_the_region_is_computed(model: Localizer, stack: Stack) -> None:
    small = np.zeros((101, 150), bool)
    small[50:60, 70:80] = True
    (window,) = plan(stack, model, region=Region(small)).windows
    assert window.core == ((48, 60), (68, 80))
    assert window.outer == ((48 - model.halo, 60 + model.halo), (68 - model.halo, 80 + model.halo))
    decided = plan(stack, model, region=Region(cells((101, 150))), settings=LocalizeSettings(tile=16))
    assert len(decided.windows) < len(plan(stack, model, settings=LocalizeSettings(tile=16)).windows) / 3


def test_the_record_holds_the_region(model: Localizer, stack: Stack) -> None:
    labels = cells((101, 150))
    record = json.loads(json.dumps(localize(stack, model, region=Region(labels, name="cells")).record))
    again = Region.from_record(record["region"])
    assert again.name == "cells"
    np.testing.assert_array_equal(again.labels, labels)
    assert localize(stack, model).record["region"] is None


def test_a_region_of_another_image_is_refused(model: Localizer, stack: Stack) -> None:
    with pytest.raises(PinpointError, match="'cells' has 20 x 30 pixels, the images of the stack have 101 x 150"):
        plan(stack, model, region=Region(np.ones((20, 30), int), name="cells"))
