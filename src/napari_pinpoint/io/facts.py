"""Facts: what an image file says of itself besides its pixels, each number with where it was found."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field
from typing import Any

from napari_pinpoint.errors import PinpointWarning

# ImageJ escapes the micro sign; Unicode has two of them.
_NM = {
    "m": 1e9, "meter": 1e9, "cm": 1e7, "mm": 1e6, "millimeter": 1e6, "inch": 25.4e6, "in": 25.4e6,
    "um": 1e3, "µm": 1e3, "μm": 1e3, r"\u00b5m": 1e3, r"\u03bcm": 1e3, "micron": 1e3, "microns": 1e3,
    "micrometer": 1e3, "micrometers": 1e3, "nm": 1.0, "nanometer": 1.0, "nanometers": 1.0,
    "pm": 1e-3, "å": 0.1, "angstrom": 0.1,
}  # fmt: skip
_SECONDS = {
    "s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0, "ms": 1e-3, "msec": 1e-3, "us": 1e-6, "µs": 1e-6,
    "μs": 1e-6, "min": 60.0, "minute": 60.0, "minutes": 60.0, "h": 3600.0, "hour": 3600.0, "hours": 3600.0,
}  # fmt: skip

#: A print resolution (72 or 300 dots an inch, a pixel of 85 um and more) says nothing about the sample.
LARGEST_PLAUSIBLE_NM = 20_000.0


def nanometres(value: Any, unit: Any) -> float | None:
    """A length in nanometres; None for a unit that is none ("pixel") and for what is no number above 0."""
    return _scaled(value, _NM.get(str(unit).strip().lower()))


def seconds(value: Any, unit: Any = "s") -> float | None:
    """A duration in seconds; None where it is not one."""
    return _scaled(value, _SECONDS.get(str(unit).strip().lower()))


def _scaled(value: Any, factor: float | None) -> float | None:
    try:
        scaled = float(value) * factor if factor else 0.0
    except (TypeError, ValueError):
        return None
    return scaled if math.isfinite(scaled) and scaled > 0 else None


@dataclass
class Facts:
    """Numbers by the name that they have in `Stack` and `Camera`, their sources, and the rest as plain JSON values."""

    values: dict[str, Any] = field(default_factory=dict)
    interval_s: float | None = None
    camera: dict[str, float] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)

    def note(self, name: str, value: Any, source: str) -> None:
        """Keep a value of the stack unless it is unknown (None) or known already."""
        if value is not None and name not in self.values:
            self.values[name] = value
            self.sources[name] = source

    def note_pixel_size(self, x_nm: float | None, y_nm: float | None, source: str, name: str) -> None:
        """Keep the pixel size if the pixels are square; else warn, for one number would then be wrong."""
        if x_nm is None:
            return
        if y_nm is None or abs(x_nm / y_nm - 1) < 0.01:
            self.note("pixel_size_nm", x_nm, source)
            return
        warnings.warn(
            f"{name}: the pixels are not square ({x_nm:g} nm wide, {y_nm:g} nm high, {source}), so their size is taken "
            "as unknown. Give pixel_size_nm, or resample the stack to square pixels.",
            PinpointWarning,
            stacklevel=2,
        )

    def note_interval(self, interval_s: float | None, source: str) -> None:
        """Keep the time from frame to frame, of which `frame_times_s` is made once their number is known."""
        if interval_s is not None and self.interval_s is None:
            self.interval_s = interval_s
            self.sources.setdefault("frame_times_s", source)

    def add(self, other: Facts) -> None:
        """Keep what another source says and this one does not."""
        for name, value in other.values.items():
            self.note(name, value, other.sources[name])
        self.note_interval(other.interval_s, other.sources.get("frame_times_s", ""))
        self.metadata = {**other.metadata, **self.metadata}
