"""`pinpoint replay`: what was done with one table, done with another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_pinpoint.cli import options, verbs


def replay(
    table: verbs.Table,
    steps: Annotated[
        Path,
        typer.Option(
            "--steps", metavar="FILE.json|TABLE", help="The steps: a JSON list, or a table that they were done with."
        ),
    ],
    output: verbs.Output,
    save_steps: Annotated[
        Path | None, typer.Option("--save-steps", metavar="FILE.json", help="Also write the steps as a JSON list.")
    ] = None,
    pixel_size_nm: options.PixelSize = None,
    format: options.Format = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
) -> None:
    """Repeat filtering, linking, merging and drift correction on another table, exactly as they were recorded.

    A drift is not estimated anew: the other table is given the very same.
    """
    from napari_pinpoint import postprocessing
    from napari_pinpoint.io.atomic import check_free
    from napari_pinpoint.io.steps import read_steps, write_steps

    wanted = read_steps(steps)
    names = [str(step["step"]) for step in wanted]
    if save_steps is not None:
        check_free(save_steps, overwrite=overwrite)
    verbs.change(
        table,
        output,
        lambda before: postprocessing.replay(before, wanted),
        pixel_size_nm=pixel_size_nm,
        format=format,
        overwrite=overwrite,
        json=json,
        more=lambda before, after: {"localizations_before": len(before), "steps": names},
        words=lambda before, after: f"{len(after):,} of {len(before):,} rows after {', '.join(names)}.",
    )
    if save_steps is not None:
        write_steps(wanted, save_steps, overwrite=overwrite)
