"""`pinpoint evaluate`: found points against the truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from napari_pinpoint.cli import options
from napari_pinpoint.cli.terminal import emit, print_table
from napari_pinpoint.errors import PinpointError

if TYPE_CHECKING:
    from napari_pinpoint.localizations import Localizations


def parse_field(text: str) -> tuple[int, ...]:
    """ROWSxCOLUMNS, both above 0."""
    rows, _, columns = text.lower().partition("x")
    if not (rows.isdecimal() and columns.isdecimal() and int(rows) and int(columns)):
        raise typer.BadParameter(f"{text!r} is not ROWSxCOLUMNS, for example 64x64.")
    return int(rows), int(columns)


def evaluate(
    found: Annotated[Path, typer.Argument(metavar="FOUND", help="The table of what was found.")],
    truth: Annotated[Path, typer.Argument(metavar="TRUTH", help="The table of what is there.")],
    tolerance_nm: Annotated[
        float | None, typer.Option("--tolerance-nm", metavar="F", help="Largest distance of a pair in nanometres.")
    ] = None,
    tolerance_px: Annotated[
        float | None, typer.Option("--tolerance-px", metavar="F", help="The same in pixels, instead.")
    ] = None,
    method: Annotated[
        Literal["optimal", "greedy"] | None,
        typer.Option("--method", help="Pairs with the least total distance, or the closest first. [default: optimal]"),
    ] = None,
    challenge: Annotated[
        bool,
        options.flag(
            "--challenge",
            help="As the SMLM challenge 2016 does it: greedy, 250 nm, without 450 nm at the border and the dimmest "
            "quarter of the truth.",
        ),
    ] = False,
    field: Annotated[
        Any,
        typer.Option(
            "--field-px",
            parser=parse_field,
            metavar="ROWSxCOLUMNS",
            help="Size of a frame, for --challenge; else the record of FOUND says it.",
        ),
    ] = None,
    pixel_size_nm: options.PixelSize = None,
    json: options.Json = False,
) -> None:
    """Compare a table with the truth, frame by frame.

    True rows that are flagged "ignore" neither have to be found nor count as wrong when they are. The RMSE is radial.
    A table in nanometres that does not know its pixel size takes the other one's.
    """
    from napari_pinpoint.evaluation import CHALLENGE, rows_of
    from napari_pinpoint.evaluation import evaluate as scores_of

    tables = _read_both(found, truth, pixel_size_nm)
    how: dict[str, Any] = {}
    if challenge:
        how = {**CHALLENGE, "field_shape": field or _recorded_field(tables[0])}
        if tolerance_px is not None:
            del how["tolerance_nm"]
    given = {"tolerance_nm": tolerance_nm, "tolerance_px": tolerance_px, "method": method}
    how |= {name: value for name, value in given.items() if value is not None}
    scores = scores_of(*tables, **how)
    if json:
        emit(scores.to_dict())
    else:
        print_table(("score", "value", "unit", "meaning"), rows_of(scores))


def _read_both(found: Path, truth: Path, pixel_size_nm: float | None) -> list[Localizations]:
    """Both tables; where only one of them knows its pixel size it is the other's, too: they are of one movie."""
    from napari_pinpoint.io.tables import read_localizations

    tables: dict[Path, Localizations] = {}
    problems: dict[Path, PinpointError] = {}
    for path in (found, truth):
        try:
            tables[path] = read_localizations(path, pixel_size_nm=pixel_size_nm)
        except PinpointError as error:
            problems[path] = error
    known = next((table.pixel_size_nm for table in tables.values() if table.pixel_size_nm), None)
    for path, problem in problems.items():
        if known is None or pixel_size_nm is not None:
            raise problem
        tables[path] = read_localizations(path, pixel_size_nm=known)
    return [tables[found], tables[truth]]


def _recorded_field(found: Localizations) -> tuple[int, int]:
    """Rows and columns of the frames that a table was made from."""
    shape = found.record.get("input", {}).get("shape")
    if not shape:
        raise PinpointError(
            "Leaving out a border needs the size of a frame, which the table does not know; give --field-px 64x64."
        )
    return int(shape[-2]), int(shape[-1])
