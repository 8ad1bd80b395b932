"""`pinpoint train`: a model from a recipe, a folder of annotated images, or a stack whose points are known."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from napari_pinpoint.cli import options
from napari_pinpoint.cli import train_options as own
from napari_pinpoint.cli.terminal import INTERRUPTED, emit, fail, progress_bar, say
from napari_pinpoint.errors import PinpointError

if TYPE_CHECKING:
    from napari_pinpoint.cli.training import Choices
    from napari_pinpoint.model import Localizer
    from napari_pinpoint.training import Progress

    Reports = Iterator["Progress | Localizer"]


def train(
    output: own.Output,
    recipe: own.RecipeName = None,
    dataset: own.DatasetFolder = None,
    stack: own.StackPath = None,
    points: own.Points = None,
    regions: own.Regions = None,
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
    from napari_pinpoint.cli.training import Choices

    choices = Choices(
        output.stem, recipe=recipe, start=start, stack=stack, points=points, regions=regions, steps=steps,
        new=_said(method=method, backbone=backbone, decoder=decoder, loss=loss, target=target)
        | _said(threshold_function=threshold_function),
        images=_said(path=dataset and str(dataset), format=dataset_format, split=split, validation=validation_split)
        | _said(channel=channel, plane=plane, axes=axes, window=window),
        classes=tuple(name.strip() for name in (classes or "").split(",") if name.strip()),
        reading=options.Reading.of(
            axes=axes, channel=channel, plane=plane, position=position, pixel_size_nm=pixel_size_nm,
            offset_adu=offset_adu, electrons_per_adu=electrons_per_adu, em_gain=em_gain, read_noise_e=read_noise_e,
        ),
    )  # fmt: skip
    _check(choices)
    _train(choices, output, folder=folder, device=device, overwrite=overwrite, json=json)


def _said(**values: Any) -> dict[str, Any]:
    """The options that were given."""
    return {name: value for name, value in values.items() if value is not None}


def _check(choices: Choices) -> None:
    """One source of images, one word on what the model is, and nothing said that would not be heeded."""
    images, on_stack = choices.images, choices.stack is not None
    if on_stack != (choices.points is not None) or not (choices.recipe or on_stack or "path" in images):
        raise typer.BadParameter("Give --recipe, --dataset, or --stack and --points.")
    if on_stack and "path" in images:
        raise typer.BadParameter("Give --dataset, or --stack and --points, not both.")
    if choices.regions is not None and not on_stack:
        raise typer.BadParameter("--regions: this goes with --stack and --points.")
    names = {"format": "--dataset-format", "split": "--split", "validation": "--validation-split"}
    idle = ", ".join(option for name, option in names.items() if name in images)
    if on_stack and idle:
        raise typer.BadParameter(f"{idle}: a stack has no parts and formats; these go with --dataset.")
    given = {**choices.reading.given, "position": choices.reading.choice["position"]}
    idle = _options(name for name in _said(**given) if name != "axes")
    if not on_stack and idle:
        raise typer.BadParameter(f"{idle}: these describe a stack, and go with --stack and --points.")
    says = [f"--{name}" for name in ("recipe", "start") if getattr(choices, name) is not None]
    if len(says) == 2:
        raise typer.BadParameter("Give --recipe for a new model or --start for one to teach more, not both.")
    new = [*choices.new, *(["classes"] if choices.classes else [])]
    if says and new:
        raise typer.BadParameter(f"{says[0]} says what the model is; leave {_options(new)} away.")


def _options(names: Iterable[str]) -> str:
    return ", ".join(f"--{name.replace('_', '-')}" for name in names)


def _train(choices: Choices, output: Path, *, folder: Path | None, device: str, overwrite: bool, json: bool) -> None:
    """Train, keeping checkpoints on the way, and write the model."""
    from napari_pinpoint.cli.training import reports_of
    from napari_pinpoint.io.atomic import check_free
    from napari_pinpoint.model import save_model

    if output.suffix != ".safetensors":
        raise PinpointError(f"{output}: models are .safetensors files; let the name end so.")
    check_free(output, overwrite=overwrite)
    kept = folder or output.with_name(f"{output.name}.training")
    # It would tell of the precision among our lines of JSON.
    logging.getLogger("lightning_fabric.utilities.rank_zero").setLevel(logging.WARNING)
    try:
        model = _follow(reports_of(choices, folder=kept, device=device), json=json)
    except KeyboardInterrupt:
        said = "there is no checkpoint yet"
        if kept.is_dir() and any(kept.iterdir()):
            said = f"checkpoints are kept in {kept}, and the same command goes on"
        fail(f"interrupted; {said}.", code=INTERRUPTED)
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
