"""Dense emitters: every method that gives points learns from one simulation and is scored on a published movie.

Six emitters per square micrometre, about 250 in each frame of 64 x 64 pixels: neighbours overlap everywhere. Methods
that see one peak in a pixel end here; those whose candidates move freely do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from napari_pinpoint.bench import Tell, tell_nobody
from napari_pinpoint.bench.cache import in_quick, trained, training_table
from napari_pinpoint.bench.dense_figures import (
    density_figure,
    frame_figure,
    is_found,
    neighbour_figure,
)
from napari_pinpoint.bench.dense_recipes import CAMERA, RECIPES
from napari_pinpoint.evaluation import Interval, bootstrap, bootstrap_difference, evaluate, match, nearest_neighbour
from napari_pinpoint.inference import LocalizeSettings, localize
from napari_pinpoint.io.images import read_stack
from napari_pinpoint.io.tables import read_localizations
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.model import Localizer
from napari_pinpoint.registry import Part
from napari_pinpoint.reports.writing import Goal, Picture, Section, Table
from napari_pinpoint.stack import Stack
from napari_pinpoint.training import Recipe, scene_of

Array = np.ndarray[Any, Any]

PIXEL_NM = 100.0
TOLERANCES_NM = (50, 100)
#: Jaccard index of Picasso on the same movie, per cent, at these tolerances.
PICASSO = {50: 13.9, 100: 27.2}
TO_REACH = {"matching": {50: 0.82, 100: 0.88}, "mixture": {50: 0.80, 100: 0.88}}

#: Candidates for the threshold of each method; which is taken is decided on simulated frames.
THRESHOLDS = tuple(np.round(np.arange(0.05, 0.96, 0.05), 2).tolist())
#: Simulated frames that thresholds are chosen on, and those of every density (emitters per square pixel) of the sweep.
FRAMES, SWEEP_FRAMES = 40, 20
DENSITIES = (0.005, 0.01, 0.02, 0.035, 0.05, 0.07, 0.1)


@dataclass(frozen=True)
class Scored:
    """What one method found in the test movie: its table, the threshold that it was given, and scores per frame.

    Attributes
    ----------
    counts
        For each tolerance in nm: (frames, 3) true positives, false positives, false negatives.
    rmse_nm
        For each tolerance: radial, over the pairs.
    """

    model: Localizer
    threshold: float
    found: Localizations
    counts: dict[int, Array]
    rmse_nm: dict[int, float]

    def jaccard(self, tolerance: int) -> Interval:
        return bootstrap(lambda frames: _jaccard(self.counts[tolerance][frames]), len(self.counts[tolerance]))

    def better_than(self, other: Scored, tolerance: int) -> Interval:
        """The difference of the Jaccard indices, both on the same frames."""
        ours, theirs = self.counts[tolerance], other.counts[tolerance]
        return bootstrap_difference(lambda i: _jaccard(ours[i]), lambda i: _jaccard(theirs[i]), len(ours))


class DenseEmitters:
    """Every method that gives points on the high-density movie of Deep-STORM, trained on simulation only."""

    name: ClassVar[str] = "dense"
    title: ClassVar[str] = "Dense emitters"
    needs_data: ClassVar[bool] = True

    def run(self, folder: Path, data: Path | None, *, quick: bool = False, progress: Tell = tell_nobody) -> Section:
        assert data is not None  # it needs data
        movie, truth = read_test(data)
        recipes = {name: _in_quick(recipe) for name, recipe in RECIPES.items()} if quick else RECIPES
        frames = 2 if quick else FRAMES
        scored = {}
        for name, recipe in recipes.items():
            model = trained(recipe, folder, progress=progress)
            progress(f"scoring {model.spec.name}", 0, 1)
            threshold = best_threshold(model, *simulated(recipe, frames, seed=1), THRESHOLDS[::6] if quick else None)
            scored[name] = score(model, threshold, movie, truth)
        progress("simulating densities", 0, 1)
        sweep = density_sweep(scored, DENSITIES[::6] if quick else DENSITIES, min(frames, SWEEP_FRAMES))
        return Section(self.title, _parts(scored, movie, truth, sweep), _goals(scored), _results(scored, sweep))


def read_test(data: Path) -> tuple[Stack, Localizations]:
    """The test movie with its camera, and its truth."""
    folder = data / "smlm_high_density"
    movie = read_stack(folder / "ArtificialDataset_demo1.tif", pixel_size_nm=PIXEL_NM, **CAMERA)
    return movie, read_localizations(folder / "positions_demo1.csv", pixel_size_nm=PIXEL_NM)


def simulated(recipe: Recipe, frames: int, *, seed: int, density: float | None = None) -> tuple[Stack, Localizations]:
    """Frames of the recipe's validation scene that neither training nor its validation has seen."""
    options = {} if density is None else {"density": [density, density]}
    scene = recipe.validation or Part(name="emitters")
    part = Part(name=scene.name, options=scene.options | options)
    stack, truth = scene_of(part).sample(frames, np.random.default_rng([20_251_121, seed]))
    return stack, truth


