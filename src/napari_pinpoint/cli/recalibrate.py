"""`pinpoint recalibrate`: a model's probabilities and uncertainties, brought in line with what was seen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_pinpoint.cli import options
from napari_pinpoint.cli.terminal import emit, print_table
from napari_pinpoint.errors import PinpointError

if TYPE_CHECKING:
    from napari_pinpoint.recalibration import Recalibration


ModelOption = Annotated[str, typer.Argument(metavar="NAME|FILE", help="The model.")]
OutputOption = Annotated[
    Path, typer.Option("--output", "-o", metavar="MODEL", help="The model to write (.safetensors).")
]
RecipeOption = Annotated[
    str | None,
    typer.Option(
        "--recipe", metavar="NAME|FILE", help="A recipe: new frames are drawn from the scene it validates on."
    ),
]
FramesOption = Annotated[
    int | None,
    typer.Option("--frames", metavar="N", min=1, help="Frames to draw; else the recipe's number, or 200."),
]
StackOption = Annotated[str | None, typer.Option("--stack", metavar="STACK", help="A stack whose truth is known.")]
TruthOption = Annotated[Path | None, typer.Option("--truth", metavar="T", help="Its true points, all of them.")]
TolerancePx = Annotated[
    float | None,
    typer.Option("--tolerance-px", metavar="F", help="Distance within which a point is real. [default: 1.5]"),
]


def recalibrate(
    model: ModelOption,
    output: OutputOption,
    recipe: RecipeOption = None,
    frames: FramesOption = None,
    stack: StackOption = None,
    truth: TruthOption = None,
    tolerance_px: TolerancePx = None,
    device: options.Device = "auto",
    overwrite: options.Overwrite = False,
    json: options.Json = False,
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
    """Let a model say of its points what is seen where the truth is known.

    Afterwards, of the points with a probability of 0.8, about four in five are real on frames like these, and errors
    are as large as the uncertainties say. The same points are found: the model's threshold moves along. The frames
    should be none that the model was trained or chosen on.
    """
    from napari_pinpoint.io.atomic import check_free
    from napari_pinpoint.io.tables import read_localizations
    from napari_pinpoint.model import load_model, save_model
    from napari_pinpoint.recalibration import Recalibration
    from napari_pinpoint.training import frames_of, read_recipe, recalibrated

    if frames is not None and recipe is None:
        raise typer.BadParameter("--frames: how many are drawn from a scene; it goes with --recipe.")
    if output.suffix != ".safetensors":
        raise PinpointError(f"{output}: models are .safetensors files; let the name end so.")
    check_free(output, overwrite=overwrite)
    reading = options.Reading.of(
        axes=axes, channel=channel, plane=plane, position=position, pixel_size_nm=pixel_size_nm,
        offset_adu=offset_adu, electrons_per_adu=electrons_per_adu, em_gain=em_gain, read_noise_e=read_noise_e,
    )  # fmt: skip
    if recipe is not None and stack is None and truth is None:
        pairs: Any = frames_of(read_recipe(recipe), frames)
    elif recipe is None and stack is not None and truth is not None:
        view = reading(stack)
        pairs = [(view, read_localizations(truth, pixel_size_nm=view.stack.pixel_size_nm))]
    else:
        raise typer.BadParameter("Give --recipe, or --stack and --truth.")
    given = {} if tolerance_px is None else {"tolerance_px": tolerance_px}
    better = recalibrated(load_model(model), pairs, device=device, **given)
    save_model(better, output, overwrite=overwrite)
    done = better.spec.recalibration or Recalibration()
    if json:
        told = {"output": str(output), "fingerprint": better.fingerprint(), "threshold": better.decoder.threshold}
        emit({**told, "recalibration": done.model_dump(mode="json"), "record": better.record["recalibration"]})
        return
    print_table(("what is said", "", "becomes"), recalibration_rows(done))
    print(f"{output}: {better.spec.name}, threshold {better.decoder.threshold:g}.")


def recalibration_rows(recalibration: Recalibration) -> list[tuple[str, str, str]]:
    """What a recalibration does, in words."""
    rows = [("probability", f"{said:.3f}", f"{seen:.3f}") for said, seen in recalibration.probability]
    return rows + [
        ("uncertainty", f"{distance:.3g} px from the next point", f"{factor:.3f} times it")
        for distance, factor in recalibration.uncertainty
    ]
