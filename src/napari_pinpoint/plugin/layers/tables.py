"""Tables as layers of napari, and back. No Qt and no napari in here: a layer is what has its attributes.

A pixel's centre is a whole number in napari's data coordinates, as it is in a table, so `y` and `x` pass unchanged.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from napari_pinpoint.errors import PinpointError, PinpointWarning
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.layers.axes import axis_letters
from napari_pinpoint.plugin.layers.calibration import KEY, own_metadata, pixel_size_of
from napari_pinpoint.plugin.layers.classes import COLOR, SYMBOL, looks_of, tells_classes
from napari_pinpoint.postprocessing import filter_rows

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


def is_result(layer: Any) -> bool:
    """Whether a layer holds a table that a run or a file brought: points, or a picture in their place."""
    own = own_metadata(layer.metadata)
    return "table" in own or ("record" in own and hasattr(layer, "features") and hasattr(layer, "symbol"))


def transient_metadata() -> dict[str, Any]:
    """Metadata of a layer that shows something for the moment and holds no table: a preview, a marker."""
    return {KEY: {"transient": True}}


def is_transient(layer: Any) -> bool:
    """Whether a layer is there for the moment only (see `transient_metadata`)."""
    return bool(own_metadata(layer.metadata).get("transient"))


def table_from_layer(layer: Any, *, hidden: bool = False) -> Localizations:
    """The table of a layer: of Points or Shapes as they are now, of a picture the one that it was rendered from.

    Rows that a filter of the tab Results hides are left out, unless the `hidden` ones are wanted, too.

    Raises
    ------
    PinpointError
        If the layer is none of these, or `table_from_points` cannot make sense of its points.
    """
    own = own_metadata(layer.metadata)
    if isinstance(own.get("table"), Localizations):
        return own["table"] if hidden else _filtered(own["table"], own)
    data, attributes, kind = layer.as_layer_data_tuple()
    if hidden:
        attributes["metadata"] = {**layer.metadata, KEY: {**own, "filter": ""}}
    if kind == "shapes":
        return table_from_shapes(data, {**attributes, "ndim": layer.ndim})
    if kind != "points":
        raise PinpointError(
            f"The layer {layer.name!r} holds no localizations: choose a Points or Shapes layer, or a result."
        )
    return table_from_points(data, attributes)


def points_layer_data(
    table: Localizations, placement: Placement | None = None, *, name: str = "localizations"
) -> tuple[np.ndarray[Any, Any], dict[str, Any], str]:
    """A table as the data of a Points layer: frame by frame, `y` and `x` as they are, other columns as features.

    Where there are several classes, their points differ in colour and symbol.

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
    attributes = {
        **placement.transform,
        **features_of(table),
        "name": name,
        "metadata": metadata_of(table, placement),
        "size": 5.0,
        "symbol": SYMBOL,
        "face_color": "transparent",
        "border_color": COLOR,
        "border_width": 0.1,
    }
    if "label" in table and tells_classes(table["label"]):
        attributes["border_color"], attributes["symbol"] = looks_of(table["label"])
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
    table = _table(np.asarray(data, dtype=np.float64), attributes, {})
    return _filtered(table, own_metadata(attributes.get("metadata") or {}))


def table_from_shapes(data: Any, attributes: Mapping[str, Any]) -> Localizations:
    """The table of a Shapes layer: every shape is the box around it, with its centre, height and width in pixels.

    Parameters
    ----------
    data
        For every shape its vertices (k, axes): rectangles, and anything else by the rectangle that holds it.
    attributes
        As for `table_from_points`; the feature `label` is the class.

    Raises
    ------
    PinpointError
        As `table_from_points` does.
    """
    vertices = [np.asarray(shape, dtype=np.float64) for shape in data]
    axes = vertices[0].shape[1] if vertices else int(attributes.get("ndim", 2))
    low, high = (np.array([np.reshape(f(shape[:, -2:], axis=0), 2) for shape in vertices]) for f in (np.min, np.max))
    low, high = low.reshape(-1, 2), high.reshape(-1, 2)
    first = np.array([shape[0] for shape in vertices]).reshape(-1, axes)
    height, width = (high - low).T
    centres = np.concatenate([first[:, :-2], (low + high) / 2], axis=1)
    table = _table(centres, attributes, {"height": height, "width": width})
    flat = (height <= 0) | (width <= 0)
    if flat.any():
        warnings.warn(
            f"{flat.sum():,} of {len(flat):,} shapes are lines without height or width: they are left out.",
            PinpointWarning,
            stacklevel=2,
        )
    return table.select(~flat)


def _table(data: np.ndarray[Any, Any], attributes: Mapping[str, Any], columns: dict[str, Any]) -> Localizations:
    """The table of positions (n, axes) in a layer with these attributes, and of further columns."""
    metadata = attributes.get("metadata") or {}
    own = own_metadata(metadata)
    letters = axis_letters(attributes.get("axis_labels") or [""] * data.shape[1])
    columns = {"y": data[:, -2], "x": data[:, -1], **columns}
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


def _filtered(table: Localizations, own: Mapping[str, Any]) -> Localizations:
    """The rows that a layer shows (see `working_layers`)."""
    return filter_rows(table, own["filter"]) if own.get("filter") else table


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


def features_of(table: Localizations) -> dict[str, Any]:
    """Columns that are no place as a layer's features, and what a point that is drawn by hand has of them."""
    features = {column: values for column, values in table.columns.items() if column not in ("frame", "y", "x")}
    return {
        "features": features,
        "feature_defaults": {column: _default(column, values) for column, values in features.items()},
    }


def metadata_of(table: Localizations, placement: Placement) -> dict[str, Any]:
    """What napari's layers have no place for."""
    own = {
        "time_axis": placement.time_axis,
        "pixel_size_nm": table.pixel_size_nm,
        "z_step_nm": table.z_step_nm,
        "record": table.record,
    }
    return {KEY: own}


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
