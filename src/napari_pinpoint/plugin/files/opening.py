"""Tables that the user opens, in any format, as layers; the user is asked for what a file does not say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication, QInputDialog

from napari_pinpoint.errors import PinpointError, PixelSizeNeeded
from napari_pinpoint.io.tables import read_localizations
from napari_pinpoint.localizations import Localizations, recorded_field
from napari_pinpoint.plugin.layers.calibration import pixel_size_of
from napari_pinpoint.plugin.layers.result_layers import (
    add_layer,
    images_of,
    placement_for,
    table_layer_data,
)
from napari_pinpoint.plugin.work.tasks import tasks_of


def read_table(
    viewer: Any,
    path: str,
    *,
    read: Callable[..., Localizations] = read_localizations,
    added: Callable[[Any], None] | None = None,
    pixel_size_nm: float | None = None,
) -> None:
    """Read a table in the background into a new layer; the user is asked for the size of a pixel where it is needed.

    Parameters
    ----------
    read
        Reads the file, given the path and `pixel_size_nm`.
    added
        Given the layer when it is there.
    """

    def work(_: Any) -> Localizations | PixelSizeNeeded:
        try:
            return read(path, pixel_size_nm=pixel_size_nm)
        except PixelSizeNeeded as needed:
            return needed

    def finish(viewer: Any, table: Localizations | PixelSizeNeeded) -> str:
        if isinstance(table, PixelSizeNeeded):

            def ask() -> None:
                size = _asked_pixel_size(viewer, path)
                if size is not None:
                    with telling_user():
                        read_table(viewer, path, read=read, added=added, pixel_size_nm=size)

            QTimer.singleShot(0, ask)  # once this task has ended
            return ""
        data = table_layer_data(table, placement_for(table, viewer), recorded_field(table.record), name=Path(path).stem)
        layer = add_layer(viewer, data)
        if added is not None:
            added(layer)
        show_info(f"{len(table):,} points were read from {Path(path).name}.")
        return f"{len(table):,} points were read from {path}."

    tasks_of(viewer).start(work, finish)


def _asked_pixel_size(viewer: Any, path: str) -> float | None:
    """The size of a pixel that the user gives; that of the image on screen is the first answer."""
    sizes = [pixel_size_of(image.scale, image.units, image.metadata) for image in images_of(viewer)]
    known = next((size for size in sizes if size is not None), 100.0)
    words = f"{Path(path).name} is in nanometres. How large is a pixel of the image in the sample, in nm?"
    size, given = QInputDialog.getDouble(QApplication.activeWindow(), "Size of a pixel", words, known, 0.001, 1e6, 3)
    return size if given else None


@contextmanager
def telling_user() -> Iterator[None]:
    """Show what the user can mend as a message, without a traceback."""
    try:
        yield
    except PinpointError as error:
        show_error(str(error))
