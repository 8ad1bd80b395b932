"""Shapes that somebody drew, as a table of boxes. Needs napari's layers, but neither Qt nor a display."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Shapes

from napari_pinpoint.errors import PinpointError, PinpointWarning
from napari_pinpoint.plugin.layers.tables import table_from_layer


def test_rectangles_are_boxes_in_pixels() -> None:
    corners = [[[10, 20], [30, 20], [30, 60], [10, 60]], [[0.5, 1], [0.5, 4], [3, 4], [3, 1]]]
    features = {"label": ["RBC", "WBC"]}
    layer = Shapes(corners, shape_type="rectangle", features=features, scale=(0.1, 0.1), units=("um", "um"))
    table = table_from_layer(layer)
    np.testing.assert_array_equal(table.positions(), [[20, 40], [1.75, 2.5]])
    assert list(table["height"]) == [20, 2.5]
    assert list(table["width"]) == [40, 3]
    assert list(table["label"]) == ["RBC", "WBC"]
    assert list(table["frame"]) == [0, 0]
    assert table.pixel_size_nm == pytest.approx(100)


def test_ellipses_and_polygons_count_by_the_box_around_them() -> None:
    layer = Shapes(ndim=3)
    layer.add_ellipses([[3, 10, 10], [3, 10, 20], [3, 40, 20], [3, 40, 10]])
    layer.add_polygons([[5, 0, 0], [5, 8, 2], [5, 1, 30]])
    table = table_from_layer(layer)
    assert list(table["frame"]) == [3, 5]
    np.testing.assert_array_equal(table.positions(), [[25, 15], [4, 15]])
    np.testing.assert_array_equal(np.stack([table["height"], table["width"]]), [[30, 8], [10, 30]])


def test_lines_are_no_objects() -> None:
    layer = Shapes([[[0, 0], [0, 9]], [[0, 0], [5, 9]]], shape_type="line")
    with pytest.warns(PinpointWarning, match="1 of 2 shapes are lines"):
        assert len(table_from_layer(layer)) == 1


@pytest.mark.parametrize("ndim", [2, 3])
def test_no_shapes_are_a_table_without_rows(ndim: int) -> None:
    table = table_from_layer(Shapes(ndim=ndim))
    assert len(table) == 0
    assert {"height", "width"} <= set(table)


def test_an_axis_that_nobody_named_is_asked_for() -> None:
    box = [[0, 0, 1, 1], [0, 0, 1, 2], [0, 0, 2, 2], [0, 0, 2, 1]]
    with pytest.raises(PinpointError, match="axis_labels"):
        table_from_layer(Shapes([box], shape_type="rectangle"))
    table = table_from_layer(Shapes([box], shape_type="rectangle", axis_labels=("t", "z", "y", "x")))
    assert "z" in table
