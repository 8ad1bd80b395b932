"""Training: it learns, it repeats, it goes on where it was killed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_pinpoint.datasets import one_after_another
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.evaluation.scores import evaluate
from napari_pinpoint.inference import localize
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.model import Localizer, ModelSpec, load_model
from napari_pinpoint.registry import Part
from napari_pinpoint.sampling import SceneSource, StackSource
from napari_pinpoint.scenes.emitters import EmitterScene
from napari_pinpoint.stack import Stack
from napari_pinpoint.training import (
    Progress,
    TrainingSpec,
    read_recipe,
    scene_of,
    train,
    train_iter,
)
from napari_pinpoint.zoo import RECIPES

SPEC = ModelSpec(name="tiny", backbone=Part(name="unet", options={"widths": [8, 8]}))
SCENE = EmitterScene(shape=(24, 24), density=(0.005, 0.02), photons=(3000, 4000), independent_frames=True)
QUICK = TrainingSpec(steps=12, batch=2, report_every=3, validate_every=6, warm_up=2)


def weights(model: Localizer) -> torch.Tensor:
    return torch.cat([value.flatten() for value in model.state_dict().values()])


@pytest.fixture(scope="module")
def validation() -> tuple[Stack, Localizations]:
    return SCENE.sample(4, np.random.default_rng(0))


def test_the_loss_falls_and_points_are_found() -> None:
    scene = EmitterScene(shape=(24, 24), density=(0.01, 0.03), photons=(3000, 4000), independent_frames=True)
    training = TrainingSpec(
        steps=300, batch=8, learning_rate=1e-2, warm_up=20, averaging=0.9, report_every=40, validate_every=300
    )
    reports: list[Progress] = []
    model = train(
        SPEC,
        training,
        source=SceneSource(scene),
        validation=scene.sample(6, np.random.default_rng(0)),
        device="cpu",
        progress=reports.append,
    )
    assert [report.step for report in reports] == [40, 80, 120, 160, 200, 240, 280, 300]
    assert reports[-1].terms["matching"] < 0.1 * reports[0].terms["matching"]
    assert reports[-1].seconds_left == 0
    assert reports[-1].validation["jaccard"] > 0.4
    assert reports[-1].validation["rmse_px"] < 0.25
    assert model.record["validation"] == reports[-1].validation
    curve = model.record["curve"]
    assert [point["step"] for point in curve] == [report.step for report in reports]
    assert curve[0]["loss"] == pytest.approx(reports[0].loss, rel=1e-4)
    assert "jaccard" not in curve[0]
    assert curve[-1]["jaccard"] == pytest.approx(reports[-1].validation["jaccard"], abs=1e-5)


def test_terms_are_means_over_the_steps_since_the_last_report(validation) -> None:
    """A validation between two reports makes a short interval; its mean is not that of a full one."""
    still = TrainingSpec(steps=9, batch=2, learning_rate=1e-12, report_every=4, validate_every=6, seed=3)
    often = still.model_copy(update={"report_every": 1, "validate_every": 9})
    runs: list[list[Progress]] = [[], []]
    for spec, reports in zip((still, often), runs, strict=True):
        train(SPEC, spec, source=SceneSource(SCENE), validation=validation, device="cpu", progress=reports.append)
    each = [report.loss for report in runs[1]]
    assert [report.step for report in runs[0]] == [4, 6, 8, 9]
    expected = [np.mean(each[0:4]), np.mean(each[4:6]), np.mean(each[6:8]), each[8]]
    assert [report.loss for report in runs[0]] == pytest.approx(expected, rel=1e-4)


def test_the_same_seed_gives_the_same_weights(validation) -> None:
    runs = [train(SPEC, QUICK, source=SceneSource(SCENE), validation=validation, device="cpu") for _ in range(2)]
    assert torch.equal(weights(runs[0]), weights(runs[1]))
    other = train(SPEC, QUICK.model_copy(update={"seed": 1}), source=SceneSource(SCENE), device="cpu")
    assert not torch.equal(weights(runs[0]), weights(other))


def test_a_killed_run_ends_with_the_same_weights(validation, tmp_path) -> None:
    whole = train(SPEC, QUICK, source=SceneSource(SCENE), validation=validation, device="cpu")
    killed = train_iter(SPEC, QUICK, source=SceneSource(SCENE), validation=validation, folder=tmp_path, device="cpu")
    for report in killed:
        if report.step == 9:  # past the checkpoint at 6, before the next
            break
    killed.close()
    assert load_model(tmp_path / "best.safetensors").spec == SPEC

    reports: list[Progress] = []
    again = train(
        SPEC,
        QUICK,
        source=SceneSource(SCENE),
        validation=validation,
        folder=tmp_path,
        device="cpu",
        progress=reports.append,
    )

    assert reports[0].step == 9
    assert torch.equal(weights(again), weights(whole))
    assert again.record["curve"] == whole.record["curve"]


def test_a_checkpoint_of_another_training_is_refused(validation, tmp_path) -> None:
    train(SPEC, QUICK, source=SceneSource(SCENE), folder=tmp_path, device="cpu")
    other = QUICK.model_copy(update={"learning_rate": 0.1})
    with pytest.raises(PinpointError, match="another training"):
        train(SPEC, other, source=SceneSource(SCENE), folder=tmp_path, device="cpu")


def test_a_checkpoint_of_other_data_is_refused(tmp_path) -> None:
    """The same model and settings, but another dataset or start: going on would mix the two without a word."""
    how = {"source": SceneSource(SCENE), "folder": tmp_path, "device": "cpu"}
    first = train(SPEC, QUICK, made_from={"images": ("a",)}, **how)
    assert train(SPEC, QUICK, made_from={"images": ("a",)}, **how).record["images"] == ["a"]
    with pytest.raises(PinpointError, match="another training, with other data"):
        train(SPEC, QUICK, made_from={"images": ("b",)}, **how)
    with pytest.raises(PinpointError, match="another training, with other data"):
        train(SPEC, QUICK, made_from={"images": ("a",)}, start=first, **how)


def test_a_damaged_checkpoint_is_refused(tmp_path) -> None:
    (tmp_path / "checkpoint.safetensors").write_bytes(b"not a checkpoint")
    with pytest.raises(PinpointError, match="damaged"):
        train(SPEC, QUICK, source=SceneSource(SCENE), folder=tmp_path, device="cpu")


def test_it_stops_when_validation_no_longer_gains(validation) -> None:
    training = TrainingSpec(steps=60, batch=1, learning_rate=1e-9, report_every=2, validate_every=2, patience=2)
    reports: list[Progress] = []
    train(SPEC, training, source=SceneSource(SCENE), validation=validation, device="cpu", progress=reports.append)
    assert reports[-1].step == 6


def test_a_loss_that_is_not_finite_ends_with_advice(tmp_path) -> None:
    class Broken(SceneSource):
        def draw(self, *args):
            batch = super().draw(*args)
            batch.inputs[:] = torch.nan
            return batch

    with pytest.raises(PinpointError, match="smaller learning rate"):
        train(SPEC, QUICK, source=Broken(SCENE), folder=tmp_path, device="cpu")
    assert not list(tmp_path.iterdir())  # no checkpoint to go on from


def test_an_error_in_the_source_reaches_the_caller() -> None:
    class Broken(SceneSource):
        def draw(self, *args):
            raise OSError("the disk went away")

    with pytest.raises(OSError, match="went away"):
        train(SPEC, QUICK, source=Broken(SCENE), device="cpu")


def test_going_on_from_a_model(validation) -> None:
    first = train(SPEC, QUICK, source=SceneSource(SCENE), device="cpu")
    still = TrainingSpec(steps=1, batch=1, learning_rate=1e-12, averaging=0)
    tuned = train(SPEC, still, source=SceneSource(SCENE), start=first, device="cpu")
    torch.testing.assert_close(weights(tuned), weights(first), atol=1e-6, rtol=0)
    assert tuned.record["start"] == first.fingerprint()
    other = ModelSpec(name="wider", backbone=Part(name="unet", options={"widths": [16, 8]}))
    with pytest.raises(PinpointError, match="networks differ"):
        train(other, still, source=SceneSource(SCENE), start=first, device="cpu")


def test_an_annotated_stack_gives_windows_whose_points_lie_on_the_light() -> None:
    """Flips and turns move the points exactly with the image: the pixel under a point is the brightest around."""
    scene = EmitterScene(shape=(64, 48), density=(0.002, 0.002), photons=(8000, 8000), background=(1, 1))
    stack, truth = scene.sample(5, np.random.default_rng(2))
    source = StackSource(stack, truth, window=32)
    model = Localizer(SPEC)
    batch = source.draw(24, np.random.default_rng(3), model.normalization)
    assert batch.inputs.shape == (24, 1, 32, 32)
    on_light = []
    for image, positions, mask in zip(batch.inputs[:, 0], batch.points.positions, batch.points.mask, strict=True):
        for y, x in positions[mask].round().long().tolist():
            if 2 <= y < 30 and 2 <= x < 30:
                on_light.append(bool(image[y, x] >= image[y - 2 : y + 3, x - 2 : x + 3].max() * 0.8))
    assert len(on_light) > 20
    assert np.mean(on_light) > 0.9


def test_training_on_an_annotated_stack(validation) -> None:
    stack, truth = SCENE.sample(6, np.random.default_rng(4))
    model = train(SPEC, QUICK, source=StackSource(stack, truth, window=24), validation=validation, device="cpu")
    assert torch.isfinite(weights(model)).all()


def test_images_of_unequal_size_are_validated_on_together() -> None:
    pairs = [
        EmitterScene(shape=shape, density=(0.01, 0.01), independent_frames=True).sample(n, np.random.default_rng(n))
        for shape, n in (((24, 24), 2), ((32, 40), 1))
    ]
    training = QUICK.model_copy(update={"steps": 1})
    model = train(SPEC, training, source=SceneSource(SCENE), validation=pairs, device="cpu")
    scores = model.record["validation"]
    found = [localize(stack, model, device="cpu") for stack, _ in pairs]
    truth = one_after_another([truth for _, truth in pairs], [2, 1])
    assert truth["frame"].max() == 2
    assert len(truth) == sum(len(truth) for _, truth in pairs)
    expected = evaluate(one_after_another(found, [2, 1]), truth, tolerance_px=training.tolerance_px)
    assert expected.n_truth > 0
    assert scores["recall"] == expected.recall


def test_points_beyond_the_stack_are_refused() -> None:
    stack, _ = SCENE.sample(2, np.random.default_rng(4))
    with pytest.raises(PinpointError, match="2 frames"):
        StackSource(stack, Localizations({"frame": [7], "y": [1], "x": [1]}))
    with pytest.raises(PinpointError, match="no points"):
        StackSource(stack, Localizations.empty())


def test_what_layers_have_measured_is_averaged_with_the_weights() -> None:
    """Validation and result come from the averaged model; its batch normalization has to know the data as well."""
    spec = SPEC.model_copy(update={"backbone": Part(name="full_resolution", options={"widths": [4, 4]})})
    still = TrainingSpec(steps=150, batch=2, learning_rate=1e-12, averaging=0.9, report_every=150, validate_every=150)
    source = SceneSource(SCENE)
    model = train(spec, still, source=source, device="cpu")
    measured = model.backbone.layers[1]
    assert int(measured.num_batches_tracked) == 150
    with torch.no_grad():
        batch = source.draw(100, np.random.default_rng(0), model.normalization)
        values = model.backbone.layers[0](batch.inputs)
    torch.testing.assert_close(measured.running_mean, values.mean(dim=(0, 2, 3)), atol=0, rtol=0.15)
    torch.testing.assert_close(measured.running_var, values.var(dim=(0, 2, 3)), atol=0, rtol=0.4)


def test_a_refined_model_starts_where_the_schedules_have_ended() -> None:
    """A wide kernel and no count term, as at the start of a training, would undo what the model has learnt."""
    assert QUICK.progress(3) == 0.25
    refined = QUICK.model_copy(update={"schedules_from": 1.0, "steps": 1})
    assert refined.progress(0) == 1.0
    reports: list[Progress] = []
    train(SPEC, refined, source=SceneSource(SCENE), device="cpu", progress=reports.append)
    assert "count" in reports[0].terms
    reports.clear()
    train(SPEC, QUICK.model_copy(update={"steps": 1}), source=SceneSource(SCENE), device="cpu", progress=reports.append)
    assert "count" not in reports[0].terms


@pytest.mark.parametrize("name", list(RECIPES))
def test_recipes_that_ship_can_be_used(name: str) -> None:
    recipe = read_recipe(name)
    assert recipe.model.name == name
    Localizer(recipe.model)
    if recipe.scene is None:
        assert recipe.dataset is not None  # given by whoever trains it
        return
    stack, truth = scene_of(recipe.scene).sample(2, np.random.default_rng(0))
    assert stack.n_frames == 2
    assert len(truth) > 0


def test_a_recipe_that_cannot_be_used(tmp_path) -> None:
    with pytest.raises(PinpointError, match="smlm-2d"):
        read_recipe("nothing")
    (tmp_path / "bad.yaml").write_text(
        "model: {name: a}\nscene: {name: emitters}\nvalidation: {name: emitters}\nextra: 1\n"
    )
    with pytest.raises(PinpointError, match="extra"):
        read_recipe(tmp_path / "bad.yaml")
