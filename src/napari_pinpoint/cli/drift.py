"""`pinpoint drift`: estimate and correct the drift of a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_pinpoint.cli import options, verbs
from napari_pinpoint.cli.terminal import say
from napari_pinpoint.errors import PinpointError

if TYPE_CHECKING:
    from napari_pinpoint.localizations import Localizations
    from napari_pinpoint.postprocessing import Drift

_ITSELF = "From the localizations themselves (the default)"
_OTHERWISE = "From elsewhere"
_FIGURES = (".png", ".svg", ".pdf")


SegmentFrames = Annotated[
    int | None,
    typer.Option("--segment-frames", metavar="N", help="Frames in a segment.", rich_help_panel=_ITSELF),
]
LocalizationsPerSegment = Annotated[
    int | None,
    typer.Option(
        "--localizations-per-segment",
        metavar="N",
        help="Localizations in a segment instead; 5000, or less in small tables.",
        rich_help_panel=_ITSELF,
    ),
]
MaxDriftPx = Annotated[
    float,
    typer.Option(
        "--max-drift-px", metavar="F", help="How far the sample may drift, in pixels.", rich_help_panel=_ITSELF
    ),
]
FiducialOption = Annotated[
    list[str] | None,
    typer.Option(
        "--fiducial",
        metavar="Y,X",
        help="Where a bead is, in pixels; once for each bead.",
        rich_help_panel=_OTHERWISE,
    ),
]
FiducialsOption = Annotated[
    Path | None,
    typer.Option(
        "--fiducials",
        metavar="LABELS",
        help="An image (TIFF) in which each label marks the surroundings of one bead.",
        rich_help_panel=_OTHERWISE,
    ),
]
RadiusPx = Annotated[
    float,
    typer.Option(
        "--radius-px", metavar="F", help="How far around --fiducial its bead may be.", rich_help_panel=_OTHERWISE
    ),
]
SmoothFrames = Annotated[
    float,
    typer.Option(
        "--smooth-frames",
        metavar="F",
        help="Smooth the beads' drift by a Gaussian of so many frames.",
        rich_help_panel=_OTHERWISE,
    ),
]
DriftFile = Annotated[
    Path | None,
    typer.Option("--drift", metavar="FILE.csv", help="A drift that --save-drift wrote.", rich_help_panel=_OTHERWISE),
]
SaveDrift = Annotated[
    Path | None,
    typer.Option("--save-drift", metavar="FILE.csv", help="Also write the drift of every frame, in px and nm."),
]
FigureOption = Annotated[
    Path | None, typer.Option("--figure", metavar="FILE", help="Also draw drift against time (PNG, SVG or PDF).")
]


def drift(
    table: verbs.Table,
    output: verbs.Output,
    segment_frames: SegmentFrames = None,
    localizations_per_segment: LocalizationsPerSegment = None,
    max_drift_px: MaxDriftPx = 10.0,
    fiducial: FiducialOption = None,
    fiducials: FiducialsOption = None,
    radius_px: RadiusPx = 5.0,
    smooth_frames: SmoothFrames = 0.0,
    drift_file: DriftFile = None,
    save_drift: SaveDrift = None,
    figure: FigureOption = None,
    pixel_size_nm: options.PixelSize = None,
    format: options.Format = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
) -> None:
    """Correct the drift of the sample: corrected = measured - drift(frame).

    It is estimated from the localizations themselves, by laying segments of the movie over each other; or it is that
    of beads, or one that was saved.
    """
    from napari_pinpoint.io.atomic import check_free
    from napari_pinpoint.postprocessing import correct_drift

    sources = [
        name for name, given in (("--fiducial", fiducial), ("--fiducials", fiducials), ("--drift", drift_file)) if given
    ]
    if len(sources) > 1:
        raise PinpointError(f"Give one of {' and '.join(sources)}, not both.")
    if figure is not None and figure.suffix.lower() not in _FIGURES:
        raise PinpointError(f"{figure}: a figure ends in {', '.join(_FIGURES)}.")
    for path in filter(None, (save_drift, figure)):
        check_free(path, overwrite=overwrite)
    found: list[Drift] = []

    def estimated(before: Localizations) -> Drift:
        from napari_pinpoint.io.drift import read_drift
        from napari_pinpoint.io.regions import read_region
        from napari_pinpoint.postprocessing import estimate_drift, estimate_drift_from_fiducials

        if drift_file is not None:
            return read_drift(drift_file, pixel_size_nm=before.pixel_size_nm)
        if fiducial or fiducials is not None:
            places: Any = read_region(fiducials) if fiducials is not None else [_place(text) for text in fiducial or ()]
            return estimate_drift_from_fiducials(before, places, radius_px=radius_px, smooth_frames=smooth_frames)
        return estimate_drift(
            before,
            segment_frames=segment_frames,
            localizations_per_segment=localizations_per_segment,
            max_drift_px=max_drift_px,
        )

    def corrected(before: Localizations) -> Localizations:
        found.append(estimated(before))
        return correct_drift(before, found[0])

    verbs.change(
        table,
        output,
        corrected,
        pixel_size_nm=pixel_size_nm,
        format=format,
        overwrite=overwrite,
        json=json,
        more=lambda before, after: _summary(found[0]),
        words=lambda before, after: f"{len(after):,} localizations; {_words(found[0])}.",
    )
    _save(found[0], save_drift, figure, overwrite)


def _place(text: str) -> tuple[float, float]:
    try:
        y, x = map(float, text.split(","))
    except ValueError:
        raise PinpointError(f"--fiducial {text}: a place is Y,X in pixels, as 12.5,80.") from None
    return y, x


def _summary(drift: Drift) -> dict[str, Any]:
    extent = {"drift_y_px": float(drift.y.max() - drift.y.min()), "drift_x_px": float(drift.x.max() - drift.x.min())}
    return {"method": drift.method, "frames": len(drift.frame), **extent}


def _words(drift: Drift) -> str:
    size, unit = (drift.pixel_size_nm, "nm") if drift.pixel_size_nm else (1.0, "px")
    spans = (
        f"{axis} by {(values.max() - values.min()) * size:.3g} {unit}"
        for axis, values in (("x", drift.x), ("y", drift.y))
    )
    return f"the sample drifted along {' and along '.join(spans)} ({drift.method})"


def _save(drift: Drift, path: Path | None, figure: Path | None, overwrite: bool) -> None:
    """Write what else was asked for."""
    from napari_pinpoint.io.atomic import complete_file
    from napari_pinpoint.io.drift import write_drift
    from napari_pinpoint.postprocessing import drift_figure

    if path is not None:
        write_drift(drift, path, overwrite=overwrite)
        say(f"{path}: the drift of {len(drift.frame):,} frames.")
    if figure is not None:
        with complete_file(figure, overwrite=overwrite) as temporary:
            drift_figure(drift).savefig(temporary, dpi=150)
        say(f"{figure}: drift against time.")
