"""A layer that is worked on: it holds all rows of its table, shows those that a filter lets pass, and takes other ones.

What does not pass is hidden, not removed: nothing is lost, row n of the table stays point n of the layer, and to hide
costs napari a tenth of what it costs to take points away. The filter stands in the layer's metadata, so that whoever
takes the table from the layer gets what is shown. No Qt in here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Points

from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.layers.calibration import KEY, own_metadata
from napari_pinpoint.plugin.layers.result_layers import LayerData, placement_of
from napari_pinpoint.plugin.layers.tables import points_layer_data

Array = np.ndarray[Any, Any]


class WorkingLayer:
    """How a layer shows a table; `make` runs in any thread, the rest in the main one.

    It does not keep the layer itself: what is kept for a layer must not keep it from going.

    Parameters
    ----------
    layer
        One of `table_layers`.
    table
        What it holds now.
    """

    def __init__(self, layer: Any, table: Localizations) -> None:
        self.table = table
        self._is_points = isinstance(layer, Points)
        self._placement = placement_of(layer)

    def make(self, table: Localizations) -> LayerData | None:
        """What the layer needs to hold a table, None if it holds it already or needs nothing but the table."""
        return points_layer_data(table, self._placement) if self._is_points and table is not self.table else None

    def show(
        self, layer: Any, table: Localizations, passing: Array | None, expression: str, made: LayerData | None
    ) -> None:
        """Have the layer hold a table, and show its rows that pass, which are those of the expression.

        Parameters
        ----------
        passing
            (n,) bool, None where all rows pass.
        made
            What `make` has made of the table.
        """
        own = dict(own_metadata(layer.metadata))
        if table is not self.table:
            if made is not None:
                _hold(layer, made, own)
            elif "table" in own:
                own["table"] = table
                if "picture" in own:
                    own["picture"].set_table(table)
            own |= {"record": table.record, "pixel_size_nm": table.pixel_size_nm, "changed": True}
            self.table = table
        if self._is_points:
            _hide(layer, passing, own)
        elif "picture" in own:
            own["picture"].show_rows(passing)
        layer.metadata = {**layer.metadata, KEY: {**own, "filter": expression}}


def _hold(layer: Any, made: LayerData, own: dict[str, Any]) -> None:
    """Give a Points layer other points."""
    data, attributes, _ = made
    _hide(layer, None, own)
    layer.selected_data = set()
    layer.data, layer.features = data, attributes["features"]
    layer.feature_defaults = attributes["feature_defaults"]
    if not isinstance(attributes["symbol"], str):  # they tell classes apart
        layer.border_color, layer.symbol = attributes["border_color"], attributes["symbol"]


def _hide(layer: Any, passing: Array | None, own: dict[str, Any]) -> None:
    """Show only the points that pass (None: all)."""
    if layer.ndim > 2:
        layer.shown = True if passing is None else passing
        return
    # Where no axis has a slider napari heeds `shown` nowhere; points without a size are not seen, either.
    sizes = own.pop("sizes", None)
    if sizes is None and passing is None:
        return
    if sizes is None or len(sizes) != len(layer.data):
        sizes = np.where(layer.size > 0, layer.size, layer.size.max(initial=1.0))
    layer.size = sizes if passing is None else np.where(passing, sizes, 0)
    if passing is not None:
        own["sizes"] = sizes
