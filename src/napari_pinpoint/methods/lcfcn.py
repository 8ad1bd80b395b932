"""LCFCN: counting by localization with point supervision (Laradji, Rostamzadeh, Pinheiro, Vazquez, Schmidt, ECCV 2018).

A map says for every cell how likely it belongs to an object, and its connected regions above 0.5 are *blobs*, which
are counted. Nobody says how large objects are: the loss only asks that there is one blob at every point and none
elsewhere. Four terms do that, each a sum of logarithms over sets of cells that are found without gradient:

- image: something is there if there are points, and somewhere there is nothing;
- point: every point lies in a blob;
- split: cells on the borders between the basins of different points (watershed) belong to none;
- false positive: the cells of blobs without a point belong to none.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import BaseModel, Field
from scipy import ndimage
from skimage.segmentation import watershed
from torch import Tensor, nn
from torch.nn import functional

from napari_pinpoint.methods.cells import cells_of, is_believed
from napari_pinpoint.methods.points import Points
from napari_pinpoint.networks import convolution

Array = np.ndarray[Any, Any]


class LCFCN(BaseModel, extra="forbid", frozen=True):
    """Blobs, one for each point.

    Two versions are published. The authors' *current* code has a sigmoid for every class and treats each as a problem
    of its own: with N points of a class, the borders of all basins weigh N - 1, and those in a blob of n points n - 1.
    The code of the *paper* has a softmax over the classes and the background; there the weights are N, of all classes
    together, and n + 1, and what is not to be a blob is to be background.

    Two things are ours. Points in the same cell are one, for no map can hold them apart. And a blob without a point is
    no false positive if it touches cells that are not believed, where its point may lie.
    """

    #: Objects have an area or a volume; an event in a trace has nothing to be counted by.
    supported_dims: ClassVar[frozenset[int]] = frozenset({2, 3})
    outputs: ClassVar[tuple[str, ...]] = ("blob",)
    default_decoder: ClassVar[str] = "blobs"
    #: Where a blob lies within its object is nothing that the loss asks for.
    precision_px: ClassVar[float] = 1.0

    version: Literal["current", "paper"] = Field(
        default="current", description="Weights of the authors' current code, or of the paper's."
    )
    classes: int = Field(default=1, ge=1, description="Classes that are told apart.")
    relief: int = Field(default=7, ge=3, description="Widest dip between objects that steers the splits, cells.")
    bias: float = Field(default=-2.0, description="Logit of every cell before training.")

    def head(self, in_channels: int, *, dims: int, stride: int) -> nn.Module:
        return BlobHead(in_channels, dims=dims, method=self)

    def target(self, points: Points, shape: tuple[int, ...]) -> Points:
        """The points themselves: which of them count depends on what is believed."""
        return points

    def loss(
        self, maps: dict[str, Tensor], target: Points, valid: Tensor, *, progress: float = 1.0
    ) -> dict[str, Tensor]:
        """Mean over the batch of the four terms, summed over classes."""
        logit = maps["blob"]
        believed = cells_of(valid, logit.shape[2:])
        seeds = _seeds(target, valid, believed, self.classes)
        split, false = self._weights(logit, seeds, believed)
        if self.version == "current":
            nothing, image = functional.softplus(logit), _image_term(logit, seeds, believed)
        else:
            background = _log_background(logit)
            nothing, image = -background[:, None], _image_term_of_paper(logit, background, seeds, believed)
        n = len(logit)
        return {
            "image": image / n,
            "point": (functional.softplus(-logit) * seeds).sum() / n,
            "split": (nothing * split).sum() / n,
            "false_positive": (nothing * false).sum() / n,
        }

    def _weights(self, logit: Tensor, seeds: Tensor, believed: Tensor) -> tuple[Tensor, Tensor]:
        r"""What every cell weighs in the split and the false-positive term, both (B, C or 1, \*cells)."""
        with torch.no_grad():
            probability = torch.sigmoid(logit.float()).cpu().numpy()
        marks, where = seeds.cpu().numpy(), believed.cpu().numpy()
        paper = self.version == "paper"
        split, false = np.zeros_like(probability), np.zeros_like(probability)
        for index in np.ndindex(*probability.shape[:2]):
            p = np.where(where[index[0]], probability[index], 0)
            relief = self._relief(p)
            blobs, holds = _blobs(p, marks[index])
            split[index] = split_blobs(blobs, holds, relief, marks[index], extra=1 if paper else -1)
            false[index] = false_blobs(blobs, holds, where[index[0]])
            if not paper:
                split[index] += split_all(relief, marks[index], where[index[0]], extra=-1)
        if paper:
            # One class more or less is the same background, so the terms of all classes fall on one map.
            split, false = split.sum(axis=1, keepdims=True), false.sum(axis=1, keepdims=True)
            for i, p in enumerate(np.where(where, probability.sum(axis=1), 0)):
                relief = self._relief(p)
                split[i, 0] += split_all(relief, marks[i].any(axis=0), where[i], extra=0)
        return torch.from_numpy(split).to(logit.device), torch.from_numpy(false).to(logit.device)

    def _relief(self, probability: Array) -> Array:
        """What basins are flooded by: how deep a cell lies in a dip that is narrower than the window."""
        relief: Array = ndimage.black_tophat(probability, size=(self.relief,) * probability.ndim)
        return relief


class BlobHead(nn.Module):
    r"""Features to ``blob`` (B, classes, \*cells), the logit of every class."""

    def __init__(self, in_channels: int, *, dims: int, method: LCFCN) -> None:
        super().__init__()
        self.exclusive = method.version == "paper"
        self.layer = convolution(dims)(in_channels, method.classes, 3, padding=1)
        nn.init.constant_(self.layer.bias, method.bias)

    def forward(self, features: Tensor) -> dict[str, Tensor]:
        values = self.layer(features).float()
        if self.exclusive and values.shape[1] > 1:
            # A softmax with the background's value fixed at 0, as logits: log p - log(1 - p) = value - log(all others).
            others = values[:, None].repeat(1, values.shape[1], *[1] * (values.dim() - 1))
            others.diagonal(dim1=1, dim2=2).zero_()  # the background stands in the place of the class itself
            values = values - others.logsumexp(dim=2)
        return {"blob": values}


def split_all(relief: Array, seeds: Array, believed: Array, *, extra: int) -> Array:
    r"""Weights of the borders between the basins of all N `seeds`, N + `extra` together; all are (\*cells)."""
    return _shared(_borders(relief, seeds, believed), int(seeds.sum()) + extra)


def split_blobs(blobs: Array, holds: Array, relief: Array, seeds: Array, *, extra: int) -> Array:
    r"""Weights of the borders within blobs of several seeds, n + `extra` for each blob of n.

    Parameters
    ----------
    blobs
        (\*cells) numbers of the blobs from 1; 0 is outside.
    holds
        (n + 1,) how many seeds each number holds.
    relief, seeds
        (\*cells) what the basins are flooded by, and from where.
    """
    weights = np.zeros(blobs.shape, np.float32)
    several = np.flatnonzero(holds[1:] > 1) + 1
    renumbered = np.zeros(len(holds), np.int32)
    renumbered[several] = np.arange(1, len(several) + 1)  # boxes of thousands of other blobs would take long
    for number, box in zip(several, ndimage.find_objects(renumbered[blobs]), strict=True):
        here = blobs[box] == number
        weights[box] += _shared(_borders(relief[box], seeds[box] & here, here), int(holds[number]) + extra)
    return weights


def false_blobs(blobs: Array, holds: Array, believed: Array) -> Array:
    r"""Weights (\*cells) of the cells of blobs without seeds, 1 for each blob that touches nothing hidden."""
    near = ndimage.binary_dilation(~believed, _touching(blobs.ndim))
    spared = np.bincount(blobs[near], minlength=len(holds)) > 0
    punished = (holds == 0) & ~spared
    punished[0] = False
    area = np.bincount(blobs.ravel(), minlength=len(holds))
    share: Array = (punished / np.maximum(area, 1)).astype(np.float32)[blobs]
    return share


def _blobs(probability: Array, seeds: Array) -> tuple[Array, Array]:
    """Connected regions above 0.5, numbered from 1, and how many seeds each number holds."""
    blobs, n = ndimage.label(probability > 0.5, _touching(probability.ndim))
    return blobs, np.bincount(blobs[seeds], minlength=n + 1)


def _borders(relief: Array, seeds: Array, within: Array) -> Array:
    r"""(\*cells) bool: cells of one seed's basin that touch that of another; two cells wide, as it has two sides."""
    markers = np.zeros(relief.shape, np.int32)
    markers[seeds] = np.arange(1, seeds.sum() + 1)
    if markers.max(initial=0) < 2:
        return np.zeros(relief.shape, bool)
    basins = watershed(relief, markers, mask=within, connectivity=relief.ndim)  # type: ignore[no-untyped-call]
    highest = ndimage.maximum_filter(basins, size=3)
    lowest = ndimage.minimum_filter(np.where(basins > 0, basins, len(markers.ravel())), size=3)
    borders: Array = (basins > 0) & (highest != lowest)
    return borders


