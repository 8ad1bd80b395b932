"""Linked tables as Tracks layers. No Qt and no napari in here."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.layers.tables import Placement

#: Points that napari draws as tracks in bearable time.
MOST_POINTS = 200_000


def tracks_layer_data(
    table: Localizations, placement: Placement, *, name: str
) -> tuple[np.ndarray[Any, Any], dict[str, Any], str]:
    """The ways of the molecules of a linked table that are seen in at least two frames.

    Returns
    -------
    Data (n, 1 + axes of the layer), particle ahead of the coordinates; attributes; and "tracks".

    Raises
    ------
    PinpointError
        If frames are not the first of three or four axes, nothing was linked, or there are too many points.
    """
    if placement.time_axis != 0 or not 3 <= len(placement.at) <= 4:
        raise PinpointError("Tracks need frames along the first axis of the image, and no more than one axis besides.")
    particle = table["particle"]
    several = np.bincount(particle)[particle] > 1
    if not several.any():
        raise PinpointError("No molecule is seen in two frames, so there are no tracks; try a larger radius.")
    rows = table.select(several)
    if len(rows) > MOST_POINTS:
        raise PinpointError(
            f"{len(rows):,} localizations are too many for napari to draw as tracks (at most {MOST_POINTS:,}): filter, "
            "for example by frame < 1000, or leave out the tracks."
        )
    rows = rows.select(np.lexsort((rows["frame"], rows["particle"])))
    data = np.column_stack([rows["particle"], placement.coordinates(rows, rows["y"], rows["x"])])
    return data, {**placement.transform, "name": name, "tail_width": 2, "tail_length": 30}, "tracks"
