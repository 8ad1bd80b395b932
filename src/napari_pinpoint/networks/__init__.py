"""Backbones: images in, features out. One file each, all trained from scratch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from napari_pinpoint.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor, nn


class Backbone(Protocol):
    """What a backbone declares, so that heads and windows can be wired to it before the first batch.

    It is made as ``backbone(channels=..., dims=..., **options)``; its forward pass turns a tensor of shape
    (B, channels, \\*spatial) into features of shape (B, out_channels, \\*spatial / stride).
    """

    #: Channels of the features.
    out_channels: int
    #: Input pixels per feature cell.
    stride: int
    #: Every spatial size of the input must be a multiple of this.
    grid: int
    #: Pixels around an output cell that it depends on.
    radius: int

    def __call__(self, images: Tensor) -> Tensor: ...


BACKBONES: Registry[type[nn.Module]] = Registry(
    "backbone",
    ("unet", "Small U-Net without normalization layers.", "napari_pinpoint.networks.unet:UNet"),
    ("plain", "Plain convolutions, as in Schroeter et al. 2020.", "napari_pinpoint.networks.plain:PlainNetwork"),
    (
        "full_resolution",
        "Convolutions with batch normalization, no pooling: for one bright pixel.",
        "napari_pinpoint.networks.full_resolution:FullResolutionNetwork",
    ),
)


def convolution(dims: int) -> Any:
    """The convolution layer for 1, 2 or 3 spatial axes."""
    from torch import nn

    return {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}[dims]
