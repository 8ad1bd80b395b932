"""Threshold functions: fixed level, local maxima, adaptive by image, h-maxima. A plateau is one peak in all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import BaseModel, Field
from scipy import ndimage
from skimage.morphology import h_maxima
from skimage.morphology import local_maxima as maxima_and_plateaus
from torch import Tensor
from torch.nn import functional

Array = np.ndarray[Any, Any]


class LocalMaxima(BaseModel, extra="forbid", frozen=True):
    """Cells of at least the threshold that no neighbour, diagonal ones included, is higher than."""

    scope: ClassVar[Literal["local", "frame"]] = "local"
    selectable: ClassVar[bool] = True

    def __call__(self, heat: Tensor, threshold: float) -> Tensor:
        return local_maxima(heat, threshold)


class FixedLevel(BaseModel, extra="forbid", frozen=True):
    """The highest cell of every connected region of cells of at least the threshold.

    Points whose regions touch are one. Raising the threshold may split a region, so it must be decoded anew.
    """

    scope: ClassVar[Literal["local", "frame"]] = "frame"
    selectable: ClassVar[bool] = False

    def __call__(self, heat: Tensor, threshold: float) -> Tensor:
        return _map_by_map(heat, lambda values: _highest_of_regions(values, values >= np.float32(threshold)))


class AdaptiveLevel(BaseModel, extra="forbid", frozen=True):
    """Local maxima above a level that each image sets by the heights of its own peaks.

    The level is the threshold times the `quantile` of the heights of the image's local maxima, of which only those of
    at least `least` count: where a network is less sure than in its training, because the microscope is another one,
    its peaks are lower all over. Nothing below `least` is ever a point, so an empty image stays empty.
    """

    scope: ClassVar[Literal["local", "frame"]] = "frame"
    selectable: ClassVar[bool] = False

    quantile: float = Field(default=0.9, gt=0, le=1, description="Of the heights of peaks; 1 is the highest.")
    least: float = Field(default=0.1, gt=0, le=1, description="What is lower is no peak in any image.")

    def __call__(self, heat: Tensor, threshold: float) -> Tensor:
        peaks = local_maxima(heat, self.least)
        for image, here in zip(heat, peaks, strict=True):
            if here.any():
                here &= image >= threshold * torch.quantile(image[here].float(), self.quantile)
        return peaks


class HMaxima(BaseModel, extra="forbid", frozen=True):
    """Maxima from which every way to a higher one leads down by at least the threshold.

    It asks how far a peak stands out of its surroundings instead of how high it is: the shoulder of a bright spot
    and ripples on a broad one are no points, a peak of the same rise on a dark ground is (Soille, Morphological Image
    Analysis, 2004).
    """

    scope: ClassVar[Literal["local", "frame"]] = "frame"
    selectable: ClassVar[bool] = False

    def __call__(self, heat: Tensor, threshold: float) -> Tensor:
        def find(values: Array) -> Array:
            return _highest_of_regions(values, h_maxima(values, threshold) > 0)  # type: ignore[no-untyped-call]

        return _map_by_map(heat, find)


def local_maxima(heat: Tensor, least: float) -> Tensor:
    r"""One cell of every local maximum of at least `least`; bool, as `heat` (B, C, \*cells).

    A plateau is a maximum if no cell around it is higher, and then one peak: the cell nearest to its middle.
    """
    peaks = (heat == _pooled(heat)) & (heat >= least)
    # Equal neighbours are rare, and only where there are some a slower search has to tell plateaus from slopes.
    level = peaks & ((_pooled(heat.masked_fill(peaks, -torch.inf)) == heat) | (_neighbours(peaks) > 0))
    for image, label in torch.nonzero(level.flatten(2).any(dim=2)).tolist():
        values = heat[image, label].float().cpu().numpy()
        maxima = maxima_and_plateaus(values)  # type: ignore[no-untyped-call]
        found = _highest_of_regions(values, maxima & (values >= np.float32(least)))
        peaks[image, label] = torch.from_numpy(found).to(peaks.device)
    return peaks


def _pooled(heat: Tensor) -> Tensor:
    """The highest value of the 3 (3 x 3, 3 x 3 x 3) cells at and around each."""
    pool = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}[heat.dim() - 2]
    pooled: Tensor = pool(heat, 3, stride=1, padding=1)
    return pooled


def _neighbours(peaks: Tensor) -> Tensor:
    """How many of the cells around each are peaks."""
    dims = peaks.dim() - 2
    pool = {1: functional.avg_pool1d, 2: functional.avg_pool2d, 3: functional.avg_pool3d}[dims]
    return torch.round(pool(peaks.float(), 3, stride=1, padding=1) * 3**dims) - peaks.float()


def _map_by_map(heat: Tensor, find: Callable[[Array], Array]) -> Tensor:
    """What `find` makes of the map of every image and class, (\\*cells) float32 on the CPU."""
    maps = heat.float().cpu().numpy()
    found = np.stack([[find(values) for values in image] for image in maps])
    return torch.from_numpy(found).to(heat.device)


def _highest_of_regions(values: Array, inside: Array) -> Array:
    """The highest cell of every connected region, and the one nearest to their middle of several that are equal."""
    number, n = ndimage.label(inside, structure=np.ones((3,) * inside.ndim))
    cell = np.argwhere(inside)
    region, height = number[inside] - 1, values[inside]
    top = np.full(n, -np.inf)
    np.maximum.at(top, region, height)
    highest = height == top[region]
    cell, region = cell[highest], region[highest]
    count = np.bincount(region, minlength=n)
    middle = np.stack([np.bincount(region, axis, n) / count for axis in cell.T], axis=1)
    order = np.lexsort((((cell - middle[region]) ** 2).sum(axis=1), region))
    _, first = np.unique(region[order], return_index=True)
    chosen = np.zeros_like(inside)
    chosen[tuple(cell[order[first]].T)] = True
    return chosen
