"""Points from candidates that were trained without assignment: probability that agrees on a place adds up."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import BaseModel, Field
from torch import Tensor

from napari_pinpoint.decoders import Decoded
from napari_pinpoint.decoders.shared import candidates_above, columns_of, gather
from napari_pinpoint.localizations import Localizations


class PooledMass(BaseModel, extra="forbid", frozen=True):
    """Points where the probability of candidates that agree on a place adds up.

    A network that is trained without assignment may say one emitter in several halves. Candidates are taken from the
    most probable down; each gathers the free ones within `radius`, and a group whose probabilities add up to the
    threshold is one localization at their weighted mean.
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
        frame, label, probability, position = candidates_above(self.least, maps["logit"], maps["offset"], stride=stride)
        # Frames and classes are pulled apart along an axis of their own, so that one tree serves all of them.
        apart = (frame * maps["logit"].shape[1] + label)[:, None] * (4 * self.radius)
        owner = gather(np.concatenate([apart, position], axis=1), probability, self.radius)
        groups, member = np.unique(owner, return_inverse=True)
        mass = np.bincount(member, probability, len(groups))
        mean = [np.bincount(member, probability * axis, len(groups)) / mass for axis in position.T]
        # Compared as the table holds it, so that selecting rows of the table later is the same.
        probability = np.minimum(mass, 1.0).astype(np.float32)
        kept = probability >= np.float32(self.threshold)
        columns = columns_of(frame[groups][kept], [axis[kept] for axis in mean])
        if maps["logit"].shape[1] > 1:
            columns["label"] = label[groups][kept]
        return Decoded(Localizations(columns | {"probability": probability[kept]}))
