"""Every registered backbone keeps what it declares."""

from __future__ import annotations

import pytest
import torch

from napari_pinpoint.networks import BACKBONES


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("name", BACKBONES.names())
def test_shapes_are_as_declared(name: str, dims: int) -> None:
    backbone = BACKBONES[name](channels=2, dims=dims)
    shape = (4 * backbone.grid,) * dims
    features = backbone(torch.randn(2, 2, *shape))
    assert features.shape == (2, backbone.out_channels, *(n // backbone.stride for n in shape))


@pytest.mark.parametrize("name", BACKBONES.names())
def test_nothing_outside_the_declared_radius_has_influence(name: str) -> None:
    """The gradient of one output cell with respect to the input is zero beyond `radius`; tiles rely on it."""
    torch.manual_seed(0)
    backbone = BACKBONES[name](channels=1, dims=1).double()
    reached = 0
    for cell in range(64, 64 + backbone.grid):
        line = torch.randn(1, 1, 128, dtype=torch.float64, requires_grad=True)
        backbone(line)[0, :, cell // backbone.stride].sum().backward()
        touched = torch.nonzero(line.grad[0, 0]).flatten()
        reached = max(reached, int((touched - cell).abs().max()))
    assert reached <= backbone.radius
