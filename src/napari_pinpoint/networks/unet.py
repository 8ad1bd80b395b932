"""A small U-Net (Ronneberger et al., MICCAI 2015) without normalization layers, so that photons keep their meaning."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.networks import convolution


class UNet(nn.Module):
    """Encoder and decoder with skip connections: two convolutions a level, SiLU, nearest up-sampling.

    Parameters
    ----------
    channels, dims
        Input channels and number of spatial axes.
    widths
        Channels of each level; each level halves the resolution of the one before.
    stride
        Pixels per cell of the features, the resolution of one of the levels: the way up ends there. For objects of
        many pixels 2 or 4 saves time.
    """

    def __init__(self, *, channels: int, dims: int, widths: Sequence[int] = (24, 48, 48), stride: int = 1) -> None:
        super().__init__()
        strides = [2**level for level in range(len(widths))]
        if stride not in strides:
            raise PinpointError(
                f"A U-Net of {len(widths)} levels has a stride of {', '.join(map(str, strides))}, not {stride}."
            )
        top = strides.index(stride)
        self.stride = stride
        self.down = nn.ModuleList()
        before = channels
        for width in widths:
            self.down.append(_double_convolution(dims, before, width))
            before = width
        self.up = nn.ModuleList()
        for width in reversed(widths[top:-1]):
            self.up.append(_double_convolution(dims, before + width, width))
            before = width
        self.pool = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}[dims]
        self.out_channels = before
        depth = len(widths) - 1
        self.grid = 2**depth
        # Two 3-wide convolutions a level and way, at that level's pixel; pooling and up-sampling add a cell of the
        # next level at most. With a stride above 1 this is a little more than needed.
        self.radius = 4 * sum(2**level for level in range(depth)) + 2 * 2**depth + 2**depth

    def forward(self, images: Tensor) -> Tensor:
        features, skipped = images, []
        for level, block in enumerate(self.down):
            if level:
                skipped.append(features)
                features = self.pool(features, 2)
            features = block(features)
        for block in self.up:
            features = functional.interpolate(features, scale_factor=2.0, mode="nearest")
            features = block(torch.cat([features, skipped.pop()], dim=1))
        return features


def _double_convolution(dims: int, before: int, width: int) -> nn.Sequential:
    conv = convolution(dims)
    return nn.Sequential(conv(before, width, 3, padding=1), nn.SiLU(), conv(width, width, 3, padding=1), nn.SiLU())
