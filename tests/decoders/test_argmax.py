"""Argmax: one point per class and frame, within its cell or not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_pinpoint.decoders.argmax import Argmax, correlated


def heat_of(*points: tuple[float, float], height: float = 0.9, sigma: float = 1.8, shape=(20, 30)) -> torch.Tensor:
    """Logits (n, 1, \\*shape) of a Gaussian at one point in each frame."""
    y, x = torch.meshgrid(*(torch.arange(n, dtype=torch.float64) for n in shape), indexing="ij")
    maps = [height * torch.exp(-((y - b) ** 2 + (x - a) ** 2) / (2 * sigma**2)) for b, a in points]
    return torch.logit(torch.stack(maps)[:, None], eps=1e-9).float()


def decoded(heat: torch.Tensor, *, stride: int = 1, **options) -> np.ndarray:
    found = Argmax(**options)({"heat": heat}, stride=stride).localizations
    return np.stack([found["frame"], found["y"], found["x"]], axis=1)


def test_the_highest_cell_of_every_frame() -> None:
    heat = heat_of((4, 7), (0, 29), (19, 0))
    np.testing.assert_array_equal(decoded(heat, refinement="none"), [[0, 4, 7], [1, 0, 29], [2, 19, 0]])


@pytest.mark.parametrize("stride", [1, 4])
def test_between_cells_a_gaussian_is_found_exactly(stride: int) -> None:
    places = [(4.3, 7.8), (10.5, 3.0), (17.75, 26.4)]
    found = decoded(heat_of(*places), stride=stride)
    np.testing.assert_allclose(found[:, 1:], np.array(places) * stride + (stride - 1) / 2, atol=2e-3 * stride)
    assert np.abs(decoded(heat_of(*places), refinement="quadratic")[:, 1:] - places).max() < 0.06


def test_a_frame_below_the_threshold_has_no_point() -> None:
    heat = torch.cat([heat_of((4, 7)), heat_of((9, 9), height=0.4)])
    assert decoded(heat, threshold=0.5)[:, 0].tolist() == [0]
    found = Argmax(threshold=0.3)({"heat": heat}, stride=1).localizations
    np.testing.assert_allclose(found["probability"], [0.9, 0.4], atol=1e-3)
    assert len(Argmax(threshold=0.95)({"heat": heat}, stride=1).localizations) == 0


def test_the_highest_of_many_that_are_as_good_as_certain() -> None:
    heat = torch.full((1, 1, 5, 6), 30.0)
    heat[0, 0, 3, 4] = 31.0
    np.testing.assert_array_equal(decoded(heat, refinement="none"), [[0, 3, 4]])


def test_cells_that_compete_share_a_probability_of_one() -> None:
    heat = torch.full((2, 1, 5, 6), -20.0)
    heat[0, 0, 3, 4] = heat[1, 0, 0, 5] = heat[1, 0, 4, 0] = 2.0
    heat[1, 0, 0, 5] += np.log(3)
    found = Argmax(compete=True, refinement="none")({"heat": heat}, stride=1).localizations
    assert list(zip(found["y"], found["x"], strict=True)) == [(3, 4), (0, 5)]
    np.testing.assert_allclose(found["probability"], [1, 0.75], rtol=1e-5)


def test_matched_all_cells_around_a_place_decide() -> None:
    """A single cell that is too high does not mislead; the peak of the whole Gaussian does not move."""
    heat = heat_of((8, 8))
    heat[0, 0, 8, 10] = 5.0
    np.testing.assert_array_equal(decoded(heat, refinement="none"), [[0, 8, 10]])
    np.testing.assert_array_equal(decoded(heat, refinement="none", matched_sigma_px=1.8), [[0, 8, 8]])
    np.testing.assert_allclose(decoded(heat_of((8.3, 8.6)), matched_sigma_px=1.8)[0, 1:], [8.3, 8.6], atol=5e-3)


def test_correlation_keeps_the_sum_away_from_borders() -> None:
    heat = torch.zeros(1, 2, 30, 25)
    heat[0, 0, 12, 13] = 1.0
    blurred = correlated(heat, 1.5)
    assert float(blurred[0, 0].sum()) == pytest.approx(1, rel=1e-4)
    assert float(blurred[0, 0, 14, 13] / blurred[0, 0, 12, 13]) == pytest.approx(np.exp(-(2**2) / 2 / 1.5**2), rel=1e-4)
    assert not blurred[0, 1].any()


def test_traces_and_volumes() -> None:
    trace = Argmax(refinement="none")({"heat": torch.eye(9)[[2, 5]][:, None] * 8 - 4}, stride=1).localizations
    assert trace["t"].tolist() == [2, 5]
    assert trace["trace"].tolist() == [0, 1]
    volume = torch.full((1, 1, 4, 5, 6), -5.0)
    volume[0, 0, 1, 2, 3] = 5
    found = Argmax(refinement="none")({"heat": volume}, stride=1).localizations
    assert [found[axis].item() for axis in "zyx"] == [1, 2, 3]
