"""Continuous heat-map matching with count regularisation (Schroeter, Tuytelaars, Sidorov, Marshall, ACCV 2020).

Every cell of the network's output holds candidates, each with an offset and a probability. The loss compares the
continuous heat map of all candidates with that of the labels, so nothing has to be assigned to anything; the count
term, which makes few certain candidates cheaper than many faint ones, is what turns mass into points.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from pydantic import BaseModel, Field
from torch import Tensor, nn

from napari_pinpoint.methods.cells import cell_centres, cells_of, is_believed
from napari_pinpoint.methods.count import count_log_likelihood
from napari_pinpoint.methods.heatmap_distance import heatmap_distance
from napari_pinpoint.methods.points import Points
from napari_pinpoint.methods.schedule import Schedule
from napari_pinpoint.networks import convolution


@dataclass(frozen=True)
class MatchingTarget:
    """Labels in pixels, (B, N, D), and their weights per class, (B, C, N); padding weighs 0."""

    positions: Tensor
    weights: Tensor


class HeatmapMatching(BaseModel, extra="forbid", frozen=True):
    """Candidates with offsets and probability, trained by heat-map distance and count likelihood.

    The paper's SMLM setting is ``HeatmapMatching(candidates=2, lambda_px=0.2, count_weight=0.1)`` on the plain
    network. The defaults differ where a rough start or a hard end hurts: lambda shrinks from about the distance at
    which a fresh network errs to the precision that is wanted, and the count term fades in.
    """

    supported_dims: ClassVar[frozenset[int]] = frozenset({1, 2, 3})
    outputs: ClassVar[tuple[str, ...]] = ("logit", "offset")
    default_decoder: ClassVar[str] = "pooled_mass"

    candidates: int = Field(default=1, ge=1, description="Candidates per output cell.")
    classes: int = Field(default=1, ge=1, description="Classes; they share the candidates' positions.")
    reach: float = Field(default=1.0, gt=0, description="How far a candidate may be from its cell's centre, in cells.")
    bias: float = Field(default=-3.0, description="Logit of every candidate before training.")
    lambda_px: Schedule = Field(
        default=Schedule(start=1.0, end=0.25, finish=0.6, shape="exponential"),
        description="Width of the kernel, pixels.",
    )
    count_weight: Schedule = Field(default=Schedule(start=0.0, end=0.1, finish=0.3), description="Of the count term.")
    cutoff: float = Field(default=3.0, gt=0, description="Kernel widths after which a pair counts for nothing.")

    def head(self, in_channels: int, *, dims: int, stride: int) -> nn.Module:
        return CandidateHead(in_channels, dims=dims, stride=stride, method=self)

    def target(self, points: Points, shape: tuple[int, ...]) -> MatchingTarget:
        """Points that lie within the image, one weight per class."""
        size = torch.tensor(shape, device=points.positions.device)
        inside = ((points.positions >= -0.5) & (points.positions <= size - 0.5)).all(dim=-1) & points.mask
        classes = torch.arange(self.classes, device=points.labels.device)
        weights = (points.labels[:, None] == classes[:, None]) & inside[:, None]
        return MatchingTarget(points.positions, weights.to(points.positions.dtype))

    def loss(
        self, maps: dict[str, Tensor], target: MatchingTarget, valid: Tensor, *, progress: float = 1.0
    ) -> dict[str, Tensor]:
        """Mean over the batch of the heat-map distance (px^D) and of the weighted count term."""
        logit, offset = maps["logit"], maps["offset"]
        cells = logit.shape[3:]
        stride = valid.shape[1] // cells[0]
        believed = cells_of(valid, cells)
        weights = target.weights * is_believed(valid, target.positions)[:, None].to(target.weights.dtype)
        probability = torch.sigmoid(logit) * believed[:, None, None].to(logit.dtype)
        width = self.lambda_px.at(progress) / stride
        distance = heatmap_distance(
            probability,
            offset / stride + cell_centres(cells, 1, offset),
            (target.positions - (stride - 1) / 2) / stride,
            weights.to(probability.dtype),
            width=width,
            pair_window=math.ceil(self.cutoff * width + 2 * self.reach),
            label_window=math.ceil(self.cutoff * width + self.reach),
        )
        terms = {"matching": distance.mean() * stride ** len(cells)}
        share = self.count_weight.at(progress)
        if share > 0:
            hidden = torch.full_like(logit, -math.inf)
            counted = torch.where(believed[:, None, None], logit, hidden).flatten(2).flatten(0, 1)
            likelihood = count_log_likelihood(counted, weights.sum(dim=2).flatten())
            terms["count"] = -share * likelihood.reshape(logit.shape[:2]).sum(dim=1).mean()
        return terms


class CandidateHead(nn.Module):
    r"""Features to ``logit`` (B, classes, candidates, \*cells) and ``offset`` (B, candidates, D, \*cells), pixels.

    Offsets are from the cell's centre and may reach into the neighbouring cells: an emitter on an edge can be claimed
    from either side, and no position is out of reach.
    """

    def __init__(self, in_channels: int, *, dims: int, stride: int, method: HeatmapMatching) -> None:
        super().__init__()
        self.dims, self.classes, self.candidates = dims, method.classes, method.candidates
        self.reach_px = method.reach * stride
        self.layer = convolution(dims)(in_channels, self.candidates * (self.classes + dims), 3, padding=1)
        with torch.no_grad():
            self.layer.bias[: self.candidates * self.classes] = method.bias
            self.layer.bias[self.candidates * self.classes :] = 0.0

    def forward(self, features: Tensor) -> dict[str, Tensor]:
        values = self.layer(features).float()  # coordinates are float32 whatever the network's precision
        cells = values.shape[2:]
        logit, offset = values.split([self.candidates * self.classes, self.candidates * self.dims], dim=1)
        return {
            "logit": logit.reshape(-1, self.classes, self.candidates, *cells),
            "offset": self.reach_px * torch.tanh(offset).reshape(-1, self.candidates, self.dims, *cells),
        }
