"""Shapes and Labels as the region of an image, wherever they lie. Needs napari's layers, but no display."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from napari.layers import Image, Labels, Points, Shapes

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.plugin.layers.regions import can_be_region, region_from_layer

#: 2 <= y < 6 and 3 <= x < 9 in pixels of the image.
CORNERS = np.array([[1.5, 2.5], [1.5, 8.5], [5.5, 8.5], [5.5, 2.5]])
EXPECTED = np.zeros((10, 12), dtype=int)
EXPECTED[2:6, 3:9] = 1


def movie(**more: Any) -> Image:
    return Image(np.zeros((4, 10, 12)), contrast_limits=(0, 1), name="movie", **more)


def test_which_layers_can_say_where_to_look() -> None:
    assert can_be_region(Shapes())
    assert can_be_region(Labels(np.zeros((2, 2), int)))
    assert not can_be_region(Points([[0, 0]]))


@pytest.mark.parametrize("frame", [None, 2])
def test_a_shape_holds_the_pixels_whose_centres_it_holds(frame: int | None) -> None:
    vertices = CORNERS if frame is None else np.c_[np.full(4, frame), CORNERS]
    region = region_from_layer(Shapes([vertices], shape_type="polygon", name="cell"), movie(), (0, 0, 0))
    np.testing.assert_array_equal(region.labels, EXPECTED)
    assert region.name == "cell"


def test_shapes_are_counted_and_where_they_overlap_the_first_one_counts() -> None:
    shapes = Shapes([CORNERS, CORNERS + np.array([0, 4])], shape_type=["rectangle", "polygon"])
    labels = region_from_layer(shapes, movie(), (0, 0, 0)).labels
    assert set(np.unique(labels)) == {0, 1, 2}
    assert labels[3, 4] == 1
    assert labels[3, 8] == 1
    assert labels[3, 9] == 2


def test_an_ellipse_is_round() -> None:
    labels = region_from_layer(Shapes([CORNERS], shape_type="ellipse"), movie(), (0, 0, 0)).labels
    assert labels[4, 5] == 1
    assert labels[2, 3] == 0


def test_layers_in_other_units_of_length_mark_what_they_lie_on() -> None:
    """An image of 0.1 um pixels, turned and moved; shapes drawn in pixels of another layer."""
    c, s = np.cos(0.2), np.sin(0.2)
    image = movie(scale=(1, 0.1, 0.1), translate=(0, 5, 7), rotate=[[1, 0, 0], [0, c, -s], [0, s, c]])
    world = np.array([image.data_to_world((0, *corner))[1:] for corner in CORNERS])
    shapes = Shapes([world / 0.5], shape_type="polygon", scale=(0.5, 0.5))
    np.testing.assert_array_equal(region_from_layer(shapes, image, (0, 0, 0)).labels, EXPECTED)


def test_labels_keep_their_numbers() -> None:
    painted = EXPECTED * 7
    region = region_from_layer(Labels(painted), movie(), (0, 0, 0))
    np.testing.assert_array_equal(region.labels, painted)


def test_labels_with_frames_are_taken_from_the_one_on_screen() -> None:
    painted = np.zeros((4, 10, 12), dtype=int)
    painted[2] = EXPECTED
    np.testing.assert_array_equal(region_from_layer(Labels(painted), movie(), (2, 0, 0)).labels, EXPECTED)
    with pytest.raises(PinpointError, match="Nothing of the image 'movie'"):
        region_from_layer(Labels(painted), movie(), (1, 0, 0))


def test_labels_of_coarser_pixels_are_read_where_the_image_lies() -> None:
    coarse = np.zeros((5, 6), dtype=int)
    coarse[1:3, 2:4] = 3
    # A coarse pixel covers two by two of the image: its centre lies between theirs.
    labels = region_from_layer(Labels(coarse, scale=(2, 2), translate=(0.5, 0.5)), movie(), (0, 0, 0)).labels
    np.testing.assert_array_equal(labels, np.kron(coarse, np.ones((2, 2), int)))


@pytest.mark.parametrize("layer", [Shapes(name="empty"), Labels(np.zeros((10, 12), int), name="empty")])
def test_nothing_inside_is_an_error_that_says_what_to_do(layer: Any) -> None:
    with pytest.raises(PinpointError, match=r"inside of 'empty'.*Draw a shape"):
        region_from_layer(layer, movie(), (0, 0, 0))
