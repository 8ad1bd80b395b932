"""`pinpoint convert`: a table from one format into another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_pinpoint.cli import options
from napari_pinpoint.cli.choices import named
from napari_pinpoint.cli.terminal import emit

_FORMATS = "napari_pinpoint.io.tables:FORMATS"
_MEANING = "What the numbers in A mean (where neither the file nor its format says it)"


def convert(
    source: Annotated[Path, typer.Argument(metavar="A", help="The table to read.")],
    target: Annotated[Path, typer.Argument(metavar="B", help="The table to write.")],
    read_as: Annotated[
        str | None, named("--from", _FORMATS, help="Format of A; else its suffix and its content say it.")
    ] = None,
    format: Annotated[
        str | None,
        named("--to", _FORMATS, help="Format of B, also as --format; else its suffix says it.", also=("--format",)),
    ] = None,
    pixel_size_nm: Annotated[
        float | None,
        typer.Option("--pixel-size-nm", metavar="F", help="Size of a pixel in nanometres.", rich_help_panel=_MEANING),
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option("--unit", metavar="px|nm|um", help="Unit of its positions.", rich_help_panel=_MEANING),
    ] = None,
    origin: Annotated[
        str | None,
        typer.Option(
            "--origin",
            metavar="centre|corner|one",
            help="Where positions count from: 0 is the centre of the first pixel, 0 is its outer corner, or 1 is its "
            "centre.",
            rich_help_panel=_MEANING,
        ),
    ] = None,
    first_frame: Annotated[
        int | None,
        typer.Option("--first-frame", metavar="0|1", help="Number of its first frame.", rich_help_panel=_MEANING),
    ] = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
) -> None:
    """Convert a table of localizations into another format.

    Units, the origin of positions and the number of the first frame become those of the format. Columns that it has no
    place for are named in a warning. What is said here of A is kept in a table of Parquet, for all other commands.
    """
    from napari_pinpoint.io.tables import check_target, read_localizations, write_localizations

    table = read_localizations(
        source, format=read_as, pixel_size_nm=pixel_size_nm, unit=unit, origin=origin, first_frame=first_frame
    )
    chosen = check_target(target, format=format, pixel_size_nm=table.pixel_size_nm, overwrite=overwrite)
    lost = chosen.cannot_hold(table)
    write_localizations(table, target, format=format, overwrite=overwrite)
    if json:
        said = {"format": chosen.name, "convention": str(chosen.convention), "pixel_size_nm": table.pixel_size_nm}
        written = {"source": str(source), "output": str(target), "localizations": len(table)}
        emit({**written, "columns_left_out": lost, **said})
    else:
        size = "" if table.pixel_size_nm is None else f"; pixels of {table.pixel_size_nm:g} nm"
        print(f"{target}: {len(table):,} localizations, {chosen.name} ({chosen.convention}{size}).")
