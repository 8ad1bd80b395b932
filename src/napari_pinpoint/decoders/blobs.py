"""Blobs: connected regions of a probability map, each with its centroid, and the image of their numbers."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import BaseModel, Field
from scipy import ndimage
from torch import Tensor

from napari_pinpoint.decoders import Decoded
from napari_pinpoint.decoders.shared import columns_of
from napari_pinpoint.localizations import Localizations

Array = np.ndarray[Any, Any]


class Blobs(BaseModel, extra="forbid", frozen=True):
    """Every connected region above the threshold is one object.

    Its point is the centroid weighted by probability; `probability` is the largest one in it, and `area_px` the number
    of its pixels. The image ``labels`` numbers the blobs of every frame from 1 in the order of the rows; where those
    of two classes overlap, the more probable class is shown.
    """

    needs: ClassVar[tuple[str, ...]] = ("blob",)
    scope: ClassVar[Literal["local", "frame"]] = "frame"
    images: ClassVar[tuple[str, ...]] = ("labels",)
    #: A blob is smaller, or falls apart, at a higher threshold.
    selectable: ClassVar[bool] = False
    #: A blob may be of any size, and where only a region is wanted, so much of it may lie outside.
    reach: ClassVar[float] = math.inf

    threshold: float = Field(default=0.5, gt=0, le=1, description="Probability above which a pixel is in a blob.")
    min_area_px: float = Field(default=0.0, ge=0, description="Pixels that a blob has at least.")
    corners: bool = Field(default=True, description="Whether pixels that touch at a corner only are connected.")

    def __call__(self, maps: dict[str, Tensor], *, stride: int) -> Decoded:
        with torch.no_grad():
            probability = torch.sigmoid(maps["blob"].float()).cpu().numpy()
        dims = probability.ndim - 2
        # Images and classes are not connected, and numbers are given out in the order of images, then of classes.
        blobs, n = ndimage.label(probability > np.float32(self.threshold), self._connected(dims))
        where = np.nonzero(blobs)
        number, p = blobs[where] - 1, probability[where].astype(np.float64)
        image, label = np.zeros(n, np.int64), np.zeros(n, np.int64)
        image[number], label[number] = where[:2]  # the same for all pixels of a blob
        largest = np.zeros(n)
        np.maximum.at(largest, number, p)
        area = np.bincount(number, minlength=n) * stride**dims
        kept = area >= self.min_area_px
        mass = np.bincount(number, p, n)
        centre = [np.bincount(number, p * axis, n)[kept] / mass[kept] for axis in where[2:]]

        columns = columns_of(image[kept], [axis * stride + (stride - 1) / 2 for axis in centre])
        if probability.shape[1] > 1:
            columns["label"] = label[kept]
        columns |= {"probability": largest[kept].astype(np.float32), "area_px": area[kept]}
        shown = np.concatenate([[0], np.where(kept, _ranks(image, kept), 0)]).astype(np.int32)[blobs]
        return Decoded(Localizations(columns), {"labels": _flat(shown, probability, stride)})

    def _connected(self, dims: int) -> Array:
        r"""Which of its neighbours an element of (B, C, \*cells) is connected with: none of other images or classes."""
        structure = np.zeros((3,) * (dims + 2), bool)
        structure[1, 1] = ndimage.generate_binary_structure(dims, dims if self.corners else 1)
        return structure


def _ranks(image: Array, kept: Array) -> Array:
    """Number of every blob among the kept ones of its image, from 1; blobs are in the order of their images."""
    before = np.concatenate([[0], np.cumsum(np.bincount(image[kept]))])
    ranks: Array = np.cumsum(kept) - before[np.minimum(image, len(before) - 1)]
    return ranks


def _flat(numbers: Array, probability: Array, stride: int) -> Array:
    r"""One image of numbers (B, \*spatial) out of those of the classes (B, C, \*cells)."""
    if numbers.shape[1] > 1:
        best = np.where(numbers > 0, probability, -1).argmax(axis=1, keepdims=True)
        numbers = np.take_along_axis(numbers, best, axis=1)
    image = numbers[:, 0]
    for axis in range(1, image.ndim):
        image = image.repeat(stride, axis=axis)
    return image
