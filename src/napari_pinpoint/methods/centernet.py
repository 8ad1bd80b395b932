r"""CenterNet: objects as points (Zhou, Wang and Kraehenbuehl, arXiv:1904.07850).

Every class has a heat map with a peak at the cell that holds an object's centre; at that cell two further maps say
where in the cell the centre is and how large the object is. Nothing limits the number of objects.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar, Literal

import torch
from pydantic import BaseModel, Field
from torch import Tensor, nn

from napari_pinpoint.methods.cells import cells_of, is_believed
from napari_pinpoint.methods.heatmaps import gaussian_heatmap
from napari_pinpoint.methods.losses import LOSSES
from napari_pinpoint.methods.points import Points
from napari_pinpoint.networks import convolution
from napari_pinpoint.registry import Part

Formula = Literal["published", "corrected"]

#: Cells that a 1 of the network's answer means as a size: sizes of tens of cells are learned as quickly as the rest.
_SIZE_UNIT = 8


class CenterNet(BaseModel, extra="forbid", frozen=True):
    """Peaks of heat maps for centres of objects, and at every centre its place in the cell and its size.

    The target of an object is a Gaussian around the cell that holds its centre, of sigma = (2 r + 1) / 6 cells, cut
    off after r cells, 1 in that cell; of overlapping Gaussians the higher one counts. The wider it is, the more are
    answers beside the centre forgiven. Offsets and sizes learn by their absolute errors in cells, at centres only.
    """

    supported_dims: ClassVar[frozenset[int]] = frozenset({1, 2, 3})
    outputs: ClassVar[tuple[str, ...]] = ("heat", "shift", "size")
    default_decoder: ClassVar[str] = "centers"

    classes: int = Field(default=1, ge=1, description="Classes; each has a heat map of its own.")
    sizes: bool = Field(default=True, description="Whether heights and widths are learned, where they are known.")
    radius: Literal["box", "fixed"] = Field(
        default="box", description="What sets the width of the Gaussians: the boxes, where they are known, or nothing."
    )
    radius_formula: Formula = Field(default="published", description="How a radius follows from a box.")
    min_overlap: float = Field(
        default=0.7,
        gt=0,
        lt=1,
        description="Least IoU with its object of a box that is off by the radius.",
    )
    radius_px: float = Field(default=2.0, ge=0, description="Radius where no box sets it, pixels.")
    loss_function: Part = Field(default=Part(name="focal"), description="How the heat maps are compared.")
    shift_weight: float = Field(default=1.0, ge=0, description="Weight of errors of the place in the cell.")
    size_weight: float = Field(default=0.1, ge=0, description="Weight of errors of the size.")
    width: int = Field(default=64, ge=1, description="Channels inside of each branch of the head.")
    bias: float = Field(default=-2.19, description="Logit of every cell of the heat maps before training.")

    def model_post_init(self, context: Any) -> None:
        _ = self._compare  # what cannot be made is refused now, not at the first batch

    @cached_property
    def _compare(self) -> Any:
        return LOSSES.make(self.loss_function)

    def head(self, in_channels: int, *, dims: int, stride: int) -> nn.Module:
        return CenterHead(in_channels, dims=dims, stride=stride, method=self)

    def target(self, points: Points, shape: tuple[int, ...]) -> Points:
        """The points themselves: which of them count depends on what is believed."""
        return points

    def loss(
        self, maps: dict[str, Tensor], target: Points, valid: Tensor, *, progress: float = 1.0
    ) -> dict[str, Tensor]:
        """The heat maps' loss, and the mean absolute errors of offsets and sizes over the objects of the batch."""
        logits, cells = maps["heat"], tuple(maps["heat"].shape[2:])
        stride = valid.shape[1] // cells[0]
        points = replace(
            target,
            mask=target.mask & is_believed(valid, target.positions),
            sizes=torch.where(target.sizes > 0, target.sizes, torch.nan),
        )
        heat = self.heatmap(points, cells, stride=stride).to(logits.dtype)
        image, row = torch.nonzero(points.mask, as_tuple=True)
        position, size = points.positions[image, row], points.sizes[image, row]
        cell = cells_holding(position, cells, stride)
        at: Any = (image, slice(None), *cell.unbind(dim=1))
        shift = position - centres(cell, stride)
        return {
            "heat": self._compare(logits, heat, cells_of(valid, cells)),
            "shift": self.shift_weight * _mean_error(maps["shift"][at], shift) / stride,
            "size": self.size_weight * _mean_error(maps["size"][at], size) / stride,
        }

    def heatmap(self, points: Points, cells: tuple[int, ...], *, stride: int) -> Tensor:
        r"""(B, classes, \*cells): what the heat maps are to be."""
        radii = self.radii(points, stride)
        return gaussian_heatmap(
            centres(cells_holding(points.positions, cells, stride), stride),
            points.mask,
            points.labels,
            ((2 * radii + 1) / 6 * stride)[..., None],
            cells=cells,
            stride=stride,
            classes=self.classes,
            reaches=radii * stride,
        )

    def radii(self, points: Points, stride: int) -> Tensor:
        """(B, N) radius of every point in whole cells; sizes are above 0, or NaN."""
        fixed = points.positions.new_full(points.mask.shape, self.radius_px / stride).floor()
        if self.radius == "fixed" or points.sizes.shape[-1] < 2:
            return fixed
        height, width = (points.sizes[..., -2:] / stride).ceil().unbind(dim=-1)
        radius = gaussian_radius(height, width, min_overlap=self.min_overlap, formula=self.radius_formula)
        return torch.where(torch.isfinite(radius), radius.clamp(min=0).floor(), fixed)


