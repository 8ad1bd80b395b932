"""One object in every image: a heat map of the whole image, learned by regression, whose maximum is the answer.

The published exercise of a single bright pixel: the target is a Gaussian of 1.8 px, the last layer a 1 x 1 convolution
with a sigmoid, the loss the mean squared error, the answer the highest pixel.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from torch import Tensor, nn

from napari_pinpoint.methods.gaussian import GaussianHeatmap
from napari_pinpoint.networks import convolution
from napari_pinpoint.registry import Part


class BrightPixel(GaussianHeatmap, extra="forbid", frozen=True):
    """Gaussian heat-map regression for one object of each class in an image; the whole frame is searched for it.

    It learns as the method "gaussian" does, from a wider Gaussian by the squared error, and answers with the maximum.
    The published network is the backbone "full_resolution", the published answer the decoder "argmax" with
    ``refinement="none"``.
    """

    default_decoder: ClassVar[str] = "argmax"

    target_map: Part = Field(
        default=Part(name="gaussian", options={"sigma_px": 1.8}), description="What the heat map is to look like."
    )
    loss_function: Part = Field(default=Part(name="mse"), description="How far it is from that.")
    bias: float = Field(default=-4.0, description="Logit of every cell before training.")

    def head(self, in_channels: int, *, dims: int, stride: int) -> nn.Module:
        return PixelwiseHead(in_channels, dims=dims, classes=self.classes, bias=self.bias)


class PixelwiseHead(nn.Module):
    r"""Features to ``heat`` (B, classes, \*cells), logits; every cell by itself."""

    def __init__(self, in_channels: int, *, dims: int, classes: int, bias: float) -> None:
        super().__init__()
        self.layer = convolution(dims)(in_channels, classes, 1)
        nn.init.constant_(self.layer.bias, bias)

    def forward(self, features: Tensor) -> dict[str, Tensor]:
        return {"heat": self.layer(features).float()}
