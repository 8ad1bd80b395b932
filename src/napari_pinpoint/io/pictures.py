"""Pictures into files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.io.atomic import complete_file
from napari_pinpoint.rendering import contrast_limits

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def save_png(
    image: np.ndarray[Any, Any],
    path: str | Path,
    *,
    colormap: str = "inferno",
    percentile: float = 99.0,
    overwrite: bool = False,
) -> None:
    """Write a picture (rows, columns) as a PNG of as many pixels, in a color map of matplotlib.

    White is the `percentile` of what is not empty: a few bright pixels do not darken the rest.
    """
    from matplotlib.image import imsave

    _check_png(path)
    low, high = contrast_limits(image, percentile)
    with complete_file(path, overwrite=overwrite) as temporary:
        imsave(temporary, image, cmap=colormap, vmin=low, vmax=high, format="png")


def save_figure(figure: Figure, path: str | Path, *, dots_per_inch: float = 200, overwrite: bool = False) -> None:
    """Write a figure of matplotlib as a PNG."""
    _check_png(path)
    with complete_file(path, overwrite=overwrite) as temporary:
        figure.savefig(temporary, format="png", dpi=dots_per_inch)


def _check_png(path: str | Path) -> None:
    if Path(path).suffix.lower() != ".png":
        raise PinpointError(f"{path}: pictures are written as PNG; let the name end in .png.")
