"""Tables behind napari's Save: a Points layer as a file that other programs of the field read."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from napari.utils.notifications import show_warning

from napari_pinpoint.errors import PinpointError, PinpointWarning
from napari_pinpoint.io.tables import FORMATS, TableFormat, write_localizations
from napari_pinpoint.plugin.layers.tables import table_from_points

LayerData = tuple[Any, dict[str, Any], str]


def write_thunderstorm(path: str, layers: list[LayerData]) -> list[str]:
    """Write the Points layer among `layers` as a ThunderSTORM CSV."""
    return _write(path, layers, "thunderstorm")


def write_parquet(path: str, layers: list[LayerData]) -> list[str]:
    """Write the Points layer among `layers` as Parquet."""
    return _write(path, layers, "parquet")


def write_picasso(path: str, layers: list[LayerData]) -> list[str]:
    """Write the Points layer among `layers` as Picasso's HDF5 and YAML files."""
    return _write(path, layers, "picasso")


def target_of(path: str | Path, format: TableFormat) -> tuple[Path, bool]:
    """The path with one of the format's suffixes, and whether the user was asked about a file that is there.

    File dialogs ask about the very path that was typed, and only about that one.
    """
    target = Path(path)
    asked = target.name.lower().endswith(format.suffixes)
    return (target if asked else target.with_name(target.name + format.suffixes[0])), asked


def _write(path: str, layers: list[LayerData], name: str) -> list[str]:
    """The path that was written, with the format's suffix if it had none of them.

    Raises
    ------
    PinpointError
        If the points are no table, or the file cannot be written.
    """
    data, attributes, _ = next(layer for layer in layers if layer[2] == "points")
    format = FORMATS[name]
    target, overwrite = target_of(path, format)
    table = table_from_points(data, attributes)
    if format.needs_pixel_size and table.pixel_size_nm is None:
        raise PinpointError(
            f"{target.name} was not written: {name} tables are in nanometres, and the layer "
            f"{attributes.get('name', 'points')!r} does not know the size of its pixels. Set its scale and units, for "
            "example layer.scale = (1, 0.1, 0.1) and layer.units = ('pixel', 'um', 'um'), or save it as .parquet."
        )
    with warnings.catch_warnings(record=True) as heard:  # napari's dialog would drop them
        warnings.simplefilter("always", PinpointWarning)
        write_localizations(table, target, format=name, overwrite=overwrite)
    for warning in heard:
        show_warning(str(warning.message))
    return [str(target)]
