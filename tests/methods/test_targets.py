"""Targets: what a heat map of points is, compared with its formula."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from napari_pinpoint.methods import heatmaps
from napari_pinpoint.methods.heatmaps import GaussianTarget, gaussian_heatmap
from napari_pinpoint.methods.points import Points
from napari_pinpoint.methods.targets import TARGETS


def points_at(*positions: tuple[float, ...], labels: list[int] | None = None) -> Points:
    """Points of one image."""
    n = len(positions)
    return Points(
        torch.tensor(positions)[None],
        torch.ones(1, n, dtype=torch.bool),
        torch.tensor(labels or [0] * n)[None],
        torch.full((1, n), math.nan),
    )


def gaussians(positions: np.ndarray, shape: tuple[int, ...], sigma: float, stride: int) -> np.ndarray:
    """(N, *cells): every Gaussian at the centres of all cells, by the formula."""
    axes = [np.arange(n // stride) * stride + (stride - 1) / 2 for n in shape]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"))
    away = grid[None] - positions.reshape(*positions.shape, *[1] * len(shape))
    return np.exp(-(away**2).sum(axis=1) / (2 * sigma**2))


COMBINED = {
    "sum": lambda g: g.sum(axis=0).clip(max=1),
    "max": lambda g: g.max(axis=0),
    "union": lambda g: 1 - (1 - g).prod(axis=0),
}


@pytest.mark.parametrize("combine", COMBINED)
@pytest.mark.parametrize(("shape", "stride"), [((24,), 1), ((16, 24), 1), ((16, 24), 4), ((8, 8, 12), 2)])
def test_it_is_the_formula(shape: tuple[int, ...], stride: int, combine: str) -> None:
    random = np.random.default_rng(0)
    positions = random.uniform(-0.5, np.array(shape) - 0.5, (9, len(shape))).astype(np.float32)
    target = TARGETS["gaussian"](sigma_px=1.3, combine=combine)
    heat = target(points_at(*positions.tolist()), shape, stride=stride, classes=1)
    expected = COMBINED[combine](gaussians(positions, shape, 1.3, stride))
    np.testing.assert_allclose(heat[0, 0].numpy(), expected, atol=2e-6)


def test_each_class_and_each_image_has_its_own() -> None:
    positions = torch.tensor([[[4.0, 5.0], [10.0, 3.0]], [[7.0, 7.0], [1.0, 1.0]]])
    mask = torch.tensor([[True, True], [True, False]])
    labels = torch.tensor([[0, 2], [1, 0]])
    points = Points(positions, mask, labels, torch.full((2, 2), math.nan))
    heat = GaussianTarget()(points, (12, 12), stride=1, classes=3)
    peaks = {tuple(index) for index in torch.nonzero(heat == 1).tolist()}
    assert peaks == {(0, 0, 4, 5), (0, 2, 10, 3), (1, 1, 7, 7)}
    assert float(heat[0, 1].max()) == float(heat[1, 0].max()) == 0


def test_each_point_and_axis_may_have_its_own_width() -> None:
    positions, mask = torch.tensor([[[4.0, 5.0], [12.0, 12.0]]]), torch.ones(1, 2, dtype=torch.bool)
    sigmas = torch.tensor([[[0.5, 2.0], [1.0, 1.0]]])
    heat = gaussian_heatmap(positions, mask, torch.zeros(1, 2).long(), sigmas, cells=(16, 16))[0, 0]
    assert float(heat[5, 5]) == pytest.approx(math.exp(-2), rel=1e-5)
    assert float(heat[4, 6]) == pytest.approx(math.exp(-1 / 8), rel=1e-5)
    assert float(heat[12, 13]) == pytest.approx(math.exp(-1 / 2), rel=1e-5)


def test_no_points_are_an_empty_map() -> None:
    none = Points(
        torch.zeros(2, 0, 2), torch.zeros(2, 0, dtype=torch.bool), torch.zeros(2, 0).long(), torch.zeros(2, 0)
    )
    heat = GaussianTarget(combine="union")(none, (8, 8), stride=1, classes=2)
    assert heat.shape == (2, 2, 8, 8)
    assert float(heat.max()) == 0


def test_many_points_are_done_in_parts_that_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    points = points_at(*(torch.rand(400, 2) * 63).tolist())
    whole: Tensor = GaussianTarget(combine="sum")(points, (64, 64), stride=1, classes=1)
    monkeypatch.setattr(heatmaps, "_VALUES", 1000)
    torch.testing.assert_close(GaussianTarget(combine="sum")(points, (64, 64), stride=1, classes=1), whole)
    assert float(whole.max()) == 1
