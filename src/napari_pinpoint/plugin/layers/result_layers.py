"""Tables in the viewer: where they belong, and whether as points or as a picture. Knows napari, but no Qt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from napari.layers import Image, Layer, Points

from napari_pinpoint.localizations import Localizations, recorded_field
from napari_pinpoint.plugin.layers.axes import full_shape, guess_time_axis
from napari_pinpoint.plugin.layers.calibration import own_metadata, pixel_size_of
from napari_pinpoint.plugin.layers.pictures import picture_layer_data
from napari_pinpoint.plugin.layers.tables import Placement, is_result, is_transient, points_layer_data
from napari_pinpoint.plugin.preferences import preference

LayerData = tuple[Any, dict[str, Any], str]


def table_layers(viewer: Any) -> list[Any]:
    """The layers that a table can be taken from, the newest first: points of any kind, and pictures of tables."""
    return [layer for layer in reversed(viewer.layers) if _has_table(layer)]


def newest_result(layers: list[Any]) -> Any:
    """The newest of the layers that a run or a file brought, not a comparison; else the newest."""
    return next((layer for layer in layers if is_result(layer) and not _is_difference(layer)), layers[0])


def table_layer_data(
    table: Localizations,
    placement: Placement,
    shape: tuple[int, int] | None,
    *,
    name: str,
    deferred: bool = False,
) -> LayerData:
    """A table as points, or as a picture where there are more than users want as markers.

    Parameters
    ----------
    table, placement, name
        What to show, where, and what to call it.
    shape
        (rows, columns) of the image; None where no image is known: then it is as large as the points need.
    deferred
        Whether a picture is drawn in the background (see `picture_layer_data`).
    """
    if len(table) <= preference("most_points"):
        return points_layer_data(table, placement, name=name)
    return picture_layer_data(table, placement, shape or _extent(table), name=name, deferred=deferred)


def shape_or_extent(viewer: Any, layer: Any, table: Localizations) -> tuple[int, int]:
    """(rows, columns) of the image that a layer's table was measured in, or of what holds all its points."""
    return shape_of(viewer, layer) or _extent(table)


def filtered_layer_data(
    viewer: Any, layer: Any, table: Localizations, passing: np.ndarray[Any, Any], *, name: str
) -> LayerData:
    """Some of the points of a layer as a layer that looks like it; `passing` (n,) says which of its rows they are."""
    shape = shape_of(viewer, layer)
    data, attributes, kind = table_layer_data(table, placement_of(layer), shape, name=name, deferred=True)
    if kind == "points" and isinstance(layer, Points) and len(table):
        for look in ("size", "symbol", "border_width", "border_color", "face_color"):
            values = np.asarray(getattr(layer, look))[passing]
            attributes[look] = values[0] if (values == values[0]).all() else values  # one for all is much quicker
    return data, attributes, kind


def placement_of(layer: Any) -> Placement:
    """The placement of the table that a layer of `table_layers` holds."""
    own = own_metadata(layer.metadata)
    if "placement" in own:
        return own["placement"]  # type: ignore[no-any-return]
    n_before = layer.ndim - 2
    guessed = guess_time_axis(layer.axis_labels, (2,) * layer.ndim) if n_before else None
    time_axis = own.get("time_axis", guessed)
    at = np.rint(layer.data[0]).astype(int).tolist() if len(layer.data) else [0] * layer.ndim
    return Placement.in_layer(layer, time_axis=time_axis, at=at)


def shape_of(viewer: Any, layer: Any) -> tuple[int, int] | None:
    """(rows, columns) of the image that a table was measured in, None where nothing says it."""
    own = own_metadata(layer.metadata)
    if "shape" in own:
        return own["shape"]  # type: ignore[no-any-return]
    recorded = recorded_field(own.get("record") or {})
    if recorded:
        return recorded
    under = [image for image in images_of(viewer) if np.allclose(image.scale[-2:], layer.scale[-2:])]
    return _shape(under[0]) if under else None


def placement_for(table: Localizations, viewer: Any) -> Placement:
    """Where a table that was read from a file belongs: on the image that it fits, else by its own pixel size.

    An image fits that has as many rows and columns as the record says, or, where there is no record, pixels of the
    same size; the selected one comes first, then the newest.
    """
    for image in images_of(viewer) if viewer is not None else ():
        if _fits(image, table):
            at = np.rint(image.world_to_data(viewer.dims.point[-image.ndim :])).astype(int).tolist()
            return Placement.in_layer(image, time_axis=guess_time_axis(image.axis_labels, full_shape(image)), at=at)
    if table.pixel_size_nm is None:
        return Placement(transform=_transform(1.0, "pixel"))
    return Placement(transform=_transform(table.pixel_size_nm / 1000, "um"))


def world_position(placement: Placement, table: Localizations, row: int) -> np.ndarray[Any, Any]:
    """Where the viewer shows a row: world coordinates along the axes of its image."""
    one = table.select(slice(row, row + 1))
    data = placement.coordinates(one, one["y"], one["x"])[0]
    return np.asarray(Points(np.empty((0, len(data))), **placement.transform).data_to_world(data))


def add_layer(viewer: Any, data: LayerData) -> Any:
    """Add a layer above all others, and select it."""
    layer = Layer.create(*data)
    viewer.add_layer(layer)
    return layer


def _is_difference(layer: Any) -> bool:
    """Whether a layer holds what a comparison left over."""
    steps = (own_metadata(layer.metadata).get("record") or {}).get("steps") or [{}]
    return bool(steps[-1].get("step") == "evaluate")


def _has_table(layer: Any) -> bool:
    return is_result(layer) or (isinstance(layer, Points) and not is_transient(layer))


def images_of(viewer: Any) -> Iterator[Any]:
    """The images that points may have been measured in: the selected one, then the newest first."""
    active = viewer.layers.selection.active
    newest_first = list(reversed(viewer.layers))
    for layer in sorted(newest_first, key=lambda layer: layer != active):
        if isinstance(layer, Image) and not is_result(layer):
            yield layer


def _fits(image: Any, table: Localizations) -> bool:
    recorded = recorded_field(table.record)
    if recorded:
        return _shape(image) == recorded
    size = pixel_size_of(image.scale, image.units, image.metadata)
    alike = table.pixel_size_nm is None or size is None or abs(size / table.pixel_size_nm - 1) < 1e-3
    rows, columns = _shape(image)
    inside = not len(table) or (table["y"].max() < rows and table["x"].max() < columns)
    return bool(alike and inside)


def _shape(image: Any) -> tuple[int, int]:
    rows, columns = full_shape(image)[-2:]
    return int(rows), int(columns)


def _extent(table: Localizations) -> tuple[int, int]:
    """Rows and columns that hold all points."""
    rows, columns = (int(np.floor(table[axis].max(initial=0) + 0.5)) + 1 for axis in ("y", "x"))
    return max(rows, 1), max(columns, 1)


def _transform(pixel: float, unit: str) -> dict[str, Any]:
    """Of a stack that nothing else is known of: frames, rows and columns from their origin, turned by nothing."""
    return {
        "scale": np.array([1.0, pixel, pixel]),
        "translate": np.zeros(3),
        "rotate": np.eye(3),
        "shear": np.zeros(3),
        "affine": np.eye(4),
        "units": ("pixel", unit, unit),
        "axis_labels": ("t", "y", "x"),
    }
