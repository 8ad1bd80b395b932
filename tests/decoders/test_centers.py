"""Centres: which cells are objects, and what is said of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from napari_pinpoint.decoders.centers import Centers


def maps_of(heat: Tensor, **more: Tensor) -> dict[str, Tensor]:
    """Maps of one image from probabilities (C, *cells), with no offsets."""
    dims = heat.dim() - 1
    return {"heat": torch.logit(heat, eps=1e-6)[None], "shift": torch.zeros(1, dims, *heat.shape[1:])} | more


def test_a_higher_neighbour_takes_all_and_two_cells_apart_are_two() -> None:
    heat = torch.full((1, 8, 8), 0.01)
    heat[0, 2, 2], heat[0, 3, 3], heat[0, 2, 4] = 0.9, 0.6, 0.5
    found = Centers()(maps_of(heat), stride=4).localizations
    assert list(zip(found["y"].tolist(), found["x"].tolist(), strict=True)) == [(9.5, 9.5)]
    heat[0, 3, 3] = 0.01
    found = Centers()(maps_of(heat), stride=4).localizations
    assert list(zip(found["y"].tolist(), found["x"].tolist(), strict=True)) == [(9.5, 9.5), (9.5, 17.5)]


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_a_plateau_is_one_object(dims: int) -> None:
    heat = torch.full((1, *[8] * dims), 0.01)
    heat[(0, *[slice(2, 4)] * dims)] = 0.8
    assert len(Centers()(maps_of(heat), stride=1).localizations) == 1


def test_classes_do_not_compete() -> None:
    heat = torch.full((2, 8, 8), 0.01)
    heat[0, 3, 3], heat[1, 3, 4] = 0.9, 0.7
    found = Centers()(maps_of(heat), stride=1).localizations
    assert [int(label) for label in found["label"]] == [0, 1]
    np.testing.assert_allclose(found["probability"], [0.9, 0.7], atol=1e-6)


def test_centres_are_moved_by_the_shift() -> None:
    heat = torch.full((1, 8, 8), 0.01)
    heat[0, 3, 5] = 0.9
    shift = torch.zeros(1, 2, 8, 8)
    shift[0, :, 3, 5] = torch.tensor([-1.25, 0.5])
    found = Centers()(maps_of(heat, shift=shift), stride=4).localizations
    assert (float(found["y"][0]), float(found["x"][0])) == (13.5 - 1.25, 21.5 + 0.5)
    assert "height" not in found


def test_boxes_are_the_last_two_axes_and_have_a_pixel_at_least() -> None:
    heat = torch.full((1, 4, 8, 8), 0.01)
    heat[0, 1, 2, 3], heat[0, 3, 6, 6] = 0.9, 0.8
    size = torch.zeros(1, 3, 4, 8, 8)
    size[0, :, 1, 2, 3], size[0, :, 3, 6, 6] = torch.tensor([2.0, 7.0, 9.0]), torch.tensor([1.0, -3.0, 0.2])
    found = Centers()(maps_of(heat, size=size), stride=1).localizations
    assert found["height"].tolist() == [7.0, 1.0]
    assert found["width"].tolist() == [9.0, 1.0]


def test_the_columns_do_not_depend_on_what_is_found() -> None:
    heat = torch.full((2, 8, 8), 0.01)
    size = torch.ones(1, 2, 8, 8)
    nothing = Centers()(maps_of(heat, size=size), stride=1).localizations
    heat[0, 3, 3] = 0.9
    something = Centers()(maps_of(heat, size=size), stride=1).localizations
    assert len(nothing) == 0
    assert set(nothing) == set(something) >= {"height", "width", "label", "probability"}


def test_a_higher_threshold_only_selects() -> None:
    torch.manual_seed(0)
    heat = torch.rand(3, 32, 32)
    low, high = (Centers(threshold=t)(maps_of(heat), stride=1).localizations for t in (0.3, 0.9))
    kept = low.select(low["probability"] >= 0.9)
    np.testing.assert_array_equal(kept.positions(), high.positions())
    assert 0 < len(high) < len(low)
