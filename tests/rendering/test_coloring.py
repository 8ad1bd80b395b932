from __future__ import annotations

import numpy as np
import pytest

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.rendering import Coloring, draw, picture_figure, render


@pytest.fixture
def table() -> Localizations:
    """Two molecules on the left, early and low, and one on the right, late and high."""
    return Localizations(
        {"frame": [0, 2, 9], "y": [1, 1, 1], "x": [1, 1, 5], "z": [0.0, 1.0, 4.0], "label": ["a", "a", "b"]},
        pixel_size_nm=100,
        z_step_nm=250,
    )


def test_hue_is_the_mean_of_the_column_and_brightness_the_density(table):
    coloring = Coloring.of(table, "frame", limits=(0, 10))
    picture = render(table, shape=(3, 7), magnification=1, color_by=coloring)
    assert picture.dtype == np.uint8
    assert picture.shape == (3, 7, 3)
    drawn = draw(table, shape=(3, 7), magnification=1, column="frame")
    assert drawn.mean[1, [1, 5]].tolist() == [1, 9]
    assert np.isnan(drawn.mean[0, 0])
    palette = coloring.palette() * 255
    np.testing.assert_allclose(picture[1, 1], palette[25], atol=1)  # 2 localizations: white would be 1.99 of them
    np.testing.assert_allclose(picture[1, 5], palette[230] / 1.99, atol=1)
    assert not picture[0].any()


def test_colours_are_as_bright_as_their_hue_allows(table):
    for colormap in ("turbo", "viridis"):
        palette = Coloring.of(table, "z", colormap=colormap).palette()
        np.testing.assert_allclose(palette.max(axis=1), 1)


def test_lengths_go_by_nanometres_where_asked(table):
    assert Coloring.of(table, "z_nm").high == pytest.approx(Coloring.of(table, "z").high * 250)
    drawn = draw(table, shape=(3, 7), magnification=1, column="z_nm")
    assert drawn.mean[1, 5] == 1000


def test_what_has_no_value_is_grey():
    table = Localizations({"frame": [0, 0], "y": [0, 0], "x": [0, 2], "photons": [np.nan, 50]})
    picture = render(table, shape=(1, 3), magnification=1, color_by="photons")
    assert len(set(picture[0, 0].tolist())) == 1
    assert picture[0, 0, 0] > 0


@pytest.mark.parametrize(
    ("column", "options", "message"),
    [
        ("label", {}, "need a column of numbers"),
        ("photons", {}, "no column 'photons'"),
        ("photons_nm", {}, "no column 'photons'"),
        ("z", {"limits": (5, 5)}, "lower limit below the upper one, not 5 and 5"),
        ("z", {"colormap": "rainbows"}, "no colormap called 'rainbows'"),
    ],
)
def test_colours_that_cannot_be(table, column, options, message):
    with pytest.raises(PinpointError, match=message):
        Coloring.of(table, column, **options)


def test_nanometres_need_sizes():
    table = Localizations({"frame": [0], "y": [0], "x": [0], "z": [1]}, pixel_size_nm=100)
    with pytest.raises(PinpointError, match="z_nm needs the distance of planes"):
        Coloring.of(table, "z_nm")


def test_the_figure_says_what_its_colours_mean(table):
    coloring = Coloring.of(table, "z_nm", limits=(0, 1000))
    picture = render(table, shape=(30, 70), magnification=1, color_by=coloring)
    axes, bar = picture_figure(picture, pixel_size_nm=10, coloring=coloring).axes
    assert bar.get_ylabel() == "mean z (nm)"
    assert bar.get_ylim() == (0, 1000)
    assert [text.get_text() for text in axes.texts] == ["100 nm"]
    axes, bar = picture_figure(render(table, shape=(3, 7)), pixel_size_nm=10).axes
    assert bar.get_ylabel() == "localizations per pixel of 10 nm"
    assert picture_figure(render(table, shape=(3, 7))).axes[1].get_ylabel() == "localizations per pixel"


@pytest.mark.parametrize("shifts", [1, 2, 3, 4])
def test_an_averaged_shifted_histogram_is_the_mean_of_shifted_histograms(rng, shifts):
    y, x = rng.uniform(5, 15, (2, 200))
    table = Localizations({"frame": np.zeros(200), "y": y, "x": x})
    picture = render(table, shape=(20, 20), magnification=2, method="ash", shifts=shifts)
    expected = np.zeros((40, 40))
    fine = np.pad(render(table, shape=(20, 20), magnification=2), shifts)
    for dy in range(shifts):
        for dx in range(shifts):
            for i in range(40):
                for j in range(40):
                    top, left = i + shifts - (i + dy) % shifts, j + shifts - (j + dx) % shifts
                    expected[i, j] += fine[top : top + shifts, left : left + shifts].sum() / shifts**4
    np.testing.assert_allclose(picture, expected, atol=1e-5)
