from __future__ import annotations

import numpy as np
import pytest

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.rendering import Picture, draw, picture, render

SHAPE = (40, 60)
ALL = (-0.5, 39.5, -0.5, 59.5)


@pytest.fixture
def table(rng) -> Localizations:
    """Two clouds, and a few that lie outside of the stack."""
    n = 3000
    y = np.concatenate([rng.normal(12, 3, n // 2), rng.uniform(-3, 43, n // 2)])
    x = np.concatenate([rng.normal(40, 2, n // 2), rng.uniform(-3, 63, n // 2)])
    uncertainty = rng.gamma(8, 0.1 / 8, (2, n))
    return Localizations(
        {"frame": np.arange(n) // 10, "y": y, "x": x, "uncertainty_y": uncertainty[0], "uncertainty_x": uncertainty[1]},
        pixel_size_nm=100,
    )


@pytest.mark.parametrize("magnification", [0.25, 1, 8, 32])
def test_the_histogram_of_the_whole_is_that_of_render(table, magnification):
    shape = tuple(int(side * magnification) for side in SHAPE)
    region = Picture(table, shape=SHAPE).region(*ALL, shape=shape)
    np.testing.assert_array_equal(region.density, render(table, shape=SHAPE, magnification=magnification))
    assert (region.top, region.left, region.pixel) == (-0.5, -0.5, 1 / magnification)


def test_a_part_is_that_part_of_the_whole(table):
    made = Picture(table, shape=SHAPE)
    region = made.region(10.3, 20.1, 35.2, 49.9, shape=(80, 120))
    assert region.pixel == 1 / 8
    whole = render(table, shape=SHAPE, magnification=8)
    top, left = round((region.top + 0.5) * 8), round((region.left + 0.5) * 8)
    rows, columns = region.density.shape
    np.testing.assert_array_equal(region.density, whole[top : top + rows, left : left + columns])
    assert region.top <= 10.3 < region.top + 1 / 8
    assert region.left + columns / 8 - 1 / 8 < 49.9 <= region.left + columns / 8


@pytest.mark.parametrize(("most", "error"), [(10**9, 0.05), (0, 0.12)])
def test_many_rows_are_drawn_from_cells_and_none_is_lost(table, monkeypatch, most, error):
    made = Picture(table, shape=SHAPE)
    assert made._levels
    sizes = [len(level) for level in made._levels]
    assert sizes == sorted(sizes, reverse=True)
    for level in made._levels:
        assert level.count.sum() == len(made)
    monkeypatch.setattr(picture, "_FEW", 0)
    monkeypatch.setattr(picture, "_MANY", most)
    *_, merged = made.gaussians(*ALL, shape=SHAPE)
    expected = draw(table, shape=SHAPE, magnification=1, method="gaussian").density
    np.testing.assert_allclose(merged.density, expected, atol=2 * error * expected.max())
    assert np.abs(merged.density - expected).mean() < error * expected.mean()
    assert merged.density.sum() == pytest.approx(expected.sum(), rel=0.01)


@pytest.mark.parametrize("pixels_per_pixel", [1, 8])
def test_gaussians_begin_as_histogram_and_end_as_render_draws_them(table, monkeypatch, pixels_per_pixel):
    monkeypatch.setattr(picture, "_STEP", 500)
    shape = tuple(side * pixels_per_pixel for side in SHAPE)
    made = Picture(table, shape=SHAPE)
    first, *between, last = made.gaussians(*ALL, shape=shape, every_s=0)
    np.testing.assert_array_equal(first.density, made.region(*ALL, shape=shape).density)
    assert len(between) == 5
    expected = draw(table, shape=SHAPE, magnification=pixels_per_pixel, method="gaussian").density
    np.testing.assert_allclose(last.density, expected, atol=2e-3 * expected.max())
    errors = [np.abs(region.density - expected).sum() for region in (first, *between, last)]
    assert errors == sorted(errors, reverse=True)
    for region in between:
        assert region.density.sum() == pytest.approx(expected.sum(), rel=0.01)


def test_gaussians_from_beyond_the_edge_reach_into_a_part():
    table = Localizations({"frame": [0], "y": [5.0], "x": [4.9], "uncertainty_y": [0.3], "uncertainty_x": [0.3]})
    *_, region = Picture(table, shape=(10, 10)).gaussians(4, 6, 5.0, 7.0, shape=(32, 32))
    # The corner at 5.0 is left = 5.5 pixels from the stack's corner; 0.1 px = 1/3 sigma lies left of it.
    assert region.density.sum() == pytest.approx(0.369, abs=0.01)


def test_rows_that_pass_make_the_picture_of_the_filtered_table(table):
    passing = np.asarray(table["uncertainty_x"] < 0.1)
    filtered = Picture(table, shape=SHAPE).where(passing)
    expected = render(table.select(passing), shape=SHAPE, magnification=4)
    np.testing.assert_array_equal(filtered.region(*ALL, shape=(160, 240)).density, expected)
    twice = filtered.where(np.asarray(table["y"] < 20))
    both = table.select(passing & (table["y"] < 20))
    assert twice.region(*ALL, shape=SHAPE).density.sum() == render(both, shape=SHAPE).sum()


def test_nothing_passes(table):
    nothing = Picture(table, shape=SHAPE).where(np.zeros(len(table), bool))
    assert len(nothing) == 0
    assert not nothing.region(*ALL, shape=SHAPE).density.any()
    assert [region.density.any() for region in nothing.gaussians(*ALL, shape=SHAPE)] == [False]


def test_the_mean_of_a_column_goes_with_it(table):
    made = Picture(table, shape=SHAPE).colored_by(table, "frame")
    region = made.region(*ALL, shape=SHAPE)
    expected = draw(table, shape=SHAPE, magnification=1, column="frame")
    np.testing.assert_allclose(region.mean, expected.mean, rtol=1e-5)
    assert np.isnan(region.mean[region.density == 0]).all()
    assert made.colored_by(table, None).region(*ALL, shape=SHAPE).mean is None
    *_, last = made.gaussians(*ALL, shape=SHAPE)
    assert np.nanmax(last.mean) <= 299


def test_unknown_values_count_as_localizations_but_not_in_the_mean():
    table = Localizations({"frame": [0, 0], "y": [1, 1], "x": [1, 1], "photons": [100, np.nan]})
    region = Picture(table, shape=(4, 4), color_by="photons").region(-0.5, 3.5, -0.5, 3.5, shape=(4, 4))
    assert region.density[1, 1] == 2
    assert region.mean[1, 1] == 100


def test_one_grid_wherever_the_window_is(table):
    made = Picture(table, shape=SHAPE)
    lefts = [made.region(0, 10, x, x + 10, shape=(77, 77)).left for x in np.linspace(0, 3, 50)]
    pixel = made.region(0, 10, 0, 10, shape=(77, 77)).pixel
    np.testing.assert_array_equal(np.mod((np.array(lefts) + 0.5) / pixel, 1), 0)


def test_windows_outside_the_stack_are_empty_and_small(table):
    region = Picture(table, shape=SHAPE).region(100, 120, 100, 120, shape=(100, 100))
    assert not region.density.any()
    region = Picture(table, shape=SHAPE).region(-1000, 1000, -1000, 1000, shape=(100, 100))
    assert region.density.shape == (3, 4)
    assert region.density.sum() == len(Picture(table, shape=SHAPE))


def test_what_cannot_be_drawn(table):
    made = Picture(table.without_columns("uncertainty_y"), shape=SHAPE)
    with pytest.raises(PinpointError, match="need the columns uncertainty_y"):
        next(made.gaussians(*ALL, shape=SHAPE))
    with pytest.raises(PinpointError, match="needs y0 < y1"):
        made.region(5, 5, 0, 10, shape=SHAPE)
    with pytest.raises(PinpointError, match="up to 524,287 pixels"):
        Picture(table, shape=(600_000, 5))
    assert Picture(table.without_columns("uncertainty_y"), shape=SHAPE, sigma=0.1).has_widths
