"""What all commands that turn a table into a table share: read, do, write, say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_pinpoint.cli.terminal import emit

if TYPE_CHECKING:
    from napari_pinpoint.localizations import Localizations

Table = Annotated[Path, typer.Argument(metavar="TABLE", help="A table of localizations, in any format that is read.")]
Output = Annotated[
    Path, typer.Option("--output", "-o", metavar="OUT", help="The table to write; its suffix says the format.")
]


def change(
    source: Path,
    output: Path,
    verb: Callable[[Localizations], Localizations],
    *,
    pixel_size_nm: float | None,
    format: str | None,
    overwrite: bool,
    json: bool,
    more: Callable[[Localizations, Localizations], dict[str, Any]] = lambda before, after: {},
    words: Callable[[Localizations, Localizations], str],
) -> None:
    """Write to `output` what a verb makes of the table `source`; `more` is for the JSON, `words` for the reader."""
    from napari_pinpoint.io.tables import check_target, read_localizations, write_localizations

    before = read_localizations(source, pixel_size_nm=pixel_size_nm)
    check_target(output, format=format, pixel_size_nm=before.pixel_size_nm, overwrite=overwrite)
    after = verb(before)
    write_localizations(after, output, format=format, overwrite=overwrite)
    if json:
        emit({"source": str(source), "output": str(output), "localizations": len(after), **more(before, after)})
    else:
        print(f"{output}: {words(before, after)}")
