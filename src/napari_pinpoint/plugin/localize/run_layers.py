"""The layers of a run, made in the job's thread, and whether anybody has changed them since. No Qt in here."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.layers.calibration import KEY, own_metadata
from napari_pinpoint.plugin.layers.object_layers import boxes_layer_data, labels_layer_data
from napari_pinpoint.plugin.layers.pictures import picture_layer_data
from napari_pinpoint.plugin.layers.tables import points_layer_data, vectors_layer_data

if TYPE_CHECKING:
    from napari_pinpoint.plugin.localize.localizing import Output, Request

Array = np.ndarray[Any, Any]

#: Boxes of all frames that a Shapes layer is made of: napari takes about a millisecond for each, and more to draw them.
MOST_BOXES = 5000
#: Bytes of the labels of all frames that are shown; they are in memory.
MOST_LABEL_BYTES = 2**30


class RunLabels:
    """The labels of a run's frames as they come, in two bytes for each pixel where that is enough."""

    def __init__(self, n_frames: int, shape: tuple[int, ...]) -> None:
        self.n_bytes = 2 * n_frames * int(np.prod(shape))
        fits = self.n_bytes <= MOST_LABEL_BYTES
        self._labels: Array | None = np.zeros((n_frames, *shape), np.uint16) if fits else None

    def add(self, start: int, labels: Array) -> None:
        """Labels (n, Y, X) of the frames from `start` on, counted from the run's first."""
        if self._labels is None:
            return
        if labels.max(initial=0) > np.iinfo(self._labels.dtype).max:
            self._labels = self._labels.astype(np.int32)
        self._labels[start : start + len(labels)] = labels

    def until(self, n_frames: int) -> Array | None:
        """The labels of the first frames, None if they are too large to be shown."""
        return None if self._labels is None else self._labels[:n_frames]


class RunLayers:
    """Makes the layers of a run; `notes` say what is not shown, and why."""

    def __init__(self, request: Request, output: Output) -> None:
        self.request, self.output = request, output
        self.names, self.placement = names_of(request.name), request.placement
        self.notes: list[str] = []

    def make(self, table: Localizations, labels: RunLabels | None, first: int, n_frames: int) -> tuple[Any, ...]:
        """The layers from the lowest up, the points last, of `n_frames` frames from `first` on."""
        layers = self._labels(labels, first, n_frames) + self._boxes(table) + self._points(table)
        for layer in layers:
            layer.metadata.setdefault(KEY, {}).update(run=_fingerprint(layer), image=self.request.image)
            if hasattr(layer.events, "paint"):
                layer.events.paint.connect(_note_change)
        return tuple(layers)

    def _labels(self, labels: RunLabels | None, first: int, n_frames: int) -> list[Any]:
        from napari.layers import Labels

        if labels is None:
            return []
        found = labels.until(n_frames)
        if found is None:
            self.notes.append(
                f"The outlines would take {labels.n_bytes / 2**30:.1f} GB and are not shown; the command pinpoint "
                "localize --labels writes them to a file."
            )
            return []
        data, attributes, _ = labels_layer_data(found, self.placement, first, name=self.names["labels"])
        return [Labels(data, **attributes)]

    def _boxes(self, table: Localizations) -> list[Any]:
        from napari.layers import Shapes

        if "height" not in table or "width" not in table or not len(table):
            return []
        if len(table) > MOST_BOXES:
            self.notes.append(
                f"Boxes are shown up to {MOST_BOXES:,}; of these {len(table):,} only the points are. Localize fewer "
                "frames to see them; heights and widths are in the table all the same."
            )
            return []
        data, attributes, _ = boxes_layer_data(table, self.placement, name=self.names["boxes"])
        return [Shapes(data, **attributes)]

    def _points(self, table: Localizations) -> list[Any]:
        from napari.layers import Image, Points, Vectors

        most, name = self.output.most_markers, self.names["points"]
        if len(table) > most:
            rows, columns = self.request.view.spatial_shape[-2:]
            levels, attributes, _ = picture_layer_data(table, self.placement, (rows, columns), name=name)
            self.notes.append(f"These are more than {most:,} markers: shown as a picture, which holds them all.")
            return [Image(levels, **attributes)]
        layers: list[Any] = []
        if self.output.offsets:
            data, attributes, _ = vectors_layer_data(table, self.placement, name=self.names["offsets"])
            layers.append(Vectors(data, **attributes))
        data, attributes, _ = points_layer_data(table, self.placement, name=name)
        return [*layers, Points(data, **attributes)]


def names_of(image_name: str) -> dict[str, str]:
    """What the layers of a run on these images are called."""
    words = {"labels": "labels", "boxes": "boxes", "offsets": "offsets", "points": "localizations"}
    return {kind: f"{image_name} {word}" for kind, word in words.items()}


def is_untouched(layer: Any) -> bool:
    """Whether a layer of a run is as the run has made it."""
    own = own_metadata(layer.metadata)
    return not own.get("changed") and own.get("run") == _fingerprint(layer)


def _note_change(event: Any) -> None:
    """Somebody has painted; labels are too large to be compared."""
    event.source.metadata[KEY]["changed"] = True


def _fingerprint(layer: Any) -> int:
    """A number that changes when somebody changes points or shapes; napari changes no picture."""
    if hasattr(layer.events, "paint") or "table" in own_metadata(layer.metadata):
        return 0
    data = layer.data
    if isinstance(data, list):
        return zlib.crc32(b"".join(shape.tobytes() for shape in data))
    return zlib.crc32(data.tobytes()) if hasattr(data, "tobytes") else 0
