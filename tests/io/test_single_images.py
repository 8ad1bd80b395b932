"""PNG, JPEG and BMP, as people keep and share single images."""

import imagecodecs
import numpy as np
import pytest

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.io.images import read_stack
from napari_pinpoint.io.single_images import size_of


@pytest.fixture
def pixels(rng):
    return rng.integers(0, 60000, (20, 30)).astype(np.uint16)


def test_a_grey_png_keeps_all_16_bits(tmp_path, pixels):
    imagecodecs.imwrite(tmp_path / "a.png", pixels)
    stack = read_stack(tmp_path / "a.png", pixel_size_nm=100)
    assert stack.axes == "YX"
    assert np.array_equal(stack.view().read(0, 1)[0, 0], pixels)
    assert stack.pixel_size_nm == 100
    assert stack.path == str(tmp_path / "a.png")


def test_colours_become_channels_that_are_never_summed_in_silence(tmp_path, rng):
    colours = rng.integers(0, 255, (20, 30, 3)).astype(np.uint8)
    imagecodecs.imwrite(tmp_path / "a.PNG", colours)
    stack = read_stack(str(tmp_path / "a.PNG"))
    assert stack.axes == "CYX"
    assert np.array_equal(stack.view(channel=1).read(0, 1)[0, 0], colours[..., 1])
    assert stack.view().channels == 3
    with pytest.raises(PinpointError, match=r"has 3 \(red, green, blue\)\. Choose a channel"):
        stack.view().with_channels(1)


@pytest.mark.parametrize("samples", [3, 4])
def test_grey_that_was_written_as_colour_is_grey_again(tmp_path, pixels, samples):
    grey = (pixels // 256).astype(np.uint8)
    colours = np.repeat(grey[..., None], samples, axis=2)
    colours[..., 3:] = 255
    imagecodecs.imwrite(tmp_path / "a.png", colours)
    assert np.array_equal(read_stack(tmp_path / "a.png").view().read(0, 1)[0, 0], grey)


def test_a_jpeg_is_read(tmp_path):
    imagecodecs.imwrite(tmp_path / "a.jpg", np.full((16, 16), 77, np.uint8))
    assert abs(int(read_stack(tmp_path / "a.jpg").view().read(0, 1).mean()) - 77) <= 1


def test_what_is_wrong_is_said(tmp_path, pixels):
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    with pytest.raises(PinpointError, match=r"broken\.png cannot be read as an image"):
        read_stack(tmp_path / "broken.png")
    with pytest.raises(PinpointError, match="does not exist"):
        read_stack(tmp_path / "missing.png")
    imagecodecs.imwrite(tmp_path / "a.png", pixels)
    with pytest.raises(PinpointError, match="whose axes are YX"):
        read_stack(tmp_path / "a.png", axes="TYX")


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp"])
@pytest.mark.parametrize("shape", [(17, 33), (17, 33, 3)])
def test_the_size_is_known_without_decoding(tmp_path, suffix, shape):
    path = tmp_path / f"a.{suffix}"
    imagecodecs.imwrite(path, np.zeros(shape, np.uint8))
    assert size_of(path) == (17, 33)
    if suffix == "png":
        path.write_bytes(path.read_bytes()[:40])  # no pixels: nothing was decoded
        assert size_of(path) == (17, 33)
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(PinpointError, match="cannot be read as an image"):
        size_of(path)
