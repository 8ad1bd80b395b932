"""`pinpoint localize`: stacks in, tables of points out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_pinpoint.cli import options
from napari_pinpoint.cli.terminal import INTERRUPTED, SOME_FAILED, emit, fail, print_table, progress_bar, say
from napari_pinpoint.errors import PinpointError

if TYPE_CHECKING:
    from napari_pinpoint.batch import Outcome
    from napari_pinpoint.inference import LocalizeSettings, Plan
    from napari_pinpoint.model import Localizer
    from napari_pinpoint.registry import Part
    from napari_pinpoint.stack import StackView

#: Prepares the work on what `read_stack` takes.
Prepare = Callable[[Any], "Plan"]
#: Gives the model for a view, and how it is used.
Settle = Callable[["StackView"], "tuple[Localizer, LocalizeSettings]"]

#: Instead of the name of a model: the one that is proposed for the stack.
AUTO = "auto"

Model = Annotated[
    str,
    typer.Option(
        "--model",
        metavar="NAME|FILE|auto",
        help="A model that ships (see `pinpoint models`), or a file; `auto` takes the one that fits each stack, as "
        "`pinpoint info` and napari propose it, and says why.",
    ),
]


def localize(
    stacks: Annotated[
        list[str],
        typer.Argument(
            metavar="STACK", help="TIFF files, folders or quoted globs; or one series of files (see below)."
        ),
    ],
    output: Annotated[
        str,
        typer.Option("--output", "-o", metavar="OUT", help="The table (.csv, .parquet), or a folder for the tables."),
    ],
    model: Model = "smlm-2d",
    threshold: options.Threshold = None,
    min_contrast: options.MinContrast = None,
    refine: options.Refine = "none",
    format: options.Format = None,
    labels: options.Labels = None,
    resume: options.Resume = False,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
    frames: options.Frames = None,
    region: options.RegionFile = None,
    axes: options.Axes = None,
    channel: options.Channel = None,
    plane: options.Plane = None,
    position: options.Position = None,
    pixel_size_nm: options.StackPixelSize = None,
    offset_adu: options.Offset = None,
    electrons_per_adu: options.ElectronsPerAdu = None,
    em_gain: options.EmGain = None,
    read_noise_e: options.ReadNoise = None,
    device: options.Device = "auto",
    batch: options.Batch = None,
    tile: options.Tile = None,
    decoder: options.Decoder = None,
    threshold_function: options.ThresholdFunction = None,
) -> None:
    """Find the points of every frame and write them into a table.

    With a file as OUT, all of STACK is one stack: a file, or the folder or files of one series. With a folder as OUT
    (it exists, ends in / or has no suffix), every TIFF file is a stack of its own, and gets a table of its name there
    (Parquet, or --format), and with --labels FOLDER its labels there. One that fails does not stop the others, and
    tables that are there already are skipped; the exit code is then 1 if any failed.

    While it runs, finished parts lie in OUT.parts; a run that was interrupted goes on from them with --resume.
    """
    found = {"threshold": threshold, "min_contrast": min_contrast, "refine": refine}
    settings = {**found, "batch": batch, "tile": tile}
    reading = options.Reading.of(
        axes=axes, channel=channel, plane=plane, position=position, pixel_size_nm=pixel_size_nm,
        offset_adu=offset_adu, electrons_per_adu=electrons_per_adu, em_gain=em_gain, read_noise_e=read_noise_e,
    )  # fmt: skip
    many = _is_many(output, labels)
    settle = _settler(model, settings, decoder=decoder, function=threshold_function, gives_labels=labels is not None)
    prepare = _preparation(reading, settle, frames=frames, region=region, device=device)
    how: dict[str, Any] = {"format": format, "resume": resume, "overwrite": overwrite, "labels": labels}
    outcomes = (_localize_many if many else _localize_one)(stacks, output, prepare, **how)
    _report(outcomes, many=many, json=json)


def _is_many(output: str, labels: Path | None) -> bool:
    """Whether the output is a folder of tables; where there are to be labels, they are alike."""
    from napari_pinpoint.batch import is_folder

    many = is_folder(output)
    if labels is not None and is_folder(str(labels)) != many:
        raise PinpointError(
            f"{output} is {'a folder' if many else 'a file'}, and so must be --labels ({labels}): one for each table."
        )
    return many


def _settler(
    name: str, settings: dict[str, Any], *, decoder: str | None, function: str | None, gives_labels: bool
) -> Settle:
    """What gives the model and the settings for a view; a model that is named is checked at once."""
    from napari_pinpoint.inference import LocalizeSettings, check_gives_labels
    from napari_pinpoint.model import load_model

    def settled(model: Localizer) -> tuple[Localizer, LocalizeSettings]:
        part = _decoder(model, decoder, function)
        if gives_labels:
            check_gives_labels(model if part is None else model.with_decoder(part))
        return model, options.build("The settings do not fit", LocalizeSettings, {**settings, "decoder": part})

    if name == AUTO:
        return lambda view: settled(load_model(_proposed(view)))
    given = settled(load_model(name))
    return lambda view: given


def _proposed(view: StackView) -> str:
    """The name of the model that fits a view, as napari proposes it; says which, and why."""
    from napari_pinpoint.proposal import propose

    proposal = propose(view)
    say(f"{view.stack.name}: model {proposal.model}, as proposed. {' '.join(proposal.reasons)}")
    return proposal.model


def _decoder(model: Localizer, name: str | None, function: str | None) -> Part | None:
    """The decoder and threshold function that are asked for, None for the model's own."""
    from napari_pinpoint.decoders import DECODERS
    from napari_pinpoint.registry import Part

    part = model.decoder_part if name is None else Part(name=name)
    if function is not None:
        if "function" not in DECODERS[part.name].model_fields:
            take = ", ".join(name for name in DECODERS if "function" in DECODERS[name].model_fields)
            raise PinpointError(f"The decoder {part.name} takes no threshold function; these do: {take}.")
        return Part(name=part.name, options={**part.options, "function": function})
    return None if name is None else part


