"""`pinpoint info`: what a stack is, what is missing for photons, and which model fits."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_pinpoint.cli import options
from napari_pinpoint.cli.terminal import emit, print_table
from napari_pinpoint.errors import PinpointError

if TYPE_CHECKING:
    from napari_pinpoint.stack import Stack

#: What users call an axis, where it is not what the axis is called.
_WORDS = {"time": "frame"}


def info(
    stack: Annotated[
        str,
        typer.Argument(metavar="STACK", help="A TIFF file; or a folder or quoted glob of files that are one series."),
    ],
    axes: options.Axes = None,
    channel: options.Channel = None,
    plane: options.Plane = None,
    position: options.Position = None,
    em_gain: options.EmGain = None,
    read_noise_e: options.ReadNoise = None,
    json: options.Json = False,
) -> None:
    """Say what a stack is: axes, pixel size, frame times, camera, what is missing for photons, and which model fits.

    Where the camera is not known, its offset and gain are estimated from the frames, as a proposal to check. EM gain
    and read noise cannot be seen there: give them, and the estimate is right.
    """
    from napari_pinpoint.io.images import read_stack
    from napari_pinpoint.io.stack_info import describe

    opened = read_stack(stack, axes=axes, em_gain=em_gain, read_noise_e=read_noise_e)
    known = describe(opened)
    if known["missing_for_photons"]:
        known["estimated_camera"] = _estimated(opened, channel=channel, plane=plane, position=position)
    known["proposal"] = _proposed(opened, channel=channel, plane=plane, position=position)
    if json:
        emit(known)
    else:
        print_table(("", "value", "from"), _rows(known), title=known["path"])
        _print_advice(known)


def _estimated(stack: Stack, **choice: Any) -> dict[str, Any]:
    """Offset and gain from the frames, as words and numbers, or why there are none."""
    from napari_pinpoint.camera_estimation import estimate_camera

    try:
        estimate = estimate_camera(stack.view(**choice))
    except PinpointError as error:
        return {"problem": str(error)}
    numbers = {field.name: getattr(estimate, field.name) for field in fields(estimate) if field.name != "camera"}
    return {"text": str(estimate), **numbers}


def _proposed(stack: Stack, **choice: Any) -> dict[str, Any]:
    """The model that fits the view, as words and numbers, or why none is proposed."""
    from napari_pinpoint.proposal import propose

    try:
        return asdict(propose(stack.view(**choice)))
    except PinpointError as error:
        return {"problem": str(error)}


def _rows(known: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Name, value and source of everything there is to say."""
    sizes = ", ".join(
        f"{size:,} {_WORDS.get(word, word)}{'s' if size != 1 else ''}" for word, size in known["sizes"].items()
    )
    rows = [
        ("axes", f"{known['axes']}: {sizes}", known["axes_source"] or ""),
        ("pixels", f"{known['dtype']}, {known['bytes'] / 1e6:,.3g} MB", ""),
    ]
    if known["channel_names"]:
        rows.append(("channels", ", ".join(known["channel_names"]), ""))
    names = {
        "pixel_size_nm": ("pixel size", "nm"),
        "z_step_nm": ("distance of planes", "nm"),
        "frame_interval_s": ("frame interval", "s"),
    }
    if "plane" not in known["sizes"]:
        del names["z_step_nm"]
    rows += [_sourced(words, known[name], unit) for name, (words, unit) in names.items()]
    rows += [_sourced(f"camera: {name}", fact, "") for name, fact in known["camera"].items() if fact is not None]
    return rows


def _sourced(name: str, fact: dict[str, Any] | None, unit: str) -> tuple[str, str, str]:
    if fact is None:
        return name, "not known", ""
    value = f"{fact['value']:g}" if isinstance(fact["value"], int | float) else str(fact["value"])
    return name, f"{value} {unit}".strip(), str(fact["source"])


def _print_advice(known: dict[str, Any]) -> None:
    for hint in known["hints"]:
        print(hint)
    _print_camera(known)
    proposal = known["proposal"]
    if "problem" in proposal:
        if proposal["problem"] != known.get("estimated_camera", {}).get("problem"):
            print(proposal["problem"])
        return
    print(f"Proposed model: {proposal['model']}.")
    for sentence in proposal["reasons"]:
        print(f"  {sentence}")
    if proposal["missing"]:
        print("To be given or checked:")
    for sentence in proposal["missing"]:
        print(f"  {sentence}")


def _print_camera(known: dict[str, Any]) -> None:
    if not known["missing_for_photons"]:
        print("Counts can be turned into photons.")
        return
    print(f"Missing for photons: {', '.join(known['missing_for_photons'])} (--offset-adu, --electrons-per-adu).")
    estimate = known["estimated_camera"]
    if "problem" in estimate:
        print(estimate["problem"])
    else:
        print(f"Estimated from {estimate['n_frames']:,} frames: {estimate['text']}. {estimate['assumption']}")
