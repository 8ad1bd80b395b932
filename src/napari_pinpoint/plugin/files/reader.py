"""Our own tables by drag and drop: Parquet files that napari-pinpoint wrote, and no others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import napari

from napari_pinpoint.io.parquet import is_ours
from napari_pinpoint.io.tables import read_localizations
from napari_pinpoint.localizations import recorded_field
from napari_pinpoint.plugin.layers.result_layers import placement_for, table_layer_data
from napari_pinpoint.plugin.work.pictures import follow_pictures

LayerData = tuple[Any, dict[str, Any], str]


def get_reader(path: str | Sequence[str]) -> Callable[[Any], list[LayerData]] | None:
    """What reads the file or files, None where one of them is not ours."""
    return read_tables if all(map(is_ours, _paths(path))) else None


def read_tables(path: str | Sequence[str]) -> list[LayerData]:
    """The tables as layers, points or pictures, each over the image that it fits, if that is open."""
    tables = [(one.stem, read_localizations(one)) for one in _paths(path)]
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


def _paths(path: str | Sequence[str]) -> list[Path]:
    return [Path(path)] if isinstance(path, str) else [Path(one) for one in path]
