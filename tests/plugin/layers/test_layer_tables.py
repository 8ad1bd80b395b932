"""Layers to stacks and tables and back. Needs napari's layers, but neither Qt nor a display."""

from __future__ import annotations

from typing import Any

import dask.array as da
import numpy as np
import pytest
from napari.layers import Image, Points, Vectors

from napari_pinpoint.camera import Camera
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.layers.axes import guess_time_axis
from napari_pinpoint.plugin.layers.calibration import camera_of, image_metadata, pixel_size_of
from napari_pinpoint.plugin.layers.live_picture import FINEST
from napari_pinpoint.plugin.layers.pictures import picture_layer_data
from napari_pinpoint.plugin.layers.tables import (
    Placement,
    is_result,
    points_layer_data,
    table_from_layer,
    table_from_points,
    vectors_layer_data,
)
from napari_pinpoint.plugin.layers.views import check_is_grey, view_from_layer
from napari_pinpoint.stack import Stack


class Lazy:
    """An array that remembers what was read of it, and has no other manners than those of zarr."""

    def __init__(self, data: np.ndarray) -> None:
        self.data, self.shape, self.dtype, self.ndim = data, data.shape, data.dtype, data.ndim
        self.asked: list[Any] = []

    def __getitem__(self, index: Any) -> np.ndarray:
        self.asked.append(index)
        return self.data[index]


def layer_of(data: Any, **attributes: Any) -> Image:
    return Image(data, rgb=False, contrast_limits=(0, 1), **attributes)


def assert_equal(a: Localizations, b: Localizations) -> None:
    assert set(a) == set(b)
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], strict=True, err_msg=name)
    assert (a.pixel_size_nm, a.z_step_nm, a.record) == (b.pixel_size_nm, b.z_step_nm, b.record)


@pytest.mark.parametrize(
    ("labels", "shape", "expected"),
    [
        (("-2", "-1"), (8, 9), None),
        (("-3", "-2", "-1"), (5, 8, 9), 0),
        (("-3", "-2", "-1"), (1, 8, 9), None),
        (("-4", "-3", "-2", "-1"), (1, 5, 8, 9), 1),
        (("z", "T", "y", "x"), (5, 6, 8, 9), 1),
        (("z", "y", "x"), (5, 8, 9), None),
        (("c", "run", "y", "x"), (2, 5, 8, 9), 1),
    ],
)
def test_the_time_axis_is_the_labelled_one_or_the_first_that_is_not_named(
    labels: tuple[str, ...], shape: tuple[int, ...], expected: int | None
) -> None:
    assert guess_time_axis(labels, shape) == expected


def test_frames_are_those_of_the_layer_and_nothing_is_copied() -> None:
    data = np.arange(3 * 4 * 5, dtype=np.uint16).reshape(3, 4, 5)
    layer = layer_of(data)
    view = view_from_layer(layer, Placement.in_layer(layer, time_axis=0, at=(2, 0, 0)), pixel_size_nm=100)
    assert view.stack.data is layer.data
    assert view.stack.pixel_size_nm == 100
    np.testing.assert_array_equal(view.read(1, 3)[:, 0], data[1:3])


def test_a_single_image_is_one_frame() -> None:
    layer = layer_of(np.arange(20.0).reshape(4, 5))
    view = view_from_layer(layer, Placement.in_layer(layer, time_axis=None, at=(0, 0)))
    assert view.n_frames == 1
    np.testing.assert_array_equal(view.read(0, 1)[0, 0], layer.data)


def test_dask_stays_dask_and_only_what_is_asked_for_is_computed() -> None:
    computed: list[int] = []

    def block(values: np.ndarray, block_info: Any = None) -> np.ndarray:
        computed.append(block_info[0]["chunk-location"][0])
        return values + 1

    data = da.zeros((6, 4, 5), chunks=(1, 4, 5)).map_blocks(block, dtype=float, meta=np.empty((0, 0, 0)))
    layer = layer_of(data)
    view = view_from_layer(layer, Placement.in_layer(layer, time_axis=0, at=(0, 0, 0)))
    computed.clear()
    assert isinstance(view.stack.data, da.Array)
    assert view.read(2, 4).sum() == 2 * 20
    assert sorted(computed) == [2, 3]


