"""Bootstrap intervals."""

from __future__ import annotations

import numpy as np
import pytest

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.evaluation import bootstrap, bootstrap_difference


def test_intervals_cover_the_true_mean_about_as_often_as_they_say(rng):
    n_trials, covered = 200, 0
    for trial in range(n_trials):
        values = rng.normal(3, 2, size=50)
        interval = bootstrap(lambda i, v=values: v[i].mean(), 50, n_resamples=300, level=0.9, seed=trial)
        covered += interval.low <= 3 <= interval.high
    # Binomial with p = 0.9 or a little less: 4 standard deviations are 0.085.
    assert 0.8 < covered / n_trials < 0.98


def test_the_width_is_that_of_the_standard_error(rng):
    values = rng.normal(0, 2, size=400)
    interval = bootstrap(lambda images: values[images].mean(), 400, n_resamples=2000)
    assert interval.value == values.mean()
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)


def test_what_both_share_drops_out_of_a_difference(rng):
    hard = rng.exponential(10, size=60)
    better = hard - 1 + rng.normal(0, 0.1, size=60)
    interval = bootstrap_difference(lambda i: better[i].mean(), lambda i: hard[i].mean(), 60)
    assert interval.low < -1 < interval.high < -0.9
    assert bootstrap(lambda i: hard[i].mean(), 60).high - hard.mean() > 1


def test_the_seed_decides_the_draws():
    values = np.arange(10.0)

    def ends(seed: int) -> tuple[float, float]:
        interval = bootstrap(lambda images: values[images].mean(), 10, n_resamples=50, seed=seed)
        return interval.low, interval.high

    assert ends(1) == ends(1) != ends(2)


def test_draws_without_a_score_are_left_out():
    values = np.array([np.nan, 1.0])
    interval = bootstrap(lambda images: values[images].max(), 2, n_resamples=50)
    assert np.isnan(interval.value)
    assert (interval.low, interval.high) == (1, 1)
    assert np.isnan(bootstrap(lambda images: np.nan, 2, n_resamples=5).low)


def test_an_interval_tells_itself():
    interval = bootstrap(lambda images: 2.0, 3, n_resamples=5, level=0.5)
    assert str(interval) == "2 (2 to 2)"
    assert interval.to_dict() == {"value": 2.0, "low": 2.0, "high": 2.0, "level": 0.5}


@pytest.mark.parametrize(("n_images", "level", "said"), [(0, 0.95, "one image"), (3, 1.0, "between 0 and 1")])
def test_what_makes_no_sense_is_told(n_images, level, said):
    with pytest.raises(PinpointError, match=said):
        bootstrap(lambda images: 0.0, n_images, level=level)
