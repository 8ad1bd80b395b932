"""Camera: how counts (ADU) and detected photoelectrons are turned into each other."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from napari_pinpoint.arrays import Array, Rng, asarray_like, gamma, library, normal, poisson
from napari_pinpoint.errors import PinpointError

#: What a user calls each number, with its unit, for forms, `pinpoint info` and error messages.
CAMERA_FIELDS = {
    "offset_adu": "offset (counts with the shutter closed)",
    "electrons_per_adu": "electrons per count",
    "em_gain": "EM gain (1 = none)",
    "read_noise_e": "read noise (electrons, before EM gain is divided out)",
    "clock_induced_charge_e": "clock-induced charge (electrons per pixel and frame)",
    "saturation_adu": "saturation (counts)",
    "quantum_efficiency": "quantum efficiency (metadata only)",
}


@dataclass(frozen=True, eq=False)
class Camera:
    """A camera, as far as it is known.

    Photons always means *detected photoelectrons*: the quantum efficiency is kept as metadata and never divided by,
    since that would break Poisson statistics. What is unknown is None; it is never silently 1 or 0.

    Parameters
    ----------
    offset_adu
        Counts of a pixel without any light; a number or a map of shape (Y, X).
    electrons_per_adu
        Electrons at the converter per count; a number or a map of shape (Y, X). With EM gain these are multiplied
        electrons, so one count is worth ``electrons_per_adu / em_gain`` photoelectrons.
    em_gain
        Mean multiplication of an EMCCD; 1 means none.
    read_noise_e
        Standard deviation of the read-out in electrons at the converter; a number or a map of shape (Y, X).
    clock_induced_charge_e
        Mean number of spurious electrons per pixel and frame ahead of the EM register.
    saturation_adu
        Counts at which a pixel is full.
    quantum_efficiency
        Metadata only.
    sources
        Where each number came from: field name to words ("given", "Micro-Manager metadata", "estimated").
    """

    offset_adu: Any = None
    electrons_per_adu: Any = None
    em_gain: float = 1.0
    read_noise_e: Any = 0.0
    clock_induced_charge_e: float = 0.0
    saturation_adu: float | None = None
    quantum_efficiency: float | None = None
    sources: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("electrons_per_adu", "em_gain"):
            value = getattr(self, name)
            if value is not None and not np.all(np.asarray(value) > 0):
                raise PinpointError(f"The camera's {CAMERA_FIELDS[name]} must be above 0, not {value}.")
        if not np.all(np.asarray(self.read_noise_e) >= 0):
            raise PinpointError(f"The camera's {CAMERA_FIELDS['read_noise_e']} must not be negative.")
        if self.em_gain < 1:
            raise PinpointError(
                f"An EM gain of {self.em_gain} makes no sense: give 1 for a camera without EM register."
            )

    @property
    def is_calibrated(self) -> bool:
        """Whether counts can be turned into photoelectrons."""
        return self.offset_adu is not None and self.electrons_per_adu is not None

    @property
    def excess_noise(self) -> float:
        """Factor by which the EM register multiplies the variance of the shot noise: 2 with EM gain, else 1."""
        return 2.0 if self.em_gain > 1 else 1.0

    @property
    def read_noise_photons(self) -> Any:
        """Read noise as standard deviation in photoelectrons, that is with the EM gain divided out."""
        return self.read_noise_e / self.em_gain

    def missing(self) -> list[str]:
        """Names of the fields without which there are no photons."""
        return [name for name in ("offset_adu", "electrons_per_adu") if getattr(self, name) is None]

    def with_values(self, source: str, **values: Any) -> Camera:
        """A camera in which `values` (those that are not None) replace what was there, and say where they came from."""
        given = {name: value for name, value in values.items() if value is not None}
        unknown = set(given) - {f.name for f in fields(self)}
        if unknown:
            raise PinpointError(f"A camera has no {', '.join(sorted(unknown))}.")
        return replace(self, **given, sources={**self.sources, **dict.fromkeys(given, source)})

    def to_photons(self, counts: Array, window: tuple[slice, ...] = ()) -> Array:
        """Counts (..., Y, X) in ADU to float32 photoelectrons.

        `window` cuts per-pixel maps to the part of the sensor that `counts` shows.
        """
        if not self.is_calibrated:
            raise PinpointError(
                "Photons need the camera's " + " and ".join(CAMERA_FIELDS[name] for name in self.missing()) + "."
                " Give them, or estimate them from the data."
            )
        xp = library(counts)
        values = counts.to(xp.float32) if xp is not np else np.asarray(counts, dtype=np.float32)
        offset = asarray_like(_cut(self.offset_adu, window), values)
        gain = asarray_like(_cut(self.electrons_per_adu, window) / self.em_gain, values)
        return (values - offset) * gain

    def expose(self, photons: Array, rng: Rng, *, dtype: type[np.integer[Any]] = np.uint16) -> Array:
        """Expected photoelectrons (..., Y, X) to noisy counts, the inverse of `to_photons` in the mean.

        Poisson arrival and clock-induced charge, then the EM register (a gamma distribution whose shape is the
        number of electrons, Hirsch et al., PLoS ONE 8, e53671, 2013), read noise, gain, offset, rounding and
        saturation, in this order. Counts come in `dtype` from numpy and as float32 from torch.
        """
        if not self.is_calibrated:
            raise PinpointError("A camera that exposes needs an offset and electrons per count.")
        electrons = poisson(rng, photons + self.clock_induced_charge_e)
        if self.em_gain > 1:
            electrons = gamma(rng, electrons) * self.em_gain
        electrons = electrons + normal(rng, electrons) * asarray_like(self.read_noise_e, electrons)
        # Clock-induced charge is part of every dark frame, so the offset that users measure contains it.
        counts = (electrons - self.clock_induced_charge_e * self.em_gain) / asarray_like(
            self.electrons_per_adu, electrons
        ) + asarray_like(self.offset_adu, electrons)
        ceiling = float(np.iinfo(dtype).max)
        if self.saturation_adu is not None:
            ceiling = min(ceiling, self.saturation_adu)
        counts = counts.round().clip(0, ceiling)
        return counts.astype(dtype) if isinstance(counts, np.ndarray) else counts

    def to_record(self) -> dict[str, Any]:
        """The camera as plain JSON values; maps are given by their shape and mean."""
        record: dict[str, Any] = {}
        for name in CAMERA_FIELDS:
            value = getattr(self, name)
            if isinstance(value, np.ndarray):
                value = {"map_shape": list(value.shape), "mean": float(value.mean())}
            record[name] = value
        return {**record, "sources": dict(self.sources)}


def _cut(value: Any, window: tuple[slice, ...]) -> Any:
    """A per-pixel map cut to the window; a number stays as it is."""
    return value[window] if isinstance(value, np.ndarray) and value.ndim and window else value
