"""The study of one bright pixel: the ideal estimator is one, and the study runs from training to report."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import convolve
from scipy.stats import norm

from napari_pinpoint.bench import pixel
from napari_pinpoint.bench.ideal_pixel import brightest, locate, log_likelihood
from napari_pinpoint.inference import localize
from napari_pinpoint.model import Localizer
from napari_pinpoint.normalization import ScaledNormalization
from napari_pinpoint.scenes.pixel import KERNEL, PixelScene


def drawn(scene: PixelScene, n_frames: int) -> pixel.Frames:
    stack, table = scene.sample(n_frames, np.random.default_rng(1))
    return pixel.Frames(stack.data, np.stack([table["y"], table["x"]], axis=1))


def test_without_noise_the_ideal_estimator_is_always_right() -> None:
    scene = PixelScene(shape=(9, 7), noise=0, clutter=0)
    frames = drawn(scene, 300)
    np.testing.assert_array_equal(locate(frames.images, scene), frames.truth)


def probability(grey: np.ndarray, light: np.ndarray, scene: PixelScene) -> np.ndarray:
    """Of grey values where there is that much light, written down as the scene does it."""
    low = np.where(grey == 0, -np.inf, grey - 0.5)
    high = np.where(grey == 255, np.inf, grey + 0.5)
    exposed = norm.cdf(high, light, scene.noise) - norm.cdf(low, light, scene.noise)
    return (1 - scene.clutter) * exposed + scene.clutter * ((grey >= 5) & (grey <= 40)) / 36


def test_the_likelihood_is_that_of_the_whole_frame_for_every_place() -> None:
    scene = PixelScene(shape=(7, 6), clutter=0.1)
    frame = drawn(scene, 1).images[0].astype(int)
    dark = np.log(probability(frame, np.zeros(frame.shape), scene)).sum()
    ratio = log_likelihood(frame[None].astype(np.uint8), scene)[0]
    for place in np.ndindex(7, 6):
        bright = np.zeros(frame.shape)
        bright[place] = 255
        light = convolve(bright, np.outer(KERNEL, KERNEL), mode="mirror")
        assert ratio[place] == pytest.approx(np.log(probability(frame, light, scene)).sum() - dark, abs=1e-3)


def test_grey_values_are_as_likely_as_the_estimator_takes_them() -> None:
    scene = PixelScene(shape=(12, 12), clutter=0.1)
    frames = drawn(scene, 4000)
    dark = frames.images[(np.abs(frames.truth - [11, 11]) > 2).any(axis=1), 11, 11]
    expected = probability(np.arange(256), np.zeros(256), scene)
    found = np.bincount(dark, minlength=256) / len(dark)
    assert np.abs(found - expected).max() < 4 * np.sqrt(0.25 / len(dark))
    assert found[5:41].sum() == pytest.approx(expected[5:41].sum(), abs=0.03)


def test_nothing_beats_the_ideal_estimator() -> None:
    scene = PixelScene()
    frames = drawn(scene, 1500)
    ideal = pixel.scores(locate(frames.images, scene), frames.truth)
    assert ideal["exact"] == pytest.approx(0.93, abs=0.02)
    assert ideal["mean_error_px"] < 0.2
    assert pixel.scores(brightest(frames.images), frames.truth)["exact"] < 0.5


def test_scores_are_what_they_are_called() -> None:
    truth = np.array([[1.0, 2.0], [5.0, 5.0], [7.0, 8.0]])
    scores = pixel.scores(truth + np.array([[0.4, -0.5], [3.0, 4.0], [0.0, 0.6]]), truth)
    assert scores["mae_px"] == pytest.approx((0.4 + 0.5 + 3 + 4 + 0.6) / 6)
    assert scores["mse_px2"] == pytest.approx((0.16 + 0.25 + 9 + 16 + 0.36) / 6)
    assert scores["rmse_px"] == pytest.approx(scores["mse_px2"] ** 0.5)
    errors = [np.hypot(0.4, 0.5), 5, 0.6]
    assert (scores["mean_error_px"], scores["std_error_px"]) == pytest.approx((np.mean(errors), np.std(errors)))
    assert scores["exact"] == pytest.approx(1 / 3)
    assert scores["far"] == 1


def test_the_parts_are_as_published() -> None:
    parts = pixel.draw(1000)
    assert {name: len(part.images) for name, part in parts.items()} == {"train": 720, "validation": 80, "test": 200}
    assert np.array_equal(parts["test"].images, pixel.draw(1000)["test"].images)


def test_what_is_learned_from_are_quarters_of_frames_mirrored_and_turned() -> None:
    frames = drawn(PixelScene(noise=0, clutter=0), 60)
    batch = pixel.Quarters(frames).draw(80, np.random.default_rng(0), ScaledNormalization())
    assert batch.inputs.shape == (80, 1, 30, 30)
    assert (batch.valid.sum(dim=(1, 2)) == 25 * 25).all()
    corners = torch.stack([batch.valid[:, a, b] for a in (0, -1) for b in (0, -1)], dim=1)
    assert (corners.sum(dim=1) == 1).all()  # the corner of the frame; the opposite one is beyond the quarter
    assert corners.any(dim=0).all()
    seen = set()
    for image, valid, place in zip(batch.inputs[:, 0], batch.valid, batch.points.positions[:, 0].long(), strict=True):
        y, x = place.tolist()
        assert valid[y, x]
        rows, columns = torch.nonzero(valid).unbind(dim=1)
        away = min(y - rows.min(), rows.max() - y, x - columns.min(), columns.max() - x)
        if away >= 2:  # nearer to the border it mirrors some of the light
            assert image[y, x] == image.max()
        seen.add((y, x))
    assert len(seen) > 40


def test_the_study_from_training_to_report(tmp_path: Path) -> None:
    report = pixel.run(tmp_path, quick=True)
    report.write(tmp_path)
    pictures = {path.stem for path in tmp_path.glob("*.png")}
    assert pictures == {"pixel-curves", "pixel-errors", "pixel-samples", "pixel-samples-competing"}
    (section,) = json.loads((tmp_path / "results.json").read_text())["sections"]
    assert [goal["to_reach"] for goal in section["goals"]] == ["at most 1.15", "at least 0.97"]
    assert set(section["results"]["parts"]) == {"train", "validation", "test"}
    text = (tmp_path / "report.md").read_text()
    assert "QUICK" in text
    assert "std of error" in text
    assert len(list((tmp_path / "models").glob("bright-pixel-*.safetensors"))) == len(pixel.LEARNING)
    for name in pixel.LEARNING:
        assert f"test | {name}" in text


@pytest.mark.parametrize("name", pixel.LEARNING)
def test_the_study_reads_heat_maps_as_users_do(name: str) -> None:
    torch.manual_seed(0)
    model = Localizer(pixel.spec_of(name)).eval()
    frames = pixel.draw(30)["train"]
    found = localize(frames.stack, model, device="cpu")
    np.testing.assert_array_equal(
        np.stack([found["y"], found["x"]], axis=1), pixel.answers(model, pixel.heat_maps(model, frames))
    )
