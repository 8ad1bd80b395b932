"""The network without pooling: the layers that were published."""

from __future__ import annotations

import torch
from torch import nn

from napari_pinpoint.model import count_parameters
from napari_pinpoint.networks.full_resolution import FullResolutionNetwork


def test_its_layers_are_those_published() -> None:
    network = FullResolutionNetwork(channels=1, dims=2)
    convolutions = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    assert [layer.out_channels for layer in convolutions] == [32, 64, 128, 64, 32]
    assert {layer.kernel_size for layer in convolutions} == {(3, 3)}
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in network.modules()) == 5
    weights = 9 * (1 * 32 + 32 * 64 + 64 * 128 + 128 * 64 + 64 * 32)
    assert count_parameters(network) == weights + 2 * (32 + 64 + 128 + 64 + 32)


def test_an_image_alone_is_seen_as_in_a_batch_once_it_is_trained() -> None:
    torch.manual_seed(0)
    network = FullResolutionNetwork(channels=1, dims=2, widths=(4, 4)).eval()
    images = torch.randn(3, 1, 9, 7)
    torch.testing.assert_close(network(images)[1:2], network(images[1:2]))
