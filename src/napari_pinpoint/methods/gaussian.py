"""Gaussian heat-map regression: a heat map per class, learned from Gaussians at the points, read by its peaks.

The method of locating-centers (D. Tronmans, 2024) and of many before it, with its choices by name: target, loss,
threshold function and refinement. It differs in that Gaussians are centred where the points are and not at the nearest
pixel, and that peaks are refined, so that positions are not bound to pixels. A pixel can hold one peak only, so points
nearer to each other than about two sigma become one.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar

from pydantic import BaseModel, Field
from torch import Tensor, nn

from napari_pinpoint.methods.cells import cells_of, is_believed
from napari_pinpoint.methods.losses import LOSSES
from napari_pinpoint.methods.points import Points
from napari_pinpoint.methods.targets import TARGETS
from napari_pinpoint.networks import convolution
from napari_pinpoint.registry import Part


class GaussianHeatmap(BaseModel, extra="forbid", frozen=True):
    """A heat map per class that is to look like its target, by a loss and a target chosen by name.

    The setting of locating-centers is the target "gaussian" with ``sigma_px=5, combine="sum"``, the loss "mse" and the
    decoder "peaks" with ``threshold=0.1, refinement="none"``. The defaults suit close spots and sub-pixel positions: a
    narrow Gaussian, and a loss whose pull does not fade where an answer is wrong and certain.
    """

    supported_dims: ClassVar[frozenset[int]] = frozenset({1, 2, 3})
    outputs: ClassVar[tuple[str, ...]] = ("heat",)
    default_decoder: ClassVar[str] = "peaks"

    classes: int = Field(default=1, ge=1, description="Classes; each has a heat map of its own.")
    target_map: Part = Field(default=Part(name="gaussian"), description="What the heat map is to look like.")
    loss_function: Part = Field(default=Part(name="bce"), description="How far it is from that.")
    bias: float = Field(default=-3.0, description="Logit of every cell before training.")

    def model_post_init(self, context: Any) -> None:
        _ = self._target_of, self._compare  # what cannot be made is refused now, not at the first batch

    @cached_property
    def _target_of(self) -> Any:
        return TARGETS.make(self.target_map)

    @cached_property
    def _compare(self) -> Any:
        return LOSSES.make(self.loss_function)

    def head(self, in_channels: int, *, dims: int, stride: int) -> nn.Module:
        return HeatHead(in_channels, dims=dims, classes=self.classes, bias=self.bias)

    def target(self, points: Points, shape: tuple[int, ...]) -> Points:
        """The points themselves: which of them make a heat map depends on what is believed."""
        return points

    def loss(
        self, maps: dict[str, Tensor], target: Points, valid: Tensor, *, progress: float = 1.0
    ) -> dict[str, Tensor]:
        """How far the heat map is from that of the points that are believed, where it is believed."""
        logits, shape = maps["heat"], tuple(valid.shape[1:])
        cells = logits.shape[2:]
        points = replace(target, mask=target.mask & is_believed(valid, target.positions))
        heat = self._target_of(points, shape, stride=shape[0] // cells[0], classes=self.classes)
        return {"heat": self._compare(logits, heat.to(logits.dtype), cells_of(valid, cells))}


class HeatHead(nn.Module):
    r"""Features to ``heat`` (B, classes, \*cells), logits."""

    def __init__(self, in_channels: int, *, dims: int, classes: int, bias: float) -> None:
        super().__init__()
        self.layer = convolution(dims)(in_channels, classes, 3, padding=1)
        nn.init.constant_(self.layer.bias, bias)

    def forward(self, features: Tensor) -> dict[str, Tensor]:
        return {"heat": self.layer(features).float()}
