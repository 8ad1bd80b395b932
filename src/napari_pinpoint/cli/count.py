"""`pinpoint count`: how many localizations there are, per object or per frame."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_pinpoint.cli import options, verbs
from napari_pinpoint.cli.terminal import emit
from napari_pinpoint.errors import PinpointError


def count(
    table: verbs.Table,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT.csv", help="The counts to write, as CSV.")],
    objects: Annotated[
        Path | None,
        typer.Option(
            "--objects",
            metavar="LABELS",
            help="An image (TIFF) with a number for each object, 0 outside; or a stack of them, one for each frame. "
            "Without it, localizations are counted per frame.",
        ),
    ] = None,
    image: Annotated[
        Path | None,
        typer.Option("--image", metavar="IMAGE", help="Also the mean of this image, of the labels' size, per object."),
    ] = None,
    pixel_size_nm: options.PixelSize = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
) -> None:
    """Count localizations per object (a cell, a nucleus), with density per square micrometre and light.

    Channels and classes are counted apart where the table has them; objects without any are there with 0.
    """
    import pandas as pd

    from napari_pinpoint import postprocessing
    from napari_pinpoint.io.atomic import check_free, complete_file
    from napari_pinpoint.io.regions import read_label_frames
    from napari_pinpoint.io.tables import read_localizations

    check_free(output, overwrite=overwrite)
    points = read_localizations(table, pixel_size_nm=pixel_size_nm)
    if objects is None:
        if image is not None:
            raise PinpointError("The mean of an image is that of objects; give them, too (--objects).")
        counts = postprocessing.count(points)
    else:
        pixels = None if image is None else read_label_frames(image, whole=False)
        counts = postprocessing.count_objects(points, read_label_frames(objects), image=pixels)
    with complete_file(output, overwrite=overwrite) as temporary:
        pd.DataFrame(counts).to_csv(temporary, index=False)
    counted = int(counts["n" if objects is None else "localizations"].sum())
    n_objects = None if objects is None else len(set(counts["object"].tolist()))
    if json:
        emit({"output": str(output), "localizations": len(points), "counted": counted, "objects": n_objects})
    elif n_objects is None:
        print(f"{output}: {counted:,} localizations, per frame.")
    else:
        print(f"{output}: {counted:,} of {len(points):,} localizations lie in {n_objects:,} objects.")
