"""How pictures are shown: from densities and values to brightness and colour."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import COLUMNS, Localizations

Array = np.ndarray[Any, Any]

#: White is this percentile of what is not empty: a few bright pixels do not darken the rest.
PERCENTILE = 99.0
#: Colours of values that differ in hue from one end to the other, so that brightness is free for the density.
COLORMAP = "turbo"
#: Values between these percentiles have colours of their own, unless limits are given.
_MIDDLE = (1.0, 99.0)


def contrast_limits(image: Array, percentile: float = PERCENTILE) -> tuple[float, float]:
    """Brightness to show as black and as white: zero, and a percentile of what is not empty."""
    bright = image[image > 0]
    return 0.0, float(np.percentile(bright, percentile)) if bright.size else 1.0


@dataclass(frozen=True)
class Coloring:
    """What the colour of a picture says: the mean of a column, from `low` (the colormap's first colour) to `high`.

    Parameters
    ----------
    column
        A column of numbers; a length in pixels is in nanometres with ``_nm`` behind its name.
    low, high
        In the unit of the column.
    colormap
        One of matplotlib's. Only its hues count: brightness says how dense localizations are.
    """

    column: str
    low: float
    high: float
    colormap: str = COLORMAP

    @classmethod
    def of(
        cls,
        table: Localizations,
        column: str,
        *,
        limits: tuple[float, float] | None = None,
        colormap: str = COLORMAP,
    ) -> Coloring:
        """The colours of a column; without limits they span what all but a few of the values lie in."""
        values = values_of(table, column)
        known = values[np.isfinite(values)]
        if limits is None:
            low, high = np.percentile(known, _MIDDLE).tolist() if len(known) else (0.0, 1.0)
            limits = (low, high if high > low else low + 1.0)
        if not (math.isfinite(limits[0]) and math.isfinite(limits[1]) and limits[0] < limits[1]):
            raise PinpointError(f"Colours need a lower limit below the upper one, not {limits[0]:g} and {limits[1]:g}.")
        _colors(colormap)
        return cls(column, float(limits[0]), float(limits[1]), colormap)

    def paint(self, density: Array, mean: Array, limits: tuple[float, float] | None = None) -> Array:
        """Red, green and blue (rows, columns, 3) uint8 of densities and mean values (rows, columns).

        The density makes the brightness, from `limits` (by default `contrast_limits`), the mean the hue; where
        localizations have no value, they are grey.
        """
        low, high = limits or contrast_limits(density)
        brightness = np.clip((density - low) / max(high - low, 1e-30), 0, 1).astype(np.float32)
        colors = np.concatenate([self.palette() * np.float32(255), np.full((1, 3), 160, np.float32)])
        known = np.isfinite(mean)
        index = np.where(known, (mean - self.low) / (self.high - self.low), 0)
        index = np.where(known, np.clip(index * 256, 0, 255), 256).astype(np.intp)
        painted: Array = colors[index]
        painted *= brightness[..., None]
        return np.rint(painted, out=painted).astype(np.uint8, copy=False)

    def palette(self) -> Array:
        """The 256 colours (256, 3) float32 from low to high, each as bright as its hue allows."""
        colors: Array = _colors(self.colormap)(np.linspace(0, 1, 256))[:, :3].astype(np.float32)
        colors /= np.maximum(colors.max(axis=1, keepdims=True), 1e-6)
        return colors


def values_of(table: Localizations, column: str) -> Array:
    """A column of numbers, or of lengths in nanometres where ``_nm`` is behind the name of one in pixels."""
    scale = 1.0
    name = column
    if column not in table and column.endswith("_nm"):
        name = column.removesuffix("_nm")
        of_z = name in ("z", "uncertainty_z")
        size = table.z_step_nm if of_z else table.pixel_size_nm
        if name in COLUMNS and COLUMNS[name].unit == "px":
            if size is None:
                raise PinpointError(
                    f"{column} needs the {'distance of planes' if of_z else 'pixel size'} of the table."
                )
            scale = size
    values = table[name]
    if values.dtype.kind not in "iufb":
        raise PinpointError(f"Colours need a column of numbers; {column!r} has texts.")
    return values if scale == 1 else values * scale


def title_of(column: str) -> str:
    """A column's name with its unit."""
    if column.endswith("_nm") and column not in COLUMNS:
        return f"{column.removesuffix('_nm')} (nm)"
    unit = COLUMNS[column].unit if column in COLUMNS else ""
    return f"{column} ({unit})" if unit else column


def _colors(name: str) -> Any:
    import matplotlib

    try:
        return matplotlib.colormaps[name]
    except KeyError:
        raise PinpointError(f"There is no colormap called {name!r}; try turbo, viridis or hsv.") from None
