"""Sub-pixel refinement: exact on Gaussians, bounded to the cell, the same at borders and in every dimension."""

from __future__ import annotations

import math

import pytest
import torch

from napari_pinpoint.decoders.refinement import refine
from napari_pinpoint.methods.heatmaps import gaussian_heatmap


def worst_error(refinement: str, *, dims: int = 2, sigma: float = 1.0, height: float = 1.0) -> float:
    """The largest error along an axis over peaks at random places within a cell, in cells."""
    place = 5 + torch.rand(200, 1, dims, generator=torch.Generator().manual_seed(0)) - 0.5
    one = torch.ones(200, 1)
    heat = height * gaussian_heatmap(place, one.bool(), one.long() - 1, sigma, cells=(11,) * dims)
    index = torch.nonzero(heat == heat.amax(dim=tuple(range(1, 2 + dims)), keepdim=True))
    assert len(index) == 200
    found = index[:, 2:] + refine(heat, index, refinement)
    return float((found - place[:, 0]).abs().max())


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("sigma", [0.8, 1.0, 2.0])
def test_gaussians_are_refined_without_bias(sigma: float, dims: int) -> None:
    assert worst_error("gaussian", sigma=sigma, dims=dims, height=0.6) < 2e-3


def test_a_parabola_through_the_values_is_biased_and_still_better_than_nothing() -> None:
    assert worst_error("none") > 0.49
    assert 0.02 < worst_error("quadratic") < 0.1
    assert worst_error("quadratic", sigma=2.0) < 0.02


def test_the_vertex_of_a_parabola_is_exact() -> None:
    x = torch.arange(9.0)
    heat = (0.9 - 0.02 * (x - 4.3) ** 2)[None, None]
    assert refine(heat, torch.tensor([[0, 0, 4]]), "quadratic").item() == pytest.approx(0.3, abs=1e-4)


@pytest.mark.parametrize("place", [0.0, 0.3, -0.4, 8.0, 7.7, 8.4])
def test_borders(place: float) -> None:
    x = torch.arange(9.0)
    heat = torch.exp(-((x - place) ** 2) / 2)[None, None]
    cell = round(place)
    found = cell + refine(heat, torch.tensor([[0, 0, cell]]), "gaussian").item()
    assert found == pytest.approx(place, abs=1e-3)


@pytest.mark.parametrize("refinement", ["quadratic", "gaussian"])
def test_a_peak_at_the_border_that_falls_ever_more_slowly_stays_in_the_middle_of_its_cell(refinement: str) -> None:
    falling = torch.tensor([0.9, 0.3, 0.15, 0.1, 0.1])
    for heat, cell in ((falling, 0), (falling.flip(0), 4)):
        assert refine(heat[None, None], torch.tensor([[0, 0, cell]]), refinement).item() == 0


def test_it_never_leaves_its_cell() -> None:
    """Neighbours that are higher, flat ones, and an axis that is too short."""
    slope = torch.tensor([0.1, 0.2, 0.3, 0.9, 1.0])[None, None]
    assert refine(slope, torch.tensor([[0, 0, 2]]), "quadratic").abs().item() <= 0.5
    flat = torch.full((1, 1, 5), 0.5)
    assert refine(flat, torch.tensor([[0, 0, 2]]), "gaussian").item() == 0
    short = torch.rand(1, 1, 2, 5)
    assert refine(short, torch.tensor([[0, 0, 1, 2]]), "gaussian")[0, 0] == 0


def test_a_plateau_of_two_cells_is_refined_to_its_middle() -> None:
    heat = torch.tensor([0.2, 0.7, 0.7, 0.2])[None, None]
    assert refine(heat, torch.tensor([[0, 0, 1]]), "gaussian").item() == pytest.approx(0.5)


def test_zeros_beside_a_peak_and_no_peaks_at_all() -> None:
    heat = torch.zeros(1, 1, 5, 5)
    heat[0, 0, 2, 2] = 1
    for refinement in ("none", "quadratic", "gaussian"):
        assert refine(heat, torch.tensor([[0, 0, 2, 2]]), refinement).tolist() == [[0, 0]]
        assert refine(heat, torch.zeros(0, 4, dtype=torch.long), refinement).shape == (0, 2)
        assert math.isfinite(refine(heat, torch.tensor([[0, 0, 0, 0]]), refinement).sum().item())
