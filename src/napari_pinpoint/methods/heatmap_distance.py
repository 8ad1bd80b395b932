r"""The squared distance between two continuous heat maps, in closed form and never rasterised.

A heat map is a sum of kernels K(u) = exp(-|u|^2 / lambda^2) at the candidates x_i, weighted by their probabilities
p_i, or at the labels t_k, weighted by y_k. Its squared distance to another one, integrated over all of space, is

.. math:: (\pi\lambda^2/2)^{D/2} \Big[ \sum_{ij} p_i p_j E(x_i, x_j) - 2 \sum_{ik} p_i y_k E(x_i, t_k)
          + \sum_{kl} y_k y_l E(t_k, t_l) \Big], \quad E(a, b) = \exp(-|a - b|^2 / 2 \lambda^2)

(Schroeter et al., ACCV 2020, for D = 2). Candidates lie on a grid of cells, so pairs further apart than a window of
cells are left out instead of being computed to nothing: cost and memory grow with the image, not with its square.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import torch
from torch import Tensor

from napari_pinpoint.methods.cells import windows_around


class HeatmapDistance(torch.autograd.Function):
    """Squared heat-map distance of each image; gradients are the closed form too.

    Inputs
    ------
    probabilities
        (B, C, K, \\*cells): probability of class C for each of K candidates per cell.
    positions
        (B, K, D, \\*cells): where the candidates are, in cells (not pixels).
    labels, weights
        (B, N, D) positions in cells and (B, C, N) weights y_k; the weight of padding is 0.
    width
        lambda, in cells.
    pair_window, label_window
        Cells on each side within which pairs of candidates, and of a label and a candidate, are counted.

    Returns
    -------
    (B,) distances, summed over classes, in cells^D.
    """

    @staticmethod
    def forward(
        ctx: Any,
        probabilities: Tensor,
        positions: Tensor,
        labels: Tensor,
        weights: Tensor,
        width: float,
        pair_window: int,
        label_window: int,
    ) -> Tensor:
        dims = labels.shape[-1]
        constant = (math.pi * width**2 / 2) ** (dims / 2)
        batch = probabilities.shape[0]
        own, pull = _candidate_pairs(probabilities, positions, width, pair_window)
        quadratic = (probabilities * own).reshape(batch, -1).sum(dim=1)
        seen, label_pull = _label_pairs(probabilities, positions, labels, weights, width, label_window)
        crossed = (probabilities * seen).reshape(batch, -1).sum(dim=1)
        ctx.save_for_backward(2 * constant * (own - seen), (2 * constant / width**2) * (label_pull - pull))
        distance: Tensor = constant * (quadratic - 2 * crossed + _label_energy(labels, weights, width))
        return distance

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        by_probability, by_position = ctx.saved_tensors
        scale = grads[0].reshape(-1, *[1] * (by_probability.dim() - 1))
        return by_probability * scale, by_position * scale, None, None, None, None, None


def _candidate_pairs(p: Tensor, x: Tensor, width: float, window: int) -> tuple[Tensor, Tensor]:
    """What each candidate feels of all others: sum_j p_j E_ij (and itself), and sum_j p_i p_j E_ij (x_i - x_j)."""
    field, pull = p.clone(), torch.zeros_like(x)
    cells, k = p.shape[3:], p.shape[2]
    for shift in itertools.product(range(-window, window + 1), repeat=len(cells)):
        if shift < (0,) * len(cells) or any(abs(s) >= n for s, n in zip(shift, cells, strict=True)):
            continue
        here: Any = (..., *(slice(max(0, -s), n - max(0, s)) for s, n in zip(shift, cells, strict=True)))
        there: Any = (..., *(slice(max(0, s), n - max(0, -s)) for s, n in zip(shift, cells, strict=True)))
        for a, b in itertools.product(range(k), repeat=2):
            if not any(shift) and a >= b:  # the same cell: each pair once, and no candidate with itself
                continue
            difference = x[:, a][here] - x[:, b][there]
            closeness = difference.square().sum(dim=1).mul_(-0.5 / width**2).exp_()[:, None]
            first, second = p[:, :, a][here], p[:, :, b][there]
            product = (first * second).sum(dim=1, keepdim=True).mul_(closeness)
            field[:, :, a][here].addcmul_(second, closeness)
            field[:, :, b][there].addcmul_(first, closeness)
            difference.mul_(product)
            pull[:, a][here].add_(difference)
            pull[:, b][there].sub_(difference)
    return field, pull


def _label_pairs(
    p: Tensor, x: Tensor, labels: Tensor, weights: Tensor, width: float, window: int
) -> tuple[Tensor, Tensor]:
    """What each candidate feels of the labels: sum_k y_k E_ik, and sum_k p_i y_k E_ik (x_i - t_k)."""
    classes, k = p.shape[1:3]
    cells, dims = p.shape[3:], labels.shape[-1]
    around, inside = windows_around(labels, cells, reach=window)  # (B, N, W)
    width_of_window = around.shape[2]
    index, inside = around.flatten(1), inside.flatten(1)

    flat_p, flat_x = p.flatten(3), x.flatten(3)
    near_p = flat_p.gather(3, index[:, None, None].expand(-1, classes, k, -1))
    near_x = flat_x.gather(3, index[:, None, None].expand(-1, k, dims, -1))
    target = labels.transpose(1, 2).repeat_interleave(width_of_window, dim=2)[:, None]  # (B, 1, D, N * W)
    weight = weights.repeat_interleave(width_of_window, dim=2)[:, :, None] * inside[:, None, None]  # (B, C, 1, N * W)
    difference = near_x - target
    closeness = difference.square().sum(dim=2).mul_(-0.5 / width**2).exp_()[:, None] * weight  # (B, C, K, N * W)
    force = (near_p * closeness).sum(dim=1)[:, :, None] * difference
    seen = torch.zeros_like(flat_p).scatter_add_(3, index[:, None, None].expand_as(closeness), closeness)
    pull = torch.zeros_like(flat_x).scatter_add_(3, index[:, None, None].expand_as(force), force)
    return seen.reshape(p.shape), pull.reshape(x.shape)


def _label_energy(labels: Tensor, weights: Tensor, width: float) -> Tensor:
    """(B,) sum_kl y_k y_l E(t_k, t_l): constant in the network, it makes a perfect answer cost nothing."""
    squared = (labels[:, :, None] - labels[:, None]).square().sum(dim=-1)
    closeness = torch.exp(squared * (-0.5 / width**2))
    return torch.einsum("bck,bcl,bkl->b", weights, weights, closeness)


def heatmap_distance(
    probabilities: Tensor,
    positions: Tensor,
    labels: Tensor,
    weights: Tensor,
    *,
    width: float,
    pair_window: int,
    label_window: int,
) -> Tensor:
    """`HeatmapDistance` as a function; see there for shapes and units."""
    distance: Tensor = HeatmapDistance.apply(  # type: ignore[no-untyped-call]
        probabilities, positions, labels, weights, width, pair_window, label_window
    )
    return distance
