"""`pinpoint filter`: the rows of a table that fulfil a condition."""

from __future__ import annotations

from typing import Annotated

import typer

from napari_pinpoint.cli import options, verbs


def filter(
    table: verbs.Table,
    expression: Annotated[
        str, typer.Argument(metavar="CONDITION", help='As "photons > 300 and uncertainty_x_nm < 20", between quotes.')
    ],
    output: verbs.Output,
    pixel_size_nm: options.PixelSize = None,
    format: options.Format = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
) -> None:
    """Keep the localizations that fulfil a condition.

    In it stand columns by their names, numbers and 'texts', + - * /, comparisons (300 < photons < 900, too), and, or,
    not, abs(), sqrt(), log10() and isfinite(). Lengths are in pixels, and in nanometres with _nm behind the name. A
    value that is not known fulfils nothing.
    """
    from napari_pinpoint.postprocessing import filter_rows

    verbs.change(
        table,
        output,
        lambda before: filter_rows(before, expression),
        pixel_size_nm=pixel_size_nm,
        format=format,
        overwrite=overwrite,
        json=json,
        more=lambda before, after: {"localizations_before": len(before)},
        words=lambda before, after: f"{len(after):,} of {len(before):,} localizations.",
    )
