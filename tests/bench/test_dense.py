"""Dense emitters: one scene for all methods, thresholds chosen on simulation, counts frame by frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_pinpoint.bench.cache import model_path
from napari_pinpoint.bench.dense import Scored, _jaccard, _neighbour_table, best_threshold, read_test, score, simulated
from napari_pinpoint.bench.dense_figures import (
    density_figure,
    frame_figure,
    is_found,
    neighbour_figure,
)
from napari_pinpoint.bench.dense_recipes import RECIPES
from napari_pinpoint.evaluation import evaluate
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.model import Localizer, load_model

DENSE = RECIPES["matching"]


@pytest.fixture(scope="module")
def model() -> Localizer:
    """What ships for single molecules stands in for a model of the study."""
    return load_model("smlm-2d")


def test_all_learn_from_the_same_scene_by_the_same_network() -> None:
    assert len({str((recipe.scene, recipe.validation, recipe.model.backbone)) for recipe in RECIPES.values()}) == 1
    assert len({model_path(recipe, "") for recipe in RECIPES.values()}) == len(RECIPES)
    for name, recipe in RECIPES.items():
        assert Localizer(recipe.model).spec.method.name == name


def test_a_density_can_be_asked_for_and_frames_are_new_for_every_seed() -> None:
    (_, few), (stack, many) = (simulated(DENSE, 4, seed=1, density=density) for density in (0.01, 0.1))
    assert stack.shape == (4, 64, 64)
    assert 5 < len(many) / len(few) < 20
    first, again, other = (np.asarray(simulated(DENSE, 1, seed=seed)[0].data) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_threshold_is_the_best_on_simulated_frames(model: Localizer) -> None:
    stack, truth = simulated(DENSE, 2, seed=1)
    best = best_threshold(model, stack, truth, (0.1, 0.4, 0.95))
    assert best == 0.4
    assert best_threshold(model, stack, truth, (0.95,)) == 0.95


@pytest.mark.data
def test_counts_of_frames_add_up_to_the_scores_of_the_movie(model: Localizer, data_folder: Path) -> None:
    movie, truth = read_test(data_folder)
    assert movie.camera.em_gain == 300
    scored = score(model, 0.3, movie, truth)
    for tolerance in (50, 100):
        whole = evaluate(scored.found, truth, tolerance_nm=tolerance)
        assert scored.counts[tolerance].shape == (20, 3)
        np.testing.assert_array_equal(scored.counts[tolerance].sum(axis=0), (whole.tp, whole.fp, whole.fn))
        interval = scored.jaccard(tolerance)
        assert interval.value == pytest.approx(whole.jaccard)
        assert interval.low < interval.value < interval.high
    difference = scored.better_than(scored, 100)
    assert difference.low == difference.high == 0


def test_an_empty_movie_without_finds_is_without_fault() -> None:
    assert _jaccard(np.zeros((2, 3))) == 1
    assert _jaccard(np.array([[1, 1, 0], [1, 0, 1]])) == 0.5


def test_what_is_found_and_how_near_its_neighbour_was() -> None:
    truth = Localizations({"frame": [0, 0, 0], "y": [5.0, 5.0, 20.0], "x": [5.0, 5.5, 20.0]})
    found = Localizations({"frame": [0, 0], "y": [5.1, 20.0], "x": [5.0, 20.2]})
    np.testing.assert_array_equal(is_found(found, truth, 0.3), [True, False, True])
    table = _neighbour_table({"a": found}, truth)
    assert table.rows == [["(emitters)", 2, 0, 1], ["a", "50.0", None, "100.0"]]


def test_figures_show_every_method() -> None:
    movie, truth = simulated(DENSE, 1, seed=3)
    found = {name: truth.select(slice(None, None, 2)) for name in "abc"}
    density = density_figure({"density": [0.01, 0.1], "a": [0.9, 0.5], "b": [0.8, 0.2]})
    assert [text.get_text() for text in density.axes[0].get_legend().get_texts()] == ["a", "b"]
    neighbours = neighbour_figure(found, truth, 0.5)
    values = neighbours.axes[0].lines[0].get_ydata()
    assert 30 < np.nanmean(np.asarray(values, dtype=float)) < 70
    assert [axes.get_title() for axes in frame_figure(movie, found, truth).axes] == ["a", "b", "c"]


def test_scores_know_their_model(model: Localizer) -> None:
    movie, truth = simulated(DENSE, 1, seed=4)
    scored = score(model, 0.5, movie, truth)
    assert isinstance(scored, Scored)
    assert scored.found["probability"].min() >= 0.5
