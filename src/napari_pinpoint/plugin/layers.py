"""Layers of napari to stacks and tables, and back. No Qt and no napari in here: a layer is what has its attributes.

A pixel's centre is a whole number in napari's data coordinates, as it is in a table, so `y` and `x` pass unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from napari_pinpoint.camera import Camera
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.calibration import KEY, own_metadata, pixel_size_of
from napari_pinpoint.stack import AXES, Stack, StackView

#: What a layer's axis labels mean, in lower case; napari's own "-3", "-2" and "-1" mean nothing.
_LETTERS = {
    "t": "T", "time": "T", "frame": "T", "frames": "T",
    "c": "C", "channel": "C", "channels": "C",
    "z": "Z", "plane": "Z", "planes": "Z", "depth": "Z",
    "p": "P", "position": "P", "positions": "P",
}  # fmt: skip

#: What layers must share to lie on each other.
_SHARED = ("scale", "translate", "rotate", "shear")


@dataclass(frozen=True)
class Placement:
    """How a localized stack lies in the axes of its layer; what is made of the stack goes to the same place.

    Parameters
    ----------
    time_axis
        The layer's axis that frames are counted along, None for a single image.
    at
        Index along each axis of the layer, at which the axes that are neither time, y nor x were looked at.
    transform
        What a layer on top of the image shares with it, as `napari.layers.Points` takes it: scale, units, ...
    """

    time_axis: int | None = 0
    at: tuple[int, ...] = (0, 0, 0)
    transform: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def in_layer(cls, layer: Any, *, time_axis: int | None, at: Sequence[int]) -> Placement:
        """The placement of a stack that is taken from an image layer."""
        transform: dict[str, Any] = {name: np.array(getattr(layer, name)) for name in _SHARED}
        transform["affine"] = np.array(layer.affine.affine_matrix)
        # With other units than the image's, napari would ignore the units of all layers.
        transform["units"], transform["axis_labels"] = tuple(layer.units), tuple(layer.axis_labels)
        return cls(time_axis, tuple(int(index) for index in at), transform)

    def coordinates(self, table: Localizations, y: Any, x: Any) -> np.ndarray[Any, Any]:
        """Data coordinates (n, axes of the layer) of the table's frames at the given rows and columns."""
        data = np.tile(np.asarray(self.at, dtype=np.float64), (len(table), 1))
        if self.time_axis is not None:
            data[:, self.time_axis] = table["frame"]
        data[:, -2], data[:, -1] = y, x
        return data


def axis_letters(axis_labels: Sequence[str]) -> tuple[str | None, ...]:
    """The meaning (P, T, C or Z) of each axis ahead of y and x, None where its label says nothing new."""
    letters: list[str | None] = []
    for label in axis_labels[:-2]:
        letter = _LETTERS.get(str(label).strip().lower())
        letters.append(None if letter in letters else letter)
    return tuple(letters)


def guess_time_axis(axis_labels: Sequence[str], shape: Sequence[int]) -> int | None:
    """The axis that is labelled as time; else the first one without a meaning that is longer than 1; else None."""
    letters = axis_letters(axis_labels)
    if "T" in letters:
        return letters.index("T")
    return next((axis for axis, letter in enumerate(letters) if letter is None and shape[axis] > 1), None)


def view_from_layer(
    layer: Any,
    placement: Placement,
    *,
    pixel_size_nm: float | None = None,
    camera: Camera | None = None,
    sources: Mapping[str, str] | None = None,
) -> StackView:
    """The frames of an image layer, as lazy as the layer's data are.

    Axes besides time, y and x are taken at ``placement.at``. Where all labels have a meaning, they keep it in the
    table's record. Calibration and `sources`, which says where it came from, are those of `Stack`.

    Raises
    ------
    PinpointError
        If the layer is a colour image, or its data are no stack.

    See Also
    --------
    points_layer_data : the way back, for what was found in the frames.
    """
    data = layer.data[0] if layer.multiscale else layer.data
    if layer.rgb:
        raise PinpointError(
            f"{layer.name} is a colour image. Split it into channels (right click on the layer, Split RGB) and "
            "choose the one with the spots."
        )
    time_axis, at = placement.time_axis, placement.at
    labelled = [None if letter == "T" else letter for letter in axis_letters(layer.axis_labels)]
    letters = ["T" if axis == time_axis else letter for axis, letter in enumerate(labelled)]
    path = layer.source.path
    more: dict[str, Any] = {
        "pixel_size_nm": pixel_size_nm,
        "camera": camera or Camera(),
        "path": None if path is None else str(path),
        "sources": dict(sources or {}),
    }
    if None not in letters and "".join(map(str, letters)) == "".join(a for a in AXES if a in letters):
        stack = Stack(data, "".join(map(str, letters)) + "YX", **more)
        chosen = {letter: at[axis] for axis, letter in enumerate(letters)}
        return stack.view(channel=chosen.get("C"), plane=chosen.get("Z"), position=chosen.get("P"))
    fixed = {axis: at[axis] for axis in range(len(letters)) if axis != time_axis}
    frames = _Cut(data, fixed) if fixed else data
    return Stack(frames, "YX" if time_axis is None else "TYX", **more).view()


