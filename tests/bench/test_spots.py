"""Spots: folds, thresholds and intervals; the trainings themselves are seen in the quick comparison."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from napari_pinpoint.bench.baselines import SpotDetector
from napari_pinpoint.bench.spots import (
    Scored,
    Spots,
    best_setting,
    candidates_in,
    kept,
    read_images,
    tuned_detector,
)
from napari_pinpoint.bench.spots_figures import curve_figure, examples_figure
from napari_pinpoint.bench.spots_recipes import MODELS, identity_of, source_of, start_of, training_of
from napari_pinpoint.datasets import Dataset, Sample
from napari_pinpoint.evaluation import evaluate
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.model import Localizer, load_model
from napari_pinpoint.psf import render_emitters


def spots(seed: int, *, gain: float = 1.0, n: int = 30) -> Sample:
    """An image of bright spots that are marked, and as many dim ones that are not."""
    rng = np.random.default_rng(seed)
    place = np.stack(np.unravel_index(rng.choice(81, 2 * n, replace=False), (9, 9)), axis=1) * 10 + 8.0
    place += rng.uniform(-2, 2, place.shape)
    light = np.repeat([2000.0, 300.0], n)
    sigma = np.full(2 * n, 1.2)
    image = render_emitters(np.zeros(2 * n, int), *place.T, light, sigma, sigma, 1, (96, 96))[0]
    image = gain * (image + 10 + rng.normal(0, 1, image.shape))
    marks = Localizations({"frame": np.zeros(n), "y": place[:n, 0], "x": place[:n, 1]})
    return Sample(image.astype(np.float32), marks, f"image{seed}")


@pytest.fixture(scope="module")
def model() -> Localizer:
    """What ships for spots stands in for a model of the study."""
    return load_model("spots")


def test_the_same_network_sees_the_same_windows_for_every_method() -> None:
    assert len({str((spec.backbone, spec.normalization)) for spec in MODELS.values()}) == 1
    for name, spec in MODELS.items():
        assert spec.method.name == name
        assert Localizer(spec).decoder is not None
    images = Dataset((spots(0), spots(1)))
    batch = source_of(images).draw(6, np.random.default_rng(0), Localizer(MODELS["gaussian"]).normalization)
    assert batch.inputs.shape == (6, 1, 48, 48)
    assert int(batch.points.counts.sum()) > 0
    assert identity_of(MODELS["gaussian"], images, "a")["images"] == ["image0", "image1"]


def test_all_begin_with_the_same_backbone_and_matching_with_its_head(model: Localizer) -> None:
    for name, spec in MODELS.items():
        started, again = start_of(spec), start_of(spec)
        ours, theirs = started.state_dict(), model.state_dict()
        assert all(torch.equal(value, again.state_dict()[key]) for key, value in ours.items())
        assert all(torch.equal(value, theirs[key]) for key, value in ours.items() if key.startswith("backbone."))
        same_head = all(key in theirs and torch.equal(value, theirs[key]) for key, value in ours.items())
        assert same_head == (name == "matching") == (training_of(spec).schedules_from == 1)


def test_a_laplacian_tuned_on_two_images_fits_a_third_of_another_gain() -> None:
    learn = Dataset((spots(0), spots(1, gain=7)))
    detector = tuned_detector(learn)
    assert isinstance(detector, SpotDetector)
    image = spots(2, gain=0.1)
    pixels = (image.image - np.percentile(image.image, 25)) / np.ptp(image.image)
    assert evaluate(detector(pixels), image.table, tolerance_px=3).f1 > 0.95


def test_the_setting_is_as_good_as_any_on_the_images_that_were_learned_from(model: Localizer) -> None:
    learn = Dataset((spots(0), spots(1)))
    found = [candidates_in(model, sample) for sample in learn]

    def f1(setting: tuple[float, float]) -> float:
        pairs = zip(found, learn, strict=True)
        return float(np.mean([evaluate(kept(f, setting), s.table, tolerance_px=3).f1 for f, s in pairs]))

    setting = best_setting(found, learn)
    assert f1(setting) >= max(f1((threshold, contrast)) for threshold in (0.2, 0.5, 0.8) for contrast in (0, 2))
    assert f1(setting) > 0.95


def test_parts_of_the_image_add_up_to_the_whole(model: Localizer) -> None:
    sample = spots(3)
    found = kept(candidates_in(model, sample), (0.3, 0))
    scored = Scored(found, sample.table, (96, 96), "0.3")
    for tolerance in (3, 1):
        whole = evaluate(found, sample.table, tolerance_px=tolerance)
        assert scored.counts[tolerance].shape == (4, 3)
        assert scored.counts[tolerance].sum(axis=0).tolist() == [whole.tp, whole.fp, whole.fn]
        assert scored.f1(tolerance).value == pytest.approx(whole.f1)
    assert scored.better_than(scored, 3).high == 0
    assert 0 < scored.mean_error < 1


def test_figures_show_every_image_and_method() -> None:
    samples = [spots(0), spots(1)]
    half = {sample.name: {"a": sample.table.select(slice(None, None, 2)), "b": sample.table} for sample in samples}
    curves = curve_figure(half, samples)
    assert [axes.get_title() for axes in curves.axes] == ["image0", "image1"]
    assert curves.axes[0].lines[1].get_ydata()[-1] == 1
    assert curves.axes[0].lines[0].get_ydata()[-1] == pytest.approx(2 / 3)
    examples = examples_figure(samples, {name: row["a"] for name, row in half.items()})
    assert len(examples.axes) == 2


@pytest.mark.data
def test_a_quick_run_trains_and_scores(data_folder: Path, tmp_path: Path) -> None:
    section = Spots().run(tmp_path, data_folder, quick=True)
    assert len(list((tmp_path / "models").glob("spots-*.safetensors"))) == len(MODELS)
    (image,) = [name for name in section.results if name != "seconds"]
    assert len(section.results[image]) == len(MODELS) + 2
    oracle = section.results[image]["LoG, tuned on the test image"]
    assert oracle["f1"]["3"]["value"] == pytest.approx(0.91, abs=0.01)
    assert len(read_images(data_folder)) == 3
