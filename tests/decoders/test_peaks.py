"""From heat maps to points."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from napari_pinpoint.decoders import DECODERS
from napari_pinpoint.decoders.peaks import Peaks
from napari_pinpoint.decoders.thresholds import THRESHOLDS
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.methods.heatmaps import gaussian_heatmap
from napari_pinpoint.registry import Part


def maps_of(
    *positions: tuple[float, ...], shape: tuple[int, ...] = (16, 20), stride: int = 1, sigma: float = 1.0
) -> dict[str, Tensor]:
    """What a network says that draws its Gaussians without a fault."""
    place = torch.tensor(positions)[None]
    row = torch.ones(place.shape[:2])
    cells = tuple(n // stride for n in shape)
    return logits_of(gaussian_heatmap(place, row.bool(), row.long() - 1, sigma, cells=cells, stride=stride))


def logits_of(heat: Tensor) -> dict[str, Tensor]:
    return {"heat": torch.logit(heat.double(), eps=1e-9).float()}


def found_in(maps: dict[str, Tensor], *, stride: int = 1, **options: object) -> Localizations:
    return Peaks(**options)(maps, stride=stride).localizations


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_a_heat_map_without_noise_is_read_without_bias(stride: int) -> None:
    truth = [(4.3 * stride, 5.8 * stride), (10.95 * stride, 13.1 * stride), (4.5 * stride, 15.24 * stride)]
    maps = maps_of(*truth, shape=(16 * stride, 20 * stride), stride=stride, sigma=1.0 * stride)
    table = found_in(maps, stride=stride)
    place = np.column_stack([table["y"], table["x"]])
    order = np.lexsort((place[:, 1], place[:, 0]))
    assert np.abs(place[order] - np.array(sorted(truth))).max() < 0.02


def test_the_probability_is_the_height_of_the_peak() -> None:
    heat = torch.zeros(1, 1, 8, 8)
    heat[0, 0, 2, 3], heat[0, 0, 6, 6] = 0.75, 0.25
    table = found_in(logits_of(heat), threshold=0.3)
    assert table["probability"].tolist() == pytest.approx([0.75])
    assert len(found_in(logits_of(heat), threshold=0.2)) == 2


def test_frames_and_classes() -> None:
    heat = torch.zeros(3, 2, 8, 8)
    heat[2, 1, 4, 5], heat[0, 0, 1, 1] = 0.9, 0.8
    table = found_in(logits_of(heat))
    assert table["frame"].tolist() == [0, 2]
    assert table["label"].tolist() == ["0", "1"]
    assert "label" not in found_in({"heat": logits_of(heat)["heat"][:, :1]})


def test_of_points_that_are_too_near_the_highest_stays() -> None:
    heat = torch.zeros(2, 1, 12, 12)
    heat[0, 0, 2, 2], heat[0, 0, 2, 4], heat[0, 0, 2, 9], heat[1, 0, 2, 3] = 0.6, 0.9, 0.5, 0.4
    table = found_in(logits_of(heat), min_distance=3.0)
    assert list(zip(table["frame"], table["x"].round(), strict=True)) == [(0, 4), (0, 9), (1, 3)]
    assert len(found_in(logits_of(heat))) == 4


def test_traces_and_volumes() -> None:
    trace = found_in(maps_of((7.3,), shape=(32,)))
    assert trace["t"][0] == pytest.approx(7.3, abs=0.02)
    assert trace["trace"].tolist() == [0]
    volume = found_in(maps_of((3.2, 4.6, 5.1), shape=(8, 10, 12)))
    assert [volume[axis][0] for axis in "zyx"] == pytest.approx([3.2, 4.6, 5.1], abs=0.02)


@pytest.mark.parametrize("name", THRESHOLDS.names())
def test_the_threshold_function_decides_what_can_be_cut_into_tiles(name: str) -> None:
    decoder = Peaks(function=name)
    assert decoder.scope == THRESHOLDS[name].scope
    assert decoder.selectable == (name == "local_maxima")
    assert len(decoder(maps_of((4.3, 5.8), (10.0, 12.0)), stride=1).localizations) == 2


def test_no_peaks_are_a_table_too() -> None:
    table = found_in({"heat": torch.full((2, 1, 8, 8), -9.0)})
    assert len(table) == 0
    assert set(table) == {"frame", "y", "x", "probability"}


def test_a_function_that_does_not_exist_says_which_do() -> None:
    with pytest.raises(PinpointError, match="local_maxima"):
        DECODERS.make(Part(name="peaks", options={"function": "local_maximum"}))
