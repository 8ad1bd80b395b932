"""`pinpoint render`: a picture of all localizations of a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from napari_pinpoint.cli import options
from napari_pinpoint.cli.evaluate_options import parse_field
from napari_pinpoint.cli.terminal import emit


def parse_limits(text: str) -> tuple[float, float]:
    """LOW:HIGH, two numbers."""
    low, colon, high = text.partition(":")
    try:
        if not colon:
            raise ValueError
        return float(low), float(high)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not LOW:HIGH, for example 0:400.") from None


SourceOption = Annotated[Path, typer.Argument(metavar="TABLE", help="The table of localizations.")]
OutputOption = Annotated[
    Path,
    typer.Option(
        "-o",
        "--output",
        metavar="FILE",
        help="picture.ome.tif: the picture itself, with the size of its pixels; .png or .svg: a figure with a "
        "scale bar.",
    ),
]
MethodOption = Annotated[
    Literal["histogram", "gaussian", "ash"],
    typer.Option(
        "--method",
        help="Counts of localizations; each as a Gaussian as wide as its uncertainty; averaged shifted histogram.",
    ),
]
PicturePixelNm = Annotated[
    float | None, typer.Option("--picture-pixel-nm", metavar="F", help="Size of a pixel of the picture.")
]
Magnification = Annotated[
    float | None,
    typer.Option(
        "--magnification", metavar="F", help="Pixels of the picture per pixel of the stack, instead. [default: 10]"
    ),
]
Sigma = Annotated[
    float | None,
    typer.Option("--sigma", metavar="F", help="One standard deviation for all Gaussians, in pixels of the stack."),
]
Shifts = Annotated[
    int,
    typer.Option("--shifts", metavar="N", min=1, help="Width of the bins of ash, in pixels of the picture."),
]
ColorBy = Annotated[
    str | None,
    typer.Option(
        "--color-by",
        metavar="COLUMN",
        help="Colour: the mean of a column, as frame, z or uncertainty_x_nm; brightness remains the density.",
    ),
]
ColorLimits = Annotated[
    Any,
    typer.Option(
        "--color-limits",
        parser=parse_limits,
        metavar="LOW:HIGH",
        help="Values of the first and last colour; else those that all but 2 % of the rows lie between.",
    ),
]
Colormap = Annotated[
    str | None,
    typer.Option("--colormap", metavar="NAME", help="One of matplotlib's. [default: inferno; turbo with --color-by]"),
]
Percentile = Annotated[
    float,
    typer.Option("--percentile", metavar="F", min=0, max=100, help="White is this percentile of what is not empty."),
]
FieldOption = Annotated[
    Any,
    typer.Option(
        "--field-px",
        parser=parse_field,
        metavar="ROWSxCOLUMNS",
        help="Size of the stack's frames; else the record of the table says it, or its points.",
    ),
]


def render(
    source: SourceOption,
    output: OutputOption,
    method: MethodOption = "histogram",
    picture_pixel_nm: PicturePixelNm = None,
    magnification: Magnification = None,
    sigma: Sigma = None,
    shifts: Shifts = 4,
    color_by: ColorBy = None,
    color_limits: ColorLimits = None,
    colormap: Colormap = None,
    percentile: Percentile = 99.0,
    field: FieldOption = None,
    pixel_size_nm: options.PixelSize = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
) -> None:
    """Draw all localizations of a table as one picture.

    Its corner is that of the stack's first pixel. An OME-TIFF has localizations per pixel (or colours, with
    --color-by); PNG and SVG are figures with a scale bar and what the brightness or the colours mean.
    """
    from napari_pinpoint.io.pictures import check_picture_suffix, write_rendered
    from napari_pinpoint.io.tables import read_localizations
    from napari_pinpoint.localizations import field_of

    check_picture_suffix(output)
    table = read_localizations(source, pixel_size_nm=pixel_size_nm)
    written = write_rendered(
        table,
        output,
        shape=field or field_of(table),
        picture_pixel_nm=picture_pixel_nm,
        magnification=magnification,
        color_by=color_by,
        color_limits=color_limits,
        colormap=colormap,
        percentile=percentile,
        overwrite=overwrite,
        method=method,
        sigma=sigma,
        shifts=shifts,
    )
    if json:
        said = {"source": str(source), "output": str(output), "method": method, "color_by": color_by}
        emit({**said, "localizations": len(table), **written})
    else:
        rows, columns = written["shape"][:2]
        words = "" if written["picture_pixel_nm"] is None else f" of {written['picture_pixel_nm']:.4g} nm"
        outside = len(table) - written["shown"]
        left_out = f"; {outside:,} more lie outside the field" if outside else ""
        print(f"{output}: {rows:,} x {columns:,} pixels{words}, {written['shown']:,} localizations{left_out}.")
