"""Commands of napari's menus and palette; napari gives them the viewer by their annotation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari.layers import Points
from napari.viewer import Viewer
from qtpy.QtWidgets import QApplication, QFileDialog

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.io.images import read_stack
from napari_pinpoint.io.tables import suffixes
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.files.export import ask_and_export
from napari_pinpoint.plugin.files.opening import read_table, telling_user
from napari_pinpoint.plugin.layers.pictures import picture_layer_data
from napari_pinpoint.plugin.layers.result_layers import add_layer, placement_of, shape_or_extent
from napari_pinpoint.plugin.layers.tables import is_result, table_from_layer
from napari_pinpoint.plugin.layers.views import stack_layer_data
from napari_pinpoint.plugin.work.pictures import follow_pictures
from napari_pinpoint.plugin.work.tasks import tasks_of
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

    with telling_user():
        tasks_of(viewer).start(lambda _: read_stack(path), finish)


def open_table(viewer: Viewer) -> None:
    """Ask for a table of localizations in any format, and show it over the image that it fits."""
    patterns = " ".join(f"*{suffix}" for suffix in suffixes())
    path, _ = QFileDialog.getOpenFileName(
        QApplication.activeWindow(), "Open a localization table", "", f"Tables ({patterns});;All files (*)"
    )
    if path:
        with telling_user():
            read_table(viewer, path)


def export_points(viewer: Viewer) -> None:
    """Write the points of the selected layer to a table."""
    with telling_user():
        layer, table = _active_table(viewer)
        ask_and_export(viewer, table, layer_name=layer.name)


def export_selected_points(viewer: Viewer) -> None:
    """Write the selected points of the selected layer to a table."""
    with telling_user():
        layer, table = _active_table(viewer)
        rows = sorted(layer.selected_data) if isinstance(layer, Points) else []
        if not rows:
            raise PinpointError("No points are selected: choose a Points layer, press S there, and click or drag.")
        chosen = table.select(rows).with_step("select", points=len(rows))
        ask_and_export(viewer, chosen, layer_name=f"{layer.name} selected")


def render_points(viewer: Viewer) -> None:
    """Draw the points of all frames of the selected layer as one picture, as fine as one looks at it."""
    with telling_user():
        layer, table = _active_table(viewer)
        if not len(table):
            raise PinpointError(f"The layer {layer.name!r} has no points to draw.")
        shape = shape_or_extent(viewer, layer, table)
        follow_pictures(viewer)
        name = f"{layer.name} picture"
        add_layer(viewer, picture_layer_data(table, placement_of(layer), shape, name=name, deferred=True))


def _active_table(viewer: Any) -> tuple[Any, Localizations]:
    """The selected layer and its table."""
    layer = viewer.layers.selection.active
    if layer is None or not (isinstance(layer, Points) or is_result(layer)):
        raise PinpointError("Select a layer of points first (in the list of layers).")
    return layer, table_from_layer(layer)
