"""Figures of pictures: with a scale bar, with the scale of the colours, beside the plain average."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_pinpoint.rendering.coloring import PERCENTILE, Coloring, contrast_limits, title_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = np.ndarray[Any, Any]

#: Inches of the longer side of a picture in a figure.
_SIDE = 6.0


def picture_figure(
    picture: Array,
    *,
    pixel_size_nm: float | None = None,
    coloring: Coloring | None = None,
    colormap: str = "inferno",
    percentile: float = PERCENTILE,
) -> Figure:
    """A figure of one picture with a scale bar, and a colour bar that says what its colours mean.

    Parameters
    ----------
    picture
        Densities (rows, columns), or colours (rows, columns, 3) uint8 that were made by `coloring`.
    pixel_size_nm
        Of the picture; without it the scale bar counts its pixels.
    coloring
        What the hues mean, where the picture is in colours.
    colormap, percentile
        How densities are shown; white is that percentile of what is not empty.
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize
    from matplotlib.figure import Figure

    rows, columns = picture.shape[:2]
    inches = _SIDE / max(rows, columns)
    figure = Figure(figsize=(columns * inches + 1.2, rows * inches + 0.3), facecolor="black", layout="constrained")
    axes = figure.subplots()
    if coloring is None:
        low, high = contrast_limits(picture, percentile)
        shown: ScalarMappable = axes.imshow(picture, cmap=colormap, vmin=low, vmax=high, interpolation="none")
        title = "localizations per pixel"
        if pixel_size_nm is not None:
            title += f" of {pixel_size_nm:.3g} nm"
    else:
        axes.imshow(picture, interpolation="none")
        shown = ScalarMappable(Normalize(coloring.low, coloring.high), ListedColormap(coloring.palette()))
        title = f"mean {title_of(coloring.column)}"
    axes.set_axis_off()
    _draw_scale_bar(axes, rows, columns, pixel_size_nm)
    bar = figure.colorbar(shown, ax=axes, shrink=0.6, aspect=30)
    bar.set_label(title, color="white")
    bar.ax.tick_params(colors="white")
    bar.outline.set_edgecolor("white")
    return figure


def comparison(
    average: Array,
    picture: Array,
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
