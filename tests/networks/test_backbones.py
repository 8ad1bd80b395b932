"""Every registered backbone keeps what it declares."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.networks import BACKBONES

#: Every backbone as it is, and options of some that change its geometry.
VARIANTS = [(name, {}) for name in BACKBONES.names()] + [
    ("unet", {"widths": (4, 4, 6, 6), "stride": 2}),
    ("unet", {"widths": (4, 4, 6, 6), "stride": 4}),
    ("unet", {"widths": (4, 4, 6, 6), "stride": 8}),
    ("unet", {"widths": (4, 6, 6), "stem": 2, "stride": 4}),
    ("unet", {"widths": (4, 6), "stem": 4, "stride": 4, "batch_norm": True}),
]


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_shapes_are_as_declared(name: str, options: dict[str, Any], dims: int) -> None:
    backbone = BACKBONES[name](channels=2, dims=dims, **options)
    shape = (2 * backbone.grid,) * dims
    features = backbone(torch.randn(2, 2, *shape))
    assert features.shape == (2, backbone.out_channels, *(n // backbone.stride for n in shape))


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_nothing_outside_the_declared_radius_has_influence(name: str, options: dict[str, Any]) -> None:
    """The gradient of one output cell with respect to the input is zero beyond `radius`; tiles rely on it."""
    torch.manual_seed(0)
    # In training, a normalization layer sees the whole batch.
    backbone = BACKBONES[name](channels=1, dims=1, **options).double().eval()
    reached = 0
    for cell in range(96, 96 + backbone.grid):
        line = torch.randn(1, 1, 192, dtype=torch.float64, requires_grad=True)
        backbone(line)[0, :, cell // backbone.stride].sum().backward()
        touched = torch.nonzero(line.grad[0, 0]).flatten()
        reached = max(reached, int((touched - cell).abs().max()))
    assert reached <= backbone.radius


def test_a_stride_that_no_level_has_is_refused() -> None:
    with pytest.raises(PinpointError, match="of 1, 2, 4, not 8"):
        BACKBONES["unet"](channels=1, dims=2, stride=8)
