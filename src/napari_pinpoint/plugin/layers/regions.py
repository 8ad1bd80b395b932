"""Layers that say where to look: Shapes and Labels as the region of an image layer."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Labels, Shapes

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.plugin.layers.axes import full_shape
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
    data = layer.data[0] if layer.multiscale else layer.data
    rows, columns = full_shape(image)[-2:]
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
