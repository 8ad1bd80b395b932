"""`pinpoint link`: the same molecule over consecutive frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from napari_pinpoint.cli import options, verbs

if TYPE_CHECKING:
    from napari_pinpoint.localizations import Localizations


def link(
    table: verbs.Table,
    output: verbs.Output,
    radius_nm: Annotated[
        float | None,
        typer.Option("--radius-nm", metavar="F", help="How far its positions may be apart, in nanometres."),
    ] = None,
    radius_px: Annotated[
        float | None, typer.Option("--radius-px", metavar="F", help="How far they may be apart, in pixels.")
    ] = None,
    dark_frames: Annotated[
        int, typer.Option("--dark-frames", metavar="N", min=0, help="Frames in a row that it may be missing.")
    ] = 0,
    merge: Annotated[
        bool, options.flag("--merge", help="Write one row for each molecule instead of one for each frame.")
    ] = False,
    pixel_size_nm: options.PixelSize = None,
    format: options.Format = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
) -> None:
    """Find the same molecule in consecutive frames: the column `particle` numbers molecules.

    With --merge, positions are averaged by their uncertainties, photons are summed, `n_frames` says over how many
    frames, and `frame` is the first of them.
    """
    from napari_pinpoint import postprocessing

    def linked(before: Localizations) -> Localizations:
        after = postprocessing.link(before, radius_nm=radius_nm, radius_px=radius_px, dark_frames=dark_frames)
        return postprocessing.merge(after) if merge else after

    def particles(after: Localizations) -> int:
        return int(after["particle"].max(initial=-1)) + 1

    verbs.change(
        table,
        output,
        linked,
        pixel_size_nm=pixel_size_nm,
        format=format,
        overwrite=overwrite,
        json=json,
        more=lambda before, after: {"localizations_before": len(before), "particles": particles(after)},
        words=lambda before, after: f"{particles(after):,} molecules in {len(before):,} localizations.",
    )
