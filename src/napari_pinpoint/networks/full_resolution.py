"""A network without pooling: every layer at the full resolution of the image, wide in the middle."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from napari_pinpoint.networks import convolution


class FullResolutionNetwork(nn.Module):
    """3-wide convolutions at stride 1, each with batch normalization and ReLU; nothing is pooled or strided.

    The defaults are those of the published heat-map network for a single bright pixel. In two dimensions it has
    185,000 weights and sees 11 pixels across.

    Parameters
    ----------
    channels, dims
        Input channels and number of spatial axes.
    widths
        Channels of each layer.
    """

    stride = 1
    grid = 1

    def __init__(self, *, channels: int, dims: int, widths: Sequence[int] = (32, 64, 128, 64, 32)) -> None:
        super().__init__()
        normalization = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}[dims]
        layers: list[nn.Module] = []
        before = channels
        for width in widths:
            # A bias would be taken away again by the normalization, which has one of its own.
            layers += [convolution(dims)(before, width, 3, padding=1, bias=False), normalization(width), nn.ReLU()]
            before = width
        self.layers = nn.Sequential(*layers)
        self.out_channels = before
        self.radius = len(widths)

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images)  # type: ignore[no-any-return]
