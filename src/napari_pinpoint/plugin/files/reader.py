"""Tables by drag and drop: Parquet files that napari-pinpoint wrote, and files that only hold localizations.

CSV and text may be anything, and are left to napari: `opening.py` reads these when the user says that they are tables.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import napari

from napari_pinpoint.errors import ConventionNeeded, PinpointError
from napari_pinpoint.io.parquet import is_ours
from napari_pinpoint.io.tables import formats_for, read_localizations
from napari_pinpoint.localizations import recorded_field
from napari_pinpoint.plugin.layers.result_layers import placement_for, table_layer_data
from napari_pinpoint.plugin.work.pictures import follow_pictures

LayerData = tuple[Any, dict[str, Any], str]


def get_reader(path: str | Sequence[str]) -> Callable[[Any], list[LayerData]] | None:
    """What reads the file or files, None where one of them is no table."""
    return read_tables if all(map(_is_table, _paths(path))) else None


def read_tables(path: str | Sequence[str]) -> list[LayerData]:
    """The tables as layers, points or pictures, each over the image that it fits, if that is open."""
    try:
        tables = [(one.stem, read_localizations(one)) for one in _paths(path)]
    except ConventionNeeded as needed:
        raise PinpointError(
            f"{needed} File > IO Utilities > Open a localization table (Pinpoint) asks for it."
        ) from None
    viewer = napari.current_viewer()
    if viewer is not None:
        follow_pictures(viewer)
    return [
        table_layer_data(
            table,
            placement_for(table, viewer),
            recorded_field(table.record),
            name=name,
            deferred=viewer is not None,
        )
        for name, table in tables
    ]


def _is_table(path: Path) -> bool:
    """Whether a file is a table without any doubt."""
    if path.suffix.lower() == ".parquet":
        return is_ours(path)
    try:
        return any(format.recognizes(path) for format in formats_for(path))
    except (OSError, PinpointError):
        return False


def _paths(path: str | Sequence[str]) -> list[Path]:
    return [Path(path)] if isinstance(path, str) else [Path(one) for one in path]
