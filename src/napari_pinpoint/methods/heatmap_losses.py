r"""Losses of heat maps, in the published form, computed from logits so that no logarithm of 0 can occur.

With p = sigmoid(logit), y the target and n the number of believed cells of all classes and images; sums go over these
cells. A batch without any believed cell costs nothing.
"""

from __future__ import annotations

import torch
from pydantic import BaseModel, Field
from torch import Tensor
from torch.nn import functional

_POOLS = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}


class MeanSquaredError(BaseModel, extra="forbid", frozen=True):
    r"""sum (p - y)^2 / n, the loss of locating-centers."""

    def __call__(self, logits: Tensor, target: Tensor, believed: Tensor) -> Tensor:
        return _mean((torch.sigmoid(logits) - target).square(), believed)


class WeightedMeanSquaredError(BaseModel, extra="forbid", frozen=True):
    r"""sum (W M + 1) (p - y)^2 / n, with M = 1 where the target, dilated by 3 cells, is at least `least`.

    The loss map of Wang, Bo and Fuxin (ICCV 2019, with W = 10): the few cells of points weigh as much as the many
    of background.
    """

    weight: float = Field(default=10.0, ge=0, description="W, by how much more cells of points weigh.")
    least: float = Field(default=0.2, gt=0, le=1, description="Value of the target from which a cell is a point's.")

    def __call__(self, logits: Tensor, target: Tensor, believed: Tensor) -> Tensor:
        weights = 1 + self.weight * (_neighbourhood_maximum(target) >= self.least)
        return _mean(weights * (torch.sigmoid(logits) - target).square(), believed)


class BinaryCrossEntropy(BaseModel, extra="forbid", frozen=True):
    r"""-sum [y log p + (1 - y) log(1 - p)] / n; least where p = y, though not 0 there."""

    def __call__(self, logits: Tensor, target: Tensor, believed: Tensor) -> Tensor:
        return _mean(functional.binary_cross_entropy_with_logits(logits, target, reduction="none"), believed)


class AdaptiveWing(BaseModel, extra="forbid", frozen=True):
    r"""The adaptive wing loss of Wang, Bo and Fuxin (ICCV 2019), with its weighted loss map.

    With d = \|p - y\|, e = alpha - y and q = theta / epsilon:

        omega log(1 + (d / epsilon)^e)           where d < theta,
        A d - C                                   elsewhere,
        A = omega / (1 + q^e) e q^(e - 1) / epsilon,    C = theta A - omega log(1 + q^e)

    and each cell weighs W M + 1, as in `WeightedMeanSquaredError`. The weighted sum is divided by n.
    """

    alpha: float = Field(default=2.1, gt=2, description="Exponent of small errors on the background.")
    omega: float = Field(default=14.0, gt=0, description="Height of the loss.")
    epsilon: float = Field(default=1.0, gt=0, description="Error at which the logarithm bends.")
    theta: float = Field(default=0.5, gt=0, lt=1, description="Error from which the loss is linear.")
    weight: float = Field(default=10.0, ge=0, description="W, by how much more cells of points weigh.")
    least: float = Field(default=0.2, gt=0, le=1, description="Value of the target from which a cell is a point's.")

    def __call__(self, logits: Tensor, target: Tensor, believed: Tensor) -> Tensor:
        error = (torch.sigmoid(logits) - target).abs()
        exponent = self.alpha - target
        bend = (self.theta / self.epsilon) ** exponent
        slope = self.omega * exponent * bend / (1 + bend) / self.theta  # q^(e - 1) / epsilon = q^e / theta
        offset = self.theta * slope - self.omega * torch.log1p(bend)
        near = self.omega * torch.log1p((error / self.epsilon) ** exponent)
        values = torch.where(error < self.theta, near, slope * error - offset)
        weights = 1 + self.weight * (_neighbourhood_maximum(target) >= self.least)
        return _mean(weights * values, believed)


class PenaltyReducedFocal(BaseModel, extra="forbid", frozen=True):
    r"""The focal loss of CornerNet and CenterNet (Zhou, Wang and Kraehenbuehl 2019, eq. 1).

    -1/N times the sum of (1 - p)^alpha log p over the N cells that hold a point and of
    (1 - y)^beta p^alpha log(1 - p) over all others; N = 1 where there is no point.

    The paper centres its targets on cells, so that y = 1 says which cells hold a point. For targets centred to a
    fraction of a pixel they are those with a local maximum of y, which is the same where y = 1.
    """

    alpha: float = Field(default=2.0, ge=0, description="How much easy cells are forgiven.")
    beta: float = Field(default=4.0, ge=0, description="How much errors near a point are forgiven.")

    def __call__(self, logits: Tensor, target: Tensor, believed: Tensor) -> Tensor:
        shown = believed[:, None]
        p, q = torch.sigmoid(logits), torch.sigmoid(-logits)
        holds = (target > 0) & (target == _neighbourhood_maximum(target))
        positive = q**self.alpha * functional.logsigmoid(logits)
        negative = (1 - target) ** self.beta * p**self.alpha * functional.logsigmoid(-logits)
        total = torch.where(shown, torch.where(holds, positive, negative), torch.zeros_like(logits)).sum()
        return -total / (holds & shown).sum().clamp(min=1)


class SpatialCrossEntropy(BaseModel, extra="forbid", frozen=True):
    r"""-sum t log softmax(logits) over the places of an image, the mean over classes and images that have a target.

    t is the target scaled to a sum of 1. For one object in every image: places compete, so that the highest logit is
    the most probable place however sure the network is of several. Only differences of logits have a meaning then:
    take the decoder "argmax" with ``compete=True``.
    """

    def __call__(self, logits: Tensor, target: Tensor, believed: Tensor) -> Tensor:
        hidden = ~believed[:, None]
        wanted = target.masked_fill(hidden, 0.0).flatten(2)
        total = wanted.sum(dim=2, keepdim=True)
        log_share = functional.log_softmax(logits.masked_fill(hidden, -1e9).flatten(2), dim=2)
        cross = -(wanted / total.clamp(min=torch.finfo(total.dtype).tiny) * log_share).sum()
        return cross / (total > 0).sum().clamp(min=1)


def _mean(values: Tensor, believed: Tensor) -> Tensor:
    """The mean over believed cells and all classes; 0 where there are none."""
    shown = believed[:, None].expand_as(values)
    return torch.where(shown, values, torch.zeros_like(values)).sum() / shown.sum().clamp(min=1)


def _neighbourhood_maximum(target: Tensor) -> Tensor:
    """The highest of the 3 (3 x 3, 3 x 3 x 3) values at and around each cell."""
    pooled: Tensor = _POOLS[target.dim() - 2](target, 3, stride=1, padding=1)
    return pooled
