"""Uncertainties and probabilities are believed where they are right, and only there."""

from __future__ import annotations

import numpy as np
import pytest

from napari_pinpoint.evaluation import check_probabilities, check_uncertainties, pair, worst_probability
from napari_pinpoint.evaluation.uncertainties import robust_sd
from napari_pinpoint.localizations import FLAGS, Localizations

N = 4000


def emitters(seed: int = 3) -> tuple[Localizations, Localizations]:
    """Truth on a wide grid, and what an honest method finds: errors of 0.05 to 0.5 px, and it says so."""
    rng = np.random.default_rng(seed)
    truth = Localizations({"frame": np.arange(N), "y": rng.uniform(0, 60, N), "x": rng.uniform(0, 60, N)})
    sigma = rng.uniform(0.05, 0.5, (2, N))
    error = rng.normal(0, sigma)
    found = truth.with_columns(y=truth["y"] + error[0], x=truth["x"] + error[1])
    return found.with_columns(uncertainty_y=sigma[0], uncertainty_x=sigma[1]), truth


def test_honest_uncertainties_pass_whatever_the_tolerance() -> None:
    found, truth = emitters()
    for tolerance in (0.3, 3.0):
        check = check_uncertainties(pair(found, truth, tolerance_px=tolerance))
        assert check is not None
        assert check.coverage_68 == pytest.approx(0.68, abs=0.015)
        assert check.coverage_95 == pytest.approx(0.95, abs=0.008)
        assert check.robust_sd == pytest.approx(1, abs=0.03)
        # Of two axes each 4 sigma wide next to nothing lies outside.
        assert check.unmatched < 0.002
        np.testing.assert_allclose(check.coverage, check.level, atol=0.02)


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_uncertainties_that_are_wrong_by_a_factor_are_told(factor: float) -> None:
    found, truth = emitters()
    wrong = {name: factor * found[name] for name in ("uncertainty_y", "uncertainty_x")}
    check = check_uncertainties(pair(found.with_columns(**wrong), truth, tolerance_px=4))
    assert check is not None
    assert check.robust_sd == pytest.approx(1 / factor, rel=0.05)
    assert (check.coverage_68 < 0.5) if factor < 1 else (check.coverage_68 > 0.9)


def test_what_has_no_partner_and_what_says_nothing_is_counted() -> None:
    truth = Localizations({"frame": [0, 1, 2], "y": [5.0, 5.0, 5.0], "x": [5.0, 5.0, 5.0]})
    found = truth.with_columns(
        y=[5.1, 5.0, 50.0], uncertainty_y=[0.1, np.nan, 0.1], uncertainty_x=np.array([0.1, 0.1, 0.1])
    )
    check = check_uncertainties(pair(found, truth, tolerance_px=1))
    assert check is not None
    assert (check.n_pairs, check.n_unmatched, check.n_vague) == (1, 1, 1)
    assert check.unmatched == 0.5
    far = found.with_columns(uncertainty_y=np.full(3, 1e6))
    check = check_uncertainties(pair(far, truth, tolerance_px=1))
    assert check is not None
    assert (check.n_pairs, check.n_vague) == (0, 3)
    assert check.to_dict()["coverage_68"] is None


def test_a_wide_uncertainty_does_not_widen_the_search_of_others() -> None:
    """The second found point is false; only the first may reach as far as its own 4 sigma."""
    truth = Localizations({"frame": [0, 0], "y": [0.0, 20.0], "x": [0.0, 0.0]})
    found = Localizations(
        {"frame": [0, 0], "y": [3.0, 23.0], "x": [0.0, 0.0], "uncertainty_y": [1.0, 0.1], "uncertainty_x": [1.0, 0.1]}
    )
    check = check_uncertainties(pair(found, truth, tolerance_px=1))
    assert check is not None
    assert (check.n_pairs, check.n_unmatched) == (1, 1)


def test_who_claims_nothing_is_not_checked() -> None:
    truth = Localizations({"frame": [0], "y": [5.0], "x": [5.0]})
    assert check_uncertainties(pair(truth, truth, tolerance_px=1)) is None
    assert check_probabilities(pair(truth, truth, tolerance_px=1)) is None


def test_the_robust_sd_of_a_normal_distribution_with_outliers() -> None:
    values = np.random.default_rng(0).normal(0.5, 2, 20_000)
    values[:200] = 1e6
    assert robust_sd(values) == pytest.approx(2, rel=0.04)


def test_probabilities_by_tenths() -> None:
    """Of 1000 points in each tenth as many are right as their probability says; the ignored ones count for neither."""
    rng = np.random.default_rng(5)
    probability = rng.uniform(0, 1, 10_000)
    right = rng.uniform(0, 1, 10_000) < probability
    y = np.where(right, 5.0, 50.0)
    found = Localizations({"frame": np.arange(10_000), "y": y, "x": y, "probability": probability})
    truth = Localizations({"frame": np.arange(10_000), "y": np.full(10_000, 5.0), "x": np.full(10_000, 5.0)})
    check = check_probabilities(pair(found, truth, tolerance_px=1))
    assert check is not None
    np.testing.assert_allclose(check.share, check.value, atol=0.05)
    assert worst_probability(check) < 0.05
    sure = check_probabilities(pair(found.with_columns(probability=np.sqrt(probability)), truth, tolerance_px=1))
    assert sure is not None
    assert worst_probability(sure) > 0.15


def test_excused_points_are_neither_right_nor_wrong() -> None:
    truth = Localizations({"frame": [0], "y": [5.0], "x": [5.0], "flags": [FLAGS["ignore"]]})
    found = Localizations({"frame": [0, 0], "y": [5.0, 9.0], "x": [5.0, 9.0], "probability": [1.0, np.nan]})
    check = check_probabilities(pair(found, truth, tolerance_px=1))
    assert check is not None
    assert (check.n.sum(), check.n_left_out) == (0, 1)
    assert np.isnan(worst_probability(check))
