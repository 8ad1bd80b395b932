"""Scenes of emitters: frames whose truth is known."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import FLAGS
from napari_pinpoint.psf import render_emitters
from napari_pinpoint.scenes import SCENES, emitters
from napari_pinpoint.scenes.emitters import EmitterScene
from napari_pinpoint.scenes.options import CameraOptions

QUIET = CameraOptions(offset_adu=10, electrons_per_adu=0.1, read_noise_e=0.0)
EMCCD = CameraOptions(offset_adu=100, electrons_per_adu=45, em_gain=300, read_noise_e=74.4)
#: Whatever varies from frame to frame in training, at its widest.
VARIED = EmitterScene(
    shape=(40, 48),
    structures={"uniform": 0.4, "filaments": 0.3, "rings": 0.1, "clusters": 0.1, "text": 0.1},
    density=(0.001, 0.1),
    psf_sigma=(0.95, 1.55),
    photons=(400, 5000),
    background=(2, 100),
    independent_frames=True,
)
BLINKING = EmitterScene(shape=(32, 40), structures={"filaments": 1}, density=(0.01, 0.01), on_time_frames=2.5)


def expected_photons(truth, n_frames, shape):
    """What the truth says of every pixel, without the background."""
    names = ("frame", "y", "x", "photons", "psf_sigma_y", "psf_sigma_x")
    return render_emitters(*[truth[name] for name in names], n_frames, shape)


def test_the_scene_is_found_by_name():
    assert SCENES["emitters"] is EmitterScene


def test_truth_has_every_column_and_the_calibration(rng):
    stack, truth = VARIED.sample(6, rng)
    assert stack.shape == (6, 40, 48)
    assert stack.axes == "TYX"
    assert stack.data.dtype == np.uint16
    assert stack.path is None
    assert stack.pixel_size_nm == truth.pixel_size_nm == 100
    assert stack.camera.sources["offset_adu"] == "simulated"
    assert set(truth) == {
        *("frame", "y", "x", "photons", "background", "psf_sigma_y", "psf_sigma_x", "particle", "source", "flags")
    }
    assert set(truth["source"]) == {"truth"}
    assert (np.diff(truth["frame"]) >= 0).all()
    assert ((truth["y"] >= -0.5) & (truth["y"] < 39.5) & (truth["x"] >= -0.5) & (truth["x"] < 47.5)).all()


def test_the_record_makes_the_scene_again(rng):
    _, truth = VARIED.sample(2, rng)
    record = json.loads(json.dumps(truth.record))
    assert SCENES[record["scene"]["name"]](**record["scene"]["options"]) == VARIED
    assert record["n_frames"] == 2
    assert record["camera"]["electrons_per_adu"] == 0.5


@pytest.mark.parametrize("scene", [VARIED, BLINKING], ids=["independent", "movie"])
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_the_same_state_gives_the_same_frames(scene, backend):
    def sample():
        rng = np.random.default_rng(5) if backend == "numpy" else torch.Generator().manual_seed(5)
        return scene.sample(4, rng), scene.sample(4, rng)

    (first, truth), (later, _) = sample()
    (again, truth_again), _ = sample()
    assert (first.data == again.data).all()
    assert (first.data != later.data).any()
    np.testing.assert_array_equal(truth["y"], truth_again["y"])


def test_truth_explains_the_image(rng):
    """Away from the edge the photons are those of the table, to within the noise that the camera makes."""
    scene = EmitterScene(density=(0.02, 0.02), cameras=(QUIET,), background_gradient=0, background_structure=0)
    stack, truth = scene.sample(40, rng)
    light = expected_photons(truth, 40, scene.shape) + truth["background"][0]
    inner = (slice(None), slice(8, -8), slice(8, -8))
    residual = ((stack.camera.to_photons(stack.data) - light) / np.sqrt(light))[inner]
    assert residual.mean() == pytest.approx(0, abs=5 / np.sqrt(residual.size))
    assert residual.std() == pytest.approx(1, rel=0.02)


def test_background_is_that_under_the_emitter(rng):
    """It changes over the frame, and dim emitters stand on it."""
    scene = EmitterScene(
        density=(0.005, 0.005),
        photons=(1e-3, 1e-3),
        background=(1e4, 1e4),
        background_gradient=1.0,
        background_structure=0.3,
        cameras=(CameraOptions(electrons_per_adu=1.0),),
        independent_frames=True,
    )
    stack, truth = scene.sample(10, rng)
    y, x = (np.rint(truth[axis]).astype(int).clip(0, 63) for axis in ("y", "x"))
    seen = stack.camera.to_photons(stack.data)[truth["frame"], y, x]
    # Shot noise is 1 % where the background is 10,000 photoelectrons, and at most 3 % on its floor.
    np.testing.assert_allclose(seen, truth["background"], rtol=0.15)
    assert truth["background"].std() > 1000


def test_light_falls_in_from_beyond_the_edge():
    """Without a margin, pixels at the edge would be darker."""
    scene = EmitterScene(density=(0.1, 0.1), cameras=(QUIET,), background=(1, 1), independent_frames=True)
    images = scene.sample(400, np.random.default_rng(2))[0].data.astype(np.float64).mean(axis=0)
    assert images[[0, -1]].mean() == pytest.approx(images[8:-8, 8:-8].mean(), rel=0.03)
    assert images[:, [0, -1]].mean() == pytest.approx(images[8:-8, 8:-8].mean(), rel=0.03)


@pytest.mark.parametrize("name", list(VARIED.structures))
@pytest.mark.parametrize("independent", [True, False])
def test_density_is_the_number_of_emitters_in_a_frame(name, independent, rng):
    scene = EmitterScene(structures={name: 1}, density=(0.02, 0.02), independent_frames=independent)
    # A structure that stands still may lie mostly in the margin: many movies are needed.
    tables = [scene.sample(300, rng)[1]] if independent else [scene.sample(3, rng)[1] for _ in range(100)]
    assert sum(map(len, tables)) == pytest.approx(0.02 * 64 * 64 * 300, rel=0.08)


def test_independent_frames_share_nothing(rng):
    _, truth = VARIED.sample(50, rng)
    assert len(np.unique(truth["particle"])) == len(truth)
    levels = [truth["photons"][truth["frame"] == frame].mean() for frame in np.unique(truth["frame"])]
    assert np.std(np.log(levels)) > 0.4
    sigmas = [truth["psf_sigma_y"][truth["frame"] == frame].mean() for frame in np.unique(truth["frame"])]
    assert 0.9 < min(sigmas) < 1.1 < 1.4 < max(sigmas) < 1.65


def test_particles_of_a_movie_stay_where_they_are_and_blink(rng):
    _, truth = BLINKING.sample(400, rng)
    table = truth.to_frame()
    assert not table.duplicated(["frame", "particle"]).any()
    assert (table.groupby("particle")[["y", "x", "psf_sigma_y"]].nunique() == 1).all(axis=None)
    gaps = table.sort_values(["particle", "frame"]).groupby("particle")["frame"].diff()
    emissions_per_particle = 1 + (gaps > 1).sum() / table["particle"].nunique()
    assert 3 < emissions_per_particle < 7


def test_photons_follow_the_part_of_the_frame_that_was_lit(rng):
    scene = BLINKING.model_copy(update={"photons": (1000, 1000), "photon_spread": 0.0, "min_visible": 0.3})
    _, truth = scene.sample(300, rng)
    assert truth["photons"].max() == pytest.approx(1000)
    np.testing.assert_array_equal((truth["flags"] & FLAGS["ignore"]) > 0, truth["photons"] < 300)
    partial = truth["photons"] < 999.9
    # An emission of exponential length tau has two partial frames, unless it stays in one: 2 / (tau + 1) at most.
    assert 0.45 < partial.mean() < 2 / 3.5


def test_emitters_that_are_fully_on_are_never_ignored(rng):
    _, truth = VARIED.sample(20, rng)
    assert not truth["flags"].any()


def test_independent_frames_can_blink(rng):
    _, truth = VARIED.model_copy(update={"on_time_frames": 1.0, "density": (0.02, 0.02)}).sample(100, rng)
    assert 0.1 < (truth["flags"] > 0).mean() < 0.4
    assert len(truth) == pytest.approx(0.02 * 40 * 48 * 100, rel=0.1)


def test_photons_and_sigma_spread_around_what_was_drawn(rng):
    scene = EmitterScene(
        density=(0.1, 0.1), photons=(500, 500), photon_spread=0.5, psf_sigma=(1.3, 1.3), sigma_spread=0.05
    )
    _, truth = scene.sample(60, rng)
    assert truth["photons"].mean() == pytest.approx(500, rel=0.02)
    assert np.log(truth["photons"]).std() == pytest.approx(0.5, rel=0.05)
    assert truth["psf_sigma_x"].mean() == pytest.approx(1.3, rel=0.01)
    assert truth["psf_sigma_x"].std() == pytest.approx(0.065, rel=0.1)


def test_every_sample_draws_one_of_the_cameras(rng):
    scene = VARIED.model_copy(update={"cameras": (QUIET, EMCCD)})
    gains = {scene.sample(1, rng)[0].camera.em_gain for _ in range(20)}
    assert gains == {1.0, 300.0}


@pytest.mark.parametrize("camera", [CameraOptions(), EMCCD], ids=["scmos", "emccd"])
def test_torch_frames_have_the_statistics_of_numpy_frames(camera):
    scene = EmitterScene(
        shape=(32, 32),
        density=(0.05, 0.05),
        psf_sigma=(1.3, 1.3),
        photons=(1000, 1000),
        background=(20, 20),
        cameras=(camera,),
        independent_frames=True,
    )
    stack, truth = scene.sample(500, np.random.default_rng(1))
    tensors, tensor_truth = scene.sample(500, torch.Generator().manual_seed(1))
    assert tensors.data.dtype == torch.float32
    assert tensors.data.shape == (500, 32, 32)
    assert (tensors.data == tensors.data.round()).all()
    assert tensor_truth["background"].mean() == pytest.approx(truth["background"].mean(), rel=0.02)
    counts, other = np.asarray(stack.data, np.float64), np.asarray(tensors.data, np.float64)
    assert other.mean() == pytest.approx(counts.mean(), rel=0.02)
    assert other.var() == pytest.approx(counts.var(), rel=0.05)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_a_long_movie_is_made_in_blocks(backend, monkeypatch):
    monkeypatch.setattr(emitters, "_BLOCK", 7 * 32 * 40)
    rng = np.random.default_rng(3) if backend == "numpy" else torch.Generator().manual_seed(3)
    scene = BLINKING.model_copy(update={"cameras": (QUIET,), "background": (5.0, 5.0), "background_structure": 0.0})
    stack, truth = scene.sample(30, rng)
    assert stack.shape == (30, 32, 40)
    light = np.asarray(expected_photons(truth, 30, (32, 40)))[:, 6:-6, 6:-6].ravel()
    seen = np.asarray(stack.camera.to_photons(stack.data))[:, 6:-6, 6:-6].ravel()
    assert np.corrcoef(light, seen)[0, 1] > 0.95


@pytest.mark.parametrize("independent", [True, False])
@pytest.mark.parametrize("on_time", [None, 2.0])
def test_a_scene_may_be_empty(independent, on_time, rng):
    scene = EmitterScene(density=(0, 0), independent_frames=independent, on_time_frames=on_time)
    stack, truth = scene.sample(3, rng)
    assert stack.shape == (3, 64, 64)
    assert len(truth) == 0
    assert "photons" in truth


def test_on_a_log_scale_sparse_frames_are_as_many_as_dense_ones(rng):
    scene = EmitterScene(density=(0.001, 0.1), density_on_log_scale=True, shape=(40, 40), independent_frames=True)
    stack, truth = scene.sample(600, rng)
    n = np.bincount(truth["frame"], minlength=len(stack.data))
    # The middle of the logarithm is 0.01 per pixel, of the density itself it would be 0.05.
    assert abs(np.median(n) / 40**2 - 0.01) < 0.002


def test_a_sample_drifts_as_its_truth_says(rng):
    scene = EmitterScene(
        shape=(48, 48), density=(0.02, 0.02), blinks=200, on_time_frames=3, drift_px=(4, -2), cameras=(QUIET,)
    )
    stack, truth = scene.sample(200, rng)
    still = np.stack([truth["y"] - truth["drift_y"], truth["x"] - truth["drift_x"]], axis=1)
    for particle in np.unique(truth["particle"])[:20]:
        assert np.ptp(still[truth["particle"] == particle], axis=0).max() < 1e-9
    assert scene.drift(200)[[0, -1]] == pytest.approx(np.array([[0, 0], [4, -2]]), abs=0.5)
    # The pixels move as the table says, not against it.
    light = np.asarray(expected_photons(truth, 200, (48, 48)))[:, 8:-8, 8:-8].ravel()
    seen = np.asarray(stack.camera.to_photons(stack.data))[:, 8:-8, 8:-8].ravel()
    assert np.corrcoef(light, seen)[0, 1] > 0.95


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"drift_px": (1, 0), "independent_frames": True}, "independent frames cannot drift"),
        ({"densty": (0.1, 0.2)}, "densty"),
        ({"density": (0, 0.1), "density_on_log_scale": True}, "densities on a log scale begin above 0, not at 0"),
        ({"density": (0.2, 0.1)}, "a range goes from low to high, not from 0.2 to 0.1"),
        ({"photons": (0, 100)}, "photons"),
        ({"structures": {"filament": 1}}, "there is no structure filament; there are: uniform, filaments"),
        ({"structures": {"rings": 0}}, "not all 0"),
        ({"cameras": ()}, "cameras"),
        ({"cameras": [{"em_gain": 0.5}]}, "em_gain"),
        ({"shape": (0, 64)}, "shape"),
    ],
)
def test_options_that_cannot_be_are_named(options, message):
    with pytest.raises(ValidationError, match=message):
        EmitterScene(**options)


def test_no_frames_are_refused(rng):
    with pytest.raises(PinpointError, match="at least one frame"):
        EmitterScene().sample(0, rng)
