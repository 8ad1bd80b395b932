"""Take the viewer to a point."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Points

from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.layers.result_layers import placement_of, world_position
from napari_pinpoint.plugin.layers.tables import Placement, is_transient, transient_metadata

_MARKER = "chosen point"


def go_to(viewer: Any, layer: Any, table: Localizations, row: int) -> None:
    """Show the frame of a row of the layer's table, centre the point, and mark it.

    In a Points layer the point is selected; a picture gets a marker beside it.
    """
    if isinstance(layer, Points):
        world = np.asarray(layer.data_to_world(layer.data[row]))
        # Selecting rewrites what a new point gets, that is, new clicks would repeat the measurements of this one.
        defaults = layer.feature_defaults.copy()
        layer.selected_data = {row}
        layer.feature_defaults = defaults
    else:
        placement = placement_of(layer)
        world = world_position(placement, table, row)
        _mark(viewer, layer, placement, world)
    first = viewer.dims.ndim - len(world)
    shown = set(viewer.dims.displayed)
    for axis, place in enumerate(world, start=first):
        if axis not in shown:
            viewer.dims.set_point(axis, place)
    centre = np.array(viewer.scene.camera.center, dtype=float)
    visible = [world[axis - first] for axis in viewer.dims.displayed if axis >= first]
    centre[-len(visible) :] = visible
    viewer.scene.camera.center = tuple(centre)


def _mark(viewer: Any, picture: Any, placement: Placement, world: np.ndarray[Any, Any]) -> None:
    """A ring at one place of a picture, always the same layer."""
    place = world[None, -2:]
    for layer in viewer.layers:
        if layer.name == _MARKER and is_transient(layer):
            layer.data = place
            return
    active = viewer.layers.selection.active
    pixel = float(abs(placement.transform.get("scale", (1.0,))[-1]))
    viewer.add_points(
        place,
        name=_MARKER,
        size=5 * pixel,
        symbol="disc",
        face_color="transparent",
        border_color="#00e5ff",
        border_width=0.15,
        units=tuple(picture.units),
        axis_labels=tuple(picture.axis_labels),
        metadata=transient_metadata(),
    )
    if active is not None:
        viewer.layers.selection.active = active
