"""The reference errs as the joint bound says, neighbours together, and is the same every time."""

from __future__ import annotations

import numpy as np
import pytest

from napari_pinpoint.camera import Camera
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.evaluation import bounds_by_window, frame_bounds, reference_scores
from napari_pinpoint.localizations import FLAGS, Localizations

SHAPE = (32, 32)


def scene(frame: list[int], y: list[float], x: list[float], **columns: object) -> Localizations:
    known = {"photons": 500.0, "background": 10.0, "psf_sigma_y": 1.2, "psf_sigma_x": 1.2}
    filled = {name: np.broadcast_to(values, len(y)) for name, values in (known | columns).items()}
    return Localizations({"frame": frame, "y": y, "x": x, **filled}, pixel_size_nm=100)


def alone(n: int, **columns: object) -> Localizations:
    rng = np.random.default_rng(1)
    return scene(list(range(n)), rng.uniform(12, 20, n).tolist(), rng.uniform(12, 20, n).tolist(), **columns)


def pairs(n: int, distance: float) -> Localizations:
    """Two emitters a frame, side by side."""
    return scene(np.repeat(np.arange(n), 2).tolist(), [16.0] * 2 * n, [16 - distance / 2, 16 + distance / 2] * n)


def test_emitters_alone_are_all_found_as_exactly_as_the_bound_allows() -> None:
    truth = alone(300)
    bound = float(np.sqrt(np.mean(frame_bounds(truth, Camera(), SHAPE) ** 2)))
    reference = reference_scores(truth, Camera(), shape=SHAPE, tolerance_nm=100)
    assert reference.mean("jaccard") == 1
    assert reference.mean("rmse_px") == pytest.approx(bound, rel=0.05)
    assert 0 < reference.spread("rmse_px") < 0.1 * bound
    assert reference.n_unknown == 0
    assert reference.mean("rmse_nm") == pytest.approx(100 * reference.mean("rmse_px"))


def test_draws_are_repeatable() -> None:
    truth = alone(20)
    plain = [reference_scores(truth, Camera(), shape=SHAPE, tolerance_px=1).to_dict() for _ in range(2)]
    assert plain[0] == plain[1]
    other = reference_scores(truth, Camera(), shape=SHAPE, tolerance_px=1, seeds=[7])
    assert other.to_dict()["rmse_px"] != plain[0]["rmse_px"]
    assert other.to_dict()["seeds"] == [7]


def test_errors_of_neighbours_depend_on_each_other() -> None:
    """Two emitters one sigma apart along x: across, their errors go opposite ways, since the mean of y is known well.

    Along x they go the same way: who shines more is not known either, and their common centre of light is.
    """
    truth = pairs(1, 1.2)
    ((rows, core, bound),) = bounds_by_window(truth, Camera(), SHAPE)
    assert rows.tolist() == [0, 1]
    assert core.all()
    sigma = np.sqrt(bound.positions.diagonal())
    np.testing.assert_allclose(sigma, np.concatenate([bound.uncertainty_y, bound.uncertainty_x]))
    correlation = bound.positions / np.outer(sigma, sigma)
    assert correlation[0, 1] < -0.5
    assert correlation[2, 3] > 0.5


def test_errors_are_drawn_with_that_covariance(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tables that are scored are moved by errors whose covariance is the joint bound's."""
    from napari_pinpoint.evaluation import reference as module

    moved: list[Localizations] = []
    pair = module.pair
    monkeypatch.setattr(module, "pair", lambda found, *args, **how: moved.append(found) or pair(found, *args, **how))
    truth = pairs(400, 2.0)
    reference_scores(truth, Camera(), shape=SHAPE, tolerance_px=1, seeds=[0])
    error = np.stack([moved[0][axis] - truth[axis] for axis in ("y", "x")]).reshape(2, -1, 2)
    _, _, bound = next(iter(bounds_by_window(truth, Camera(), SHAPE)))
    drawn = np.cov(np.concatenate([error[0].T, error[1].T]))
    sigma = np.sqrt(bound.positions.diagonal())
    np.testing.assert_allclose(drawn / np.outer(sigma, sigma), bound.positions / np.outer(sigma, sigma), atol=0.15)


def test_in_dense_frames_the_reference_is_not_perfect() -> None:
    scores = reference_scores(pairs(100, 1.0), Camera(), shape=SHAPE, tolerance_px=0.5)
    assert scores.mean("jaccard") < 0.6
    assert scores.mean("recall") == scores.mean("precision")


def test_noise_of_the_camera_counts() -> None:
    truth = alone(60)
    quiet, em = (
        reference_scores(truth, camera, shape=SHAPE, tolerance_px=3).mean("rmse_px")
        for camera in (Camera(), Camera(em_gain=300))
    )
    assert em == pytest.approx(np.sqrt(2) * quiet, rel=1e-6)


def test_what_gives_no_light_is_not_found_and_what_is_to_be_ignored_need_not_be() -> None:
    truth = scene([0, 0, 0], [8.0, 16.0, 24.0], [8.0, 16.0, 24.0], photons=[500, 0, 500], flags=[0, 0, FLAGS["ignore"]])
    reference = reference_scores(truth, Camera(), shape=SHAPE, tolerance_px=2)
    assert reference.n_unknown == 1
    assert (reference.draws[0].tp, reference.draws[0].fp, reference.draws[0].fn) == (1, 0, 1)


def test_what_is_missing_is_said() -> None:
    with pytest.raises(PinpointError, match="size of the frames"):
        reference_scores(alone(2), Camera(), tolerance_px=1)
    with pytest.raises(PinpointError, match="lacks photons"):
        reference_scores(alone(2).without_columns("photons"), Camera(), shape=SHAPE, tolerance_px=1)
    known = alone(2).with_record({"input": {"shape": [2, 32, 32]}})
    assert reference_scores(known, Camera(), tolerance_px=1, frames=(0, 1)).draws[0].n_truth == 1
