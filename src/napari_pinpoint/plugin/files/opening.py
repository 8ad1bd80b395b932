"""Tables that the user opens, in any format, as layers; the user is asked for what a file does not say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import QTimer

from napari_pinpoint.errors import ConventionNeeded, PinpointError
from napari_pinpoint.io.tables import read_localizations
from napari_pinpoint.localizations import Localizations, recorded_field
from napari_pinpoint.plugin.files.asking import ask_for
from napari_pinpoint.plugin.layers.result_layers import (
    add_layer,
    placement_for,
    table_layer_data,
)
from napari_pinpoint.plugin.work.pictures import follow_pictures
from napari_pinpoint.plugin.work.tasks import tasks_of


def read_table(
    viewer: Any,
    path: str,
    *,
    read: Callable[..., Localizations] = read_localizations,
    added: Callable[[Any], None] | None = None,
    **said: Any,
) -> None:
    """Read a table in the background into a new layer; the user is asked for what the file leaves open.

    Parameters
    ----------
    read
        Reads the file, given the path and what is `said` of it.
    added
        Given the layer when it is there.
    said
        What the user said of the file: `pixel_size_nm`, `unit`, `origin`, `first_frame`.
    """

    def work(_: Any) -> Localizations | ConventionNeeded:
        try:
            return read(path, **said)
        except ConventionNeeded as needed:
            return needed

    def finish(viewer: Any, table: Localizations | ConventionNeeded) -> str:
        if isinstance(table, ConventionNeeded):
            options = table.options

            def ask() -> None:
                answers = ask_for(options, viewer, path)
                if answers is not None:
                    with telling_user():
                        read_table(viewer, path, read=read, added=added, **said, **answers)

            QTimer.singleShot(0, ask)  # once this task has ended
            return ""
        follow_pictures(viewer)
        placement, shape, name = placement_for(table, viewer), recorded_field(table.record), Path(path).stem
        data = table_layer_data(table, placement, shape, name=name, deferred=True)
        layer = add_layer(viewer, data)
        if added is not None:
            added(layer)
        show_info(f"{len(table):,} points were read from {Path(path).name}.")
        return f"{len(table):,} points were read from {path}."

    tasks_of(viewer).start(work, finish)


@contextmanager
def telling_user() -> Iterator[None]:
    """Show what the user can mend as a message, without a traceback."""
    try:
        yield
    except PinpointError as error:
        show_error(str(error))
