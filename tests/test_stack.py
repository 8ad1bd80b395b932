"""Named axes, and the views that give frames to a model."""

from __future__ import annotations

import numpy as np
import pytest

from napari_pinpoint.camera import Camera
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.stack import Stack

SHAPE = {"P": 2, "T": 5, "C": 3, "Z": 4, "Y": 6, "X": 7}


def stack_of(axes, **values):
    shape = tuple(SHAPE[axis] for axis in axes)
    return Stack(np.arange(np.prod(shape)).reshape(shape), axes, path="a.tif", **values)


def test_sizes_and_frames():
    stack = stack_of("TCYX")
    assert stack.sizes == {"T": 5, "C": 3, "Y": 6, "X": 7}
    assert stack.n_frames == 5
    assert stack_of("YX").n_frames == 1


@pytest.mark.parametrize("axes", ["TXY", "XYT", "TTYX", "TQYX", "TY"])
def test_axes_have_one_order(axes):
    with pytest.raises(PinpointError, match="this order that ends in YX"):
        Stack(np.ones([2] * len(axes)), axes)


def test_axes_are_as_many_as_dimensions():
    with pytest.raises(PinpointError, match=r"shape \(2, 3, 4\) needs 3 axis names"):
        Stack(np.ones((2, 3, 4)), "YX")


@pytest.mark.parametrize("size", [0, -100, np.nan, np.inf])
@pytest.mark.parametrize("name", ["pixel_size_nm", "z_step_nm"])
def test_sizes_are_above_zero(name, size):
    with pytest.raises(PinpointError, match=f"{name} must be above 0"):
        stack_of("TYX", **{name: size})


def test_a_stack_has_pixels_that_are_numbers():
    with pytest.raises(PinpointError, match=r"no pixels in a stack of shape \(0, 4, 4\)"):
        Stack(np.ones((0, 4, 4)), "TYX")
    with pytest.raises(PinpointError, match="pixels of type complex128"):
        Stack(np.ones((4, 4), complex), "YX")


def test_what_belongs_to_frames_channels_and_pixels_has_their_number():
    with pytest.raises(PinpointError, match="5 times, but frame_times_s has 4"):
        stack_of("TYX", frame_times_s=np.arange(4))
    with pytest.raises(PinpointError, match="3 channels, but channel_names has 2"):
        stack_of("CYX", channel_names=("a", "b"))
    for name in ("offset_adu", "electrons_per_adu", "read_noise_e"):
        with pytest.raises(PinpointError, match=rf"map {name} has shape \(7, 6\), the images of a.tif have \(6, 7\)"):
            stack_of("TYX", camera=Camera(**{name: np.ones((7, 6))}))
        assert stack_of("TYX", camera=Camera(**{name: np.ones((6, 7))})).n_frames == 5


def test_given_values_replace_and_say_so():
    stack = stack_of("TYX", pixel_size_nm=100, sources={"pixel_size_nm": "ImageJ metadata"})
    changed = stack.with_values(pixel_size_nm=None, z_step_nm=300, offset_adu=100)
    assert (changed.pixel_size_nm, changed.z_step_nm, changed.camera.offset_adu) == (100, 300, 100)
    assert changed.sources == {"pixel_size_nm": "ImageJ metadata", "z_step_nm": "given"}
    assert changed.camera.sources == {"offset_adu": "given"}
    assert stack.camera.offset_adu is None


@pytest.mark.parametrize(
    ("axes", "choice", "index"),
    [
        ("TYX", {}, np.s_[:]),
        ("TCYX", {"channel": 1}, np.s_[:, 1]),
        ("TCZYX", {"channel": 2, "plane": 3}, np.s_[:, 2, 3]),
        ("PTYX", {"position": 1}, np.s_[1]),
        ("TZYX", {"plane": "2"}, np.s_[:, 2]),
    ],
)
def test_a_view_gives_the_frames_of_the_choice(axes, choice, index):
    stack = stack_of(axes)
    view = stack.view(**choice)
    assert (view.n_frames, view.channels, view.spatial_axes, view.spatial_shape) == (5, 1, "YX", (6, 7))
    np.testing.assert_array_equal(view.read(1, 4), stack.data[index][1:4][:, None])


def test_planes_are_projected_or_a_volume():
    stack = stack_of("TZYX")
    np.testing.assert_array_equal(stack.view(plane="max").read(0, 5)[:, 0], stack.data.max(axis=1))
    volume = stack.view(plane="volume")
    assert (volume.dims, volume.spatial_shape) == (3, (4, 6, 7))
    np.testing.assert_array_equal(volume.read(2, 3), stack.data[2:3, None])


def test_a_window_cuts_every_spatial_axis():
    stack = stack_of("TZYX")
    window = (slice(1, 3), slice(2, 6), slice(0, 4))
    np.testing.assert_array_equal(stack.view(plane="volume").read(0, 2, window)[:, 0], stack.data[(slice(2), *window)])
    projected = stack.view(plane="max").read(0, 2, window[1:])
    np.testing.assert_array_equal(projected[:, 0], stack.data[:2, :, 2:6, :4].max(axis=1))


