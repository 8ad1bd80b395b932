from __future__ import annotations

import math

import numpy as np
import pytest

from napari_pinpoint.errors import PinpointError, PinpointWarning
from napari_pinpoint.evaluation.resolution import fourier_ring_correlation, nearest_neighbour_resolution
from napari_pinpoint.evaluation.resolution_figures import resolution_figure
from napari_pinpoint.localizations import Localizations

SIDE = 40


def movie(rng: np.random.Generator, *, sigma: float, n_molecules: int, on: float, n_frames: int = 300) -> Localizations:
    """Molecules at random places, each on for one random stretch of frames, localized with this error."""
    lengths = rng.geometric(1 / on, n_molecules)
    molecule = np.repeat(np.arange(n_molecules), lengths)
    first = rng.integers(0, n_frames, n_molecules)
    frame = np.concatenate([start + np.arange(n) for start, n in zip(first, lengths, strict=True)])
    return localized(rng, rng.uniform(0, SIDE - 1, (n_molecules, 2))[molecule], frame, sigma, particle=molecule)


def localized(rng, place, frame, sigma, **columns):
    place = place + sigma * rng.normal(size=place.shape)
    return Localizations(
        {"frame": frame, "y": place[:, 0], "x": place[:, 1]}
        | {f"uncertainty_{axis}": np.full(len(frame), sigma) for axis in "yx"}
        | columns,
        pixel_size_nm=100,
        record={"input": {"shape": [300, SIDE, SIDE]}},
    )


@pytest.mark.parametrize(("sigma", "n_rows"), [(0.1, 8), (0.15, 4)])
def test_frc_is_what_theory_expects(rng, sigma, n_rows):
    """Molecules that come back at random times, at random places: FRC = 1 / (1 + 2 exp(4 pi^2 sigma^2 q^2) / L)."""
    n = rng.poisson(n_rows, 5000)
    place = np.repeat(rng.uniform(0, SIDE - 1, (5000, 2)), n, axis=0)
    table = localized(rng, place, rng.integers(0, 300, len(place)), sigma)
    frc = fourier_ring_correlation(table, repeats=3)
    expected = 2 * math.pi * sigma / math.sqrt(math.log(3 * n_rows))
    assert frc.resolution_px == pytest.approx(expected, rel=0.06)
    assert frc.resolution_nm == pytest.approx(100 * frc.resolution_px)
    assert 0 < frc.error_px < 0.1 * expected
    curve = 1 / (1 + 2 / n_rows * np.exp((2 * math.pi * sigma * frc.frequency) ** 2))
    rings = slice(40, 400)
    np.testing.assert_allclose(frc.smoothed[rings], curve[rings], atol=0.06)


def test_molecules_that_stay_on_agree_with_themselves_unless_they_are_linked(rng):
    """On once, for 12 frames on average: no molecule is there twice, and only blocks' edges cut any in two."""
    table = movie(rng, sigma=0.1, n_molecules=3000, on=12)
    many_blocks = fourier_ring_correlation(table.without_columns("particle"), n_blocks=150, repeats=2)
    assert math.isfinite(many_blocks.resolution_px)
    with pytest.warns(PinpointWarning, match="does not cross its threshold"):
        linked = fourier_ring_correlation(table, n_blocks=150, repeats=2)
    assert linked.linked
    assert linked.n_localizations == 3000
    assert math.isnan(linked.resolution_px)
    assert abs(linked.smoothed[20:].mean()) < 0.02


@pytest.mark.parametrize(("sigma", "n_molecules", "on"), [(0.1, 2000, 5), (0.03, 8000, 3), (0.2, 3000, 4)])
def test_nearest_neighbours_tell_the_precision(rng, sigma, n_molecules, on):
    nena = nearest_neighbour_resolution(movie(rng, sigma=sigma, n_molecules=n_molecules, on=on))
    assert nena.precision_px == pytest.approx(sigma, rel=0.04)
    assert nena.precision_nm == pytest.approx(100 * nena.precision_px)
    assert 0 < nena.error_px < 0.05 * sigma
    assert np.abs(nena.fitted - nena.density).mean() < 0.1 * nena.density.mean()
    assert np.all(nena.same_molecule <= nena.fitted + 1e-9)


def test_of_a_large_table_some_frames_do(rng):
    table = movie(rng, sigma=0.1, n_molecules=4000, on=5)
    nena = nearest_neighbour_resolution(table, most_pairs=5000)
    assert 2000 < nena.n_pairs < 8000
    assert nena.precision_px == pytest.approx(0.1, rel=0.06)


def test_what_cannot_be_measured(rng):
    one_frame = Localizations({"frame": [3, 3], "y": [1, 2], "x": [1, 2]})
    with pytest.raises(PinpointError, match="points in more than one frame"):
        fourier_ring_correlation(one_frame)
    with pytest.raises(PinpointError, match="there are 0 pairs, and 50 are needed"):
        nearest_neighbour_resolution(one_frame)
    with pytest.raises(PinpointError, match="this table was merged"):
        nearest_neighbour_resolution(one_frame.with_columns(n_frames=[1, 4]))
    with pytest.raises(PinpointError, match="must be above 0"):
        fourier_ring_correlation(Localizations({"frame": [0, 9], "y": [1, 2], "x": [1, 2]}), picture_pixel_px=0)


def test_figures_say_the_result(rng):
    table = movie(rng, sigma=0.1, n_molecules=1500, on=5).without_columns("particle")
    frc, nena = fourier_ring_correlation(table, repeats=1), nearest_neighbour_resolution(table)
    left, right = resolution_figure(frc, nena).axes
    assert left.get_title() == f"FRC resolution {frc.resolution_nm:.3g} nm"
    assert left.get_xlabel() == "spatial frequency (1/nm)"
    assert right.get_title() == f"NeNA precision {nena.precision_nm:.3g} nm"
    assert len(resolution_figure(None, nena).axes) == 1
