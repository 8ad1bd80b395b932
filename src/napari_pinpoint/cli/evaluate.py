"""`pinpoint evaluate`: found points against the truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_pinpoint.cli import evaluate_options as own
from napari_pinpoint.cli import options
from napari_pinpoint.cli.terminal import emit, print_table
from napari_pinpoint.errors import PinpointError

if TYPE_CHECKING:
    from napari_pinpoint.camera import Camera
    from napari_pinpoint.evaluation import Comparison
    from napari_pinpoint.localizations import Localizations


def evaluate(
    found: own.Found,
    truth: own.Truth,
    tolerance_nm: own.ToleranceNm = None,
    tolerance_px: own.TolerancePx = None,
    method: own.Method = None,
    challenge: own.Challenge = False,
    counts: own.Counts = False,
    boxes: own.Boxes = False,
    frames: own.Frames = None,
    split: own.Split = None,
    field: own.Field = None,
    against: own.Against = None,
    reference: own.Reference = False,
    em_gain: options.EmGain = None,
    read_noise_e: options.ReadNoise = None,
    pixel_size_nm: options.PixelSize = None,
    report: own.Report = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
) -> None:
    """Compare a table with the truth, frame by frame; or two tables with it, and with each other.

    True rows that are flagged "ignore" neither have to be found nor count as wrong when they are. The RMSE is radial.
    A table in nanometres that does not know its pixel size takes the other one's. Without a tolerance, --counts and
    --boxes pair no points. Tables of a dataset are called as its images are.
    """
    from napari_pinpoint.evaluation import compare

    given = {"tolerance_nm": tolerance_nm, "tolerance_px": tolerance_px, "method": method}
    how: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    fully = against is not None or report is not None or reference
    if fully or not (challenge or counts or boxes):
        _check_tolerance(tolerance_nm, tolerance_px, challenge=challenge)
    if report is not None:
        _claim(report, overwrite=overwrite)
    (table, true), shape, all_frames = _read(found, truth, split=split, pixel_size_nm=pixel_size_nm)
    shape = field or shape
    if all_frames is not None:
        how["frames"] = all_frames
    if frames is not None:
        how["frames"] = _chosen(frames, table, true, known=all_frames)
    if challenge:
        how = _as_challenge(shape, how)
    how |= {"shape": shape, "boxes": boxes or None}
    if not fully:
        _tell(compare(table, true, **how), counts=counts, json=json)
        return
    tables = {found.stem: table}
    if against is not None:
        name = against.stem if against.stem != found.stem else str(against)
        tables[name] = _read_second(against, truth, true, split=split, pixel_size_nm=pixel_size_nm)
    if reference:
        how["camera"] = _camera(table, true, em_gain=em_gain, read_noise_e=read_noise_e)
    _evaluate_fully(tables, true, truth.name, how, report=report, counts=counts, json=json)


def _tell(comparison: Comparison, *, counts: bool, json: bool) -> None:
    """The scores of one table, in words or as JSON."""
    from napari_pinpoint.evaluation import CLASS_COLUMNS, class_rows, score_rows

    if json:
        emit(comparison.to_dict())
        return
    print_table(("score", "value", "unit", "meaning"), score_rows(comparison, counts=counts))
    if comparison.classes:
        print_table(tuple(CLASS_COLUMNS), class_rows(comparison))


def _evaluate_fully(
    tables: dict[str, Localizations],
    true: Localizations,
    called: str,
    how: dict[str, Any],
    *,
    report: Path | None,
    counts: bool,
    json: bool,
) -> None:
    """Evaluate one table or two in every way, write the report, and tell the scores."""
    from napari_pinpoint.evaluation import CLASS_COLUMNS, class_rows, evaluate_fully, score_table

    evaluation = evaluate_fully(tables, true, **how)
    page = None
    if report is not None:
        from napari_pinpoint.reports.evaluation import evaluation_report
        from napari_pinpoint.reports.writing import PAGE

        evaluation_report(evaluation, truth=called).write(report, overwrite=True)
        page = (report / PAGE).absolute()
    if json:
        emit(({} if page is None else {"report": str(page)}) | evaluation.to_dict())
        return
    columns, rows = score_table(evaluation, counts=counts)
    if len(columns) > 4:  # a terminal has no room for the meaning beside several values; the report has
        columns, rows = columns[:-1], [row[:-1] for row in rows]
    print_table(columns, rows)
    for name, comparison in evaluation.comparisons.items():
        if comparison.classes:
            print_table(tuple(CLASS_COLUMNS), class_rows(comparison), title=name)
    if page is not None:
        print(page)


def _claim(report: Path, *, overwrite: bool) -> None:
    from napari_pinpoint.reports.writing import claim

    claim(report, overwrite=overwrite)


def _camera(found: Localizations, truth: Localizations, *, em_gain: float | None, read_noise_e: float | None) -> Camera:
    """The noise of the camera, as given, else as the tables know it."""
    from napari_pinpoint.camera import Camera
    from napari_pinpoint.evaluation import recorded_camera

    known = recorded_camera(truth, found)
    if known is None and em_gain is None and read_noise_e is None:
        raise PinpointError(
            "The reference needs the noise of the camera, which neither table knows: give --read-noise-e 1.6 (and "
            "--em-gain where there is one)."
        )
    return (known or Camera()).with_values("given", em_gain=em_gain, read_noise_e=read_noise_e)


def _check_tolerance(tolerance_nm: float | None, tolerance_px: float | None, *, challenge: bool) -> None:
    if tolerance_nm is None and tolerance_px is None and not challenge:
        raise PinpointError(
            "Give the tolerance, the largest distance of a pair: --tolerance-nm 50 or --tolerance-px 2; or ask for "
            "--counts or --boxes, which pair no points."
        )


def _chosen(
    frames: options.FrameRange, found: Localizations, truth: Localizations, *, known: tuple[int, int] | None
) -> tuple[int, int]:
    """Frames as the user gave them; without an end, to the last one that was looked at or has a point."""
    from napari_pinpoint.evaluation import compared_frames

    looked_at = known or compared_frames(found, found)
    return frames.within(max(looked_at[1], int(truth["frame"].max(initial=0)) + 1))


def _as_challenge(shape: Any, given: dict[str, Any]) -> dict[str, Any]:
    """What the challenge asks for, except where the user says otherwise; its border needs the size of the frames."""
    from napari_pinpoint.evaluation import CHALLENGE

    sizes = {tuple(size) for size in ([shape] if isinstance(shape, tuple) else [] if shape is None else shape.tolist())}
    if len(sizes) != 1:
        lack = "the images differ in it" if sizes else "the table does not know"
        raise PinpointError(f"Leaving out a border needs the size of a frame, which {lack}; give --field-px 64x64.")
    own = CHALLENGE if "tolerance_px" not in given else {k: v for k, v in CHALLENGE.items() if k != "tolerance_nm"}
    return {**own, "field_shape": sizes.pop(), **given}


def _read(
    found: Path, truth: Path, *, split: str | None, pixel_size_nm: float | None
) -> tuple[list[Localizations], Any, tuple[int, int] | None]:
    """Found and true points, the size of the frames, and all frames that there are; None where nobody knows."""
    from napari_pinpoint.localizations import recorded_field

    if found.is_dir() or _is_dataset(truth):
        tables, frames, shape = _read_dataset(found, truth, split=split, pixel_size_nm=pixel_size_nm)
        return tables, shape, frames
    tables = _read_both(found, truth, pixel_size_nm)
    return tables, recorded_field(tables[0].record), None


def _read_second(
    against: Path, truth: Path, true: Localizations, *, split: str | None, pixel_size_nm: float | None
) -> Localizations:
    """A second table of the same frames."""
    (table, same), _, _ = _read(against, truth, split=split, pixel_size_nm=pixel_size_nm)
    if len(same) != len(true) or any((same[name] != true[name]).any() for name in ("frame", "y", "x")):
        raise PinpointError(f"{against} has tables of other images than the first folder; both need the same ones.")
    return table


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
    from napari_pinpoint.io.tables import suffixes

    return set(suffixes())


def _read_dataset(
    found: Path, truth: Path, *, split: str | None, pixel_size_nm: float | None
) -> tuple[list[Localizations], tuple[int, int], Any]:
    """Found and true points of the images of a dataset, numbered as frames; how many there are, and their sizes."""
    from napari_pinpoint.datasets import as_frames, read_dataset
    from napari_pinpoint.io.tables import read_localizations

    files = sorted(found.iterdir()) if found.is_dir() else [found]
    suffixes, paths = _table_suffixes(), dict[str, Path]()
    for path in files:
        if path.suffix.lower() not in suffixes:
            continue
        if path.stem in paths:
            raise PinpointError(
                f"{found} has two tables of one image, {paths[path.stem].name} and {path.name}; leave only one."
            )
        paths[path.stem] = path
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
