"""Images from tables: super-resolution pictures, and how to show one beside the plain average.

The corner of a picture's first pixel is the corner of the stack's first pixel, so that a picture lies exactly over the
stack when it is scaled by the ratio of the pixel sizes and both corners coincide.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: How localizations may be drawn.
METHODS = ("histogram", "gaussian")

#: Widths of Gaussians are rounded to this ratio, so that one blur serves all that are alike.
WIDTH_STEP = 1.1


def render(
    table: Localizations,
    *,
    shape: tuple[int, int],
    pixel_size_nm: float | None = None,
    magnification: float | None = None,
    method: str = "histogram",
    sigma: float | None = None,
) -> np.ndarray[Any, Any]:
    """A picture of a table, in localizations per pixel of the picture.

    Parameters
    ----------
    table
        The localizations; those outside the stack are left out.
    shape
        (rows, columns) of the stack.
    pixel_size_nm, magnification
        Either the size of the picture's pixels, where the table's own is known, or how many of them make a pixel of
        the stack. By default a magnification of 10.
    method
        ``"histogram"`` counts localizations; ``"gaussian"`` draws each as a Gaussian of area 1 whose standard
        deviation is its uncertainty.
    sigma
        One standard deviation for all Gaussians instead, in pixels of the stack.

    Returns
    -------
    numpy.ndarray
        (rows * magnification, columns * magnification), rounded up, float32.

    Examples
    --------
    >>> table = Localizations({"frame": [0, 1], "y": [0.0, 1.2], "x": [0.0, 0.8]})
    >>> render(table, shape=(2, 2), magnification=1)
    array([[1., 0.],
           [0., 1.]], dtype=float32)
    """
    factor = _magnification(table, pixel_size_nm, magnification)
    picture_shape = (math.ceil(shape[0] * factor - 1e-9), math.ceil(shape[1] * factor - 1e-9))
    # Half a pixel leads from the centre of the first pixel, where the table counts from, to its corner.
    y, x = ((table[name] + 0.5) * factor for name in ("y", "x"))
    inside = (y >= 0) & (x >= 0) & (y < shape[0] * factor) & (x < shape[1] * factor)
    rows, columns = np.minimum(y[inside].astype(np.intp), picture_shape[0] - 1), x[inside].astype(np.intp)
    pixels = rows * picture_shape[1] + np.minimum(columns, picture_shape[1] - 1)
    if method == "histogram":
        return _histogram(pixels, picture_shape)
    if method == "gaussian":
        return _gaussians(pixels, picture_shape, _widths(table, sigma)[inside] * factor)
    raise PinpointError(f"There is no way to render called {method!r}; there are {', '.join(METHODS)}.")


def contrast_limits(image: np.ndarray[Any, Any], percentile: float = 99.0) -> tuple[float, float]:
    """Brightness to show as black and as white: zero, and a percentile of what is not empty."""
    bright = image[image > 0]
    return 0.0, float(np.percentile(bright, percentile)) if bright.size else 1.0


def comparison(
    average: np.ndarray[Any, Any],
    picture: np.ndarray[Any, Any],
    *,
    pixel_size_nm: float | None = None,
    titles: tuple[str, str] = ("average of the frames", "localizations"),
    colormap: str = "inferno",
) -> Figure:
    """A figure of the stack's average (rows, columns) and the picture rendered from its table, with a scale bar.

    `pixel_size_nm` is that of the stack; without it the scale bar counts its pixels.
    """
    from matplotlib.figure import Figure

    rows, columns = average.shape
    width = 5.0
    figure = Figure(figsize=(2 * width, width * rows / columns + 0.35), facecolor="black", layout="constrained")
    low, high = np.percentile(average, (1, 99.8))
    shown = ((average, (low, high), "gray"), (picture, contrast_limits(picture), colormap))
    for axes, title, (image, (vmin, vmax), colors) in zip(figure.subplots(1, 2), titles, shown, strict=True):
        axes.imshow(
            image,
            cmap=colors,
            vmin=vmin,
            vmax=vmax,
            extent=(-0.5, columns - 0.5, rows - 0.5, -0.5),
            interpolation="none",
        )
        axes.set_title(title, color="white")
        axes.set_axis_off()
        _draw_scale_bar(axes, rows, columns, pixel_size_nm)
    return figure


def _magnification(table: Localizations, pixel_size_nm: float | None, magnification: float | None) -> float:
    """Pixels of the picture per pixel of the stack."""
    if pixel_size_nm is not None and magnification is not None:
        raise PinpointError("Give the picture's pixel size or its magnification, not both.")
    for given in (pixel_size_nm, magnification):
        if given is not None and not (math.isfinite(given) and given > 0):
            raise PinpointError(f"A picture's pixel size and magnification must be above 0, not {given}.")
    if pixel_size_nm is not None:
        if table.pixel_size_nm is None:
            raise PinpointError(
                "The table does not know the size of the stack's pixels, so the picture's cannot be in nanometres; "
                "give a magnification, or the table its pixel size (--pixel-size-nm)."
            )
        return table.pixel_size_nm / pixel_size_nm
    return 10.0 if magnification is None else magnification


def _histogram(pixels: np.ndarray[Any, Any], shape: tuple[int, int]) -> np.ndarray[Any, Any]:
    return np.bincount(pixels, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float32)


def _gaussians(
    pixels: np.ndarray[Any, Any], shape: tuple[int, int], widths: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    """Histograms of localizations of like width, each blurred to that width: the time does not grow with the table."""
    from scipy.ndimage import gaussian_filter

    # The histogram's pixels have blurred by a uniform distribution of width 1 already.
    widths = np.sqrt(np.clip(np.square(widths) - 1 / 12, 0.01, (max(shape) / 8) ** 2))
    steps = np.round(np.log(widths) / math.log(WIDTH_STEP)).astype(int)
    picture = np.zeros(shape, dtype=np.float32)
    for step in np.unique(steps):
        counts = _histogram(pixels[steps == step], shape)
        picture += gaussian_filter(counts, WIDTH_STEP**step, mode="constant", truncate=4)
    return picture


def _widths(table: Localizations, sigma: float | None) -> np.ndarray[Any, Any]:
    """Standard deviation of every localization's Gaussian, in pixels of the stack."""
    if sigma is not None:
        if not (math.isfinite(sigma) and sigma > 0):
            raise PinpointError(f"sigma must be above 0, not {sigma}.")
        return np.full(len(table), float(sigma))
    if "uncertainty_y" not in table or "uncertainty_x" not in table:
        raise PinpointError(
            "Gaussians as wide as the uncertainty need the columns uncertainty_y and uncertainty_x, which the table "
            "lacks; give one sigma for all, or render a histogram."
        )
    widths = np.sqrt(
        (np.square(table["uncertainty_y"], dtype=float) + np.square(table["uncertainty_x"], dtype=float)) / 2
    )
    known = np.isfinite(widths)
    return np.where(known, widths, np.median(widths[known]) if known.any() else 0.0)


def _draw_scale_bar(axes: Any, rows: int, columns: int, pixel_size_nm: float | None) -> None:
    """A bar of a round length, about a fifth of the image, in its lower right corner."""
    unit = pixel_size_nm or 1.0
    about = columns * unit / 5
    decade = 10 ** math.floor(math.log10(about))
    length = max(step * decade for step in (1, 2, 5) if step * decade <= about)
    if pixel_size_nm is None:
        label = f"{length:g} px"
    else:
        label = f"{length / 1000:g} µm" if length >= 1000 else f"{length:g} nm"
    right, bottom = columns - 0.5 - 0.04 * columns, rows - 0.5 - 0.05 * rows
    axes.plot([right - length / unit, right], [bottom, bottom], color="white", linewidth=3, solid_capstyle="butt")
    axes.text(right - length / unit / 2, bottom - 0.02 * rows, label, color="white", ha="center", va="bottom")