class CenterHead(nn.Module):
    r"""Features to ``heat`` (B, classes, \*cells), logits, and ``shift`` and ``size`` (B, D, \*cells), pixels.

    A size of exactly 0 is one that is not known: all are until some have been learned.
    """

    def __init__(self, in_channels: int, *, dims: int, stride: int, method: CenterNet) -> None:
        super().__init__()
        self.stride = stride
        self.heat = _Branch(in_channels, method.width, method.classes, dims)
        self.shift = _Branch(in_channels, method.width, dims, dims)
        self.size = _Branch(in_channels, method.width, dims, dims) if method.sizes else None
        nn.init.constant_(self.heat.last.bias, method.bias)
        if self.size is not None:
            nn.init.zeros_(self.size.last.weight)
            nn.init.zeros_(self.size.last.bias)

    def forward(self, features: Tensor) -> dict[str, Tensor]:
        heat, shift = self.heat(features).float(), self.stride * self.shift(features).float()
        if self.size is None:
            return {"heat": heat, "shift": shift, "size": torch.zeros_like(shift)}
        return {"heat": heat, "shift": shift, "size": _SIZE_UNIT * self.stride * self.size(features).float()}


class _Branch(nn.Module):
    """A 3-wide convolution, ReLU, and one for each cell alone."""

    def __init__(self, before: int, width: int, after: int, dims: int) -> None:
        super().__init__()
        self.first = convolution(dims)(before, width, 3, padding=1)
        self.last = convolution(dims)(width, after, 1)

    def forward(self, features: Tensor) -> Tensor:
        return self.last(torch.relu(self.first(features)))  # type: ignore[no-any-return]


def cells_holding(positions: Tensor, cells: tuple[int, ...], stride: int) -> Tensor:
    """Index of the cell that each position (..., D) lies in, of the same shape; the nearest one for those outside."""
    last = torch.tensor(cells, device=positions.device) - 1
    return ((positions + 0.5) / stride).floor().long().clamp(min=0).minimum(last)


def centres(cell: Tensor, stride: int) -> Tensor:
    """Positions of the centres of cells in pixels, float32."""
    return cell.to(torch.float32) * stride + (stride - 1) / 2


def gaussian_radius(height: Tensor, width: Tensor, *, min_overlap: float, formula: Formula) -> Tensor:
    """How far the corners of a box of that size may be off, each at most by this along each axis.

    A box is moved (one corner inwards, one outwards), shrunk or grown until its IoU with the object is `min_overlap`
    = o; the radius is the least of three:

        moved:  (h - r) (w - r) = 2 o / (1 + o) h w
        shrunk: (h - 2 r) (w - 2 r) = o h w
        grown:  (h + 2 r) (w + 2 r) = h w / o

    "corrected" takes the smallest positive root of each. "published", in CornerNet's first code and in CenterNet's,
    takes (b + sqrt(b^2 - 4 a c)) / 2 for the quadratics a r^2 - b r + c = 0 of the first two, which is the larger root
    where a = 1, and for 4 o r^2 + 2 o (h + w) r - (1 - o) h w = 0 the root without the division by a = 4 o: the last is
    always the least, and so the radius is that of growing, times 4 o (2.8 for an overlap of 0.7).
    """
    o, both, area = min_overlap, height + width, height * width
    quadratics = ((1.0, both, (1 - o) / (1 + o) * area), (4.0, 2 * both, (1 - o) * area))
    a, b, c = 4 * o, -2 * o * both, (o - 1) * area
    grown = b + (b.square() - 4 * a * c).sqrt()
    if formula == "published":
        roots = [(b + (b.square() - 4 * a * c).sqrt()) / 2 for a, b, c in quadratics] + [grown / 2]
    else:
        roots = [(b - (b.square() - 4 * a * c).sqrt()) / (2 * a) for a, b, c in quadratics] + [grown / (2 * a)]
    return torch.stack(roots).amin(dim=0)


def _mean_error(found: Tensor, true: Tensor) -> Tensor:
    """Mean absolute error of what is known; 0 if nothing is."""
    known = torch.isfinite(true)
    error = (found - torch.where(known, true, 0)).abs()
    return torch.where(known, error, 0).sum() / known.sum().clamp(min=1)
