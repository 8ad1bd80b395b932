"""`pinpoint train`: a model from a recipe, or from a stack whose points are known."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_pinpoint.cli import options
from napari_pinpoint.cli.terminal import INTERRUPTED, emit, fail, progress_bar, say
from napari_pinpoint.errors import PinpointError

if TYPE_CHECKING:
    from napari_pinpoint.model import Localizer
    from napari_pinpoint.stack import StackView
    from napari_pinpoint.training import Progress

    Reports = Iterator["Progress | Localizer"]

_STACK = "Training on a stack whose points are known"

Output = Annotated[Path, typer.Option("--output", "-o", metavar="MODEL", help="The model to write (.safetensors).")]
RecipeName = Annotated[
    str | None, typer.Option("--recipe", metavar="NAME|FILE", help="A recipe that ships, or a YAML file.")
]
Steps = Annotated[int | None, typer.Option("--steps", metavar="N", min=1, help="Steps of training; else the recipe's.")]
Folder = Annotated[
    Path | None,
    typer.Option(
        "--folder",
        metavar="CHECKPOINTS",
        help="Where checkpoints are kept; else in MODEL.training until the model is complete.",
    ),
]
Json = Annotated[
    bool,
    options.flag(
        "--json",
        help="Write the result as one JSON object to standard output, and progress as one JSON object per line to "
        "standard error.",
    ),
]
StackPath = Annotated[
    str | None, typer.Option("--stack", metavar="STACK", help="A TIFF file to learn from.", rich_help_panel=_STACK)
]
Points = Annotated[
    Path | None,
    typer.Option(
        "--points",
        metavar="TABLE",
        help="All points of the frames that are annotated; frames without a point are not used.",
        rich_help_panel=_STACK,
    ),
]
Start = Annotated[
    str,
    typer.Option(
        "--start", metavar="NAME|FILE", help="The model to begin with, without --recipe.", rich_help_panel=_STACK
    ),
]


def train(
    output: Output,
    recipe: RecipeName = None,
    steps: Steps = None,
    folder: Folder = None,
    device: options.Device = "auto",
    overwrite: options.Overwrite = False,
    json: Json = False,
    stack: StackPath = None,
    points: Points = None,
    start: Start = "smlm-2d",
    axes: options.Axes = None,
    channel: options.Channel = None,
    plane: options.Plane = None,
    position: options.Position = None,
    pixel_size_nm: options.StackPixelSize = None,
    offset_adu: options.Offset = None,
    electrons_per_adu: options.ElectronsPerAdu = None,
    em_gain: options.EmGain = None,
    read_noise_e: options.ReadNoise = None,
) -> None:
    """Train a model: on what a recipe simulates, or on a stack whose points are known.

    With --recipe, everything is as the recipe says. With --stack and --points, a model that is there (--start) learns
    from them; with --recipe too, the recipe's model begins anew. Every fifth annotated frame is kept for validation.

    A training that was interrupted goes on from its last checkpoint when the same command is given again.
    """
    from napari_pinpoint.io.atomic import check_free
    from napari_pinpoint.model import save_model

    if (stack is None) != (points is None) or (recipe is None and stack is None):
        raise typer.BadParameter("Give --recipe, or --stack and --points.")
    if output.suffix != ".safetensors":
        raise PinpointError(f"{output}: models are .safetensors files; let the name end so.")
    check_free(output, overwrite=overwrite)
    kept = folder or output.with_name(f"{output.name}.training")
    if stack is None or points is None:
        reports = _from_recipe(str(recipe), steps, kept, device)
    else:
        camera = {"offset_adu": offset_adu, "electrons_per_adu": electrons_per_adu, "em_gain": em_gain}
        reading = options.Reading(
            given={"axes": axes, "pixel_size_nm": pixel_size_nm, "read_noise_e": read_noise_e, **camera},
            choice={"channel": channel, "plane": plane, "position": position},
        )
        reports = _from_points(
            reading(stack),
            points,
            name=output.stem,
            recipe=recipe,
            start=start,
            steps=steps,
            folder=kept,
            device=device,
        )
    try:
        model = _follow(reports, json=json)
    except KeyboardInterrupt:
        said = f"checkpoints are kept in {kept}, and the same command goes on"
        fail(f"interrupted; {said if any(kept.iterdir()) else 'there is no checkpoint yet'}.", code=INTERRUPTED)
    finally:
        with suppress(OSError):
            kept.rmdir()  # only if nothing is in it
    save_model(model, output, overwrite=overwrite)
    if folder is None:
        _remove(kept)
    if json:
        emit({"output": str(output), "fingerprint": model.fingerprint(), "record": model.record})
    else:
        print(f"{output}: {model.spec.name}, {_scores(model.record['validation']) or 'not validated'}.")


def _from_recipe(recipe: str, steps: int | None, folder: Path, device: str) -> Reports:
    from napari_pinpoint.training import read_recipe, train_recipe

    chosen = read_recipe(recipe)
    if steps is not None:
        chosen = chosen.model_copy(update={"training": chosen.training.model_copy(update={"steps": steps})})
    return train_recipe(chosen, folder=folder, device=device)


def _from_points(
    view: StackView,
    table: Path,
    *,
    name: str,
    recipe: str | None,
    start: str,
    steps: int | None,
    folder: Path,
    device: str,
) -> Reports:
    from napari_pinpoint.io.tables import read_localizations
    from napari_pinpoint.model import load_model
    from napari_pinpoint.sampling import StackSource, hold_out
    from napari_pinpoint.training import TrainingSpec, read_recipe, train_iter

    if recipe is None:
        begin = load_model(start)
        # A model that knows its trade is taught gently, or it forgets.
        spec, training = (
            begin.spec,
            TrainingSpec(steps=2_000, learning_rate=2e-4, validate_every=250, patience=4, schedules_from=1.0),
        )
    else:
        chosen = read_recipe(recipe)
        begin, spec, training = None, chosen.model, chosen.training
    if steps is not None:
        training = training.model_copy(update={"steps": steps})
    points = read_localizations(table, pixel_size_nm=view.stack.pixel_size_nm)
    learn_from, validation = hold_out(view, points)
    return train_iter(
        spec.model_copy(update={"name": name, "version": 1}),
        training,
        source=StackSource(view, learn_from),
        validation=validation,
        folder=folder,
        start=begin,
        device=device,
        made_from={
            "stack": view.stack.path,
            "points": str(table),
            "start": begin.fingerprint() if begin else None,
        },
    )


def _follow(reports: Reports, *, json: bool) -> Localizer:
    """Show the progress of a training until it gives the model."""
    from napari_pinpoint.training import Progress

    with progress_bar() as bar:
        for report in reports:
            if not isinstance(report, Progress):
                return report
            if json:
                emit({"event": "progress", **report.to_dict()}, one_line=True, to=sys.stderr)
                continue
            bar(done=report.step, total=report.steps, text=f"loss {report.loss:.3f}")
            if report.validation:
                left = f"{report.seconds_left / 60:.0f} min left" if report.seconds_left >= 90 else ""
                said = ", ".join(
                    filter(None, (_scores(report.validation), "the best so far" if report.best else "", left))
                )
                say(f"step {report.step:,} of {report.steps:,}: loss {report.loss:.3f}, {said}")
    raise RuntimeError("a training ended without a model")


def _scores(validation: dict[str, float | None]) -> str:
    """Jaccard and RMSE in words, as far as they are known."""
    words = []
    if (jaccard := validation.get("jaccard")) is not None:
        words.append(f"Jaccard {100 * jaccard:.1f} %")
    if (rmse := validation.get("rmse_px")) is not None:
        words.append(f"RMSE {rmse:.3f} px")
    return ", ".join(words)


def _remove(folder: Path) -> None:
    """Remove the checkpoints of a training that has ended, and their folder unless it holds something else."""
    for name in ("checkpoint.safetensors", "best.safetensors"):
        (folder / name).unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()
