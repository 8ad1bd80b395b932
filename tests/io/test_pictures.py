from __future__ import annotations

import numpy as np
import pytest
import tifffile
from matplotlib.image import imread

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.io.images import read_stack
from napari_pinpoint.io.pictures import save_figure, save_png, write_picture
from napari_pinpoint.rendering import comparison


@pytest.fixture
def picture() -> np.ndarray:
    picture = np.zeros((30, 40), np.float32)
    picture[3, 5] = 4
    return picture


def test_a_png_has_the_pixels_of_the_picture(picture, tmp_path):
    save_png(picture, tmp_path / "a.png", colormap="gray")
    written = imread(tmp_path / "a.png")
    assert written.shape[:2] == (30, 40)
    assert np.argwhere(written[..., 0] > 0).tolist() == [[3, 5]]
    assert written[3, 5, 0] == 1


def test_an_empty_picture_is_black(tmp_path):
    save_png(np.zeros((5, 5)), tmp_path / "a.png", colormap="gray")
    assert not imread(tmp_path / "a.png")[..., :3].any()


def test_a_comparison_is_written_without_the_state_of_pyplot(picture, tmp_path):
    import sys

    pyplot = "matplotlib.pyplot" in sys.modules
    save_figure(comparison(np.ones((3, 4)), picture, pixel_size_nm=100), tmp_path / "a.png", dots_per_inch=50)
    height, width, _ = imread(tmp_path / "a.png").shape
    assert width == 500
    assert 190 < height < 230
    assert ("matplotlib.pyplot" in sys.modules) == pyplot


def test_pictures_are_not_replaced_unasked(picture, tmp_path):
    save_png(picture, tmp_path / "a.png")
    with pytest.raises(PinpointError, match="exists"):
        save_png(picture, tmp_path / "a.png")
    save_png(picture, tmp_path / "a.png", overwrite=True)


def test_other_suffixes_are_refused(picture, tmp_path):
    with pytest.raises(PinpointError, match=r"let the name end in \.png"):
        save_png(picture, tmp_path / "a.jpg")


def test_a_figure_can_be_svg(picture, tmp_path):
    save_figure(comparison(np.ones((3, 4)), picture), tmp_path / "a.svg")
    assert "</svg>" in (tmp_path / "a.svg").read_text()
    with pytest.raises(PinpointError, match=r"end in \.png or \.svg"):
        save_figure(comparison(np.ones((3, 4)), picture), tmp_path / "a.pdf")


def test_an_ome_tiff_is_calibrated_and_lies_where_it_belongs(picture, tmp_path):
    path = tmp_path / "a.ome.tif"
    write_picture(picture, path, pixel_size_nm=12.5, origin_nm=(-43.75, -40))
    stack = read_stack(path)
    assert (stack.axes, stack.pixel_size_nm) == ("YX", 12.5)
    np.testing.assert_array_equal(np.asarray(stack.data), picture)
    with tifffile.TiffFile(path) as file:
        plane = tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]["Pixels"]["Plane"]
    assert (plane["PositionY"], plane["PositionX"], plane["PositionXUnit"]) == (-0.04375, -0.04, "µm")


def test_an_ome_tiff_can_hold_colours_and_no_calibration(tmp_path, rng):
    colors = rng.integers(0, 255, (30, 40, 3)).astype(np.uint8)
    write_picture(colors, tmp_path / "a.ome.tif")
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as file:
        np.testing.assert_array_equal(file.asarray(), colors)
        assert file.series[0].axes == "YXS"
        assert "PhysicalSize" not in file.ome_metadata
    with pytest.raises(PinpointError, match=r"let the name end in \.ome\.tif"):
        write_picture(colors, tmp_path / "a.tif")
