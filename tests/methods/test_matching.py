"""Continuous heat-map matching: the paper's network, its toy experiment, and what the loss must not depend on."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from napari_pinpoint.methods.count import count_log_likelihood
from napari_pinpoint.methods.matching import HeatmapMatching
from napari_pinpoint.methods.points import Points
from napari_pinpoint.model import Localizer, ModelSpec, count_parameters
from napari_pinpoint.registry import Part


def points_at(*images: list[list[float]]) -> Points:
    """One list of positions per image."""
    most, dims = max(1, *map(len, images)), len(next(p for image in images for p in image))
    positions, mask = torch.zeros(len(images), most, dims), torch.zeros(len(images), most, dtype=torch.bool)
    for i, image in enumerate(images):
        for j, position in enumerate(image):
            positions[i, j], mask[i, j] = torch.tensor(position), True
    return Points(
        positions, mask, torch.zeros(len(images), most, dtype=torch.long), torch.full((len(images), most), torch.nan)
    )


def maps_of(shape: tuple[int, ...], *, batch: int = 1, candidates: int = 1, seed: int = 0) -> dict[str, Tensor]:
    random = torch.Generator().manual_seed(seed)
    return {
        "logit": torch.randn(batch, 1, candidates, *shape, generator=random),
        "offset": torch.rand(batch, candidates, len(shape), *shape, generator=random) * 2 - 1,
    }


def total(terms: dict[str, Tensor]) -> float:
    return float(sum(terms.values()))


def test_the_papers_network_has_the_papers_parameters() -> None:
    spec = ModelSpec(
        name="accv",
        backbone=Part(name="plain"),
        method=Part(name="matching", options={"candidates": 2, "lambda_px": 0.2, "count_weight": 0.1}),
    )
    assert count_parameters(Localizer(spec)) == 54_598


def toy_experiment(*, count_weight: float, steps: int) -> tuple[Tensor, Tensor, Tensor]:
    """Section 3.3: three labels, fifty free candidates in the unit square; the probabilities, positions and labels."""
    random, width = torch.Generator().manual_seed(3), 0.2
    labels = torch.tensor([[0.25, 0.3], [0.7, 0.25], [0.55, 0.75]])
    raw = torch.randn(50, 3, generator=random, requires_grad=True)
    optimizer = torch.optim.Adam([raw], lr=0.05)

    def closeness(a: Tensor, b: Tensor) -> Tensor:
        return torch.exp((a[:, None] - b).square().sum(dim=-1) / (-2 * width**2))

    for _ in range(steps):
        logit, position = raw[:, 0], torch.sigmoid(raw[:, 1:])
        p = torch.sigmoid(logit)
        distance = p @ closeness(position, position) @ p - 2 * (p @ closeness(position, labels)).sum()
        count = -count_log_likelihood(logit[None], torch.tensor([3.0]))[0]
        optimizer.zero_grad()
        (torch.pi * width**2 / 2 * distance + count_weight * count).backward()
        optimizer.step()
    return torch.sigmoid(raw[:, 0]).detach(), torch.sigmoid(raw[:, 1:]).detach(), labels


def test_the_count_term_turns_mass_into_points() -> None:
    p, position, labels = toy_experiment(count_weight=0.1, steps=2000)
    certain = p > 0.5
    assert int(certain.sum()) == 3
    assert float(p[~certain].max()) < 0.1
    assert float(torch.cdist(labels, position[certain]).amin(dim=1).max()) < 0.01


def test_without_the_count_term_mass_stays_spread() -> None:
    p, position, labels = toy_experiment(count_weight=0.0, steps=1000)
    near = torch.cdist(labels, position).argmin(dim=0)
    for label in range(3):
        assert float(p[near == label].sum()) == pytest.approx(1, abs=0.25)
    assert int((p > 0.05).sum()) > 6


@pytest.mark.parametrize("shape", [(24,), (12, 16), (6, 8, 6)])
def test_finite_in_every_dimension(shape: tuple[int, ...]) -> None:
    method, dims = HeatmapMatching(candidates=2), len(shape)
    head = method.head(4, dims=dims, stride=1)
    maps = head(torch.randn(2, 4, *shape))
    points = points_at([[2.3] * dims, [4.6] * dims], [[1.0] * dims])
    terms = method.loss(maps, method.target(points, shape), torch.ones(2, *shape, dtype=torch.bool), progress=0.5)
    sum(terms.values()).backward()
    assert set(terms) == {"matching", "count"}
    assert all(torch.isfinite(q.grad).all() and q.grad.abs().sum() > 0 for q in head.parameters())


def test_order_and_padding_of_the_truth_change_nothing() -> None:
    method, maps, shape = HeatmapMatching(), maps_of((10, 10)), (10, 10)
    valid = torch.ones(1, *shape, dtype=torch.bool)
    a = points_at([[1.2, 3.4], [5.5, 6.1], [8.0, 2.2]])
    b = points_at([[8.0, 2.2], [1.2, 3.4], [5.5, 6.1]])
    padded = points_at([[1.2, 3.4], [5.5, 6.1], [8.0, 2.2]], [[0.0, 0.0]] * 9)
    padded = Points(padded.positions[:1], padded.mask[:1], padded.labels[:1], padded.photons[:1])
    losses = [total(method.loss(maps, method.target(points, shape), valid)) for points in (a, b, padded)]
    assert losses == pytest.approx([losses[0]] * 3, rel=1e-5)


def test_a_shift_of_everything_by_whole_pixels_changes_nothing() -> None:
    method = HeatmapMatching(count_weight=0.1)
    losses = []
    for shift in (0, 3):
        maps = {"logit": torch.full((1, 1, 1, 24, 24), -9.0), "offset": torch.zeros(1, 1, 2, 24, 24)}
        maps["logit"][..., 8 + shift, 9 + shift] = 2.0
        points = points_at([[8.3 + shift, 8.8 + shift]])
        target = method.target(points, (24, 24))
        losses.append(total(method.loss(maps, target, torch.ones(1, 24, 24, dtype=torch.bool))))
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_what_valid_hides_has_no_influence() -> None:
    method, shape = HeatmapMatching(), (12, 12)
    valid = torch.ones(1, *shape, dtype=torch.bool)
    valid[:, :, 6:] = False
    maps, other = maps_of(shape), maps_of(shape)
    other["logit"][..., 6:] = 5.0
    other["offset"][..., 6:] = -0.9
    for changed in (maps, other):
        changed["offset"][..., 3:6] = 0  # a believed candidate may reach out; these stay at home
    seen, more = points_at([[3.0, 2.0]]), points_at([[3.0, 2.0], [5.0, 9.0]])
    losses = [
        total(method.loss(m, method.target(points, shape), valid)) for m in (maps, other) for points in (seen, more)
    ]
    assert losses == pytest.approx([losses[0]] * 4, rel=1e-5)
    maps["logit"].requires_grad_()
    sum(method.loss(maps, method.target(more, shape), valid).values()).backward()
    assert float(maps["logit"].grad[..., 6:].abs().max()) == 0


def test_no_points_teach_that_there_is_nothing() -> None:
    method, maps, shape = HeatmapMatching(), maps_of((8, 8)), (8, 8)
    maps["logit"].requires_grad_()
    points = Points(
        torch.zeros(1, 0, 2),
        torch.zeros(1, 0, dtype=torch.bool),
        torch.zeros(1, 0, dtype=torch.long),
        torch.zeros(1, 0),
    )
    sum(method.loss(maps, method.target(points, shape), torch.ones(1, 8, 8, dtype=torch.bool)).values()).backward()
    assert bool((maps["logit"].grad > 0).all())


def test_several_hundred_points() -> None:
    method, shape = HeatmapMatching(), (40, 40)
    points = points_at((torch.rand(600, 2) * 39).tolist())
    terms = method.loss(maps_of(shape), method.target(points, shape), torch.ones(1, *shape, dtype=torch.bool))
    assert torch.isfinite(sum(terms.values()))


@pytest.mark.parametrize("stride", [2, 4])
def test_a_coarser_output_measures_in_the_same_pixels(stride: int) -> None:
    """One certain candidate right on its label costs nothing, whatever the stride."""
    method = HeatmapMatching(count_weight=0.0)
    cells = (16 // stride, 16 // stride)
    maps = {"logit": torch.full((1, 1, 1, *cells), -20.0), "offset": torch.zeros(1, 1, 2, *cells)}
    maps["logit"][..., 1, 2] = 20.0
    maps["offset"][0, 0, :, 1, 2] = torch.tensor([0.4, -0.3])
    centre = [stride + (stride - 1) / 2 + 0.4, 2 * stride + (stride - 1) / 2 - 0.3]
    valid = torch.ones(1, 16, 16, dtype=torch.bool)
    right = method.loss(maps, method.target(points_at([centre]), (16, 16)), valid)["matching"]
    wrong = method.loss(maps, method.target(points_at([[centre[0] + 1, centre[1]]]), (16, 16)), valid)["matching"]
    assert float(right) == pytest.approx(0, abs=1e-5)
    assert float(wrong) > 0.1