def best_threshold(
    model: Localizer, stack: Stack, truth: Localizations, thresholds: tuple[float, ...] | None = None
) -> float:
    """The threshold with the best Jaccard index within the widest tolerance on simulated frames."""
    chosen = thresholds or THRESHOLDS
    most = localize(stack, model, settings=LocalizeSettings(threshold=min(chosen)))
    scores = {}
    for threshold in chosen:
        if model.decoder.selectable:
            found = most.select(most["probability"] >= np.float32(threshold))
        else:
            found = localize(stack, model, settings=LocalizeSettings(threshold=threshold))
        scores[threshold] = evaluate(found, truth, tolerance_nm=max(TOLERANCES_NM)).jaccard
    return max(scores, key=lambda threshold: scores[threshold])


def score(model: Localizer, threshold: float, movie: Stack, truth: Localizations) -> Scored:
    """Localize the test movie once, and count pairs frame by frame."""
    found = localize(movie, model, settings=LocalizeSettings(threshold=threshold))
    counts, rmse = {}, {}
    for tolerance in TOLERANCES_NM:
        pairs = match(found, truth, tolerance=tolerance / PIXEL_NM)
        counts[tolerance] = pairs.per_frame(found, truth, (0, movie.n_frames))
        rmse[tolerance] = evaluate(found, truth, tolerance_nm=tolerance).rmse_nm
    return Scored(model, threshold, found, counts, rmse)


def density_sweep(scored: dict[str, Scored], densities: tuple[float, ...], frames: int) -> dict[str, list[float]]:
    """Jaccard index at the widest tolerance of every method on simulated frames of given densities."""
    sweep: dict[str, list[float]] = {"density": list(densities)} | {name: [] for name in scored}
    for seed, density in enumerate(densities):
        stack, truth = simulated(RECIPES["matching"], frames, seed=100 + seed, density=density)
        for name, one in scored.items():
            found = localize(stack, one.model, settings=LocalizeSettings(threshold=one.threshold))
            sweep[name].append(evaluate(found, truth, tolerance_nm=max(TOLERANCES_NM)).jaccard)
    return sweep


def _jaccard(counts: Array) -> float:
    """Of counts (frames, 3); 1 where nothing is there and nothing is found."""
    total = counts.sum()
    return float(counts[:, 0].sum() / total) if total else 1.0


def _in_quick(recipe: Recipe) -> Recipe:
    return recipe.model_copy(update={"training": in_quick(recipe.training), "validation_frames": 2})


def _parts(
    scored: dict[str, Scored], movie: Stack, truth: Localizations, sweep: dict[str, list[float]]
) -> list[str | Table | Picture]:
    emitters = len(truth) / movie.n_frames
    found = {name: one.found for name, one in scored.items()}
    return [
        f"The test movie ({movie.n_frames} frames, {emitters:.0f} emitters in each) is that of Deep-STORM; all "
        "networks are the same U-Net and have only seen one and the same simulation, whose camera, PSF, photons and "
        "density were chosen from what the movie's description says. The threshold of each method is that with the "
        f"best Jaccard index at {max(TOLERANCES_NM)} nm on {FRAMES} simulated frames; nothing was tuned on the movie.",
        _score_table(scored),
        _difference_table(scored),
        "Picasso's figures are quoted, not measured here. The method bright_pixel is not here: "
        "it gives one point per frame and class, and a frame holds hundreds.",
        Picture.of(
            density_figure(sweep),
            "dense-densities",
            f"Jaccard index at {max(TOLERANCES_NM)} nm against the density, on simulated frames of the scene that all "
            "were trained on.",
        ),
        _neighbour_table(found, truth),
        Picture.of(
            neighbour_figure(found, truth, max(TOLERANCES_NM) / PIXEL_NM),
            "dense-neighbours",
            "Emitters of the test movie that are found, against the distance to their nearest neighbour.",
        ),
        Picture.of(
            frame_figure(movie, found, truth),
            "dense-frame",
            "A corner of the first frame: truth (white crosses) and what each method finds (rings).",
        ),
        training_table({name: one.model for name, one in scored.items()}),
    ]


