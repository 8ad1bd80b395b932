"""`pinpoint convert`: a table from one format into another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_pinpoint.cli import options
from napari_pinpoint.cli.terminal import emit


def convert(
    source: Annotated[Path, typer.Argument(metavar="A", help="The table to read.")],
    target: Annotated[Path, typer.Argument(metavar="B", help="The table to write; its suffix says the format.")],
    pixel_size_nm: options.PixelSize = None,
    format: options.Format = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
) -> None:
    """Convert a table of localizations into another format.

    Units, the origin of positions and the number of the first frame become those of the format. Columns that it has no
    place for are named in a warning.
    """
    from napari_pinpoint.io.tables import check_target, read_localizations, write_localizations

    table = read_localizations(source, pixel_size_nm=pixel_size_nm)
    chosen = check_target(target, format=format, pixel_size_nm=table.pixel_size_nm, overwrite=overwrite)
    lost = chosen.cannot_hold(table)
    write_localizations(table, target, format=format, overwrite=overwrite)
    if json:
        emit({"source": str(source), "output": str(target), "localizations": len(table), "columns_left_out": lost})
    else:
        print(f"{target}: {len(table):,} localizations.")
