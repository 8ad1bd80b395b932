"""Recalibration: maps that keep the order, neighbours that depend on no setting, and models that carry it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from pydantic import ValidationError
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from napari_pinpoint.localizations import Localizations
from napari_pinpoint.model import Localizer, ModelSpec, load_model, save_model
from napari_pinpoint.recalibration import Recalibration, nearest_counted
from napari_pinpoint.registry import Part

SEEN = Recalibration(
    probability=((0.2, 0.3), (0.5, 0.75), (0.9, 0.92)), uncertainty=((1.0, 1.2), (3.0, 0.8)), counts_from=0.4
)
TINY = ModelSpec(name="tiny", backbone=Part(name="unet", options={"widths": [4, 6]}))


def points(probability, x=None) -> Localizations:
    n = len(probability)
    place = np.arange(n) * 100.0 if x is None else np.array(x, float)
    columns = {"frame": np.zeros(n, int), "y": np.zeros(n), "x": place, "probability": probability}
    return Localizations({**columns, "uncertainty_x": np.full(n, 0.1), "photons": np.full(n, 500.0)})


def test_knots_are_met_and_the_order_stays() -> None:
    said = np.array([1e-6, 0.05, 0.2, 0.21, 0.5, 0.7, 0.9, 0.99, 0.99999, 1.0])
    seen = SEEN(points(said))["probability"]
    np.testing.assert_allclose(seen[[2, 4, 6]], [0.3, 0.75, 0.92], rtol=1e-6)
    assert (np.diff(seen[:-1]) > 0).all()
    assert seen[-2] == seen[-1] < 1


def test_without_knots_nothing_changes() -> None:
    table = points([0.1, 1.0])
    assert Recalibration()(table) is table
    assert Recalibration().needed(0.3) == 0.3


def test_what_is_asked_of_the_decoder_misses_nothing() -> None:
    said = np.random.default_rng(0).uniform(0, 1, 5000).astype(np.float32)
    seen = SEEN(points(said))["probability"]
    for threshold in [1e-6, 0.3, 0.75, 0.93, *seen[:200].tolist()]:
        asked = np.float32(SEEN.said(threshold))
        wanted = seen >= np.float32(threshold)
        assert (said[wanted] >= asked).all()
        assert (said >= asked).sum() <= wanted.sum() + 20  # and little that is not wanted


def test_uncertainties_follow_the_distance_to_the_next_sure_point() -> None:
    table = points([0.9, 0.9, 0.9, 0.1, 0.9], x=[0.0, 1.0, 3.0, 50.0, 51.0])
    assert nearest_counted(table, 0.4).tolist() == [1, 1, 2, 1, 48]
    changed = SEEN(table)
    np.testing.assert_allclose(changed["uncertainty_x"], [0.12, 0.12, 0.1, 0.12, 0.08], rtol=1e-6)
    np.testing.assert_array_equal(changed["photons"], table["photons"])
    sure = SEEN(table.select(table["probability"] > 0.5))  # who is left does not depend on who else is
    np.testing.assert_array_equal(sure["uncertainty_x"], changed["uncertainty_x"][[0, 1, 2, 4]])


def test_points_of_other_frames_are_no_neighbours() -> None:
    table = Localizations({"frame": [0, 1, 1], "y": [5, 5, 9], "x": [5, 5, 5], "probability": [0.9] * 3})
    assert nearest_counted(table, 0.5).tolist() == [np.inf, 4, 4]
    assert nearest_counted(table, 0.95).tolist() == [np.inf] * 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"probability": ((0.5, 0.6), (0.7, 0.5))},
        {"probability": ((0.5, 1.0),)},
        {"uncertainty": ((2, 1.0), (1, 1.0))},
        {"uncertainty": ((2, 0.0),)},
    ],
)
def test_knots_that_make_no_sense(wrong: dict) -> None:
    with pytest.raises(ValidationError, match="knots"):
        Recalibration(**wrong)


def test_models_from_before_there_was_any_load_with_the_same_fingerprint(tmp_path) -> None:
    path, model = tmp_path / "tiny.safetensors", Localizer(TINY)
    save_model(model, path)
    with safe_open(path, framework="pt") as file:
        header = json.loads(file.metadata()["pinpoint"])
    assert header["spec"].pop("recalibration") is None
    save_file(load_file(path), path, metadata={"pinpoint": json.dumps(header)})
    assert load_model(path).fingerprint() == model.fingerprint()


def test_it_is_saved_and_counts_for_the_fingerprint(tmp_path) -> None:
    model = Localizer(TINY).recalibrated(SEEN)
    save_model(model, tmp_path / "new.safetensors")
    again = load_model(tmp_path / "new.safetensors")
    assert again.spec.recalibration == SEEN
    assert again.fingerprint() == model.fingerprint() != model.recalibrated(None).fingerprint()


def test_the_own_threshold_moves_along_and_back() -> None:
    plain = Localizer(TINY.model_copy(update={"decoder": Part(name="pooled_mass", options={"threshold": 0.5})}))
    moved = plain.recalibrated(SEEN)
    assert (moved.decoder.threshold, moved.halo >= plain.halo) == (0.75, True)
    assert moved.recalibrated(SEEN).decoder.threshold == 0.75
    assert moved.recalibrated(None).decoder.threshold == 0.5
    assert plain.decoder.threshold == 0.5


def test_it_goes_only_with_its_decoder() -> None:
    model = Localizer(TINY.model_copy(update={"method": Part(name="gaussian")})).recalibrated(SEEN)
    assert model.with_decoder(Part(name="peaks", options={"refinement": "none"})).spec.recalibration == SEEN
    assert model.with_decoder(Part(name="argmax")).spec.recalibration is None