def _score_table(scored: dict[str, Scored]) -> Table:
    columns = ["method", "threshold"]
    for tolerance in TOLERANCES_NM:
        columns += [f"Jaccard, % ({tolerance} nm)", "precision, %", "recall, %", "RMSE, nm"]
    rows: list[list[str | float | None]] = []
    for name, one in scored.items():
        row: list[str | float | None] = [name, f"{one.threshold:g}"]
        for tolerance in TOLERANCES_NM:
            tp, fp, fn = one.counts[tolerance].sum(axis=0)
            row += [percent(one.jaccard(tolerance)), 100 * tp / max(1, tp + fp), 100 * tp / (tp + fn)]
            row.append(one.rmse_nm[tolerance])
        rows.append([cell if not isinstance(cell, float) else f"{cell:.1f}" for cell in row])
    rows.append(["Picasso", None, *(cell for t in TOLERANCES_NM for cell in (f"{PICASSO[t]}", None, None, None))])
    return Table(columns, rows, "On the test movie; in brackets 95 % bootstrap intervals over its frames")


def _difference_table(scored: dict[str, Scored]) -> Table:
    first, *others = scored
    rows = [
        [f"{first} - {name}", *(percent(scored[first].better_than(scored[name], t)) for t in TOLERANCES_NM)]
        for name in others
    ]
    columns = ["difference of", *(f"Jaccard, % ({tolerance} nm)" for tolerance in TOLERANCES_NM)]
    return Table(columns, rows, "Differences, both methods on the same frames in every draw")


def _neighbour_table(found: dict[str, Localizations], truth: Localizations) -> Table:
    """Recall for emitters whose nearest neighbour is near, at a middle distance, and far."""
    nearest = nearest_neighbour(truth)
    groups = {"below 1 px": nearest < 1, "1 to 2 px": (nearest >= 1) & (nearest < 2), "above 2 px": nearest >= 2}
    rows: list[list[str | float | None]] = [["(emitters)", *(int(group.sum()) for group in groups.values())]]
    for name, table in found.items():
        hit = is_found(table, truth, max(TOLERANCES_NM) / PIXEL_NM)
        rows.append([name, *(f"{100 * hit[group].mean():.1f}" if group.any() else None for group in groups.values())])
    caption = f"Emitters that are found, % (at {max(TOLERANCES_NM)} nm), by the distance to the nearest neighbour"
    return Table(["method", *groups], rows, caption)


def percent(interval: Interval) -> str:
    """An interval of fractions in per cent."""
    value, low, high = (f"{round(100 * x, 1) + 0.0:.1f}" for x in (interval.value, interval.low, interval.high))
    return f"{value} ({low} to {high})"


def _goals(scored: dict[str, Scored]) -> list[Goal]:
    return [
        Goal(f"{name}: Jaccard at {tolerance} nm", scored[name].jaccard(tolerance).value, at_least=bound)
        for name, bounds in TO_REACH.items()
        for tolerance, bound in bounds.items()
    ]


def _results(scored: dict[str, Scored], sweep: dict[str, list[float]]) -> dict[str, Any]:
    return {
        "methods": {
            name: {
                "threshold": one.threshold,
                "jaccard": {str(t): one.jaccard(t).to_dict() for t in TOLERANCES_NM},
                "counts": {str(t): one.counts[t].sum(axis=0) for t in TOLERANCES_NM},
                "rmse_nm": {str(t): one.rmse_nm[t] for t in TOLERANCES_NM},
                "seconds": one.model.record["seconds"],
            }
            for name, one in scored.items()
        },
        "sweep": sweep,
    }
