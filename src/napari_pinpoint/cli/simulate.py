"""`pinpoint simulate`: a movie whose truth is known."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from napari_pinpoint.cli import options
from napari_pinpoint.cli.terminal import emit, print_table
from napari_pinpoint.errors import PinpointError


def simulate(
    scene: Annotated[
        str, typer.Argument(metavar="SCENE", help="What to simulate: <names of napari_pinpoint.scenes:SCENES>.")
    ] = "emitters",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="STACK", help="The TIFF file to write.")
    ] = None,
    truth: Annotated[
        Path | None, typer.Option("--truth", metavar="TABLE", help="The true table to write (.csv, .parquet).")
    ] = None,
    frames: Annotated[int, typer.Option("--frames", metavar="N", min=1, help="Number of frames.")] = 100,
    seed: Annotated[int, typer.Option("--seed", metavar="S", min=0, help="The same seed, the same movie.")] = 0,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="OPTION=VALUE",
            help="An option of the scene, as --set density=[0.01,0.02]; may be given several times.",
        ),
    ] = None,
    list_options: Annotated[
        bool, options.flag("--options", help="List the options of the scene and their defaults, and end.")
    ] = False,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
) -> None:
    """Simulate a movie with known truth.

    Values of options are written as in YAML: numbers, true, [low, high], {filaments: 1}.
    """
    from napari_pinpoint.scenes import SCENES

    kind = SCENES[scene]
    if list_options:
        _print_options(kind, json=json)
        return
    if output is None or truth is None:
        raise typer.BadParameter("Both are needed: -o STACK for the movie, and --truth TABLE for its truth.")
    made = options.build(f"The options of the scene {scene} do not fit", kind, _parsed(settings or [], kind))
    _write(made, output, truth, frames=frames, seed=seed, overwrite=overwrite, json=json)


def _write(made: Any, output: Path, truth: Path, *, frames: int, seed: int, overwrite: bool, json: bool) -> None:
    import numpy as np

    from napari_pinpoint.io.atomic import check_free
    from napari_pinpoint.io.tables import check_target, write_localizations
    from napari_pinpoint.io.write_images import check_suffix, write_stack

    check_suffix(output)
    check_free(output, overwrite=overwrite)
    check_target(truth, pixel_size_nm=getattr(made, "pixel_size_nm", None), overwrite=overwrite)
    stack, table = made.sample(frames, np.random.default_rng(seed))
    write_localizations(table.with_step("simulate", seed=seed, frames=frames), truth, overwrite=overwrite)
    write_stack(stack, output, overwrite=overwrite)
    if json:
        result = {"output": str(output), "truth": str(truth), "frames": frames, "emitters": len(table), "seed": seed}
        emit({**result, "shape": stack.shape, "pixel_size_nm": stack.pixel_size_nm, "camera": stack.camera.to_record()})
        return
    pixel = f", {stack.pixel_size_nm:g} nm each" if stack.pixel_size_nm else ""
    print(f"{output}: {frames:,} frames of {' x '.join(map(str, stack.shape[1:]))} px{pixel}.")
    print(f"{truth}: {len(table):,} emitters (one row for each frame they shine in).")
    if stack.camera.is_calibrated:
        print(f"The camera, for localizing: {options.camera_options(stack.camera)}")


def _parsed(settings: list[str], kind: Any) -> dict[str, Any]:
    """Option names to values; dots in a name lead into options that are groups of others."""
    import yaml

    known = kind.model_fields
    values: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or name not in known:
            raise PinpointError(
                f"--set {setting}: expected OPTION=VALUE with an option of the scene: {', '.join(known)}."
            )
        try:
            values[name] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise PinpointError(f"--set {setting}: the value cannot be read: {error}") from None
    return values


def _print_options(kind: Any, *, json: bool) -> None:
    fields = kind.model_fields
    if json:
        emit(kind.model_json_schema())
    else:
        rows = [
            (name, _shown(field.get_default(call_default_factory=True)), field.description or "")
            for name, field in fields.items()
        ]
        print_table(("option", "default", "meaning"), rows)


def _shown(value: Any) -> str:
    """A default as it would be written after --set."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(_shown, value))}]"
    if hasattr(value, "model_dump"):
        value = value.model_dump(exclude_none=True)
    return str(value).replace("'", "") if value is not None else "null"