def _shared(cells: Array, weight: int) -> Array:
    """`weight` in equal parts on the cells."""
    return cells * np.float32(weight / max(1, int(cells.sum())))


def _touching(dims: int) -> Array:
    """The neighbourhood that holds a blob together: cells that touch, at a corner at least."""
    return np.ones((3,) * dims, bool)


def _seeds(points: Points, valid: Tensor, believed: Tensor, classes: int) -> Tensor:
    r"""(B, C, \*cells) bool: the believed cells that hold a point of the class."""
    stride = valid.shape[1] // believed.shape[1]
    image, row = torch.nonzero(points.mask & is_believed(valid, points.positions), as_tuple=True)
    cell = (points.positions[image, row].round().long() // stride).unbind(dim=-1)
    seeds = torch.zeros((len(valid), classes, *believed.shape[1:]), dtype=torch.bool, device=valid.device)
    seeds[(image, points.labels[image, row], *cell)] = True
    return seeds & believed[:, None]


def _image_term(logit: Tensor, seeds: Tensor, believed: Tensor) -> Tensor:
    """Sum over images and classes: the largest p is 1 if there is a point, the smallest 0 if a cell has none."""
    highest, lowest = _extremes(logit, believed)
    present = seeds.flatten(2).any(dim=2)
    empty = (believed[:, None] & ~seeds).flatten(2).any(dim=2)
    zero = logit.new_zeros(())
    something = torch.where(present, functional.softplus(-highest), zero)
    return (something + torch.where(empty, functional.softplus(lowest), zero)).sum()


def _image_term_of_paper(logit: Tensor, log_background: Tensor, seeds: Tensor, believed: Tensor) -> Tensor:
    """Sum over images and classes: the largest p is 1 if there is a point, else 0; that of the background is 1."""
    highest, _ = _extremes(logit, believed)
    present = seeds.flatten(2).any(dim=2)
    background, _ = _extremes(log_background[:, None], believed)
    some = believed.flatten(1).any(dim=1)[:, None]
    zero = logit.new_zeros(())
    classes = torch.where(some, functional.softplus(torch.where(present, -highest, highest)), zero)
    return classes.sum() - torch.where(some, background, zero).sum()


def _extremes(values: Tensor, believed: Tensor) -> tuple[Tensor, Tensor]:
    """(B, C) largest and smallest value on the believed cells; infinite where there is none."""
    hidden = ~believed[:, None]
    highest = values.masked_fill(hidden, -torch.inf).flatten(2).amax(dim=2)
    return highest, values.masked_fill(hidden, torch.inf).flatten(2).amin(dim=2)


def _log_background(logit: Tensor) -> Tensor:
    r"""(B, \*cells) log(1 - sum of p over the classes), written so that one class loses no digits."""
    rest = torch.sigmoid(-logit).sum(dim=1) - (logit.shape[1] - 1)
    return rest.clamp(min=1e-12).log()
