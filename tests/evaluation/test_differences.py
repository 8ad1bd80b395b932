"""Two models on the same frames: the difference of their scores, and how sure it is."""

from __future__ import annotations

import numpy as np
import pytest

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.evaluation import compare_models, evaluate, shared_frames
from napari_pinpoint.localizations import Localizations


def movie(seed: int, recall: float, error: float, n_frames: int = 100) -> tuple[Localizations, Localizations]:
    """Ten emitters a frame, 8 px apart; of these a model finds a share, with an error, and one false point a frame."""
    rng = np.random.default_rng(0)
    frame = np.repeat(np.arange(n_frames), 10)
    at = np.tile(8.0 * np.arange(10), n_frames)
    truth = Localizations({"frame": frame, "y": at, "x": at + rng.uniform(-1, 1, len(at))}, pixel_size_nm=100)
    rng = np.random.default_rng(seed)
    hit = truth.select(rng.uniform(size=len(truth)) < recall)
    hit = hit.with_columns(y=hit["y"] + rng.normal(0, error, len(hit)), x=hit["x"] + rng.normal(0, error, len(hit)))
    false = Localizations({"frame": np.arange(n_frames), "y": np.full(n_frames, 4.0), "x": np.full(n_frames, 90.0)})
    return Localizations.concatenate([hit, false]), truth


def test_differences_are_those_of_the_scores() -> None:
    (first, truth), (second, _) = movie(1, 0.9, 0.1), movie(2, 0.6, 0.3)
    difference = compare_models(first, second, truth, tolerance_nm=200)
    a, b = (evaluate(found, truth, tolerance_nm=200) for found in (first, second))
    for name in ("jaccard", "precision", "recall", "f1", "rmse_px"):
        interval = difference.scores[name]
        assert interval.value == pytest.approx(getattr(a, name) - getattr(b, name), abs=1e-12)
        assert interval.low < interval.value < interval.high
    assert difference.scores["recall"].low > 0.2
    assert difference.scores["rmse_px"].high < 0
    assert difference.scores["count_mae"].value < 0
    assert difference.n_frames == 100


def test_a_model_does_not_differ_from_itself_and_hardly_from_its_like() -> None:
    (first, truth), (like, _) = movie(1, 0.8, 0.2), movie(3, 0.8, 0.2)
    same = compare_models(first, first, truth, tolerance_px=2)
    assert all((i.low, i.value, i.high) == (0, 0, 0) for i in same.scores.values())
    near = compare_models(first, like, truth, tolerance_px=2).scores
    assert near["f1"].low < 0 < near["f1"].high
    assert near["rmse_px"].low < 0 < near["rmse_px"].high


def test_draws_are_repeatable_and_one_frame_gives_no_interval() -> None:
    (first, truth), (second, _) = movie(1, 0.9, 0.1), movie(2, 0.6, 0.3)
    plain = [compare_models(first, second, truth, tolerance_px=2, n_resamples=50).to_dict() for _ in range(2)]
    assert plain[0] == plain[1]
    one = compare_models(first, second, truth, tolerance_px=2, frames=(0, 1), n_resamples=5).to_dict()
    assert one["first_minus_second"]["f1"]["low"] is None
    assert one["first_minus_second"]["f1"]["value"] is not None


def test_only_frames_that_both_looked_at_are_compared() -> None:
    table = Localizations({"frame": [3], "y": [1.0], "x": [1.0]})
    early, late = (table.with_record({"settings": {"frames": frames}}) for frames in ([0, 5], [3, 9]))
    assert shared_frames(early, late, table) == (3, 5)
    assert shared_frames(table, late, table) == (3, 9)
    assert shared_frames(table, table, table.with_columns(frame=[7])) == (0, 8)
    after = table.with_columns(frame=[6]).with_record({"settings": {"frames": [5, 9]}})
    with pytest.raises(PinpointError, match="no frame in common: 0 to 4 and 5 to 8"):
        shared_frames(early, after, table)
