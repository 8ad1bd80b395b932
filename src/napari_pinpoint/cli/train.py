"""`pinpoint train`: a model from a recipe, a folder of annotated images, or a stack whose points are known."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from napari_pinpoint.cli import options
from napari_pinpoint.cli import train_options as own
from napari_pinpoint.cli.terminal import INTERRUPTED, emit, fail, progress_bar, say
from napari_pinpoint.errors import PinpointError

if TYPE_CHECKING:
    from napari_pinpoint.model import Localizer
    from napari_pinpoint.training import Progress

    Reports = Iterator["Progress | Localizer"]


def train(
    output: own.Output,
    recipe: own.RecipeName = None,
    dataset: own.DatasetFolder = None,
    stack: own.StackPath = None,
    points: own.Points = None,
    start: own.Start = None,
    steps: own.Steps = None,
    folder: own.Folder = None,
    device: options.Device = "auto",
    overwrite: options.Overwrite = False,
    json: own.Json = False,
    method: own.Method = None,
    backbone: own.Backbone = None,
    decoder: own.Decoder = None,
    loss: own.Loss = None,
    target: own.Target = None,
    threshold_function: own.ThresholdFunction = None,
    dataset_format: own.DatasetFormat = None,
    split: own.Split = None,
    validation_split: own.ValidationSplit = None,
    classes: own.Classes = None,
    window: own.Window = None,
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
    """Train a model: on what a recipe simulates, on a folder of annotated images, or on a stack whose points are known.

    With --dataset, a new model is made for the images: --method and the options beside it say which, and all that is
    not said is chosen. With --stack and --points, or with --start, a model that is there learns more; every fifth
    annotated frame or image is kept for validation. With --recipe, everything is as the recipe says, and --dataset
    only where its images are.

    A training that was interrupted goes on from its last checkpoint when the same command is given again.
    """
    from napari_pinpoint.cli.training import Choices, reports_of
    from napari_pinpoint.io.atomic import check_free
    from napari_pinpoint.model import save_model

    new: dict[str, Any] = {"method": method, "backbone": backbone, "decoder": decoder, "loss": loss, "target": target}
    new = {name: value for name, value in {**new, "threshold_function": threshold_function}.items() if value}
    _check_sources(recipe, dataset, stack, points, start, new)
    if output.suffix != ".safetensors":
        raise PinpointError(f"{output}: models are .safetensors files; let the name end so.")
    check_free(output, overwrite=overwrite)
    kept = folder or output.with_name(f"{output.name}.training")
    camera = {"offset_adu": offset_adu, "electrons_per_adu": electrons_per_adu, "em_gain": em_gain}
    reading = options.Reading(
        given={"axes": axes, "pixel_size_nm": pixel_size_nm, "read_noise_e": read_noise_e, **camera},
        choice={"channel": channel, "plane": plane, "position": position},
    )
    images: dict[str, Any] = {
        "path": None if dataset is None else str(dataset),
        "format": dataset_format,
        "split": split,
    }
    images |= {"validation": validation_split, "channel": channel, "plane": plane, "axes": axes, "window": window}
    told = tuple(name.strip() for name in (classes or "").split(",") if name.strip())
    choices = Choices(output.stem, recipe, start, new, images, told, steps, reading)
    reports = reports_of(choices, stack=stack, points=points, folder=kept, device=device)
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


def _check_sources(
    recipe: str | None,
    dataset: Path | None,
    stack: str | None,
    points: Path | None,
    start: str | None,
    new: dict[str, Any],
) -> None:
    """One source of images, and one word on what the model is."""
    if (stack is None) != (points is None) or (recipe is None and stack is None and dataset is None):
        raise typer.BadParameter("Give --recipe, --dataset, or --stack and --points.")
    if stack is not None and dataset is not None:
        raise typer.BadParameter("Give --dataset, or --stack and --points, not both.")
    says = [f"--{name}" for name, value in (("recipe", recipe), ("start", start)) if value is not None]
    if len(says) == 2:
        raise typer.BadParameter("Give --recipe for a new model or --start for one to teach more, not both.")
    if says and new:
        asked = ", ".join(f"--{name.replace('_', '-')}" for name in new)
        raise typer.BadParameter(f"{says[0]} says what the model is; leave {asked} away.")


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
