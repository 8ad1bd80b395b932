"""Commands of napari's menus and palette; napari gives them the viewer by their annotation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from napari.layers import Points
from napari.utils.notifications import show_error, show_info
from napari.viewer import Viewer
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication, QFileDialog, QInputDialog

from napari_pinpoint.errors import PinpointError, PixelSizeNeeded
from napari_pinpoint.io.images import read_stack
from napari_pinpoint.io.tables import FORMATS, read_localizations
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.calibration import pixel_size_of
from napari_pinpoint.plugin.export import ask_and_export
from napari_pinpoint.plugin.layers import is_result, table_from_layer
from napari_pinpoint.plugin.pictures import picture_layer_data
from napari_pinpoint.plugin.result_layers import (
    add_layer,
    images_of,
    placement_for,
    placement_of,
    recorded_shape,
    shape_or_extent,
    table_layer_data,
)
from napari_pinpoint.plugin.tasks import tasks_of
from napari_pinpoint.plugin.views import stack_layer_data
from napari_pinpoint.stack import Stack


def open_stack(viewer: Viewer) -> None:
    """Ask for a TIFF stack, and open it without reading its pixels, with pixel size and camera where it knows them."""
    path, _ = QFileDialog.getOpenFileName(
        QApplication.activeWindow(), "Open a stack", "", "TIFF stacks (*.tif *.tiff *.btf *.tf8);;All files (*)"
    )
    if not path:
        return

    def finish(viewer: Any, stack: Stack) -> str:
        data, attributes, _ = stack_layer_data(stack, name=Path(path).name)
        viewer.add_image(data, **attributes)
        return f"{Path(path).name} is open."

    with _told():
        tasks_of(viewer).start(lambda _: read_stack(path), finish)


def open_table(viewer: Viewer) -> None:
    """Ask for a table of localizations in any format, and show it over the image that it fits."""
    suffixes = " ".join(f"*{suffix}" for name in FORMATS for suffix in FORMATS[name].suffixes)
    path, _ = QFileDialog.getOpenFileName(
        QApplication.activeWindow(), "Open a localization table", "", f"Tables ({suffixes});;All files (*)"
    )
    if path:
        with _told():
            read_table(viewer, path)


def export_points(viewer: Viewer) -> None:
    """Write the points of the selected layer to a table."""
    with _told():
        layer, table = _active_table(viewer)
        ask_and_export(viewer, table, layer_name=layer.name)


def export_selected_points(viewer: Viewer) -> None:
    """Write the selected points of the selected layer to a table."""
    with _told():
        layer, table = _active_table(viewer)
        rows = sorted(layer.selected_data) if isinstance(layer, Points) else []
        if not rows:
            raise PinpointError("No points are selected: choose a Points layer, press S there, and click or drag.")
        chosen = table.select(rows).with_step("select", points=len(rows))
        ask_and_export(viewer, chosen, layer_name=f"{layer.name} selected")


def render_points(viewer: Viewer) -> None:
    """Draw the points of all frames of the selected layer as one picture, ten times as fine as the image."""
    with _told():
        layer, table = _active_table(viewer)
        if not len(table):
            raise PinpointError(f"The layer {layer.name!r} has no points to draw.")
        shape = shape_or_extent(viewer, layer, table)
        add_layer(viewer, picture_layer_data(table, placement_of(layer), shape, name=f"{layer.name} picture"))


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
                    with _told():
                        read_table(viewer, path, read=read, added=added, pixel_size_nm=size)

            QTimer.singleShot(0, ask)  # once this task has ended
            return ""
        data = table_layer_data(table, placement_for(table, viewer), recorded_shape(table), name=Path(path).stem)
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


def _active_table(viewer: Any) -> tuple[Any, Localizations]:
    """The selected layer and its table."""
    layer = viewer.layers.selection.active
    if layer is None or not (isinstance(layer, Points) or is_result(layer)):
        raise PinpointError("Select a layer of points first (in the list of layers).")
    return layer, table_from_layer(layer)


@contextmanager
def _told() -> Iterator[None]:
    """Show what the user can mend as a message, without a traceback."""
    try:
        yield
    except PinpointError as error:
        show_error(str(error))