@pytest.mark.parametrize("labels", [("c", "t", "y", "x"), ("-4", "-3", "-2", "-1"), ("t", "-3", "y", "x")])
@pytest.mark.parametrize("time_axis", [None, 0, 1])
def test_other_axes_are_taken_where_the_sliders_stand(labels: tuple[str, ...], time_axis: int | None) -> None:
    data = np.arange(3 * 4 * 5 * 6).reshape(3, 4, 5, 6)
    layer = layer_of(data, axis_labels=labels)
    view = view_from_layer(layer, Placement.in_layer(layer, time_axis=time_axis, at=(1, 2, 0, 0)))
    expected = {None: data[1, 2][None], 0: data[:, 2], 1: data[1]}[time_axis]
    np.testing.assert_array_equal(view.read(0, view.n_frames)[:, 0], expected)


def test_labelled_axes_keep_their_meaning_in_the_record() -> None:
    layer = layer_of(np.zeros((4, 2, 3, 5, 6)), axis_labels=("time", "channel", "z", "y", "x"))
    view = view_from_layer(layer, Placement.in_layer(layer, time_axis=0, at=(0, 1, 2, 0, 0)))
    assert view.describe() == {"axes": "TCZYX", "chosen": {"channel": 1, "plane": 2}, "planes": None}


def test_cutting_reads_no_more_than_the_frames() -> None:
    lazy = Lazy(np.arange(2 * 9 * 4 * 5).reshape(2, 9, 4, 5))
    layer = layer_of(np.zeros((2, 9, 4, 5)))
    placement = Placement.in_layer(layer, time_axis=1, at=(1, 0, 0, 0))
    layer.data = lazy
    lazy.asked.clear()
    view = view_from_layer(layer, placement)
    assert lazy.asked == []
    np.testing.assert_array_equal(view.read(3, 5)[:, 0], lazy.data[1, 3:5])
    assert lazy.asked == [(1, slice(3, 5), slice(None), slice(None))]


def test_the_finest_level_of_a_multiscale_layer_is_localized() -> None:
    levels = [np.ones((2, 8, 8)), np.zeros((2, 4, 4))]
    layer = Image(levels, multiscale=True, contrast_limits=(0, 1))
    view = view_from_layer(layer, Placement.in_layer(layer, time_axis=0, at=(0, 0, 0)))
    assert view.read(0, 2).shape == (2, 1, 8, 8)
    assert view.read(0, 2).all()


def test_a_colour_image_is_seen_in_colour_and_without_transparency() -> None:
    data = np.arange(4 * 2 * 6 * 8 * 4, dtype=np.uint16).reshape(4, 2, 6, 8, 4).astype(np.uint8)
    photo = Image(data, rgb=True, name="photo")
    view = view_from_layer(photo, Placement.in_layer(photo, time_axis=0, at=(0, 1, 0, 0)))
    assert (view.n_frames, view.channels, view.spatial_shape) == (4, 3, (6, 8))
    np.testing.assert_array_equal(view.read(1, 3), np.moveaxis(data[1:3, 1, ..., :3], -1, 1))
    with pytest.raises(PinpointError, match="photo is a colour image"):
        check_is_grey(view, name="photo")


@pytest.mark.parametrize(
    ("scale", "units", "expected"),
    [
        ((1, 0.1, 0.1), ("pixel", "um", "um"), 100.0),
        ((1, 117, -117), ("s", "nm", "nm"), 117.0),
        ((1, 1.3e-7, 1.3e-7), ("s", "m", "m"), 130.0),
        ((1, 0.1, 0.1), ("pixel", "pixel", "pixel"), None),
        ((1, 0.1, 0.2), ("pixel", "um", "um"), None),
        ((1, 100, 0.1), ("pixel", "nm", "um"), 100.0),
    ],
)
def test_pixel_size_comes_from_scale_and_units(
    scale: tuple[float, ...], units: tuple[str, ...], expected: float | None
) -> None:
    layer = layer_of(np.zeros((2, 3, 4)), scale=scale, units=units)
    assert pixel_size_of(layer.scale, layer.units, layer.metadata) == expected


def test_metadata_bring_the_camera_back_with_what_is_unknown() -> None:
    camera = Camera(electrons_per_adu=0.46, read_noise_e=1.6)
    stack = Stack(np.zeros((2, 3, 4)), "TYX", camera, pixel_size_nm=90)
    found = camera_of(image_metadata(stack))
    assert found.to_record() | {"sources": {}} == camera.to_record() | {"sources": {}}
    assert found.missing() == ["offset_adu"]
    assert pixel_size_of((1.0, 1.0), (), image_metadata(stack)) == 90
    assert camera_of({"pinpoint": "something else"}).missing() == ["offset_adu", "electrons_per_adu"]


