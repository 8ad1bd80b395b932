"""Pictures of whole tables: histogram, Gaussians, averaged shifted histogram.

The corner of a picture's first pixel is the corner of the stack's first pixel, so that a picture lies exactly over the
stack when it is scaled by the ratio of the pixel sizes and both corners coincide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.rendering.coloring import Coloring, values_of
from napari_pinpoint.rendering.gaussians import add_gaussians, morton

Array = np.ndarray[Any, Any]

#: How localizations may be drawn.
METHODS = ("histogram", "gaussian", "ash")
#: Bins of an averaged shifted histogram are this many pixels of the picture wide, by default.
SHIFTS = 4


@dataclass(frozen=True)
class Drawing:
    """Localizations per pixel (rows, columns) float32, and the mean of a column there (NaN where there is none)."""

    density: Array
    mean: Array | None = None


def render(
    table: Localizations,
    *,
    shape: tuple[int, int],
    picture_pixel_nm: float | None = None,
    magnification: float | None = None,
    method: str = "histogram",
    sigma: float | None = None,
    shifts: int = SHIFTS,
    color_by: str | Coloring | None = None,
) -> Array:
    """A picture of a table, in localizations per pixel of the picture, or in colours that tell of a column.

    Parameters
    ----------
    table
        The localizations; those outside the stack are left out.
    shape
        (rows, columns) of the stack.
    picture_pixel_nm, magnification
        Either the size of the picture's pixels, where the table's own is known, or how many of them make a pixel of
        the stack. By default a magnification of 10.
    method
        ``"histogram"`` counts localizations; ``"gaussian"`` draws each as a Gaussian of area 1 with its own
        uncertainties along y and x; ``"ash"``, the averaged shifted histogram, is the mean of `shifts` x `shifts`
        histograms with bins of `shifts` pixels that are shifted against each other by one pixel (Scott, Annals of
        Statistics 13, 1024, 1985): smooth, and without any uncertainty.
    sigma
        One standard deviation for all Gaussians instead, in pixels of the stack.
    shifts
        Of an averaged shifted histogram.
    color_by
        A column, or a `Coloring` with limits and colours of its own: the hue is the mean of the column, the brightness
        the density of localizations.

    Returns
    -------
    numpy.ndarray
        (rows * magnification, columns * magnification), rounded up, float32; with `color_by`, (..., 3) uint8.

    Examples
    --------
    >>> table = Localizations({"frame": [0, 1], "y": [0.0, 1.2], "x": [0.0, 0.8]})
    >>> render(table, shape=(2, 2), magnification=1)
    array([[1., 0.],
           [0., 1.]], dtype=float32)
    """
    coloring = Coloring.of(table, color_by) if isinstance(color_by, str) else color_by
    drawn = draw(
        table,
        shape=shape,
        magnification=magnification_of(table, picture_pixel_nm, magnification),
        method=method,
        sigma=sigma,
        shifts=shifts,
        column=None if coloring is None else coloring.column,
    )
    if coloring is None or drawn.mean is None:
        return drawn.density
    return coloring.paint(drawn.density, drawn.mean)


def draw(
    table: Localizations,
    *,
    shape: tuple[int, int],
    magnification: float,
    method: str = "histogram",
    sigma: float | None = None,
    shifts: int = SHIFTS,
    column: str | None = None,
) -> Drawing:
    """As `render`: the densities, and the mean of a column at each pixel."""
    if method not in METHODS:
        raise PinpointError(f"There is no way to render called {method!r}; there are {', '.join(METHODS)}.")
    factor = magnification
    rows, columns = (math.ceil(size * factor - 1e-9) for size in shape)
    # Half a pixel leads from the centre of the first pixel, where the table counts from, to its corner.
    y, x = ((table[name] + 0.5) * factor for name in ("y", "x"))
    inside = (y >= 0) & (x >= 0) & (y < shape[0] * factor) & (x < shape[1] * factor)
    y, x = y[inside], x[inside]
    row, column_ = np.minimum(y.astype(np.intp), rows - 1), np.minimum(x.astype(np.intp), columns - 1)
    weights = channels(None if column is None else values_of(table, column)[inside], len(y))
    if method == "gaussian":
        images = np.zeros((len(weights), rows, columns), np.float32)
        code = morton(row, column_)
        order = np.argsort(code)
        sigma_y, sigma_x = (width[inside][order] * factor for width in uncertainties(table, sigma, shape))
        add_gaussians(images, code[order], y[order], x[order], sigma_y, sigma_x, weights[:, order])
    else:
        images = histogram(row * columns + column_, (rows, columns), weights)
        if method == "ash":
            images = _averaged_over_shifts(images, shifts)
    return as_drawing(images)


def magnification_of(table: Localizations, picture_pixel_nm: float | None, magnification: float | None) -> float:
    """Pixels of the picture per pixel of the stack."""
    if picture_pixel_nm is not None and magnification is not None:
        raise PinpointError("Give the size of the picture's pixels or its magnification, not both.")
    for given in (picture_pixel_nm, magnification):
        if given is not None and not (math.isfinite(given) and given > 0):
            raise PinpointError(f"The size of a picture's pixels and its magnification must be above 0, not {given}.")
    if picture_pixel_nm is not None:
        if table.pixel_size_nm is None:
            raise PinpointError(
                "The table does not know the size of the stack's pixels, so the picture's cannot be in nanometres; "
                "give a magnification, or the table its pixel size (--pixel-size-nm)."
            )
        return table.pixel_size_nm / picture_pixel_nm
    return 10.0 if magnification is None else magnification


def channels(values: Array | None, n: int) -> Array:
    """What is summed up in each pixel, (1 or 3, n) float32: one for each row, its value, and whether it has one."""
    if values is None:
        return np.ones((1, n), np.float32)
    known = np.isfinite(values)
    return np.stack([np.ones(n, np.float32), np.where(known, values, 0), known], dtype=np.float32, casting="unsafe")


def as_drawing(images: Array) -> Drawing:
    """Density and mean from the sums of `channels`."""
    if len(images) == 1:
        return Drawing(images[0])
    density, values, known = images
    with np.errstate(invalid="ignore", divide="ignore"):
        # Gaussians end in values too small to be divided by.
        return Drawing(density, np.where(known > 1e-12, values / known, np.float32(np.nan)))


def histogram(pixels: Array, shape: tuple[int, int], weights: Array) -> Array:
    """Sums of the weights (channels, n) in the pixels with these numbers (n,): (channels, rows, columns) float32."""
    size = shape[0] * shape[1]
    sums = [np.bincount(pixels, weights=weight, minlength=size) for weight in weights]
    return np.stack(sums, dtype=np.float32, casting="unsafe").reshape(-1, *shape)


def uncertainties(table: Localizations, sigma: float | None, shape: tuple[int, int]) -> tuple[Array, Array]:
    """Standard deviations of every localization's Gaussian along y and x, in pixels of the stack; all above 0."""
    if sigma is not None:
        if not (math.isfinite(sigma) and sigma > 0):
            raise PinpointError(f"sigma must be above 0, not {sigma}.")
        one = np.full(len(table), sigma, np.float32)
        return one, one
    names = ("uncertainty_y", "uncertainty_x")
    if any(name not in table for name in names):
        raise PinpointError(
            "Gaussians as wide as the uncertainty need the columns uncertainty_y and uncertainty_x, which the table "
            "lacks; give one sigma for all, or render a histogram."
        )
    y, x = (_known(table[name].astype(np.float32)) for name in names)
    # A width of nothing cannot be divided by, and one of half the field is a failed fit and no place.
    low, high = np.float32(1e-4), np.float32(max(max(shape) / 8, 1e-3))
    return np.clip(y, low, high), np.clip(x, low, high)


def _known(widths: Array) -> Array:
    """The widths, the median where they are not known."""
    known = np.isfinite(widths)
    if known.all():
        return widths
    middle = np.median(widths[known]) if known.any() else 0.0
    return np.where(known, widths, np.float32(middle))


def _averaged_over_shifts(images: Array, shifts: int) -> Array:
    """Every localization in a pyramid of `shifts` pixels to each side: a box twice, of which the second goes back."""
    from scipy.ndimage import uniform_filter1d

    if shifts < 1:
        raise PinpointError(f"An averaged shifted histogram needs bins of at least one pixel, not {shifts}.")
    for axis in (1, 2):
        for origin in (0, -1 if shifts % 2 == 0 else 0):
            images = uniform_filter1d(images, shifts, axis=axis, mode="constant", origin=origin)
    return images
