"""When emitters are on."""

from __future__ import annotations

import numpy as np
import pytest

from napari_pinpoint.scenes.blinking import Emissions, exponential, joined, steady


def test_steady_emissions_last_one_frame(rng):
    emissions = steady(3, 500, np.array([2.0, 0.0, 8.0]), rng)
    assert (emissions.fraction == 1).all()
    assert len(np.unique(emissions.emission)) == len(emissions.frame)
    counts = np.bincount(emissions.frame, minlength=1500).reshape(3, 500)
    np.testing.assert_allclose(counts.mean(axis=1), [2, 0, 8], rtol=0.07)


@pytest.mark.parametrize("on_time", [0.3, 2.0, 15.0])
def test_exponential_emissions_are_in_their_steady_state(on_time, rng):
    """As many in the first frame as in any other, and as many as were asked for."""
    emissions = exponential(4000, 6, np.full(4000, 3.0), on_time, rng)
    counts = np.bincount(emissions.frame, minlength=24_000).reshape(4000, 6)
    np.testing.assert_allclose(counts.mean(axis=0), 3.0, rtol=0.05)
    light = np.bincount(emissions.frame, emissions.fraction, minlength=24_000).reshape(4000, 6)
    np.testing.assert_allclose(light.mean(axis=0), 3.0 * on_time / (on_time + 1), rtol=0.06)


def test_only_the_first_and_last_frame_of_an_emission_are_partial(rng):
    emissions = exponential(1, 1000, np.array([4.0]), 5.0, rng)
    assert (emissions.fraction > 0).all()
    assert (emissions.fraction <= 1).all()
    starts = np.flatnonzero(np.diff(emissions.emission, prepend=-1))
    for rows in np.split(np.arange(len(emissions.frame)), starts[1:]):
        assert (np.diff(emissions.frame[rows]) == 1).all()
        assert (emissions.fraction[rows[1:-1]] == 1).all()


def test_durations_are_exponential(rng):
    """Those that begin well within the movie have the mean and the standard deviation of an exponential time."""
    emissions = exponential(1, 20_000, np.array([2.0]), 4.0, rng)
    durations = np.bincount(emissions.emission, emissions.fraction)
    durations = durations[durations > 0]
    assert durations.mean() == pytest.approx(4.0, rel=0.05)
    assert durations.std() == pytest.approx(4.0, rel=0.08)


def test_movies_do_not_reach_into_each_other(rng):
    emissions = exponential(200, 3, np.full(200, 5.0), 10.0, rng)
    movies = emissions.frame // 3
    for emission in np.unique(emissions.emission):
        assert len(set(movies[emissions.emission == emission])) == 1


def test_a_particle_that_is_on_twice_in_a_frame_is_one_row():
    emissions = Emissions(np.array([0, 1, 1, 2]), np.array([1, 1, 2, 0]), np.array([0.25, 0.5, 1.0, 1.0]))
    rows, particle = joined(emissions, np.array([7, 7, 3]))
    assert rows.frame.tolist() == [0, 1, 2]
    assert rows.fraction.tolist() == [1.0, 0.75, 1.0]
    assert particle.tolist() == [3, 7, 7]
