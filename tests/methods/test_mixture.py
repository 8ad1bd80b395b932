"""The mixture's likelihood against the formula, term by term, and what its candidates tell."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from scipy.stats import norm

from napari_pinpoint.decoders.pooled_mass import PooledMass
from napari_pinpoint.methods.mixture import MixtureLikelihood
from napari_pinpoint.methods.points import Points

SIZE = 4


def random_maps(method: MixtureLikelihood, *, dims: int = 2, batch: int = 2, seed: int = 0) -> dict[str, torch.Tensor]:
    """Maps as a head gives them, on SIZE cells along each axis, in float64."""
    torch.manual_seed(seed)
    head = method.head(3, dims=dims, stride=1)
    with torch.no_grad():
        head.layer.weight.mul_(5)
        maps = head(torch.randn(batch, 3, *[SIZE] * dims))
    return {name: values.double() for name, values in maps.items()}


def points(positions: list[list[list[float]]], photons: float = math.nan, background: float = math.nan) -> Points:
    """Points of several images, padded with rows that do not count."""
    n, dims = max(map(len, positions)), len(positions[0][0])
    mask = torch.tensor([[i < len(image) for i in range(n)] for image in positions])
    padded = [image + [[0.0] * dims] * (n - len(image)) for image in positions]
    full = torch.full(mask.shape, 1.0)
    return Points(
        torch.tensor(padded), mask, torch.zeros_like(mask, dtype=torch.long), full * photons, full * background
    )


def loss(method: MixtureLikelihood, maps: dict[str, torch.Tensor], truth: Points, **kwargs: float) -> dict[str, float]:
    shape = tuple(maps["logit"].shape[3:])
    valid = torch.ones(len(maps["logit"]), *shape, dtype=torch.bool)
    return {k: v.item() for k, v in method.loss(maps, method.target(truth, shape), valid, **kwargs).items()}


def expected(
    method: MixtureLikelihood, maps: dict[str, torch.Tensor], truth: Points, blur: float = 0.0
) -> tuple[float, float]:
    """The terms of emitters and count by the formula, candidate by candidate and subset by subset."""
    emitters = count = 0.0
    dims = truth.positions.shape[-1]
    for b in range(len(truth.positions)):
        p = torch.sigmoid(maps["logit"][b, 0]).flatten()
        cells = list(itertools.product(range(method.candidates), *[range(SIZE)] * dims))
        for n in range(int(truth.counts[b])):
            total = 0.0
            for i, (k, *cell) in enumerate(cells):
                density = float(p[i] / p.sum())
                for axis in range(dims):
                    at = (b, k, axis, *cell)
                    spread = math.hypot(math.exp(maps["log_spread"][at]), blur)
                    away = float(truth.positions[b, n, axis]) - cell[axis] - float(maps["offset"][at])
                    density *= norm.pdf(away, scale=spread)
                if not math.isnan(truth.photons[b, n]):
                    at = (b, k, *cell)
                    away = math.log(truth.photons[b, n]) - float(maps["log_photons"][at])
                    density *= norm.pdf(away, scale=math.exp(maps["log_photons_spread"][at])) ** method.photons_weight
                total += density
            emitters -= math.log(total)
        distribution = torch.tensor([1.0], dtype=torch.float64)
        for probability in p:
            none = torch.cat([distribution * (1 - probability), torch.zeros(1)])
            distribution = none + torch.cat([torch.zeros(1), distribution * probability])
        count -= math.log(distribution[int(truth.counts[b])])
    return emitters / len(truth.positions), count / len(truth.positions)


@pytest.mark.parametrize("candidates", [1, 2])
@pytest.mark.parametrize("photons_of", [math.nan, 700.0])
def test_the_loss_is_the_likelihood(candidates: int, photons_of: float) -> None:
    # A reach of two cells and more takes all of the 4 x 4 cells in: the windows leave nothing out.
    method = MixtureLikelihood(candidates=candidates, reach=3.0)
    maps = random_maps(method)
    truth = points([[[1.2, 2.1], [2.6, 0.7]], [[0.3, 3.2]]], photons=photons_of)
    terms = loss(method, maps, truth)
    emitters, count = expected(method, maps, truth)
    assert terms["emitters"] == pytest.approx(emitters, rel=1e-5)
    assert terms["count"] == pytest.approx(count, rel=1e-5)


@pytest.mark.parametrize("dims", [1, 3])
def test_it_is_the_same_along_one_axis_and_three(dims: int) -> None:
    method = MixtureLikelihood(reach=3.0)
    maps, truth = random_maps(method, dims=dims), points([[[1.2, 2.1, 0.4][:dims]], [[2.6, 0.7, 1.0][:dims]]])
    assert loss(method, maps, truth)["emitters"] == pytest.approx(expected(method, maps, truth)[0], rel=1e-5)


def test_blur_widens_every_candidate_and_is_gone_at_the_end() -> None:
    method = MixtureLikelihood(reach=3.0)
    maps, truth = random_maps(method), points([[[1.2, 2.1]], [[2.6, 0.7]]])
    for progress, blur in ((0.0, 0.5), (0.35, 0.25), (0.7, 0.0), (1.0, 0.0)):
        found = loss(method, maps, truth, progress=progress)["emitters"]
        assert found == pytest.approx(expected(method, maps, truth, blur)[0], rel=1e-5)


def test_the_background_is_learned_where_it_is_known() -> None:
    method = MixtureLikelihood()
    maps = random_maps(method)
    maps["log_background"] = torch.full_like(maps["log_background"], math.log(30.0))
    for background, error in ((30.0, 0.0), (math.nan, 0.0), (30.0 * math.e, 2 * method.photons_weight)):
        truth = points([[[1.2, 2.1], [2.6, 0.7]]] * 2, background=background)
        assert loss(method, maps, truth)["background"] == pytest.approx(error, abs=1e-6)


def test_spreads_that_equal_the_errors_are_the_most_likely() -> None:
    """What makes a spread a standard error: over many emitters the loss is least where it is the errors' own."""
    method = MixtureLikelihood(count_weight=0.0)
    torch.manual_seed(1)
    n, error = 500, 0.15
    maps = random_maps(method, batch=n)
    maps = {name: torch.zeros_like(values) for name, values in maps.items()}
    maps["logit"] -= 12.0
    maps["logit"][..., 1, 2] = 5.0
    truth = points([[[1 + error * dy, 2 + error * dx]] for dy, dx in torch.randn(n, 2).tolist()])
    spreads = [0.05, 0.1, 0.13, 0.15, 0.17, 0.2, 0.4]
    losses = [
        loss(method, maps | {"log_spread": torch.full_like(maps["log_spread"], math.log(spread))}, truth)["emitters"]
        for spread in spreads
    ]
    assert spreads[losses.index(min(losses))] == 0.15


