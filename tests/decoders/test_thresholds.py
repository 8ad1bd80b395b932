"""Threshold functions: which cells are peaks, on maps small enough to read."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from napari_pinpoint.decoders.thresholds import THRESHOLDS


def heat_of(*rows: list[float]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float32)[None, None]


def peaks(name: str, heat: Tensor, threshold: float, **options: float) -> list[list[int]]:
    """Indices of the cells that are peaks, without those of image and class where there is only one of each."""
    found = torch.nonzero(THRESHOLDS[name](**options)(heat, threshold))
    return (found[:, 2:] if heat.shape[:2] == (1, 1) else found).tolist()


#: Two peaks on one broad foot, and a low one alone.
HILLS = heat_of([0.1, 0.5, 0.9, 0.6, 0.8, 0.4, 0.0, 0.2, 0.0])[:, :, 0]


def test_each_function_has_its_own_idea_of_a_peak() -> None:
    assert peaks("local_maxima", HILLS, 0.3) == [[2], [4]]
    assert peaks("fixed", HILLS, 0.3) == [[2]]
    assert peaks("fixed", HILLS, 0.7) == [[2], [4]]
    assert peaks("h_maxima", HILLS, 0.15) == [[2], [4], [7]]
    assert peaks("h_maxima", HILLS, 0.3) == [[2]]
    assert peaks("adaptive", HILLS, 0.3, quantile=1) == [[2], [4]]
    assert peaks("adaptive", HILLS, 0.2, quantile=1) == [[2], [4], [7]]


@pytest.mark.parametrize("name", ["local_maxima", "fixed", "h_maxima", "adaptive"])
def test_a_plateau_is_one_peak_at_its_middle(name: str) -> None:
    heat = heat_of(*[[0.0] * 7] * 2, *[[0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0]] * 3, *[[0.0] * 7] * 2)
    assert peaks(name, heat, 0.5) == [[3, 3]]


def test_a_plateau_on_a_slope_is_no_peak() -> None:
    heat = heat_of([0.0, 0.5, 0.5, 0.5, 0.7, 0.0, 0.6, 0.6, 0.0])[:, :, 0]
    assert peaks("local_maxima", heat, 0.3) == [[4], [6]]


def test_a_step_that_only_bends_away_from_a_peak_is_no_peak() -> None:
    """The left end of the step touches nothing higher; its right end does."""
    heat = heat_of([0.0, 0.0, 0.0, 0.0, 0.9], [0.4, 0.4, 0.4, 0.4, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0])
    assert peaks("local_maxima", heat, 0.3) == [[0, 4]]


def test_diagonal_neighbours_are_neighbours() -> None:
    heat = heat_of([0.9, 0.0, 0.0], [0.0, 0.8, 0.0], [0.0, 0.0, 0.0])
    assert peaks("local_maxima", heat, 0.3) == [[0, 0]]


def test_images_and_classes_do_not_mix() -> None:
    heat = torch.zeros(2, 2, 5, 5)
    heat[0, 0, 1, 1], heat[0, 1, 1, 2], heat[1, 1, 4, 4] = 0.5, 0.9, 0.7
    for name in THRESHOLDS.names():
        assert peaks(name, heat, 0.4) == [[0, 0, 1, 1], [0, 1, 1, 2], [1, 1, 4, 4]]


def test_adaptive_follows_the_height_of_an_images_peaks() -> None:
    """One image is half as bright as the other; both find the same, and an image without anything finds nothing."""
    bright = torch.zeros(9, 9)
    bright[1, 1], bright[1, 6], bright[6, 1], bright[6, 6] = 0.9, 0.8, 0.7, 0.3
    heat = torch.stack([bright, bright / 2, torch.rand(9, 9) * 0.09])[:, None]
    found = peaks("adaptive", heat, 0.5)
    assert [row[2:] for row in found if row[0] == 0] == [row[2:] for row in found if row[0] == 1]
    assert len(found) == 6


@pytest.mark.parametrize("shape", [(9,), (7, 8), (5, 6, 7)])
@pytest.mark.parametrize("name", THRESHOLDS.names())
def test_every_dimension_and_an_empty_map(name: str, shape: tuple[int, ...]) -> None:
    heat = torch.zeros(1, 1, *shape)
    assert peaks(name, heat, 0.2) == []
    heat[(0, 0, *[3] * len(shape))] = 0.6
    heat[(0, 0, *[4] * len(shape))] = 0.3
    assert peaks(name, heat, 0.2) == [[3] * len(shape)]


def test_local_maxima_agree_with_a_search_by_hand() -> None:
    """Coarse values, so that there are plateaus of all shapes."""
    random = torch.Generator().manual_seed(0)
    heat = (torch.rand(1, 1, 40, 40, generator=random) * 6).round() / 6
    values, found = heat[0, 0], THRESHOLDS["local_maxima"]()(heat, 0.5)[0, 0]
    seen, expected = set(), 0
    for start in [(r, c) for r in range(40) for c in range(40) if values[r, c] >= 0.5]:
        if start in seen:
            continue
        plateau, todo, highest = {start}, [start], True
        while todo:
            r, c = todo.pop()
            for near in [(i, j) for i in range(r - 1, r + 2) for j in range(c - 1, c + 2) if 0 <= i < 40 > j >= 0]:
                highest &= bool(values[near] <= values[start])
                if values[near] == values[start] and near not in plateau:
                    plateau.add(near)
                    todo.append(near)
        seen |= plateau
        expected += highest
        assert sum(bool(found[cell]) for cell in plateau) == highest
    assert int(found.sum()) == expected > 20
