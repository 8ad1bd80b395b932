"""The plain network of Schroeter et al. (ACCV 2020): convolutions at full resolution, nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from napari_pinpoint.networks import convolution


class PlainNetwork(nn.Module):
    """Convolutions with ReLU at stride 1; the defaults are the SMLM setting of the paper (section 4.1).

    With the 3 x 3 head of two candidates (two offsets and a probability each) it has 54,598 parameters and sees
    17 pixels across.

    Parameters
    ----------
    channels, dims
        Input channels and number of spatial axes.
    widths, kernels
        Channels and kernel size of each layer.
    """

    stride = 1
    grid = 1

    def __init__(
        self, *, channels: int, dims: int, widths: Sequence[int] = (32, 32, 32), kernels: Sequence[int] = (7, 5, 5)
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = channels
        for width, kernel in zip(widths, kernels, strict=True):
            layers += [convolution(dims)(before, width, kernel, padding=kernel // 2), nn.ReLU()]
            before = width
        self.layers = nn.Sequential(*layers)
        self.out_channels = before
        self.radius = sum(kernel // 2 for kernel in kernels)

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images)  # type: ignore[no-any-return]