def test_gradients_are_those_of_the_function() -> None:
    method = MixtureLikelihood(candidates=2)
    maps = random_maps(method)
    names = list(maps)
    truth = points([[[1.2, 2.1], [2.6, 0.7]], [[0.3, 3.2]]], photons=900.0, background=12.0)
    target, valid = method.target(truth, (SIZE, SIZE)), torch.ones(2, SIZE, SIZE, dtype=torch.bool)

    def total(*values: torch.Tensor) -> torch.Tensor:
        return sum(method.loss(dict(zip(names, values, strict=True)), target, valid, progress=0.5).values())

    leaves = [maps[name].requires_grad_() for name in names]
    total(*leaves).backward()
    assert all(torch.isfinite(leaf.grad).all() for leaf in leaves)
    # Learning the background takes whose emitter it is as settled, which is no gradient of a function: without it.
    truth = points([[[1.2, 2.1], [2.6, 0.7]], [[0.3, 3.2]]], photons=900.0)
    target = method.target(truth, (SIZE, SIZE))
    assert torch.autograd.gradcheck(total, leaves, atol=1e-4)


def test_localizations_carry_the_uncertainty_of_their_candidates() -> None:
    shape = (1, 1, 1, 8, 8)
    maps = {name: torch.full(shape, -9.0) for name in ("logit",)}
    maps["offset"] = torch.zeros(1, 1, 2, 8, 8)
    maps["log_spread"] = torch.full((1, 1, 2, 8, 8), math.log(0.1))
    maps |= {name: torch.zeros(1, 1, 8, 8) for name in ("log_photons", "log_photons_spread", "log_background")}
    # One emitter said in two halves, 0.3 px apart along x: 800 and 1,200 photons, 10 %, on 7 and 9 photons.
    maps["logit"][..., 3, 4:6] = 0.0
    maps["offset"][0, 0, 1, 3, 4:6] = torch.tensor([0.35, -0.35])
    maps["log_photons"][..., 3, 4:6] = torch.tensor([800.0, 1200.0]).log()
    maps["log_photons_spread"][..., 3, 4:6] = math.log(0.1)
    maps["log_background"][..., 3, 4:6] = torch.tensor([7.0, 9.0]).log()
    table = PooledMass()(maps, stride=1).localizations
    assert len(table) == 1
    row = {name: values[0] for name, values in table.columns.items()}
    assert (row["y"], row["x"], row["probability"]) == pytest.approx((3.0, 4.5, 1.0))
    assert row["uncertainty_y"] == pytest.approx(0.1)
    assert row["uncertainty_x"] == pytest.approx(math.hypot(0.1, 0.15))
    assert (row["photons"], row["background"]) == pytest.approx((1000.0, 8.0))
    assert row["uncertainty_photons"] == pytest.approx(math.sqrt((80**2 + 120**2) / 2 + 200**2), rel=1e-5)
