"""`pinpoint rerun`: the same table again, from the record that it carries."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_pinpoint.cli import options
from napari_pinpoint.cli.terminal import emit
from napari_pinpoint.errors import PinpointError, PinpointWarning

if TYPE_CHECKING:
    from napari_pinpoint.inference import Plan
    from napari_pinpoint.localizations import Localizations

#: Positions that differ by less than this, in pixels, are the same: some formats round them.
_SAME_PX = 1e-3


def rerun(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="A table that `pinpoint localize` wrote.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT", help="The table to write.")],
    stack: Annotated[
        str | None, typer.Option("--stack", metavar="STACK", help="Where the stack is now, if it was moved.")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", metavar="NAME|FILE", help="Where the model is now, if it is a file.")
    ] = None,
    device: Annotated[
        str | None, typer.Option("--device", metavar="D", help="Another device than the table was made on.")
    ] = None,
    labels: options.Labels = None,
    resume: options.Resume = False,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
) -> None:
    """Make TABLE again exactly as it was made, and say whether the result is the same.

    Stack, view, region, camera, pixel size, decoder, threshold, contrast and frames are those of the record that the
    table carries; what was done with the table since (filter, link, merge, drift) is done again. If the stack or the
    model changed since, a warning says so.
    """
    from napari_pinpoint.batch import Job, run_job
    from napari_pinpoint.io.tables import check_target, read_localizations, write_localizations
    from napari_pinpoint.postprocessing import replay

    before = read_localizations(table)
    record = _checked_record(table, before)
    steps = _repeatable(table, before)
    check_target(output, pixel_size_nm=before.pixel_size_nm, overwrite=overwrite)
    plan = plan_from(record, stack or _stack_path(record, table), model=model, device=device)
    changed = _changes(record, plan.record)
    for what in changed:
        warnings.warn(f"{what}; the table may differ from {table}.", PinpointWarning, stacklevel=2)
    # Later steps may need columns that the table's format has no place for: what they start from is kept in full.
    localized = output.with_name(f"{output.stem}.localized.parquet") if steps else output
    outcome = run_job(
        Job(str(plan.view.stack.path), localized, labels), plan, resume=resume, overwrite=overwrite or bool(steps)
    )
    if steps:
        write_localizations(replay(read_localizations(localized), steps), output, overwrite=overwrite)
        localized.unlink()
    after = read_localizations(output)
    same = _is_same(before, after)
    if json:
        result = {**outcome.to_dict(), "output": str(output), "localizations": len(after)}
        emit({**result, "steps": [step["step"] for step in steps], "same_rows": same, "changed": changed})
    else:
        verdict = "the same rows" if same else f"not the same rows ({len(before):,} before)"
        print(f"{output}: {len(after):,} localizations, {verdict} as in {table}.")


def plan_from(record: Mapping[str, Any], path: str, *, model: str | None, device: str | None) -> Plan:
    """The plan of an earlier run from its record; what may have moved since is given."""
    from napari_pinpoint.camera import Camera
    from napari_pinpoint.inference import LocalizeSettings, plan
    from napari_pinpoint.io.images import read_stack
    from napari_pinpoint.model import load_model
    from napari_pinpoint.region import Region

    camera = {name: value for name, value in record["camera"].items() if name != "sources"}
    maps = [name for name, value in camera.items() if isinstance(value, dict)]
    if maps:
        raise PinpointError(
            f"The table was made with a map of {', '.join(maps)} for each pixel, which its record does not hold; "
            "localize the stack again instead."
        )
    seen = record["input"]
    _, given, axes = record["sources"].get("axes", "").partition("given as ")
    stack = replace(
        read_stack(path, axes=axes if given else None),
        camera=Camera(**camera, sources=record["camera"]["sources"]),
        pixel_size_nm=record["pixel_size_nm"],
        z_step_nm=record["z_step_nm"],
        sources=record["sources"],
    )
    chosen = seen["chosen"]
    view = stack.view(
        channel=chosen.get("channel"), position=chosen.get("position"), plane=seen["planes"] or chosen.get("plane")
    )
    settings = options.build("The record's settings do not fit", LocalizeSettings, record["settings"])
    localizer = load_model(model or record["model"].get("path") or record["model"]["name"])
    region = None if record.get("region") is None else Region.from_record(record["region"])
    return plan(view, localizer, settings=settings, region=region, device=device or _device(record["device"]))


def _checked_record(path: Path, table: Localizations) -> Mapping[str, Any]:
    record = table.record
    missing = {"input", "camera", "model", "settings", "sources", "device"} - set(record)
    if missing or not record["input"].get("path"):
        raise PinpointError(
            f"{path} carries no record of a localization, so it cannot be made again. Parquet files hold it; for a CSV "
            f"it lies beside, in {path.name}.json."
        )
    return record


def _repeatable(path: Path, table: Localizations) -> list[dict[str, Any]]:
    """What was done with the table since it was localized, up to the first step that cannot be done again."""
    from napari_pinpoint.postprocessing.steps import STEPS, steps_of

    steps = steps_of(table)
    lost = next((index for index, step in enumerate(steps) if step.get("step") not in STEPS), len(steps))
    if lost < len(steps):
        words = ", ".join(str(step.get("step")) for step in steps[lost:])
        warnings.warn(
            f"{path} was changed by hand after it was localized ({words}); what came before is run again, this is not.",
            PinpointWarning,
            stacklevel=2,
        )
    return steps[:lost]


def _stack_path(record: Mapping[str, Any], table: Path) -> str:
    """Where the record says that the stack is, or else beside the table."""
    path = Path(record["input"]["path"])
    beside = table.parent / path.name
    return str(beside if beside.exists() and not path.exists() else path)


def _device(recorded: str) -> str:
    from napari_pinpoint.inference import choose_device

    try:
        choose_device(recorded)
    except PinpointError:
        warnings.warn(
            f"The table was made on {recorded}, which is not here; another device may change the last digits.",
            PinpointWarning,
            stacklevel=2,
        )
        return "auto"
    return recorded


def _changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What is not as it was, in words."""
    changes = []
    old, new = (record["input"].get("sha256_of_sample") for record in (before, now))
    if old != new or before["input"]["shape"] != now["input"]["shape"]:
        changes.append(f"the stack {now['input']['path']} is not the one that the table was made from")
    if before["model"]["fingerprint"] != now["model"]["fingerprint"]:
        changes.append(f"the model {now['model']['name']} is not the one that made the table")
    old, new = (record.get("versions", {}).get("napari-pinpoint") for record in (before, now))
    if old != new:
        changes.append(f"the table was made by napari-pinpoint {old}, and this is {new}")
    return changes


def _is_same(a: Localizations, b: Localizations) -> bool:
    import numpy as np

    if len(a) != len(b) or not np.array_equal(a["frame"], b["frame"]):
        return False
    return all(np.allclose(a[axis], b[axis], rtol=0, atol=_SAME_PX) for axis in "zyx" if axis in a and axis in b)
