"""The maximum of a heat map: one point of each class in every frame."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import numpy as np
import torch
from pydantic import BaseModel, Field
from torch import Tensor
from torch.nn import functional

from napari_pinpoint.decoders import Decoded
from napari_pinpoint.decoders.refinement import Refinement, refine
from napari_pinpoint.decoders.shared import columns_of
from napari_pinpoint.localizations import Localizations


class Argmax(BaseModel, extra="forbid", frozen=True):
    """The highest place of a frame's heat map, where it reaches the threshold; at most one point per class and frame.

    `probability` is the height of the heat map there, or, where the cells compete, the cell's share.
    """

    needs: ClassVar[tuple[str, ...]] = ("heat",)
    scope: ClassVar[Literal["local", "frame"]] = "frame"
    images: ClassVar[tuple[str, ...]] = ()
    selectable: ClassVar[bool] = True
    #: A maximum anywhere in the frame takes the place of any other.
    reach: ClassVar[float] = math.inf
    #: Points per class and frame.
    most_points: ClassVar[int] = 1

    threshold: float = Field(
        default=0.1, gt=0, le=1, description="Least height of the maximum; else there is no point."
    )
    refinement: Refinement = Field(default="gaussian", description="How the place between the cells is found.")
    compete: bool = Field(
        default=False,
        description="Whether the cells of a frame share a probability of 1, as with the loss softmax; otherwise each "
        "has its own.",
    )
    matched_sigma_px: float = Field(
        default=0.0,
        ge=0,
        description="Standard deviation, in pixels, of a Gaussian that the heat map is correlated with before its "
        "maximum is taken: all cells around a place decide, not one alone. 0 leaves the heat map as it is.",
    )

    def __call__(self, maps: dict[str, Tensor], *, stride: int) -> Decoded:
        with torch.no_grad():
            logits = maps["heat"].float()
            heat = logits.flatten(2).softmax(dim=2).reshape(logits.shape) if self.compete else torch.sigmoid(logits)
            seen = correlated(heat, self.matched_sigma_px / stride)
            # As good as certain are many cells; which is the highest, only the logits can tell.
            place = (seen if self.matched_sigma_px else logits).flatten(2).argmax(dim=2)  # (B, C)
            height = heat.flatten(2).gather(2, place[..., None])[..., 0]
            image, label = torch.nonzero(height >= self.threshold, as_tuple=True)
            cell = torch.unravel_index(place[image, label], heat.shape[2:])
            offset = refine(seen, torch.stack([image, label, *cell], dim=1), self.refinement)
        centre = torch.stack(cell, dim=1).cpu().numpy() * stride + (stride - 1) / 2
        position = centre + offset.cpu().numpy().astype(np.float64) * stride
        columns = columns_of(image.cpu().numpy(), list(position.T))
        if heat.shape[1] > 1:
            columns["label"] = label.cpu().numpy()
        return Decoded(Localizations(columns | {"probability": height[image, label].cpu().numpy()}))


def correlated(heat: Tensor, sigma: float) -> Tensor:
    r"""(B, C, \*cells) correlation with a Gaussian of sum 1; nothing lies beyond the border."""
    if sigma == 0:
        return heat
    reach = math.ceil(4 * sigma)
    away = torch.arange(-reach, reach + 1, dtype=heat.dtype, device=heat.device)
    kernel = torch.softmax(-(away**2) / (2 * sigma**2), dim=0).reshape(1, 1, -1)
    for axis in range(2, heat.dim()):
        lines = heat.movedim(axis, -1)
        blurred = functional.conv1d(lines.reshape(-1, 1, lines.shape[-1]), kernel, padding=reach)
        heat = blurred.reshape(lines.shape).movedim(-1, axis)
    return heat
