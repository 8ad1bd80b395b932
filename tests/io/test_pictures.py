from __future__ import annotations

import numpy as np
import pytest
from matplotlib.image import imread

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.io.pictures import save_figure, save_png
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
