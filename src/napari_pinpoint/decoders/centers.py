"""Centres and boxes of objects from CenterNet's maps."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import BaseModel, Field
from torch import Tensor

from napari_pinpoint.decoders import Decoded
from napari_pinpoint.decoders.shared import NEIGHBOURS_PX, columns_of
from napari_pinpoint.decoders.threshold_functions import local_maxima
from napari_pinpoint.localizations import Localizations


class Centers(BaseModel, extra="forbid", frozen=True):
    """An object at every cell of the heat map of its class that none of the cells around it is higher than.

    Its centre is that of the cell, moved by the map ``shift``; where the method gives the map ``size`` and has learned
    it, it has a box. Boxes may overlap: none is left out for another, and there may be any number of them.
    """

    needs: ClassVar[tuple[str, ...]] = ("heat", "shift")
    scope: ClassVar[Literal["local", "frame"]] = "local"
    images: ClassVar[tuple[str, ...]] = ()
    selectable: ClassVar[bool] = True
    reach: ClassVar[float] = NEIGHBOURS_PX

    threshold: float = Field(default=0.3, gt=0, le=1, description="Least height of a peak.")

    def __call__(self, maps: dict[str, Tensor], *, stride: int) -> Decoded:
        with torch.no_grad():
            heat = torch.sigmoid(maps["heat"].float())
            index = torch.nonzero(local_maxima(heat, self.threshold))
        image, label, *cell = index.unbind(dim=1)
        at: Any = (image, slice(None), *cell)

        def here(values: Tensor) -> Any:
            """(n, D) values of a map at the peaks."""
            return values[at].detach().float().cpu().numpy().astype(np.float64)

        centre = torch.stack(cell, dim=1).cpu().numpy() * stride + (stride - 1) / 2
        columns = columns_of(image.cpu().numpy(), list((centre + here(maps["shift"])).T))
        if heat.shape[1] > 1:
            columns["label"] = label.cpu().numpy()
        columns["probability"] = heat[tuple(index.unbind(dim=1))].cpu().numpy()
        if len(cell) > 1 and "size" in maps and bool(maps["size"].any()):  # all 0: never learned
            extent = np.maximum(here(maps["size"]), 1.0)  # what is there has at least a pixel
            columns |= {"height": extent[:, -2], "width": extent[:, -1]}
        return Decoded(Localizations(columns))
