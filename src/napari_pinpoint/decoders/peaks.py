"""Points from the peaks of heat maps."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import BaseModel, Field
from torch import Tensor

from napari_pinpoint.decoders import Decoded
from napari_pinpoint.decoders.refinement import Refinement, refine
from napari_pinpoint.decoders.shared import NEIGHBOURS_PX, columns_of, gather
from napari_pinpoint.decoders.thresholds import THRESHOLDS
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.registry import Part


class Peaks(BaseModel, extra="forbid", frozen=True):
    """One point for every peak of a heat map, of the height that the heat map has there.

    Which cells are peaks is up to a threshold function by name (`function`), where in its cell a point lies is
    found from the neighbouring values (`refinement`). Of peaks of one class that are nearer to each other than
    `min_distance` the highest stays.
    """

    needs: ClassVar[tuple[str, ...]] = ("heat",)
    images: ClassVar[tuple[str, ...]] = ()

    threshold: float = Field(default=0.3, gt=0, le=1, description="Least height of a peak.")
    function: Part = Field(default=Part(name="local_maxima"), description="Which cells are peaks.")
    refinement: Refinement = Field(default="gaussian", description="How positions within a cell are found.")
    min_distance: float = Field(default=0.0, ge=0, description="Least distance of two points of a class, pixels.")

    def model_post_init(self, context: Any) -> None:
        _ = self.chosen  # what cannot be made is refused now, not at the first batch

    @cached_property
    def chosen(self) -> Any:
        """The threshold function."""
        return THRESHOLDS.make(self.function)

    @property
    def scope(self) -> Literal["local", "frame"]:
        scope: Literal["local", "frame"] = self.chosen.scope
        return scope

    @property
    def selectable(self) -> bool:
        return bool(self.chosen.selectable)

    @property
    def reach(self) -> float:
        return math.inf if self.scope == "frame" else NEIGHBOURS_PX + 4 * self.min_distance

    def __call__(self, maps: dict[str, Tensor], *, stride: int) -> Decoded:
        heat = torch.sigmoid(maps["heat"].float())
        index = torch.nonzero(self.chosen(heat, self.threshold))
        height = heat[tuple(index.unbind(dim=1))].cpu().numpy()
        offset = refine(heat, index, self.refinement).cpu().numpy().astype(np.float64)
        image, label, *cell = index.cpu().numpy().T
        position = (np.stack(cell, axis=1) + offset) * stride + (stride - 1) / 2
        kept = self._apart(image * heat.shape[1] + label, position, height)
        columns = columns_of(image[kept], list(position[kept].T))
        if heat.shape[1] > 1:
            columns["label"] = label[kept]
        return Decoded(Localizations(columns | {"probability": height[kept]}))

    def _apart(self, group: Any, position: Any, height: Any) -> Any:
        """(n,) bool: the highest of those points of one image and class that are too near to each other."""
        if self.min_distance == 0:
            return np.ones(len(position), dtype=bool)
        apart = group[:, None] * (4 * self.min_distance)
        owner = gather(np.concatenate([apart, position], axis=1), height, self.min_distance)
        return owner == np.arange(len(owner))
