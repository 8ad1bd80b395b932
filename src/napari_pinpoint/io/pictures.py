"""Pictures into files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.io.atomic import complete_file
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.rendering import (
    COLORMAP,
    PERCENTILE,
    Coloring,
    contrast_limits,
    draw,
    magnification_of,
    picture_figure,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURE_SUFFIXES = (".png", ".svg")
PICTURE_SUFFIXES = (".ome.tif", ".ome.tiff")


def save_png(
    image: np.ndarray[Any, Any],
    path: str | Path,
    *,
    colormap: str = "inferno",
    percentile: float = PERCENTILE,
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
    """Write a figure of matplotlib as PNG or SVG, as the name says."""
    suffix = Path(path).suffix.lower()
    if suffix not in FIGURE_SUFFIXES:
        raise PinpointError(f"{path}: figures are written as PNG or SVG; let the name end in .png or .svg.")
    with complete_file(path, overwrite=overwrite) as temporary:
        figure.savefig(temporary, format=suffix[1:], dpi=dots_per_inch)


def write_picture(
    image: np.ndarray[Any, Any],
    path: str | Path,
    *,
    pixel_size_nm: float | None = None,
    origin_nm: tuple[float, float] = (0.0, 0.0),
    overwrite: bool = False,
) -> None:
    """Write a picture as an OME-TIFF that knows the size of its pixels.

    Parameters
    ----------
    image
        (rows, columns) of any numbers, or (rows, columns, 3) uint8 colours.
    path
        Ends in .ome.tif or .ome.tiff.
    pixel_size_nm
        Side of a pixel, None where it is unknown.
    origin_nm
        Where the centre of the first pixel lies, y and x; written as the position of the plane.
    """
    import tifffile

    if not Path(path).name.lower().endswith(PICTURE_SUFFIXES):
        raise PinpointError(f"{path}: pictures with their calibration are OME-TIFF; let the name end in .ome.tif.")
    colors = image.ndim == 3
    metadata: dict[str, Any] = {"axes": "YXS" if colors else "YX"}
    if pixel_size_nm is not None:
        for axis, origin in zip("YX", origin_nm, strict=True):
            metadata |= {f"PhysicalSize{axis}": pixel_size_nm / 1000, f"PhysicalSize{axis}Unit": "µm"}
            metadata.setdefault("Plane", {}).update({f"Position{axis}": [origin / 1000], f"Position{axis}Unit": ["µm"]})
    with complete_file(path, overwrite=overwrite) as temporary:
        tifffile.imwrite(
            temporary,
            image,
            ome=True,
            photometric="rgb" if colors else "minisblack",
            compression="zlib",
            tile=(256, 256),
            bigtiff=image.nbytes > 2**31,
            metadata=metadata,
        )


def write_rendered(
    table: Localizations,
    path: str | Path,
    *,
    shape: tuple[int, int],
    picture_pixel_nm: float | None = None,
    magnification: float | None = None,
    color_by: str | None = None,
    color_limits: tuple[float, float] | None = None,
    colormap: str | None = None,
    percentile: float = PERCENTILE,
    overwrite: bool = False,
    **how: Any,
) -> dict[str, Any]:
    """Render a table, and write the picture: OME-TIFF for the numbers, PNG or SVG for a figure, as the name says.

    Parameters
    ----------
    shape, picture_pixel_nm, magnification, how
        As `napari_pinpoint.rendering.render` takes them (method, sigma, shifts).
    color_by, color_limits, colormap
        What the hues mean (see `Coloring`); without a column `colormap` is that of a figure's densities.
    percentile
        White is this percentile of what is not empty.

    Returns
    -------
    What was written: `shape` of the picture, `picture_pixel_nm`, `magnification`, `color_limits`, and `shown`, how many
    localizations lie in it.
    """
    check_picture_suffix(path)
    factor = magnification_of(table, picture_pixel_nm, magnification)
    coloring = None
    if color_by is not None:
        coloring = Coloring.of(table, color_by, limits=color_limits, colormap=colormap or COLORMAP)
    drawn = draw(table, shape=shape, magnification=factor, column=color_by, **how)
    picture = drawn.density
    if coloring is not None and drawn.mean is not None:
        picture = coloring.paint(drawn.density, drawn.mean, contrast_limits(drawn.density, percentile))
    stack_pixel = table.pixel_size_nm
    size = None if stack_pixel is None else stack_pixel / factor
    if Path(path).name.lower().endswith(PICTURE_SUFFIXES):
        origin = 0.0 if size is None or stack_pixel is None else (size - stack_pixel) / 2
        write_picture(picture, path, pixel_size_nm=size, origin_nm=(origin, origin), overwrite=overwrite)
    else:
        figure = picture_figure(
            picture, pixel_size_nm=size, coloring=coloring, colormap=colormap or "inferno", percentile=percentile
        )
        save_figure(figure, path, overwrite=overwrite)
    return {
        "shape": list(picture.shape),
        "picture_pixel_nm": size,
        "magnification": factor,
        "color_limits": None if coloring is None else [coloring.low, coloring.high],
        "shown": _count_inside(table, shape),
    }


def _count_inside(table: Localizations, shape: tuple[int, int]) -> int:
    """How many rows lie in the field; of those at its edge, a part of the Gaussian may lie outside."""
    (y, x), (rows, columns) = (table["y"], table["x"]), shape
    return int(np.count_nonzero((y >= -0.5) & (y < rows - 0.5) & (x >= -0.5) & (x < columns - 0.5)))


def check_picture_suffix(path: str | Path) -> None:
    """Raise unless the name is that of a picture or a figure."""
    if not Path(path).name.lower().endswith(PICTURE_SUFFIXES + FIGURE_SUFFIXES):
        raise PinpointError(f"{path}: let the name end in .ome.tif for the picture, or .png or .svg for a figure.")


def _check_png(path: str | Path) -> None:
    if Path(path).suffix.lower() != ".png":
        raise PinpointError(f"{path}: pictures are written as PNG; let the name end in .png.")
