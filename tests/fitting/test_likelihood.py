"""The likelihood's slopes are those of its values, and its information is that of the bound."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_pinpoint.evaluation import cramer_rao_bound
from napari_pinpoint.fitting.likelihood import Patches, evaluate, expected, shares

SHAPE = (15, 17)
#: Two emitters: y, x, photons; then background, sigma_y, sigma_x.
PARAMETERS = torch.tensor([[6.2, 8.1, 7.7, 9.4, 900.0, 400.0, 6.0, 1.2, 1.5]], dtype=torch.float64)


def patches(*, excess_noise: float = 2.0, seed: int = 3) -> Patches:
    rng = np.random.default_rng(seed)
    spread = torch.from_numpy(rng.uniform(0.5, 3, (1, *SHAPE)))
    others = torch.from_numpy(rng.uniform(0, 2, (1, *SHAPE)))
    known = torch.from_numpy((rng.uniform(size=(1, *SHAPE)) > 0.1).astype(float))
    exists = torch.ones(1, 2, dtype=torch.float64)
    empty = Patches(torch.zeros_like(spread), known, spread, others, exists, excess_noise)
    light = expected(PARAMETERS, empty, *shares(PARAMETERS, *SHAPE)) + PARAMETERS[:, -3, None, None]
    mean = (light + others + spread) / excess_noise
    return Patches(
        torch.from_numpy(rng.poisson(mean.numpy()).astype(float)), known, spread, others, exists, excess_noise
    )


@pytest.mark.parametrize("excess_noise", [1.0, 2.0])
def test_descent_is_the_slope_of_the_deviance(excess_noise):
    given = patches(excess_noise=excess_noise)
    start = PARAMETERS * 1.02
    now = evaluate(start, given)
    for index in range(PARAMETERS.shape[1]):
        step = torch.zeros_like(start)
        step[0, index] = 1e-5 * start[0, index]
        slope = (evaluate(start + step, given).deviance - evaluate(start - step, given).deviance) / (2 * step.sum())
        assert float(-slope) == pytest.approx(float(now.descent[0, index]), rel=1e-4)


def test_a_perfect_fit_has_no_deviance_and_no_slope():
    given = patches()
    light = expected(PARAMETERS, given, *shares(PARAMETERS, *SHAPE)) + PARAMETERS[:, -3, None, None]
    perfect = Patches(
        (light + given.others + given.spread) / 2, given.known, given.spread, given.others, given.exists, 2.0
    )
    now = evaluate(PARAMETERS, perfect)
    assert float(now.deviance) == pytest.approx(0, abs=1e-9)
    assert float(now.descent.abs().max()) < 1e-9


def test_information_is_that_of_the_exact_bound():
    """Read noise pixel by pixel, excess noise, and a neighbour; the bound of `evaluation` takes sigma as known."""
    given = patches()
    all_known = Patches(
        given.data, torch.ones_like(given.known), given.spread, 0 * given.others, given.exists, given.excess_noise
    )
    information = evaluate(PARAMETERS, all_known).information[0, :-2, :-2].numpy()
    error = np.sqrt(np.diag(np.linalg.inv(information)))
    y, x, photons = PARAMETERS[0, :6].reshape(3, 2).numpy()
    bound = cramer_rao_bound(
        y,
        x,
        photons,
        background=6.0,
        psf_sigma=(1.2, 1.5),
        shape=SHAPE,
        excess_noise=2,
        read_variance=2 * given.spread[0].numpy(),
    )
    np.testing.assert_allclose(error[:2], bound.uncertainty_y, rtol=1e-6)
    np.testing.assert_allclose(error[2:4], bound.uncertainty_x, rtol=1e-6)
    np.testing.assert_allclose(error[4:6], bound.uncertainty_photons, rtol=1e-6)
    assert error[6] == pytest.approx(bound.uncertainty_background, rel=1e-6)


def test_what_only_pads_changes_nothing():
    given = patches()
    k = 2
    padded = torch.cat(
        [torch.cat([PARAMETERS[:, k * i : k * (i + 1)], torch.full((1, 2), 3.0)], dim=1) for i in range(3)]
        + [PARAMETERS[:, -3:]],
        dim=1,
    )
    more = Patches(given.data, given.known, given.spread, given.others, torch.tensor([[1.0, 1, 0, 0]]).double(), 2.0)
    now, then = evaluate(PARAMETERS, given), evaluate(padded, more)
    assert float(now.deviance) == pytest.approx(float(then.deviance))
    assert float(then.descent[0, [2, 3, 6, 7, 10, 11]].abs().max()) == 0
