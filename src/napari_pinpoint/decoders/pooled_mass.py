"""Points from candidates that were trained without assignment: probability that agrees on a place adds up."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import BaseModel, Field
from torch import Tensor

from napari_pinpoint.decoders import Decoded
from napari_pinpoint.decoders.shared import Candidates, columns_of, gather, spatial_axes
from napari_pinpoint.localizations import Localizations


class PooledMass(BaseModel, extra="forbid", frozen=True):
    """Points where the probability of candidates that agree on a place adds up.

    A network that is trained without assignment may say one emitter in several halves. Candidates are taken from the
    most probable down; each gathers the free ones within `radius`, and a group whose probabilities add up to the
    threshold is one localization at their weighted mean. Where candidates tell their uncertainty, photons and
    background (the maps of the mixture), so does the localization: the variance is that of the group's mixture.
    """

    needs: ClassVar[tuple[str, ...]] = ("logit", "offset")
    scope: ClassVar[Literal["local", "frame"]] = "local"
    images: ClassVar[tuple[str, ...]] = ()
    selectable: ClassVar[bool] = True

    threshold: float = Field(default=0.5, gt=0, le=1, description="Least probability of a localization.")
    radius: float = Field(default=0.55, gt=0, description="Distance within which candidates are one point, px.")
    least: float = Field(default=0.08, ge=0, lt=1, description="Candidates below this probability are noise.")

    @property
    def reach(self) -> float:
        return 4 * self.radius

    def __call__(self, maps: dict[str, Tensor], *, stride: int) -> Decoded:
        found = Candidates.above(self.least, maps, stride=stride)
        classes = maps["logit"].shape[1]
        # Frames and classes are pulled apart along an axis of their own, so that one tree serves all of them.
        apart = (found.image * classes + found.label)[:, None] * (4 * self.radius)
        owner = gather(np.concatenate([apart, found.position], axis=1), found.probability, self.radius)
        groups, member = np.unique(owner, return_inverse=True)
        mass = np.bincount(member, found.probability, len(groups))

        def mean(values: Any) -> Any:
            """Means over the groups, (n_groups, ...), weighted by probability."""
            flat = values.reshape(len(values), math.prod(values.shape[1:]))
            means = [np.bincount(member, found.probability * column, len(groups)) / mass for column in flat.T]
            return np.stack(means, axis=1).reshape(len(groups), *values.shape[1:])

        position = mean(found.position)
        # Compared as the table holds it, so that selecting rows of the table later is the same.
        probability = np.minimum(mass, 1.0).astype(np.float32)
        columns = columns_of(found.image[groups], list(position.T))
        if classes > 1:
            columns["label"] = found.label[groups]
        if "log_spread" in found.more:
            columns |= _with_uncertainty(found, position[member], mean)
        kept = probability >= np.float32(self.threshold)
        return Decoded(Localizations(columns | {"probability": probability}).select(kept))


def _with_uncertainty(found: Candidates, centre: Any, mean: Any) -> dict[str, Any]:
    """Columns of what the mixture tells besides: law of total variance over each group's candidates."""
    variance = mean(np.exp(2 * found.more["log_spread"]) + (found.position - centre) ** 2)
    columns = {
        f"uncertainty_{axis}": np.sqrt(values)
        for axis, values in zip(spatial_axes(centre.shape[1]), variance.T, strict=True)
    }
    photons = np.exp(found.more["log_photons"])
    spread = photons * np.exp(found.more["log_photons_spread"])
    columns["photons"] = mean(photons)
    columns["background"] = mean(np.exp(found.more["log_background"]))
    squared = mean(spread**2 + photons**2) - columns["photons"] ** 2
    columns["uncertainty_photons"] = np.sqrt(np.maximum(squared, 0))
    return columns
