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
    stem
        Side of the blocks of pixels that a first convolution turns into the cells of the uppermost level. For objects
        of tens of pixels 2 or 4 saves nearly all of the time.
    batch_norm
        Whether values are normalized after each convolution by what training measured of them. Deep networks learn
        faster with it; but photons lose their meaning.
    """

    def __init__(
        self,
        *,
        channels: int,
        dims: int,
        widths: Sequence[int] = (24, 48, 48),
        stride: int = 1,
        stem: int = 1,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        strides = [stem * 2**level for level in range(len(widths))]
        if stride not in strides:
            raise PinpointError(
                f"A U-Net of {len(widths)} levels with a stem of {stem} has a stride of "
                f"{', '.join(map(str, strides))}, not {stride}."
            )
        top = strides.index(stride)
        self.stride = stride
        before = channels
        self.stem: nn.Module = nn.Identity()
        if stem > 1:
            self.stem, before = convolution(dims)(channels, widths[0], stem, stride=stem), widths[0]
        self.down = nn.ModuleList()
        for width in widths:
            self.down.append(_double_convolution(dims, before, width, batch_norm=batch_norm))
            before = width
        self.up = nn.ModuleList()
        for width in reversed(widths[top:-1]):
            self.up.append(_double_convolution(dims, before + width, width, batch_norm=batch_norm))
            before = width
        self.pool = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}[dims]
        self.out_channels = before
        depth = len(widths) - 1
        self.grid = stem * 2**depth
        # Two 3-wide convolutions a level and way, at that level's pixel; pooling and up-sampling add a cell of the
        # next level at most. With a stride above 1 this is a little more than needed.
        cells = 4 * sum(2**level for level in range(depth)) + 2 * 2**depth + 2**depth
        self.radius = stem * cells + stem - 1

    def forward(self, images: Tensor) -> Tensor:
        features, skipped = self.stem(images), []
        for level, block in enumerate(self.down):
            if level:
                skipped.append(features)
                features = self.pool(features, 2)
            features = block(features)
        for block in self.up:
            features = functional.interpolate(features, scale_factor=2.0, mode="nearest")
            features = block(torch.cat([features, skipped.pop()], dim=1))
        return features  # type: ignore[no-any-return]


def _double_convolution(dims: int, before: int, width: int, *, batch_norm: bool) -> nn.Sequential:
    conv, normalization = convolution(dims), {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}[dims]
    layers: list[nn.Module] = []
    for channels in (before, width):
        layers += [conv(channels, width, 3, padding=1), *([normalization(width)] if batch_norm else []), nn.SiLU()]
    return nn.Sequential(*layers)