def _preparation(
    reading: options.Reading,
    settle: Settle,
    *,
    frames: options.FrameRange | None,
    region: Path | None,
    device: str,
) -> Prepare:
    """What opens a stack and plans the work on it; the region is read once."""
    from napari_pinpoint.inference import plan
    from napari_pinpoint.io.regions import read_region

    inside = None if region is None else read_region(region)

    def prepare(source: Any) -> Plan:
        view = reading(source)
        model, settings = settle(view)
        chosen = None if frames is None else frames.within(view.n_frames)
        asked = settings.model_copy(update={"frames": chosen})
        return plan(view, model, settings=asked, region=inside, device=device)

    return prepare


def _localize_one(
    stacks: Sequence[str], output: str, prepare: Prepare, *, labels: Path | None, **how: Any
) -> list[Outcome]:
    """All of the input is one stack; what is wrong with it ends the command."""
    from napari_pinpoint.batch import Job, run_job

    job = Job(", ".join(stacks), Path(output), labels)
    plan = prepare(stacks[0] if len(stacks) == 1 else list(stacks))
    try:
        with progress_bar() as bar:
            return [run_job(job, plan, progress=_shown_on(bar), **how)]
    except KeyboardInterrupt:
        kept = Path(f"{output}.parts").exists()
        fail(
            f"interrupted; finished parts are kept in {output}.parts, and the same command with --resume goes on."
            if kept
            else "interrupted before anything was finished.",
            code=INTERRUPTED,
        )


def _localize_many(
    stacks: Sequence[str], output: str, prepare: Prepare, *, labels: Path | None, **how: Any
) -> list[Outcome]:
    """Every file is a stack of its own."""
    from napari_pinpoint.batch import find_stacks, plan_jobs, run_jobs
    from napari_pinpoint.io.tables import FORMATS

    folder, format = Path(output), how["format"] or "parquet"
    jobs = plan_jobs(find_stacks(stacks), folder, suffix=FORMATS[format].suffixes[0], labels=labels)
    for made in (folder, labels or folder):
        if not made.parent.is_dir():
            raise PinpointError(f"{made}: the folder {made.parent} does not exist; create it or choose another.")
        made.mkdir(exist_ok=True)
    outcomes: list[Outcome] = []
    try:
        with progress_bar() as bar:
            for outcome in run_jobs(jobs, prepare, progress=_shown_on(bar), **how):
                outcomes.append(outcome)
                said = f": {outcome.reason}" if outcome.reason else ""
                say(f"[{len(outcomes)}/{len(jobs)}] {outcome.source} {outcome.status}{said}")
    except KeyboardInterrupt:
        fail(f"interrupted; what is finished is kept in {output}, and the same command goes on.", code=INTERRUPTED)
    return outcomes


def _shown_on(bar: Callable[..., None]) -> Callable[[Plan, float], None]:
    def show(plan: Plan, frames: float) -> None:
        bar(text=Path(plan.view.stack.path or "").name, done=frames, total=plan.n_frames)

    return show


def _report(outcomes: Sequence[Outcome], *, many: bool, json: bool) -> None:
    """The summary; the exit code says whether any failed."""
    counts = {status: sum(o.status == status for o in outcomes) for status in ("done", "skipped", "failed")}
    if json:
        emit({**counts, "results": [outcome.to_dict() for outcome in outcomes]})
    elif many:
        numbers = ["" if o.localizations is None else f"{o.localizations:,}" for o in outcomes]
        rows = [(o.source, o.status, number) for o, number in zip(outcomes, numbers, strict=True)]
        print_table(("stack", "", "localizations"), rows)
        for failed in (o for o in outcomes if o.status == "failed"):
            print(f"{failed.source} failed: {failed.reason}")
        print(", ".join(f"{number} {status}" for status, number in counts.items()))
    else:
        (o,) = outcomes
        print(f"{o.output}: {o.localizations:,} localizations in {o.frames:,} frames ({o.seconds:.1f} s).")
    if counts["failed"]:
        raise typer.Exit(SOME_FAILED)
