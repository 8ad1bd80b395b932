"""`pinpoint evaluate`: found points against the truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from napari_pinpoint.cli import options
from napari_pinpoint.cli.terminal import emit, print_table
from napari_pinpoint.errors import PinpointError

if TYPE_CHECKING:
    from napari_pinpoint.evaluation import Comparison
    from napari_pinpoint.localizations import Localizations


def parse_field(text: str) -> tuple[int, ...]:
    """ROWSxCOLUMNS, both above 0."""
    rows, _, columns = text.lower().partition("x")
    if not (rows.isdecimal() and columns.isdecimal() and int(rows) and int(columns)):
        raise typer.BadParameter(f"{text!r} is not ROWSxCOLUMNS, for example 64x64.")
    return int(rows), int(columns)


def evaluate(
    found: Annotated[
        Path,
        typer.Argument(metavar="FOUND", help="The table of what was found; for a dataset, the folder of its tables."),
    ],
    truth: Annotated[
        Path,
        typer.Argument(metavar="TRUTH", help="The table of what is there, or a dataset: a folder of annotated images."),
    ],
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
    counts: Annotated[
        bool, options.flag("--counts", help="Print the errors of the counts per frame, too: MAE, and GAME(1) to (3).")
    ] = False,
    boxes: Annotated[
        bool,
        options.flag(
            "--boxes",
            help="Insist on the average precision of boxes (COCO's mAP); it is printed anyway where both tables have "
            "heights and widths.",
        ),
    ] = False,
    frames: Annotated[
        Any,
        typer.Option(
            "--frames",
            parser=options.parse_frames,
            metavar="START:STOP",
            help="Frames to compare, as 0:500; by default those that the record of FOUND says were looked at, else "
            "all up to the last that has a point.",
        ),
    ] = None,
    split: Annotated[
        str | None, typer.Option("--split", metavar="NAME", help="The part of a dataset to compare with, such as val.")
    ] = None,
    field: Annotated[
        Any,
        typer.Option(
            "--field-px",
            parser=parse_field,
            metavar="ROWSxCOLUMNS",
            help="Size of a frame, for --challenge and GAME; else the record of FOUND says it.",
        ),
    ] = None,
    pixel_size_nm: options.PixelSize = None,
    json: options.Json = False,
) -> None:
    """Compare a table with the truth, frame by frame.

    True rows that are flagged "ignore" neither have to be found nor count as wrong when they are. The RMSE is radial.
    A table in nanometres that does not know its pixel size takes the other one's. Without a tolerance, --counts and
    --boxes pair no points. Tables of a dataset are called as its images are.
    """
    from napari_pinpoint.evaluation import CHALLENGE, compare
    from napari_pinpoint.localizations import recorded_field

    given = {"tolerance_nm": tolerance_nm, "tolerance_px": tolerance_px, "method": method}
    how: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if found.is_dir() or _is_dataset(truth):
        tables, how["frames"], shape = _read_dataset(found, truth, split=split, pixel_size_nm=pixel_size_nm)
    else:
        tables = _read_both(found, truth, pixel_size_nm)
        shape = field or recorded_field(tables[0].record)
    if frames is not None:
        last = max(int(table["frame"].max(initial=0)) for table in tables)
        how["frames"] = frames.within(how["frames"][1] if "frames" in how else last + 1)
    if challenge:
        how = {**CHALLENGE, "field_shape": _field(shape)} | how
        if tolerance_px is not None:
            del how["tolerance_nm"]
    elif not (counts or boxes):
        _check_tolerance(tolerance_nm, tolerance_px)
    comparison = compare(*tables, shape=shape, boxes=boxes or None, **how)
    if json:
        emit(comparison.to_dict())
    else:
        _print(comparison, counts=counts)


def _print(comparison: Comparison, *, counts: bool) -> None:
    from napari_pinpoint.evaluation import CLASS_COLUMNS, box_rows, chamfer_rows, class_rows, count_rows, rows_of

    rows = rows_of(comparison.scores) if comparison.scores else []
    rows += chamfer_rows(comparison.chamfer)
    rows += count_rows(comparison.counts) if counts else []
    rows += box_rows(comparison.boxes) if comparison.boxes else []
    print_table(("score", "value", "unit", "meaning"), rows)
    if comparison.classes:
        print_table(tuple(CLASS_COLUMNS), class_rows(comparison))


def _check_tolerance(tolerance_nm: float | None, tolerance_px: float | None) -> None:
    if tolerance_nm is None and tolerance_px is None:
        raise PinpointError(
            "Give the tolerance, the largest distance of a pair: --tolerance-nm 50 or --tolerance-px 2; or ask for "
            "--counts or --boxes, which pair no points."
        )


def _field(shape: Any) -> Any:
    """Rows and columns of the frames, which leaving out a border needs."""
    if not isinstance(shape, tuple):
        raise PinpointError(
            "Leaving out a border needs the size of a frame, which the table does not know; give --field-px 64x64."
        )
    return shape


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


def _is_dataset(truth: Path) -> bool:
    """Whether the truth is a folder, or a file that is no table."""
    return truth.is_dir() or (truth.is_file() and truth.suffix.lower() not in _table_suffixes())


def _table_suffixes() -> set[str]:
    from napari_pinpoint.io.tables import FORMATS

    return {suffix for name in FORMATS for suffix in FORMATS[name].suffixes}


def _read_dataset(
    found: Path, truth: Path, *, split: str | None, pixel_size_nm: float | None
) -> tuple[list[Localizations], tuple[int, int], Any]:
    """Found and true points of the images of a dataset, numbered as frames; how many there are, and their sizes."""
    from napari_pinpoint.datasets import as_frames, read_dataset
    from napari_pinpoint.io.tables import read_localizations

    files = sorted(found.iterdir()) if found.is_dir() else [found]
    paths = {path.stem: path for path in files if path.suffix.lower() in _table_suffixes()}
    if not paths:
        raise PinpointError(f"{found}: there is no table in this folder; write them by `pinpoint localize ... -o`.")
    tables = {name: read_localizations(path, pixel_size_nm=pixel_size_nm) for name, path in paths.items()}
    dataset = read_dataset(truth, split=split)
    if not found.is_dir() and len(dataset) == 1:
        tables = dict(zip([dataset[0].name], tables.values(), strict=True))  # whatever its file is called
    if all("height" in table for table in tables.values()):
        dataset = dataset.centred_on_boxes()
    frames = as_frames(dataset, tables)
    return [frames.found, frames.truth], (0, len(frames.shapes)), frames.shapes
