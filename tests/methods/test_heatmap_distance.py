"""The closed form against numerical integration, and its gradients against finite differences."""

from __future__ import annotations

import pytest
import torch

from napari_pinpoint.methods.heatmap_distance import heatmap_distance
from napari_pinpoint.methods.matching import cell_centres

CELLS = {1: (6,), 2: (2, 3), 3: (2, 2, 1)}


def scene(dims: int, *, candidates: int = 2, classes: int = 1, batch: int = 1) -> dict[str, torch.Tensor]:
    """Random candidates and labels in cells, float64."""
    random = torch.Generator().manual_seed(dims)
    cells = CELLS[dims]
    like = torch.zeros((), dtype=torch.float64)
    offset = torch.rand(batch, candidates, dims, *cells, generator=random, dtype=torch.float64) * 2 - 1
    size = torch.tensor(cells, dtype=torch.float64)
    return {
        "probabilities": torch.rand(batch, classes, candidates, *cells, generator=random, dtype=torch.float64),
        "positions": offset + cell_centres(cells, 1, like),
        "labels": torch.rand(batch, 4, dims, generator=random, dtype=torch.float64) * (size - 1),
        "weights": torch.ones(batch, classes, 4, dtype=torch.float64),
    }


def heat(points: torch.Tensor, weights: torch.Tensor, grid: torch.Tensor, width: float) -> torch.Tensor:
    """A heat map on a grid of places: the sum of w K(x - x_i) that the loss never computes."""
    total = torch.zeros(grid.shape[:-1], dtype=torch.float64)
    for point, weight in zip(points, weights, strict=True):
        total += weight * torch.exp(-((grid - point) ** 2).sum(dim=-1) / width**2)
    return total


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_closed_form_equals_the_integral(dims: int) -> None:
    width, step = 0.8, {1: 0.01, 2: 0.05, 3: 0.2}[dims]
    given = scene(dims)
    axes = [torch.arange(-5, n + 5, step, dtype=torch.float64) for n in CELLS[dims]]
    grid = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)
    positions = given["positions"].movedim(2, -1).reshape(-1, dims)
    difference = heat(positions, given["probabilities"].reshape(-1), grid, width) - heat(
        given["labels"][0], given["weights"][0, 0], grid, width
    )
    integral = difference.square().sum() * step**dims

    closed = heatmap_distance(**given, width=width, pair_window=9, label_window=9)

    assert closed.item() == pytest.approx(integral.item(), rel=1e-6)


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_gradients(dims: int) -> None:
    given = scene(dims, classes=2)
    p, x = given.pop("probabilities").requires_grad_(), given.pop("positions").requires_grad_()

    def distance(p: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return heatmap_distance(p, x, **given, width=0.7, pair_window=3, label_window=5)

    assert torch.autograd.gradcheck(distance, (p, x))


def test_a_perfect_answer_costs_nothing_however_it_is_split() -> None:
    """Two candidates of a half each, at one place, are as good as one that is certain: hence the count term."""
    centres = cell_centres((1, 5), 1, torch.zeros((), dtype=torch.float64))
    positions = torch.stack([centres, centres])[None]
    labels, weights = torch.tensor([[[0.0, 2.0]]], dtype=torch.float64), torch.ones(1, 1, 1, dtype=torch.float64)
    for first, second in ((1.0, 0.0), (0.5, 0.5), (0.2, 0.8)):
        p = torch.zeros(1, 1, 2, 1, 5, dtype=torch.float64)
        p[0, 0, :, 0, 2] = torch.tensor([first, second])
        distance = heatmap_distance(p, positions, labels, weights, width=0.3, pair_window=4, label_window=4)
        assert distance.item() == pytest.approx(0, abs=1e-12)


def test_pairs_outside_the_window_are_the_only_difference() -> None:
    given = scene(2)
    near = heatmap_distance(**given, width=0.25, pair_window=2, label_window=2)
    everything = heatmap_distance(**given, width=0.25, pair_window=9, label_window=9)
    assert near.item() == pytest.approx(everything.item(), abs=1e-2)
