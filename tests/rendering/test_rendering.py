from __future__ import annotations

import numpy as np
import pytest

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.rendering import METHODS, comparison, contrast_limits, render


def points(*positions: tuple[float, float], **columns: object) -> Localizations:
    y, x = np.array(positions, dtype=float).reshape(-1, 2).T
    return Localizations({"frame": np.zeros(len(y)), "y": y, "x": x, **columns}, pixel_size_nm=100)


@pytest.mark.parametrize(
    ("position", "pixel"),
    [
        ((0, 0), (5, 5)),  # the centre of the first pixel of the stack
        ((-0.5, -0.5), (0, 0)),  # its corner
        ((-0.41, 0.49), (0, 9)),
        ((-0.39, 0.51), (1, 10)),
        ((2.49, 3.49), (29, 39)),  # the last corner of a stack of 3 x 4 pixels
    ],
)
def test_corners_of_picture_and_stack_coincide(position, pixel):
    picture = render(points(position), shape=(3, 4), picture_pixel_nm=10)
    assert picture.shape == (30, 40)
    assert picture.dtype == np.float32
    assert np.argwhere(picture).tolist() == [list(pixel)]


def test_every_localization_within_the_stack_counts_once(rng):
    table = points(*rng.uniform(-2, 12, (1000, 2)))
    inside = np.all((table.positions() >= -0.5) & (table.positions() < [7.5, 9.5]), axis=1)
    for magnification in (1, 3, 2.7, 100 / 30):
        picture = render(table, shape=(8, 10), magnification=magnification)
        assert picture.sum() == inside.sum()
        assert picture.shape == tuple(np.ceil(np.array([8, 10]) * magnification).astype(int))


def test_size_and_magnification_say_the_same():
    table = points((1, 2), (0.3, 0.7))
    by_size = render(table, shape=(3, 4), picture_pixel_nm=12.5)
    np.testing.assert_array_equal(by_size, render(table, shape=(3, 4), magnification=8))


def test_gaussians_have_area_width_and_place():
    """Mass, centre and variance of a drawn localization are those that it has."""
    for uncertainty in (0.08, 0.2, 0.5):
        table = points((10.2, 9.7), uncertainty_y=[uncertainty], uncertainty_x=[uncertainty])
        picture = render(table, shape=(20, 20), magnification=10, method="gaussian").astype(float)
        assert picture.sum() == pytest.approx(1, abs=1e-3)
        rows, columns = np.mgrid[:200, :200] / 10 - 0.45  # centres of the picture's pixels, in pixels of the stack
        centre = (rows * picture).sum(), (columns * picture).sum()
        np.testing.assert_allclose(centre, (10.2, 9.7), atol=0.051)
        width = np.sqrt(((rows - centre[0]) ** 2 * picture).sum())
        assert width == pytest.approx(uncertainty, rel=0.1)


def test_one_width_for_all_replaces_the_uncertainty():
    table = points((10, 10), uncertainty_y=[0.1], uncertainty_x=[0.1])
    wide = render(table, shape=(20, 20), method="gaussian", sigma=1.0)
    narrow = render(table, shape=(20, 20), method="gaussian")
    assert wide.max() < narrow.max() / 50


def test_an_unknown_uncertainty_still_counts():
    table = points((5, 5), (9, 9), uncertainty_y=[0.2, np.nan], uncertainty_x=[0.2, np.nan])
    assert render(table, shape=(15, 15), method="gaussian").sum() == pytest.approx(2, abs=1e-3)


@pytest.mark.parametrize("method", METHODS)
def test_a_table_without_rows_gives_an_empty_picture(method):
    table = Localizations.empty(["uncertainty_y", "uncertainty_x"])
    picture = render(table, shape=(3, 4), method=method)
    assert picture.shape == (30, 40)
    assert not picture.any()
    assert contrast_limits(picture) == (0, 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"picture_pixel_nm": 10, "magnification": 10}, "not both"),
        ({"picture_pixel_nm": 0}, "must be above 0, not 0"),
        ({"picture_pixel_nm": -5}, "must be above 0, not -5"),
        ({"magnification": -2}, "must be above 0, not -2"),
        ({"method": "scatter"}, "no way to render called 'scatter'; there are histogram, gaussian, ash"),
        ({"method": "gaussian"}, "need the columns uncertainty_y and uncertainty_x"),
        ({"method": "gaussian", "sigma": 0}, "sigma must be above 0"),
    ],
)
def test_what_cannot_be_rendered(options, message):
    with pytest.raises(PinpointError, match=message):
        render(points((1, 1)), shape=(3, 4), **options)


def test_nanometres_need_the_pixel_size_of_the_table():
    table = Localizations({"frame": [0], "y": [0], "x": [0]})
    with pytest.raises(PinpointError, match="give a magnification, or the table its pixel size"):
        render(table, shape=(3, 4), picture_pixel_nm=10)


def test_a_few_bright_pixels_do_not_darken_the_rest():
    image = np.zeros((100, 100), np.float32)
    image[:10] = 1
    image[50, 50] = 1000
    assert contrast_limits(image) == (0, 1)


@pytest.mark.parametrize(
    ("columns", "pixel_size_nm", "label"),
    [(64, 100, "1 µm"), (64, None, "10 px"), (64, 20, "200 nm"), (640, 160, "20 µm"), (1000, 1, "200 nm")],
)
def test_the_comparison_shows_both_over_the_same_ground_with_a_scale_bar(columns, pixel_size_nm, label):
    average = np.random.default_rng(0).random((48, columns))
    picture = render(points((10, 20)), shape=average.shape, magnification=2)
    figure = comparison(average, picture, pixel_size_nm=pixel_size_nm)
    for axes in figure.axes:
        assert axes.images[0].get_extent() == [-0.5, columns - 0.5, 47.5, -0.5]
        assert [text.get_text() for text in axes.texts] == [label]
        length = np.ptp(axes.lines[0].get_xdata()) * (pixel_size_nm or 1)
        number, unit = label.split()
        assert length == pytest.approx(float(number) * {"µm": 1000, "nm": 1, "px": 1}[unit])
