"""Losses: their published formulas by hand, their gradients, and numbers at the end of the range."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from napari_pinpoint.methods.losses import LOSSES

#: One image of five cells in a row: two beside a point, the point, two beside it.
TARGET = [0.0, 0.4, 1.0, 0.4, 0.1]
PREDICTED = [0.2, 0.3, 0.6, 0.9, 0.05]


def of(values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)[None, None]


def value(name: str, target: list[float] = TARGET, predicted: list[float] = PREDICTED, **options: float) -> float:
    everywhere = torch.ones(1, len(target), dtype=torch.bool)
    return float(LOSSES[name](**options)(torch.logit(of(predicted)), of(target), everywhere))


def weight(i: int) -> int:
    """W M + 1 with W = 10: the neighbours of cells of at least 0.2 count as well, so all five do."""
    return 11 if max(TARGET[max(0, i - 1) : i + 2]) >= 0.2 else 1


def test_mse_by_hand() -> None:
    expected = (0.2**2 + 0.1**2 + 0.4**2 + 0.5**2 + 0.05**2) / 5
    assert value("mse") == pytest.approx(expected, rel=1e-6)


def test_weighted_mse_by_hand() -> None:
    far = [0.0, *TARGET]  # one more cell of background, whose neighbours are too
    squares = [0.1**2, 0.2**2, 0.1**2, 0.4**2, 0.5**2, 0.05**2]
    expected = (squares[0] + 11 * sum(squares[1:])) / 6
    assert value("weighted_mse", far, [0.1, *PREDICTED]) == pytest.approx(expected, rel=1e-6)
    assert value("weighted_mse", weight=0) == pytest.approx(value("mse"), rel=1e-6)


def test_bce_by_hand() -> None:
    pairs = list(zip(TARGET, PREDICTED, strict=True))
    expected = -sum(y * math.log(p) + (1 - y) * math.log(1 - p) for y, p in pairs) / 5
    assert value("bce") == pytest.approx(expected, rel=1e-6)


def test_adaptive_wing_by_hand() -> None:
    def wing(y: float, p: float) -> float:
        alpha, omega, epsilon, theta = 2.1, 14, 1, 0.5
        error, power = abs(y - p), alpha - y
        if error < theta:
            return omega * math.log(1 + (error / epsilon) ** power)
        ratio = theta / epsilon
        a = omega * (1 / (1 + ratio**power)) * power * ratio ** (power - 1) / epsilon
        return a * error - (theta * a - omega * math.log(1 + ratio**power))

    predicted = [0.2, 0.3, 0.1, 0.95, 0.05]  # two errors beyond theta
    expected = sum(weight(i) * wing(y, p) for i, (y, p) in enumerate(zip(TARGET, predicted, strict=True))) / 5
    assert value("adaptive_wing", predicted=predicted) == pytest.approx(expected, rel=1e-6)


def test_focal_by_hand() -> None:
    two = [1.0, 0.4, 0.0, 0.4, 1.0]
    at_points = sum((1 - p) ** 2 * math.log(p) for p in (0.2, 0.05))
    beside = sum((1 - y) ** 4 * p**2 * math.log(1 - p) for y, p in zip(two[1:4], PREDICTED[1:4], strict=True))
    assert value("focal", two) == pytest.approx(-(at_points + beside) / 2, rel=1e-6)


def test_focal_finds_points_between_cells() -> None:
    """A target that is centred between cells has no 1; its highest cell holds the point."""
    target, p = [0.1, 0.7, 0.9, 0.2], [0.1, 0.2, 0.5, 0.1]
    beside = sum((1 - y) ** 4 * q**2 * math.log(1 - q) for y, q in zip(target, p, strict=True) if y != 0.9)
    assert value("focal", target, p) == pytest.approx(-(0.5**2 * math.log(0.5) + beside), rel=1e-6)


def test_focal_without_points_sums_the_background() -> None:
    expected = -sum(p**2 * math.log(1 - p) for p in PREDICTED)
    assert value("focal", [0.0] * 5) == pytest.approx(expected, rel=1e-6)


def test_softmax_by_hand() -> None:
    logits, target = [0.5, -1.0, 2.0], [0.2, 0.0, 0.6]
    total = sum(map(math.exp, logits))
    expected = -(0.25 * math.log(math.exp(0.5) / total) + 0.75 * math.log(math.exp(2.0) / total))
    everywhere = torch.ones(2, 3, dtype=torch.bool)
    loss = LOSSES["softmax"]()
    assert float(loss(of(logits), of(target), everywhere[:1])) == pytest.approx(expected, rel=1e-9)
    # An image without any object says nothing about where it is.
    two = loss(torch.cat([of(logits)] * 2), torch.cat([of(target), of([0.0] * 3)]), everywhere)
    assert float(two) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("shape", [(6,), (4, 5), (3, 3, 4)])
@pytest.mark.parametrize("name", LOSSES.names())
def test_gradients_are_those_of_the_formula(name: str, shape: tuple[int, ...]) -> None:
    random = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 2, *shape, generator=random, dtype=torch.float64, requires_grad=True)
    target = torch.rand(2, 2, *shape, generator=random, dtype=torch.float64)
    believed = torch.rand(2, *shape, generator=random) > 0.3
    assert torch.autograd.gradcheck(lambda x: LOSSES[name]()(x, target, believed), logits)


@pytest.mark.parametrize("name", LOSSES.names())
def test_certain_answers_stay_finite(name: str) -> None:
    """In float32 sigmoid(40) is 1: wrong and certain must cost much and pull back, right and certain nothing."""
    logits = torch.tensor([[[80.0, -80.0, 40.0, -40.0, 80.0, -80.0]]], requires_grad=True)
    target = torch.tensor([[[0.0, 0.0, 0.0, 0.0, 0.0, 1.0]]])
    loss = LOSSES[name]()(logits, target, torch.ones(1, 6, dtype=torch.bool))
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()
    right = LOSSES[name]()(torch.where(target > 0, 80.0, -80.0), target, torch.ones(1, 6, dtype=torch.bool))
    assert float(right) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("name", LOSSES.names())
def test_a_step_downhill_gets_closer(name: str) -> None:
    target = torch.tensor([[[0.02, 0.3, 1.0, 0.3, 0.02]]])
    logits = torch.full((1, 1, 5), -1.0, requires_grad=True)
    optimizer = torch.optim.SGD([logits], lr=0.01)
    everywhere, before = torch.ones(1, 5, dtype=torch.bool), None
    for _ in range(3):
        loss = LOSSES[name]()(logits, target, everywhere)
        assert before is None or loss.item() < before
        before = loss.item()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@pytest.mark.parametrize("name", LOSSES.names())
def test_hidden_cells_and_nothing_believed(name: str) -> None:
    loss, target = LOSSES[name](), torch.rand(1, 1, 6)
    believed = torch.tensor([[True, True, True, False, False, False]])
    seen, hidden = torch.randn(1, 1, 6), torch.randn(1, 1, 6)
    mixed = torch.where(believed[:, None], seen, torch.nan).requires_grad_()
    result = loss(mixed, target, believed)
    result.backward()
    assert float(result) == pytest.approx(float(loss(torch.where(believed[:, None], seen, hidden), target, believed)))
    assert torch.isfinite(mixed.grad[..., :3]).all()
    assert float(loss(seen, target, torch.zeros_like(believed))) == 0
