"""Columns of points and boxes as other programs name them, and what they mean here."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.io import delimited
from napari_pinpoint.localizations import Localizations

Array = np.ndarray[Any, Any]

#: Labels in lower case that mean one of our columns. Positions have the centre of the first pixel at 0.
NAMES = {
    "frame": ("frame", "t"),
    "z": ("z", "plane", "slice", "z_px"),
    "y": ("y", "row", "r", "y_px", "center_y", "centroid_y", "y_center"),
    "x": ("x", "col", "column", "c", "x_px", "center_x", "centroid_x", "x_center"),
    "label": ("label", "class", "category", "class_name", "cell type", "type"),
    "channel": ("channel",),
}
#: Edges of a box; the lower ones are its first pixel, the upper ones the pixel behind its last (half-open).
EDGES = {
    "ymin": ("ymin", "y_min", "y1", "bbox-0"),
    "xmin": ("xmin", "x_min", "x1", "bbox-1"),
    "ymax": ("ymax", "y_max", "y2", "bbox-2"),
    "xmax": ("xmax", "x_max", "x2", "bbox-3"),
}
IMAGE = ("image", "filename", "file", "file_name", "image_name", "image_id", "path")
SPLIT = ("split", "set", "subset")

_NUMBERS = {name for column in ("frame", "z", "y", "x") for name in NAMES[column]}
_NUMBERS |= {name for names in EDGES.values() for name in names}


def labels_of(path: Path) -> tuple[str, ...]:
    """The names of the columns in lower case; none where the file begins with numbers, or is empty."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        first = file.readline()
    if not first.strip() or _is_numbers(first):
        return ()
    return tuple(label.lower() for label in delimited.read_header(path).labels)


def read_csv(path: Path) -> dict[str, Array]:
    """The columns of a CSV by label in lower case.

    A file without a header has the columns y, x, or z, y, x; an empty one has no rows.
    """
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        first = file.readline()
    if not first.strip():
        return {"y": np.empty(0), "x": np.empty(0)}
    if _is_numbers(first):
        return _without_header(path)
    header = delimited.read_header(path)
    numbers = {label for label in header.labels if label.lower() in _NUMBERS or _axis(label) is not None}
    return {label.lower(): values for label, values in delimited.read_columns(path, header, numbers=numbers).items()}


def _is_numbers(line: str) -> bool:
    try:
        return bool([float(field) for field in line.replace(";", ",").replace("\t", ",").split(",")])
    except ValueError:
        return False


def _without_header(path: Path) -> dict[str, Array]:
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        lines = [(number, fields) for number, fields in enumerate(csv.reader(file), start=1) if fields]
    n = len(lines[0][1])
    if n not in (2, 3):
        raise PinpointError(
            f"{path} has {n} columns and no header; expected y and x, or z, y and x, or a header that names them."
        )
    values = np.empty((len(lines), n))
    for row, (number, fields) in enumerate(lines):
        try:
            values[row] = [float(field) for field in fields]
        except ValueError:
            raise PinpointError(f"{path}, line {number}: expected {n} numbers, not {', '.join(fields)}.") from None
    return dict(zip("zyx"[-n:], values.T, strict=True))


def _axis(label: str) -> int | None:
    """N of napari's axis-N and of scikit-image's centroid-N."""
    for prefix in ("axis-", "centroid-"):
        number = label.lower().removeprefix(prefix)
        if number != label.lower() and number.isdigit():
            return int(number)
    return None


def table_of(columns: Mapping[str, Array], where: str) -> Localizations:
    """Points, or boxes, from columns by label; a missing `frame` is 0 everywhere.

    Raises
    ------
    PinpointError
        If there is neither a position nor a box, or a position is missing in a row.
    """
    found: dict[str, Array] = {}
    for name, labels in NAMES.items():
        if (label := _first(columns, labels)) is not None:
            found[name] = columns[label]
    edges = {edge: columns[label] for edge, labels in EDGES.items() if (label := _first(columns, labels)) is not None}
    numbered = sorted((axis, label) for label in columns if (axis := _axis(label)) is not None)
    if "vertex-index" in columns:
        return _shapes(columns, [label for _, label in numbered])
    for name, (_, label) in zip(("x", "y", "z", "frame"), reversed(numbered), strict=False):
        found.setdefault(name, columns[label])
    if any(label.startswith(("centroid-", "bbox-")) for label in columns):
        found.pop("label", None)  # scikit-image's number of the object
    if len(edges) == len(EDGES):
        box = box_columns(**edges)
        if "y" in found and "x" in found:  # a point of its own, and not the box's centre
            box |= {"box_y": box.pop("y"), "box_x": box.pop("x")}
        found |= box
    if "y" not in found or "x" not in found:
        raise PinpointError(
            f"{where}: no columns of points (y and x, row and col, or axis-0, axis-1, ...) nor of boxes (ymin, xmin, "
            f"ymax, xmax) among {', '.join(columns)}."
        )
    for name in ("z", "y", "x"):
        if name in found and not np.isfinite(found[name]).all():
            row = int(np.flatnonzero(~np.isfinite(found[name]))[0])
            raise PinpointError(f"{where}: {name} is missing in row {row + 1} (the header not counted).")
    if "channel" in found:
        found.setdefault("label", found["channel"])
        if found["channel"].dtype.kind not in "iu":
            del found["channel"]
    if "label" in found:
        found["label"] = _words(found["label"])
    found.setdefault("frame", np.zeros(len(found["y"]), np.int64))
    return Localizations(found)


def _first(columns: Mapping[str, Array], labels: Iterable[str]) -> str | None:
    return next((label for label in labels if label in columns), None)


def box_columns(ymin: Array, xmin: Array, ymax: Array, xmax: Array) -> dict[str, Array]:
    """Centre and size from the first pixel and the one behind the last (half-open): pixels a to b - 1 have their
    centre at (a + b - 1) / 2."""
    edges = {"y": (ymin, ymax), "x": (xmin, xmax)}
    centres = {axis: (np.asarray(low) + np.asarray(high) - 1) / 2 for axis, (low, high) in edges.items()}
    sizes = {
        name: np.asarray(edges[axis][1]) - np.asarray(edges[axis][0])
        for axis, name in (("y", "height"), ("x", "width"))
    }
    return {**centres, **sizes}


def _shapes(columns: Mapping[str, Array], axes: list[str]) -> Localizations:
    """Boxes around the shapes of napari's CSV of a Shapes layer: one row for every vertex of shape `index`."""
    index, first = np.unique(columns["index"], return_index=True)
    found: dict[str, Array] = {"frame": np.zeros(len(index), np.int64)}
    for name, label in zip(("z", "frame"), reversed(axes[:-2]), strict=False):
        found[name] = columns[label][first]  # a shape lies in one plane
    for axis, size, label in (("y", "height", axes[-2]), ("x", "width", axes[-1])):
        corners = [columns[label][columns["index"] == i] for i in index]
        low = np.array([values.min() for values in corners])
        high = np.array([values.max() for values in corners])
        found |= {axis: (low + high) / 2, size: high - low}
    if "label" in columns:
        found["label"] = _words(columns["label"][first])
    return Localizations(found)


def _words(values: Array) -> Array:
    """Classes as text; whole numbers without a point."""
    if values.dtype.kind == "f":
        return np.array([None if np.isnan(v) else f"{v:g}" for v in values] + [None], object)[:-1]
    return np.array([str(v).strip() or None if v is not None else None for v in values.tolist()] + [None], object)[:-1]
