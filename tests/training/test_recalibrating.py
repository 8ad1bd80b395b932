"""Recalibration is fitted: exactly on tables made for it, and for the better on frames of a scene."""

from __future__ import annotations

import numpy as np
import pytest

from napari_pinpoint.errors import PinpointError, PinpointWarning
from napari_pinpoint.evaluation import check_probabilities, check_uncertainties, pair, worst_probability
from napari_pinpoint.inference import localize
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.model import Localizer, ModelSpec, load_model
from napari_pinpoint.registry import Part
from napari_pinpoint.scenes.emitters import EmitterScene
from napari_pinpoint.training import Recipe, TrainingSpec, frames_of, recalibrated, train
from napari_pinpoint.training.recalibrating import fit_recalibration

SCENE = Part(name="emitters", options={"shape": [32, 32], "density": [0.03, 0.03]})


def miscalibrated(rng: np.random.Generator) -> tuple[Localizations, Localizations]:
    """Pairs of points 2.5 px apart whose uncertainties are half of what they should be, lone ones with twice that.

    Of points with a probability of 0.4, 0.7 are real; of those with 0.85, 0.95.
    """
    n = 8000
    frame, crowded = np.arange(n), np.repeat([True, False], n // 2)
    place = np.full(n, 50.0)
    probability, real = np.full(n, 0.85), rng.uniform(size=n) < 0.95
    probability[::2], real[::2] = 0.4, rng.uniform(size=n // 2) < 0.7
    sigma = rng.uniform(0.05, 0.15, n)
    error = rng.normal(size=(2, n)) * sigma * np.where(crowded, 2, 0.5)
    found = {"frame": frame, "y": place + error[0], "x": place + error[1], "probability": probability}
    table = Localizations(found | {"uncertainty_y": sigma, "uncertainty_x": sigma})
    beside = {
        "frame": frame[crowded],
        "y": place[crowded],
        "x": place[crowded] + 2.5,
        "probability": place[crowded] / 50,
    }
    other = Localizations(beside | dict.fromkeys(("uncertainty_y", "uncertainty_x"), np.full(n // 2, np.nan)))
    truth = Localizations({"frame": frame, "y": place, "x": place}).select(real)
    true = Localizations.concatenate([truth, other.without_columns("probability", "uncertainty_y", "uncertainty_x")])
    return Localizations.concatenate([table, other]), true


def test_what_was_made_wrong_is_found(rng) -> None:
    found, truth = miscalibrated(rng)
    fitted = fit_recalibration(pair(found, truth, tolerance_px=0.9), counts_from=0.35)
    assert fitted is not None
    seen = dict(fitted.probability)
    assert seen[0.4] == pytest.approx(0.7, abs=0.03)
    assert seen[0.85] == pytest.approx(0.95, abs=0.02)
    assert fitted.factor(np.array([2.5, 4.0, np.inf])) == pytest.approx([2, 0.5, 0.5], rel=0.08)


def test_of_few_points_nothing_is_told(rng) -> None:
    found, truth = miscalibrated(rng)
    few = found["frame"] % 100 == 0
    assert fit_recalibration(pair(found.select(few), truth, tolerance_px=0.9), counts_from=0.35) is None


def test_a_model_is_more_truthful_on_frames_that_it_was_not_fitted_on() -> None:
    scene = EmitterScene(shape=(64, 64), density=(0.03, 0.06), psf_sigma=(1.0, 1.4), photons=(700, 4000))
    model = load_model("smlm-2d").recalibrated(None)
    better = recalibrated(model, [scene.sample(12, np.random.default_rng(1))], device="cpu")
    assert better.record["recalibration"]["n_frames"] == 12
    stack, truth = scene.sample(12, np.random.default_rng(2))
    checks = []
    for each in (model, better):
        pairing = pair(localize(stack, each, device="cpu"), truth, tolerance_px=1.5)
        said, sigma = check_probabilities(pairing), check_uncertainties(pairing)
        assert said is not None
        assert sigma is not None
        checks.append((worst_probability(said), abs(np.log(sigma.robust_sd)), len(pairing.found)))
    (wrong, spread, n), (less_wrong, less_spread, n_after) = checks
    assert less_wrong < wrong - 0.1
    assert less_spread <= spread + 0.02
    assert n_after == pytest.approx(n, rel=0.01)  # the threshold kept its place


def test_it_is_refused_where_nothing_can_be_fitted() -> None:
    scene = EmitterScene(shape=(16, 16), density=(0.005, 0.005))
    few = [scene.sample(2, np.random.default_rng(1))]
    with pytest.raises(PinpointError, match="Give more frames"):
        recalibrated(load_model("smlm-2d"), few, device="cpu")
    blobs = Localizer(ModelSpec(name="b", method=Part(name="lcfcn")))
    with pytest.raises(PinpointError, match="cannot be recalibrated"):
        recalibrated(blobs, few, device="cpu")


def test_frames_are_as_many_as_asked_and_none_to_validate_on() -> None:
    spec = ModelSpec(name="tiny", backbone=Part(name="unet", options={"widths": [4, 6]}))
    recipe = Recipe(model=spec, scene=SCENE, validation=SCENE, recalibration_frames=12)
    assert [stack.n_frames for stack, _ in frames_of(recipe)] == [5, 5, 2]
    assert [stack.n_frames for stack, _ in frames_of(recipe, 5)] == [5]
    with pytest.raises(ValueError, match="need a scene to validate on"):
        Recipe(model=spec, scene=SCENE, recalibration_frames=12)


def test_a_recipe_recalibrates_at_its_end() -> None:
    spec = load_model("smlm-2d").recalibrated(None).spec
    training = TrainingSpec(steps=1, batch=1, learning_rate=1e-12, warm_up=0, averaging=0)
    recipe = Recipe(
        model=spec, scene=SCENE, validation=SCENE, validation_frames=1, recalibration_frames=20, training=training
    )
    model = train(recipe, start=load_model("smlm-2d"), device="cpu")
    assert model.spec.recalibration is not None
    assert model.record["recalibration"]["n_frames"] == 20
    little = recipe.model_copy(update={"recalibration_frames": 1})
    with pytest.warns(PinpointWarning, match="not recalibrated"):
        assert train(little, start=load_model("smlm-2d"), device="cpu").spec.recalibration is None
