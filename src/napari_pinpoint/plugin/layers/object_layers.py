"""Blobs and boxes, which some models find besides points, as layers. No Qt and no napari in here."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.layers.classes import COLOR, looks_of, tells_classes
from napari_pinpoint.plugin.layers.tables import Placement, features_of, metadata_of

#: Corners of a box around its centre, in halves of height and width.
_CORNERS = ((-1, -1), (-1, 1), (1, 1), (1, -1))


def labels_layer_data(
    labels: np.ndarray[Any, Any], placement: Placement, first: int, *, name: str = "labels"
) -> tuple[np.ndarray[Any, Any], dict[str, Any], str]:
    """Labels of the frames from `first` on, (frames, Y, X), as the data of a Labels layer that lies on its image.

    Returns
    -------
    Data with as many axes as the image, one long where it was looked at one index; attributes; and "labels".
    """
    shape, at = [1] * len(placement.at), np.array(placement.at, dtype=float)
    shape[-2:], at[-2:] = labels.shape[1:], 0
    if placement.time_axis is not None:
        shape[placement.time_axis], at[placement.time_axis] = len(labels), first
    attributes = {**placement.transform, "name": name, "opacity": 0.5}
    transform = placement.transform
    if transform:
        # The first element lies where the image has its index `at`.
        shear = np.eye(len(at))
        shear[np.triu_indices(len(at), 1)] = transform["shear"]
        linear = np.asarray(transform["rotate"]) @ shear @ np.diag(transform["scale"])
        attributes["translate"] = np.asarray(transform["translate"]) + linear @ at
    else:
        attributes["translate"] = at
    return labels.reshape(shape), attributes, "labels"


def boxes_layer_data(
    table: Localizations, placement: Placement, *, name: str = "boxes"
) -> tuple[np.ndarray[Any, Any], dict[str, Any], str]:
    """The boxes of a table with `height` and `width` as the data of a Shapes layer.

    Returns
    -------
    Corners (n, 4, axes of the layer) of the rows that have a size, attributes, and "shapes".

    See Also
    --------
    table_from_shapes : the inverse.
    """
    table = table.select((table["height"] > 0) & (table["width"] > 0))
    height, width = (np.asarray(table[side], dtype=float) / 2 for side in ("height", "width"))
    corners = [placement.coordinates(table, table["y"] + a * height, table["x"] + b * width) for a, b in _CORNERS]
    attributes = {
        **placement.transform,
        **features_of(table.without_columns("height", "width")),
        "name": name,
        "shape_type": "rectangle",
        "metadata": metadata_of(table, placement),
        "edge_width": float(np.clip(np.median(2 * height) / 40, 0.5, 3)) if len(table) else 1.0,
        "edge_color": COLOR,
        "face_color": "transparent",
    }
    if "label" in table and tells_classes(table["label"]):
        colors, _ = looks_of(table["label"])
        attributes["edge_color"] = colors
        color = {"array": colors, "default": COLOR}
        attributes["text"] = {"string": "{label}", "size": 9, "anchor": "upper_left", "color": color}
    return np.stack(corners, axis=1), attributes, "shapes"