def test_points_lie_frame_by_frame_at_the_very_positions(table: Localizations) -> None:
    data, attributes, kind = points_layer_data(table)
    layer = Points(data, **attributes)
    assert kind == "points"
    np.testing.assert_array_equal(layer.data, np.stack([table["frame"], table["y"], table["x"]], axis=1))
    assert list(layer.features) == ["probability", "photons", "label", "n_frames"]


def test_the_table_comes_back_from_its_layer(table: Localizations) -> None:
    data, attributes, _ = Points(*points_layer_data(table)[:1], **points_layer_data(table)[1]).as_layer_data_tuple()
    assert_equal(table_from_points(data, attributes), table)


@pytest.mark.parametrize(("time_axis", "at"), [(0, (0, 0, 0)), (None, (0, 0)), (1, (2, 0, 0, 0)), (None, (3, 0, 0))])
def test_points_have_the_axes_of_their_image(time_axis: int | None, at: tuple[int, ...], table: Localizations) -> None:
    n = len(at)
    image = layer_of(
        np.zeros((5,) * n),
        scale=(2.0, *[0.1] * (n - 1)),
        translate=range(n),
        rotate=30 if n == 2 else np.eye(n),
        shear=[0.1] * (n * (n - 1) // 2),
        affine=np.diag([*range(2, n + 2), 1]),
        units=["um"] * n,
        axis_labels=list("ptzyx")[-n:],
    )
    placement = Placement.in_layer(image, time_axis=time_axis, at=at)
    if time_axis is None:
        table = table.with_columns(frame=np.zeros(3, np.int64))
    data, attributes, _ = points_layer_data(table, placement)
    layer = Points(data, **attributes)
    for given in (layer, Vectors(vectors_layer_data(table, placement)[0], **vectors_layer_data(table, placement)[1])):
        assert given.ndim == n
        assert given.units == image.units
        assert given.axis_labels == image.axis_labels
        place = (*[1.0] * (n - 2), 2.5, 3.25)
        np.testing.assert_allclose(given.data_to_world(place), image.data_to_world(place))
    fixed = [axis for axis in range(n - 2) if axis != time_axis]
    assert (layer.data[:, fixed] == np.array(at)[fixed]).all()
    assert_equal(table_from_points(*layer.as_layer_data_tuple()[:2]), table)


def test_no_points_are_a_layer_that_can_be_drawn_on_by_hand() -> None:
    empty = Localizations.empty(["probability", "photons", "source"], pixel_size_nm=100)
    data, attributes, _ = points_layer_data(empty)
    layer = Points(data, **attributes)
    assert_equal(table_from_points(*layer.as_layer_data_tuple()[:2]), empty)
    layer.add([[3, 1.5, 2.5]])
    drawn = table_from_points(*layer.as_layer_data_tuple()[:2])
    assert (drawn["frame"][0], drawn["y"][0], drawn["x"][0]) == (3, 1.5, 2.5)
    assert (drawn["probability"][0], drawn["source"][0]) == (1.0, "manual")
    assert np.isnan(drawn["photons"][0])  # not invented from another row
    assert tuple(layer.border_color[0]) == pytest.approx((1, 212 / 255, 0, 1))  # and not invisible


def test_classes_differ_in_colour_and_symbol(table: Localizations) -> None:
    """Three points of the classes a, none and b."""
    data, attributes, _ = points_layer_data(table)
    layer = Points(data, **attributes)
    assert len({tuple(color) for color in layer.border_color}) == 3
    assert (layer.border_color[:, 3] == 1).all()
    assert layer.symbol[0] != layer.symbol[2]
    assert tuple(layer.border_color[1]) == pytest.approx((1, 212 / 255, 0, 1))
    one = table.select([0, 1])
    assert isinstance(points_layer_data(one)[1]["symbol"], str)


def test_a_feature_with_gaps_does_not_turn_the_points_black(table: Localizations) -> None:
    data, attributes, _ = points_layer_data(table.without_columns("label"))
    layer = Points(data, **attributes)
    assert (layer.border_color == layer.border_color[0]).all()
    assert layer.border_color[0, 3] == 1
    assert layer.face_color_mode == layer.border_color_mode == "direct"


def test_offsets_go_from_the_centre_of_the_pixel_to_the_point(table: Localizations) -> None:
    data, attributes, kind = vectors_layer_data(table)
    assert kind == "vectors"
    np.testing.assert_array_equal(data[:, 0, 1:], [[1, 0], [2, 7], [31, 0]])
    np.testing.assert_allclose(data.sum(axis=1)[:, 1:], table.positions())
    np.testing.assert_array_equal(data[:, 1, 0], 0)
    assert len(Vectors(data, **attributes).data) == 3


def test_points_drawn_by_hand_are_a_table() -> None:
    layer = Points([[0, 1, 2], [3.4, 5, 6]], scale=(1, 0.2, 0.2), units=("s", "um", "um"))
    table = table_from_points(*layer.as_layer_data_tuple()[:2])
    np.testing.assert_array_equal(table["frame"], [0, 3])
    assert table.pixel_size_nm == 200
    flat = table_from_points(*Points([[1, 2], [5, 6]]).as_layer_data_tuple()[:2])
    np.testing.assert_array_equal(flat["frame"], [0, 0])
    assert flat.pixel_size_nm is None


def test_labels_tell_time_from_depth() -> None:
    deep = Points([[7, 1, 2]], axis_labels=("z", "y", "x"))
    table = table_from_points(*deep.as_layer_data_tuple()[:2])
    assert (table["frame"][0], table["z"][0]) == (0, 7)
    unclear = Points([[0, 7, 1, 2]])
    with pytest.raises(PinpointError, match="axis_labels"):
        table_from_points(*unclear.as_layer_data_tuple()[:2])
    clear = Points([[4, 7, 1, 2]], axis_labels=("t", "z", "y", "x"))
    assert table_from_points(*clear.as_layer_data_tuple()[:2])["frame"][0] == 4


def test_a_point_ahead_of_the_first_frame_is_named() -> None:
    layer = Points([[0, 1, 2], [-1, 1, 2]])
    with pytest.raises(PinpointError, match=r"'frame' must be at least 0.*row 1"):
        table_from_points(*layer.as_layer_data_tuple()[:2])


def test_a_layer_gives_its_table_and_says_whether_it_is_a_result(table: Localizations) -> None:
    data, attributes, _ = points_layer_data(table)
    layer = Points(data, **attributes)
    assert is_result(layer)
    assert_equal(table_from_layer(layer), table)
    clicked = Points([[0, 1, 2]])
    assert not is_result(clicked)
    assert len(table_from_layer(clicked)) == 1
    photo = layer_of(np.zeros((4, 5)), name="photo", metadata={"pinpoint": {"pixel_size_nm": 100}})
    assert not is_result(photo)
    with pytest.raises(PinpointError, match="'photo' holds no localizations"):
        table_from_layer(photo)


@pytest.mark.parametrize("turned", [False, True])
def test_the_picture_lies_over_the_image_and_keeps_the_table(turned: bool, table: Localizations) -> None:
    more: dict[str, Any] = {"rotate": 0, "shear": [0, 0, 0]}
    if turned:
        c, s = np.cos(0.3), np.sin(0.3)
        more = {"rotate": [[1, 0, 0], [0, c, -s], [0, s, c]], "shear": [0, 0, 0.2]}
        more["affine"] = [[1, 0, 0, 5], [0, 1.1, 0, 6], [0, 0, 0.9, 7], [0, 0, 0, 1]]
    image = layer_of(np.zeros((5, 40, 30)), scale=(1, 0.1, 0.2), translate=(3, 4, 5), units=["s", "um", "um"], **more)
    placement = Placement.in_layer(image, time_axis=0, at=(0, 0, 0))
    picture, attributes, kind = picture_layer_data(table, placement, (40, 30))
    layer = Image(picture, **attributes)
    assert (kind, layer.data.shape, layer.units) == ("image", (40 * FINEST, 30 * FINEST), image.units[1:])
    for y, x in ((1.25, 0.3), (30.0, 17.0)):
        magnified = ((y + 0.5) * FINEST - 0.5, (x + 0.5) * FINEST - 0.5)
        np.testing.assert_allclose(layer.data_to_world(magnified), image.data_to_world((0, y, x))[1:])
    assert np.count_nonzero(np.asarray(picture[-1])) == 3
    assert is_result(layer)
    assert_equal(table_from_layer(layer), table)
