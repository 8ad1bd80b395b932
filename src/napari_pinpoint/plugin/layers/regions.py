"""Layers that say where to look: Shapes and Labels as the region of an image layer."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Labels, Points, Shapes

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.plugin.layers.axes import full_shape
from napari_pinpoint.plugin.layers.tables import Placement
from napari_pinpoint.region import Region

Array = np.ndarray[Any, Any]


def can_be_region(layer: Any) -> bool:
    """Whether a layer can say where to look."""
    return isinstance(layer, Labels | Shapes)


def region_from_layer(layer: Any, image: Any, at: tuple[int, ...]) -> Region:
    """The region of an image that a Shapes or a Labels layer marks, wherever the two lie in the world.

    Parameters
    ----------
    layer
        Shapes: the n-th shape has the label n, counted from 1; where shapes overlap, the first one counts. Labels:
        their own numbers.
    image
        The image layer whose pixels are meant.
    at
        Index along each axis of the image, at which labels that have more axes than y and x are looked at. Shapes
        hold in all frames, whichever they were drawn in.

    Raises
    ------
    PinpointError
        If nothing of the image is inside.
    """
    path = layer.source.path
    labels = _drawn(layer, image) if isinstance(layer, Shapes) else _painted(layer, image, at)
    if not labels.any():
        raise PinpointError(
            f"Nothing of the image {image.name!r} lies inside of {layer.name!r}. Draw a shape or paint a label on the "
            "part to look at, or choose the whole image."
        )
    return Region(labels, name=layer.name, path=None if path is None else str(path))


def marked_places(layer: Any, placement: Placement) -> Array:
    """Where a user's points are, or the centres of shapes, (n, 3) as (y, x, radius) in pixels of a table's stack.

    The radius of a point is 0, that of a shape such that it holds the shape.
    """
    way = _Way(layer, _reference(placement))
    if not isinstance(layer, Shapes):
        places = np.asarray(layer.data, dtype=float).reshape(-1, layer.ndim)[:, -2:] @ way.linear.T + way.offset
        return np.column_stack([places, np.zeros(len(places))])
    found = []
    for vertices in layer.data:
        corners = vertices[:, -2:] @ way.linear.T + way.offset
        centre = (corners.min(axis=0) + corners.max(axis=0)) / 2
        found.append([*centre, np.hypot(*(corners - centre).T).max()])
    return np.array(found).reshape(-1, 3)


def labels_of(layer: Labels, placement: Placement, shape: tuple[int, int]) -> Array:
    """A Labels layer in the pixels of a table's stack: (Y, X), or (T, Y, X) where it has an image for each frame.

    Parameters
    ----------
    layer, placement
        The labels, and where the stack lies.
    shape
        (rows, columns) of the stack; labels of the same pixels are taken as they are.
    """
    data = layer.data[0] if layer.multiscale else layer.data
    reference = _reference(placement)
    same = _Way(reference, layer).is_identity
    if same and placement.time_axis == 0 and data.ndim == len(placement.at) == 3 and len(data) > 1:
        return np.asarray(data)
    return _sampled(layer, reference, placement.at, data.shape[-2:] if same else shape)


def _reference(placement: Placement) -> Points:
    """A layer that lies where the stack does."""
    return Points(np.empty((0, len(placement.at))), **placement.transform)


def _drawn(layer: Shapes, image: Any) -> Array:
    """Shapes as labels of the image's pixels."""
    shape = full_shape(image)[-2:]
    if not layer.nshapes:
        return np.zeros(shape, dtype=np.uint8)
    way = _Way(layer, image)
    moved = [vertices[:, -2:] @ way.linear.T + way.offset for vertices in layer.data]
    flat = Shapes(moved, shape_type=list(layer.shape_type))
    labels: Array = flat.to_labels(labels_shape=shape)
    return labels


def _painted(layer: Labels, image: Any, at: tuple[int, ...]) -> Array:
    """The label of each pixel of the image, that of the nearest pixel of the Labels layer; 0 where there is none."""
    rows, columns = full_shape(image)[-2:]
    return _sampled(layer, image, at, (rows, columns))


def _sampled(layer: Labels, image: Any, at: tuple[int, ...], shape: tuple[int, int]) -> Array:
    """The labels at the pixels (rows, columns) of a layer, at one index along its other axes."""
    data = layer.data[0] if layer.multiscale else layer.data
    rows, columns = shape
    centre = image.data_to_world((*at[: image.ndim - 2], 0, 0))
    others = np.rint(layer.world_to_data(centre))[:-2].astype(int)
    index = tuple(np.clip(others, 0, np.array(data.shape[:-2]) - 1))
    plane = np.asarray(data[index])
    way = _Way(image, layer)
    if way.is_identity and plane.shape == (rows, columns):
        return plane
    # Row by row of the image: what lies where in the labels' pixels.
    y, x = np.mgrid[:rows, :columns]
    place = np.stack([y.ravel(), x.ravel()], axis=1) @ way.linear.T + way.offset
    row, column = np.floor(place + 0.5).astype(np.int64).T
    inside = (row >= 0) & (column >= 0) & (row < plane.shape[0]) & (column < plane.shape[1])
    labels = np.zeros(rows * columns, dtype=plane.dtype)
    labels[inside] = plane[row[inside], column[inside]]
    return labels.reshape(rows, columns)


class _Way:
    """From y and x of one layer's data to those of another's: ``linear @ (y, x) + offset``."""

    def __init__(self, start: Any, end: Any) -> None:
        ahead = (0,) * (start.ndim - 2)

        def moved(y: float, x: float) -> Array:
            return np.asarray(end.world_to_data(start.data_to_world((*ahead, y, x))), dtype=float)[-2:]

        self.offset = moved(0, 0)
        self.linear = np.stack([moved(1, 0) - self.offset, moved(0, 1) - self.offset], axis=1)

    @property
    def is_identity(self) -> bool:
        return bool(np.allclose(self.offset, 0, atol=1e-6) and np.allclose(self.linear, np.eye(2), atol=1e-9))
