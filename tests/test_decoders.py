"""From maps to points: where mass is pooled, and where it is not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_pinpoint.decoders.pooled_mass import PooledMass


def maps(candidates: dict[tuple[int, int, int], tuple[float, float, float]], shape=(12, 12), frames=1):
    """Maps that are empty but for (frame, row, column): (probability, dy, dx)."""
    logit = torch.full((frames, 1, 1, *shape), -20.0)
    offset = torch.zeros(frames, 1, 2, *shape)
    for (frame, row, column), (p, dy, dx) in candidates.items():
        logit[frame, 0, 0, row, column] = float(np.log(p / (1 - p)))
        offset[frame, 0, :, row, column] = torch.tensor([dy, dx])
    return {"logit": logit, "offset": offset}


def test_halves_that_agree_are_one_point_at_their_weighted_mean() -> None:
    """An emitter on the edge of two cells, claimed by both."""
    found = PooledMass()(maps({(0, 3, 4): (0.6, 0.2, 0.5), (0, 3, 5): (0.3, 0.2, -0.4)}), stride=1).localizations
    assert len(found) == 1
    assert found["probability"][0] == pytest.approx(0.9, abs=1e-5)
    assert found["y"][0] == pytest.approx(3.2, abs=1e-5)
    assert found["x"][0] == pytest.approx((0.6 * 4.5 + 0.3 * 4.6) / 0.9, abs=1e-5)


def test_neighbours_that_differ_stay_two_points() -> None:
    found = PooledMass()(maps({(0, 3, 4): (0.9, 0, 0), (0, 3, 5): (0.8, 0, 0)}), stride=1).localizations
    assert sorted(found["x"]) == [4.0, 5.0]


def test_too_little_mass_is_nothing() -> None:
    found = PooledMass()(maps({(0, 3, 4): (0.3, 0, 0), (0, 8, 8): (0.15, 0, 0)}), stride=1).localizations
    assert len(found) == 0
    assert set(found) == {"frame", "y", "x", "probability"}


def test_the_most_probable_gathers_first() -> None:
    """A chain a - b - c, each within reach of the next: b is in the middle and the heaviest, so it takes both."""
    chain = {(0, 5, 4): (0.3, 0, 0.5), (0, 5, 5): (0.6, 0, 0), (0, 5, 6): (0.4, 0, -0.5)}
    found = PooledMass(radius=0.55)(maps(chain), stride=1).localizations
    assert len(found) == 1
    assert found["x"][0] == pytest.approx((0.3 * 4.5 + 0.6 * 5 + 0.4 * 5.5) / 1.3, abs=1e-5)
    assert found["probability"][0] == 1


def test_frames_do_not_mix() -> None:
    found = PooledMass()(maps({(0, 3, 4): (0.4, 0, 0), (1, 3, 4): (0.7, 0.25, 0)}, frames=3), stride=1).localizations
    assert found["frame"].tolist() == [1]
    assert found["y"].tolist() == [3.25]


def test_stride_and_reach_give_pixels() -> None:
    found = PooledMass()(maps({(0, 1, 2): (0.9, 3.0, -2.0)}), stride=4).localizations
    assert (found["y"][0], found["x"][0]) == (4 + 1.5 + 3, 8 + 1.5 - 2)


def test_the_order_of_candidates_does_not_matter() -> None:
    """Mirrored images give mirrored points, though candidates come in the opposite order."""
    random = torch.Generator().manual_seed(0)
    logit = torch.randn(1, 1, 1, 30, 30, generator=random) * 2 - 2
    offset = torch.rand(1, 1, 2, 30, 30, generator=random) * 2 - 1
    mirrored = offset.flip(3).clone()
    mirrored[:, :, 0] *= -1
    a = PooledMass()({"logit": logit, "offset": offset}, stride=1).localizations
    b = PooledMass()({"logit": logit.flip(3), "offset": mirrored}, stride=1).localizations
    assert len(a) == len(b) > 20
    rows_a = sorted(zip(a["y"].round(5), a["x"].round(5), strict=True))
    rows_b = sorted(zip((29 - b["y"]).round(5), b["x"].round(5), strict=True))
    np.testing.assert_allclose(rows_a, rows_b, atol=2e-5)
