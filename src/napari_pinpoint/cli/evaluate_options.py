"""The options of `pinpoint evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from napari_pinpoint.cli import options


def parse_field(text: str) -> tuple[int, ...]:
    """ROWSxCOLUMNS, both above 0."""
    rows, _, columns = text.lower().partition("x")
    if not (rows.isdecimal() and columns.isdecimal() and int(rows) and int(columns)):
        raise typer.BadParameter(f"{text!r} is not ROWSxCOLUMNS, for example 64x64.")
    return int(rows), int(columns)


Found = Annotated[
    Path,
    typer.Argument(metavar="FOUND", help="The table of what was found; for a dataset, the folder of its tables."),
]
Truth = Annotated[
    Path,
    typer.Argument(metavar="TRUTH", help="The table of what is there, or a dataset: a folder of annotated images."),
]
ToleranceNm = Annotated[
    float | None, typer.Option("--tolerance-nm", metavar="F", help="Largest distance of a pair in nanometres.")
]
TolerancePx = Annotated[float | None, typer.Option("--tolerance-px", metavar="F", help="The same in pixels, instead.")]
Method = Annotated[
    Literal["optimal", "greedy"] | None,
    typer.Option("--method", help="Pairs with the least total distance, or the closest first. [default: optimal]"),
]
Challenge = Annotated[
    bool,
    options.flag(
        "--challenge",
        help="As the SMLM challenge 2016 does it: greedy, 250 nm, without 450 nm at the border and the dimmest "
        "quarter of the truth.",
    ),
]
Counts = Annotated[
    bool, options.flag("--counts", help="Print the errors of the counts per frame, too: MAE, and GAME(1) to (3).")
]
Boxes = Annotated[
    bool,
    options.flag(
        "--boxes",
        help="Insist on the average precision of boxes (COCO's mAP); it is printed anyway where both tables have "
        "heights and widths.",
    ),
]
Frames = Annotated[
    Any,
    typer.Option(
        "--frames",
        parser=options.parse_frames,
        metavar="START:STOP",
        help="Frames to compare, as 0:500; by default those that the record of FOUND says were looked at, else "
        "all up to the last that has a point.",
    ),
]
Split = Annotated[
    str | None, typer.Option("--split", metavar="NAME", help="The part of a dataset to compare with, such as val.")
]
Field = Annotated[
    Any,
    typer.Option(
        "--field-px",
        parser=parse_field,
        metavar="ROWSxCOLUMNS",
        help="Size of a frame, for --challenge and GAME; else the record of FOUND or the dataset says it.",
    ),
]
Against = Annotated[
    Path | None,
    typer.Option(
        "--against",
        metavar="FOUND2",
        help="A second table (or folder of tables) of the same frames: both are scored, and the difference of their "
        "scores is given with a bootstrap interval.",
    ),
]
Report = Annotated[
    Path | None,
    typer.Option(
        "--report",
        metavar="FOLDER",
        help="Write a report into this folder: one HTML page with figures, and the data behind them as CSV and JSON.",
    ),
]
Reference = Annotated[
    bool,
    options.flag(
        "--reference",
        help="Also score the truth itself, moved by the errors that the image allows (joint Cramer-Rao bound): a line "
        "to compare with, not a bound. Needs the photons, background and PSF of the truth, as simulated truth has "
        "them, and the camera's noise, from the tables' records or from --em-gain and --read-noise-e.",
    ),
]
