"""Options that several commands have, so that they are called, explained and checked the same everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from napari_pinpoint.cli.choices import named
from napari_pinpoint.errors import PinpointError

if TYPE_CHECKING:
    from napari_pinpoint.camera import Camera
    from napari_pinpoint.stack import StackView

T = TypeVar("T")

_CAMERA = "Camera and pixel size (what the file does not say, or says wrongly)"
_VIEW = "Which part of the stack"
_WORK = "How to work"


@dataclass(frozen=True)
class Reading:
    """How a stack is read and looked at, as the options say; what is None was not said."""

    given: dict[str, Any]
    choice: dict[str, Any]

    @classmethod
    def of(cls, *, channel: str | None, plane: str | None, position: int | None, **given: Any) -> Reading:
        """From the options: `given` are those that `read_stack` takes, camera and pixel size among them."""
        return cls(given, {"channel": channel, "plane": plane, "position": position})

    def __call__(self, source: Any) -> StackView:
        """Open what `read_stack` takes, and look at the part of it that was chosen."""
        from napari_pinpoint.io.images import read_stack

        return read_stack(source, **self.given).view(**self.choice)


@dataclass(frozen=True)
class FrameRange:
    """Frames start to stop - 1; None is the first frame, or the end."""

    start: int | None
    stop: int | None

    def within(self, n_frames: int) -> tuple[int, int]:
        """Start and stop in a stack of that many frames; whether they are there is checked where it matters."""
        return self.start or 0, n_frames if self.stop is None else self.stop


def parse_frames(text: str) -> FrameRange:
    """Frames as Python counts them: "0:500", "100:" or ":100"."""
    start, colon, stop = text.partition(":")
    try:
        if not colon:
            raise ValueError
        return FrameRange(int(start) if start.strip() else None, int(stop) if stop.strip() else None)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is not START:STOP, for example 0:500 for the first 500 frames, or 100: from frame 100 on."
        ) from None


def flag(*names: str, help: str) -> Any:
    """An option that is there or not."""
    return typer.Option(*names, metavar="", help=help)


def build(what: str, factory: type[T], values: Mapping[str, Any]) -> T:
    """A pydantic model from what the user gave; the error names each field that does not fit."""
    from pydantic import ValidationError

    try:
        return factory(**values)
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}, not {problem['input']!r}"
            for problem in error.errors(include_url=False)
        ]
        raise PinpointError(f"{what}: {'; '.join(problems)}.") from None


def camera_options(camera: Camera) -> str:
    """The options of `pinpoint localize` that describe a camera."""
    values = {
        "offset-adu": camera.offset_adu,
        "electrons-per-adu": camera.electrons_per_adu,
        "em-gain": camera.em_gain if camera.em_gain > 1 else None,
        "read-noise-e": camera.read_noise_e or None,
    }
    return " ".join(f"--{name} {value:g}" for name, value in values.items() if value is not None)


Json = Annotated[bool, flag("--json", help="Write the result as one JSON object to standard output.")]
Overwrite = Annotated[bool, flag("--overwrite", help="Replace what is there.")]
Resume = Annotated[bool, flag("--resume", help="Go on with a run that was interrupted.")]
Device = Annotated[
    str, typer.Option("--device", metavar="D", help="auto, cpu, cuda, cuda:N or mps.", rich_help_panel=_WORK)
]
Format = Annotated[
    str | None,
    named("--format", "napari_pinpoint.io.tables:FORMATS", help="Format of the table; else the suffix says."),
]
PixelSize = Annotated[float | None, typer.Option("--pixel-size-nm", metavar="F", help="Size of a pixel in nanometres.")]

Axes = Annotated[
    str | None,
    typer.Option(
        "--axes",
        metavar="LETTERS",
        help="What the stack's axes are, where the file does not say: P (position), T (time), C (channel), Z (plane), "
        "as TZYX.",
        rich_help_panel=_VIEW,
    ),
]
Channel = Annotated[
    str | None,
    typer.Option(
        "--channel",
        metavar="C|all|luminance",
        help="Channel, from 0; `all` for a model that sees several, `luminance` for the grey of a colour picture. "
        "Needed if there are several.",
        rich_help_panel=_VIEW,
    ),
]
Plane = Annotated[
    str | None,
    typer.Option(
        "--plane",
        metavar="Z|max|volume",
        help="Plane, from 0; `max` projects along z, `volume` keeps three dimensions. Needed if there are several.",
        rich_help_panel=_VIEW,
    ),
]
Position = Annotated[
    int | None,
    typer.Option(
        "--position", metavar="P", help="Stage position, from 0; needed if there are several.", rich_help_panel=_VIEW
    ),
]
RegionFile = Annotated[
    Path | None,
    typer.Option(
        "--region",
        metavar="LABELS",
        help="Only points inside: an image (TIFF) of as many rows and columns in which 0 is outside. The table says "
        "which label each lies in.",
        rich_help_panel=_VIEW,
    ),
]
Frames = Annotated[
    FrameRange | None,
    typer.Option(
        "--frames",
        parser=parse_frames,
        metavar="START:STOP",
        help="Frames START to STOP - 1, from 0, as 0:500, 100: or :100; all of them by default.",
        rich_help_panel=_VIEW,
    ),
]

StackPixelSize = Annotated[
    float | None,
    typer.Option("--pixel-size-nm", metavar="F", help="Size of a pixel in nanometres.", rich_help_panel=_CAMERA),
]
Offset = Annotated[
    float | None,
    typer.Option("--offset-adu", metavar="F", help="Counts of a pixel without light.", rich_help_panel=_CAMERA),
]
ElectronsPerAdu = Annotated[
    float | None,
    typer.Option(
        "--electrons-per-adu",
        metavar="F",
        help="Electrons per count; with EM gain, electrons behind the EM register.",
        rich_help_panel=_CAMERA,
    ),
]
EmGain = Annotated[
    float | None,
    typer.Option("--em-gain", metavar="F", help="EM gain; 1 means none.", rich_help_panel=_CAMERA),
]
ReadNoise = Annotated[
    float | None,
    typer.Option(
        "--read-noise-e", metavar="F", help="Read noise in electrons (standard deviation).", rich_help_panel=_CAMERA
    ),
]

Batch = Annotated[
    int | None,
    typer.Option(
        "--batch", metavar="N", min=1, help="Windows per run of the network; else chosen.", rich_help_panel=_WORK
    ),
]
Tile = Annotated[
    int | None,
    typer.Option("--tile", metavar="N", min=16, help="Side of a tile in pixels; else chosen.", rich_help_panel=_WORK),
]
Threshold = Annotated[
    float | None,
    typer.Option("--threshold", metavar="P", help="Least probability of a localization, 0 to 1; else the model's own."),
]
MinContrast = Annotated[
    float | None,
    typer.Option(
        "--min-contrast",
        metavar="F",
        help="Least contrast-to-noise of a localization: how far it stands out, 0 keeps all; else the model's own. "
        "For spots, this is the control of sensitivity.",
    ),
]
Refine = Annotated[
    str,
    typer.Option(
        "--refine",
        metavar="none|mle",
        help="`mle` fits a Gaussian to the pixels of every localization, neighbours together: position, photons, "
        "background and width, each with its uncertainty, and flags for what is doubtful. Needs the camera.",
    ),
]
Decoder = Annotated[
    str | None,
    named(
        "--decoder",
        "napari_pinpoint.decoders:DECODERS",
        help="What turns the network's answer into points, with its usual options; else the model's own.",
        rich_help_panel=_WORK,
    ),
]
ThresholdFunction = Annotated[
    str | None,
    named(
        "--threshold-function",
        "napari_pinpoint.decoders.thresholds:THRESHOLDS",
        help="Which peaks of a heat map count, for decoders that leave it open; else the decoder's own.",
        rich_help_panel=_WORK,
    ),
]
Labels = Annotated[
    Path | None,
    typer.Option(
        "--labels",
        metavar="FILE.tif",
        help="Also write the outlines of the points: a TIFF stack of frames whose pixels have the number in the "
        "table's column blob. For models that find outlines.",
    ),
]