def test_an_image_is_a_movie_of_one_frame():
    stack = stack_of("YX")
    np.testing.assert_array_equal(stack.view().read(0, 1), stack.data[None, None])


@pytest.mark.parametrize(
    ("axes", "choice", "message"),
    [
        ("TCYX", {}, r"a.tif has 3 channels: choose a channel from 0 to 2 \(--channel"),
        ("TZYX", {}, r"a.tif has 4 planes: choose a plane from 0 to 3, 'max' or 'volume' \(--plane"),
        ("ZYX", {}, r"If they are the frames of a movie, read the file with axes='TYX' \(--axes TYX\)"),
        ("PTYX", {}, "a.tif has 2 positions: choose a position"),
        ("TCYX", {"channel": 3}, r"has 3 channels \(0 to 2\); there is no channel 3"),
        ("TCYX", {"channel": -1}, "there is no channel -1"),
        ("TZYX", {"plane": "middle"}, "A plane is a number from 0 to 3, not 'middle'"),
        ("TYX", {"channel": 1}, r"has no channel axis \(its axes are TYX\)"),
        ("TYX", {"plane": "max"}, "has no planes"),
    ],
)
def test_a_choice_is_asked_for_and_checked(axes, choice, message):
    with pytest.raises(PinpointError, match=message):
        stack_of(axes).view(**choice)


def test_channels_are_asked_for_by_name():
    with pytest.raises(PinpointError, match=r"3 channels \(DAPI, GFP, Cy5\)"):
        stack_of("TCYX", channel_names=("DAPI", "GFP", "Cy5")).view()


@pytest.mark.parametrize(("start", "stop"), [(0, 6), (5, 6), (-1, 2), (3, 3), (4, 2)])
def test_frames_out_of_range(start, stop):
    with pytest.raises(PinpointError, match=rf"a.tif has 5 frames \(0 to 4\); there are no frames {start}:{stop}"):
        stack_of("TYX").view().read(start, stop)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_no_number_is_told_with_its_frame(value):
    images = np.ones((5, 4, 6, 7), np.float32)
    images[3, 1, 2, 2] = value
    view = Stack(images, "TZYX", path="a.tif").view(plane="max")
    assert view.read(0, 3).shape == (3, 1, 6, 7)
    with pytest.raises(PinpointError, match=r"a\.tif: frame 3 has 1 pixels that are NaN or infinite"):
        view.read(2, 5)


def test_the_choice_is_described_for_the_record():
    view = stack_of("TCZYX").view(channel=1, plane="max")
    assert view.describe() == {"axes": "TCZYX", "chosen": {"channel": 1}, "planes": "max"}


PICTURE = Stack(np.arange(36).reshape(3, 3, 4), "CYX", channel_names=("red", "green", "blue"), path="smear.jpg")


def test_a_colour_picture_is_seen_in_colour_unless_its_luminance_is_asked_for():
    assert PICTURE.view().channels == 3
    np.testing.assert_array_equal(PICTURE.view().read(0, 1)[0], PICTURE.data)
    luminance = PICTURE.view(channel="luminance")
    assert luminance.channels == 1
    expected = 0.299 * PICTURE.data[0] + 0.587 * PICTURE.data[1] + 0.114 * PICTURE.data[2]
    np.testing.assert_allclose(luminance.read(0, 1)[0, 0], expected, rtol=1e-6)
    np.testing.assert_array_equal(PICTURE.view(channel=1).read(0, 1)[0, 0], PICTURE.data[1])
    assert luminance.describe()["chosen"] == {"channel": "luminance"}


def test_all_channels_of_a_movie_are_read_with_a_window_and_projected():
    stack = stack_of("TCZYX")
    view = stack.view(channel="all", plane="max")
    assert (view.channels, view.n_frames) == (3, 5)
    np.testing.assert_array_equal(view.read(1, 3, (slice(2, 4), slice(7))), stack.data[1:3].max(axis=2)[..., 2:4, :])
    assert stack_of("TYX").view(channel="all").read(0, 5).shape == (5, 1, 6, 7)


def test_a_view_is_made_to_fit_a_model_or_refused():
    grey = stack_of("TYX").view().with_channels(3)
    assert (grey.channels, grey.read(0, 2).shape) == (3, (2, 3, 6, 7))
    assert np.ptp(grey.read(0, 1), axis=1).max() == 0
    assert PICTURE.view().with_channels(3).channels == 3
    with pytest.raises(PinpointError, match=r"needs 1 channel; this view of smear\.jpg has 3.*'luminance'"):
        PICTURE.view().with_channels(1)
    with pytest.raises(PinpointError, match=r"needs 3 channels; this view of a\.tif has 1"):
        stack_of("TCYX").view(channel=0).with_channels(3)
    with pytest.raises(PinpointError, match="luminance is that of red"):
        Stack(np.zeros((4, 8, 8)), "CYX").view(channel="luminance")