class _Cut:
    """A lazy array at one index of some of its axes; what it wraps is read where it is indexed, and not before."""

    def __init__(self, data: Any, fixed: Mapping[int, int]) -> None:
        self._data, self._fixed = data, dict(fixed)
        self.dtype = data.dtype
        self.shape = tuple(size for axis, size in enumerate(data.shape) if axis not in fixed)

    def __getitem__(self, index: tuple[Any, ...]) -> Any:
        free = iter(index)
        return self._data[tuple(self._fixed[axis] if axis in self._fixed else next(free) for axis in self._axes())]

    def _axes(self) -> range:
        return range(len(self._data.shape))


def points_layer_data(
    table: Localizations, placement: Placement | None = None, *, name: str = "localizations"
) -> tuple[np.ndarray[Any, Any], dict[str, Any], str]:
    """A table as the data of a Points layer: frame by frame, `y` and `x` as they are, other columns as features.

    Parameters
    ----------
    table
        Positions in pixels of the layer that the placement comes from.
    placement
        Where the image lies; without it, the points have the axes (frame, y, x).
    name
        Name of the layer.

    Returns
    -------
    Data of shape (n, axes of the layer), float64, attributes, and "points", as napari's readers give them.

    See Also
    --------
    table_from_points : the inverse.
    """
    placement = placement or Placement()
    features = {column: values for column, values in table.columns.items() if column not in ("frame", "y", "x")}
    attributes = {
        **placement.transform,
        "name": name,
        "features": features,
        "feature_defaults": {column: _default(column, values) for column, values in features.items()},
        "metadata": {
            KEY: {
                "time_axis": placement.time_axis,
                "pixel_size_nm": table.pixel_size_nm,
                "z_step_nm": table.z_step_nm,
                "record": table.record,
            }
        },
        "size": 5.0,
        "symbol": "disc",
        "face_color": "transparent",
        "border_color": "#ffd400",
        "border_width": 0.1,
    }
    return placement.coordinates(table, table["y"], table["x"]), attributes, "points"


def vectors_layer_data(
    table: Localizations, placement: Placement | None = None, *, name: str = "offsets"
) -> tuple[np.ndarray[Any, Any], dict[str, Any], str]:
    """The offsets of a table's rows from the centres of their pixels as the data of a Vectors layer.

    Returns
    -------
    Data of shape (n, 2, axes of the layer), start (the pixel's centre) and displacement; attributes; "vectors".
    """
    placement = placement or Placement()
    ends = placement.coordinates(table, table["y"], table["x"])
    starts = placement.coordinates(table, np.floor(table["y"] + 0.5), np.floor(table["x"] + 0.5))
    attributes = {
        **placement.transform,
        "name": name,
        "edge_color": "#ff5ad0",
        "edge_width": 0.12,
        "vector_style": "line",
    }
    return np.stack([starts, ends - starts], axis=1), attributes, "vectors"


def table_from_points(data: Any, attributes: Mapping[str, Any]) -> Localizations:
    """The table of a Points layer, also of one that was drawn by hand.

    Parameters
    ----------
    data
        Coordinates of shape (n, axes).
    attributes
        What `Layer.as_layer_data_tuple` gives beside the data. Our own metadata tell which axis is time and keep
        calibration and record; without them axis labels, scale and units do as far as they go.

    Raises
    ------
    PinpointError
        If it is not clear which axis is time, or a point lies ahead of frame 0.

    See Also
    --------
    points_layer_data : the inverse.
    """
    data = np.asarray(data, dtype=np.float64)
    metadata = attributes.get("metadata") or {}
    own = own_metadata(metadata)
    labels = attributes.get("axis_labels") or [""] * data.shape[1]
    letters = axis_letters(labels)
    columns: dict[str, Any] = {"y": data[:, -2], "x": data[:, -1]}
    if "time_axis" in own:
        time_axis = own["time_axis"]
    else:
        time_axis = _only_time_axis(letters)
        if "Z" in letters:
            columns["z"] = data[:, letters.index("Z")]
    frame = np.zeros(len(data)) if time_axis is None else np.floor(data[:, time_axis] + 0.5)
    features = attributes.get("features")
    given = {} if features is None else {str(name): np.asarray(features[name]) for name in features}
    return Localizations(
        {"frame": frame, **columns, **{name: v for name, v in given.items() if name not in ("frame", *columns)}},
        pixel_size_nm=pixel_size_of(attributes.get("scale") or (), attributes.get("units") or (), metadata),
        z_step_nm=own.get("z_step_nm"),
        record=own.get("record"),
    )


def _only_time_axis(letters: Sequence[str | None]) -> int | None:
    """The axis of a layer that is not ours that must be time: the labelled one, or the only one without a label."""
    if "T" in letters:
        return letters.index("T")
    unnamed = [axis for axis, letter in enumerate(letters) if letter is None]
    if len(unnamed) > 1:
        raise PinpointError(
            f"The points have {len(letters)} axes besides y and x, and none of them is labelled as time. Set the "
            "layer's axis_labels, for example to ('t', 'z', 'y', 'x')."
        )
    return unnamed[0] if unnamed else None


def _default(column: str, values: np.ndarray[Any, Any]) -> Any:
    """What a point that is drawn by hand gets: napari would repeat the last row, that is, invent measurements."""
    if column == "probability":
        return 1.0
    if column == "source":
        return "manual"
    if values.dtype.kind == "f":
        return float("nan")
    if values.dtype.kind in "iub":
        return 1 if column == "n_frames" else 0
    return None
