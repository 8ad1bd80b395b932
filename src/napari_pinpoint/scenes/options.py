"""Options that scenes share: ranges to draw from, and cameras."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import AfterValidator, BaseModel, Field

from napari_pinpoint.camera import Camera


def rising(limits: tuple[float, float]) -> tuple[float, float]:
    """The limits, which have to be in order."""
    if limits[0] > limits[1]:
        raise ValueError(f"a range goes from low to high, not from {limits[0]} to {limits[1]}")
    return limits


_NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]

#: Low and high, both at least 0.
Range = Annotated[tuple[_NotNegative, _NotNegative], AfterValidator(rising)]
#: Low and high, both above 0.
PositiveRange = Annotated[tuple[_Positive, _Positive], AfterValidator(rising)]


def draw(limits: tuple[float, float], size: int, rng: np.random.Generator, *, log: bool = False) -> Any:
    """Numbers of shape (size,) between the limits, float64; with `log`, every factor of ten is equally likely."""
    low, high = np.log(limits) if log else limits
    values = rng.uniform(float(low), float(high), size)
    return np.exp(values) if log else values


class CameraOptions(BaseModel, extra="forbid", frozen=True):
    """A `Camera` whose numbers are all known, as a recipe writes it; units and meanings are those of `Camera`."""

    offset_adu: float = 100.0
    electrons_per_adu: _Positive = 0.5
    em_gain: float = Field(default=1.0, ge=1)
    read_noise_e: _NotNegative = 1.5
    clock_induced_charge_e: _NotNegative = 0.0
    saturation_adu: _Positive | None = None

    def camera(self) -> Camera:
        """The camera, its numbers marked as simulated."""
        return Camera().with_values("simulated", **self.model_dump())
