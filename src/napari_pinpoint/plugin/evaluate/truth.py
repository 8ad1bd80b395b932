"""What points can be compared with: layers of points, boxes or labels, and annotation files. Knows no Qt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Labels, Shapes

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.io.tables import FORMATS, read_localizations
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.layers.axes import guess_time_axis
from napari_pinpoint.plugin.layers.calibration import own_metadata, pixel_size_of
from napari_pinpoint.plugin.layers.result_layers import newest_result, table_layers
from napari_pinpoint.plugin.layers.tables import is_transient, table_from_layer

_BOXES = (".xml", ".json")
_PICTURES = (".tif", ".tiff", ".png")


def truth_layers(viewer: Any) -> list[Any]:
    """The layers that can hold the truth, the newest first: tables, and boxes and labels that no run has made."""
    tables = table_layers(viewer)
    return [layer for layer in reversed(viewer.layers) if layer in tables or _is_drawn(layer)]


def likely_truth(layers: list[Any]) -> Any:
    """Of `truth_layers` the one that is called truth; else the oldest of several tables; else what was drawn."""
    drawn = [layer for layer in layers if isinstance(layer, Labels | Shapes)]
    tables = [layer for layer in layers if layer not in drawn]
    called = [layer for layer in layers if "truth" in layer.name.lower()]
    return [*called, *(reversed(tables) if len(tables) > 1 else []), *drawn, *tables][0]


def likely_found(layers: list[Any]) -> Any:
    """Of `table_layers` the newest result that is not taken for the truth."""
    truth = likely_truth(layers)
    return newest_result([layer for layer in layers if layer is not truth] or layers)


def table_source(layer: Any) -> Callable[[], Localizations]:
    """What gives the table of a layer of `truth_layers`, in any thread; the layer is looked at now.

    Every object of a Labels layer is a point at its centroid, with its box.
    """
    if not isinstance(layer, Labels):
        table = table_from_layer(layer)
        return lambda: table
    labels = layer.data[0] if layer.multiscale else layer.data
    size = pixel_size_of(layer.scale, layer.units, layer.metadata)
    if labels.ndim == 2:
        return lambda: _objects(labels[None], size)
    time_axis = guess_time_axis(layer.axis_labels, labels.shape)
    if any(n > 1 for axis, n in enumerate(labels.shape[:-2]) if axis != time_axis):
        raise PinpointError(
            f"The labels {layer.name!r} have the shape {labels.shape}: only labels of one plane over time, or of one "
            "image, can be compared."
        )
    return lambda: _objects(np.asarray(labels).reshape(-1, *labels.shape[-2:]), size)


def table_filter() -> str:
    """What a file dialog for points offers."""
    suffixes = sorted({suffix for name in FORMATS for suffix in FORMATS[name].suffixes})
    return f"Tables ({' '.join('*' + suffix for suffix in suffixes)});;All files (*)"


def truth_filter() -> str:
    """What a file dialog offers."""
    tables = list(dict.fromkeys(suffix for name in FORMATS for suffix in FORMATS[name].suffixes))
    kinds = {"Tables": tables, "Boxes (Pascal VOC, COCO)": _BOXES, "Label images": _PICTURES}
    lines = [f"{words} ({' '.join('*' + suffix for suffix in suffixes)})" for words, suffixes in kinds.items()]
    every = " ".join("*" + suffix for suffixes in kinds.values() for suffix in suffixes)
    return ";;".join([f"Annotations ({every})", *lines, "All files (*)"])


def read_truth(path: str | Path, *, pixel_size_nm: float | None = None, image: str = "", **said: Any) -> Localizations:
    """The true points in a table, a file of boxes or a label image.

    Parameters
    ----------
    path
        A table; boxes as Pascal VOC (XML) or COCO (JSON) have them, beside their images; or an image in which every
        object's pixels have a number of their own.
    pixel_size_nm
        For tables in nanometres.
    image
        Name of the image that is meant, where the file is about several.
    said
        What else the user says of a table: `unit`, `origin`, `first_frame`.
    """
    path = Path(path)
    if path.suffix.lower() in _PICTURES:
        from napari_pinpoint.io.regions import read_labels

        return _objects(np.asarray(read_labels(path))[None], pixel_size_nm)
    if path.suffix.lower() not in _BOXES:
        return read_localizations(path, pixel_size_nm=pixel_size_nm, **said)
    from napari_pinpoint.datasets import read_dataset

    xml = path.suffix.lower() == ".xml"
    folder = path.parent.parent if path.parent.name.lower() in ("annotations", "labels") else path.parent
    dataset = read_dataset(folder if xml else path).centred_on_boxes()
    wanted = path.stem if xml else Path(image).stem
    samples = [sample for sample in dataset if sample.name == wanted] or (list(dataset) if len(dataset) == 1 else [])
    if not samples:
        names = ", ".join(sample.name for sample in dataset[:4])
        raise PinpointError(
            f"{path.name} is about {len(dataset)} images ({names} ...), and none of them is called {wanted!r}: give "
            "the layer of the image the name of its file."
        )
    return samples[0].table


def _objects(labels: np.ndarray[Any, Any], pixel_size_nm: float | None) -> Localizations:
    """The objects of labels (frames, Y, X)."""
    from napari_pinpoint.datasets.label_images import objects_of

    tables = []
    for frame, picture in enumerate(labels):
        table = objects_of(picture).without_columns("box_y", "box_x")
        tables.append(table.with_columns(frame=np.full(len(table), frame)))
    table = Localizations.concatenate(tables)
    return table.with_calibration(pixel_size_nm=pixel_size_nm)


def _is_drawn(layer: Any) -> bool:
    return isinstance(layer, Shapes | Labels) and not is_transient(layer) and "run" not in own_metadata(layer.metadata)
