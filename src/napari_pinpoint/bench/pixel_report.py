"""What the study of one bright pixel reports: tables, figures, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from scipy.ndimage import convolve
from torch import Tensor

from napari_pinpoint.bench import Tell
from napari_pinpoint.bench.cache import training_table
from napari_pinpoint.bench.ideal_pixel import brightest, locate
from napari_pinpoint.bench.pixel import COMPETING, FAR_PX, LEARNING, SCENE, SQUARED, Frames, answers, heat_maps, scores
from napari_pinpoint.bench.pixel_figures import Sample, curves, histograms, samples
from napari_pinpoint.evaluation.bootstrap import bootstrap
from napari_pinpoint.methods.points import points_of
from napari_pinpoint.methods.targets import TARGETS
from napari_pinpoint.model import Localizer
from napari_pinpoint.reports.writing import Goal, Picture, Section, Table
from napari_pinpoint.scenes.pixel import KERNEL

Array = np.ndarray[Any, Any]
Models = Mapping[str, Localizer]
Found = dict[str, Array]

IDEAL = "ideal estimator"
#: Further ways to read the heat map that was learned by the squared error.
VARIANTS: dict[str, dict[str, Any]] = {
    "the same, refined by a parabola": {"refinement": "quadratic"},
    "the same, refined by a Gaussian": {"refinement": "gaussian"},
    "the same, matched to its Gaussian": {"matched_sigma_px": LEARNING[SQUARED].sigma},
}
_COLUMNS = ("MAE px", "MSE px^2", "RMSE px", "mean error px", "std of error px", "exact", "far")
_SAMPLES = "Circle: the pixel; cross: the answer. The first three frames, and the first two whose answer is not exact."


def section(title: str, models: Models, parts: dict[str, Frames], progress: Tell) -> Section:
    """Score the models on all parts, and everybody on the test part."""
    heat, found = {}, {}
    for done, (name, part) in enumerate(parts.items()):
        progress("localizing", done, len(parts))
        heat[name] = {who: heat_maps(model, part) for who, model in models.items()}
        found[name] = {who: answers(model, heat[name][who]) for who, model in models.items()}
        found[name][IDEAL] = locate(part.images, SCENE)
    progress("drawing", 0, 1)
    test = parts["test"]
    at_all = {name: _scored(each, parts[name]) for name, each in found.items()}
    at_test = _scored(found["test"] | _others(models, test, heat["test"]), test)
    rows: list[tuple[str | float, ...]] = [
        (name, who, *values.values()) for name, each in at_all.items() for who, values in each.items()
    ]
    distances = {who: np.hypot(*(at - test.truth).T) for who, at in found["test"].items()}
    return Section(
        title,
        [
            *_about(),
            Table(("part", "", *_COLUMNS), rows, "Networks and ideal estimator on all parts"),
            Table(("", *_COLUMNS), [(who, *values.values()) for who, values in at_test.items()], "On the test part"),
            _compared(distances),
            *_pictures(models, test, heat["test"], found["test"]),
            training_table(models),
        ],
        [
            Goal(f"mean error over that of the {IDEAL}", _error(distances, COMPETING), at_most=1.15),
            Goal(f"exact hits over those of the {IDEAL}", _exact(distances, COMPETING), at_least=0.97),
        ],
        {"parts": at_all, "test": at_test},
    )


def _scored(found: Found, part: Frames) -> dict[str, dict[str, float]]:
    return {who: scores(at, part.truth) for who, at in found.items()}


def _others(models: Models, test: Frames, heat: Mapping[str, Tensor]) -> Found:
    """Answers of the first network's heat maps read otherwise, and naive ones."""
    blurred = convolve(test.images.astype(float), np.outer(KERNEL, KERNEL)[None], mode="mirror")
    return {
        **{name: answers(models[SQUARED], heat[SQUARED], **options) for name, options in VARIANTS.items()},
        "brightest after the same blur": brightest(blurred),
        "brightest pixel": brightest(test.images),
    }


def _about() -> list[str]:
    size, (low, high) = " x ".join(map(str, SCENE.shape)), SCENE.clutter_range
    return [
        f"Frames of {size} pixels: one, anywhere, is {SCENE.brightness:g}; a Gaussian blur of 5 x 5 (as OpenCV's) "
        f"leaves a peak of {SCENE.brightness * KERNEL.max() ** 2:.0f}; noise of {SCENE.noise:g} is added; "
        f"{SCENE.clutter:.0%} of the pixels become clutter of {low} to {high}; all is clipped to 8 bits.",
        "The network has no pooling and learns from the quarters of frames that hold the bright pixel, mirrored and "
        "turned; its answer is the highest pixel of the heat map of the whole frame. By the squared error "
        f"it learns a heat map with a Gaussian of {LEARNING[SQUARED].sigma:g} px. (The exercise as published takes 1.8 "
        "px, whole frames, and 75 epochs of 64 frames a step.) Such a heat map says of each place by itself how likely "
        "the pixel is there. The same network also learns by the cross-entropy of a softmax over the pixels, where "
        "they compete, as there is exactly one; it is this one that is held against the figures to reach.",
        "The ideal estimator knows how frames are made: the blur with its mirrored borders, the noise, the clutter, "
        "clipping and rounding. It takes the pixel for which the frame is most likely; nobody can be exact more often.",
        "MAE, MSE and RMSE are those of the coordinates; the error is the distance; exact is the share of frames whose "
        f"pixel is the true one; far is the number of frames whose error is above {FAR_PX:g} px: these few, in which "
        "something anywhere in the frame was taken for the pixel, make up much of the mean error and nearly all of "
        "MSE and RMSE, so that these scatter from part to part, as the intervals say.",
    ]


def _error(distances: Found, who: str, frames: Any = slice(None)) -> float:
    """Mean error over that of the ideal estimator on some frames; NaN where that has none."""
    ideal = distances[IDEAL][frames].mean()
    return float(distances[who][frames].mean() / ideal) if ideal > 0 else float("nan")


def _exact(distances: Found, who: str, frames: Any = slice(None)) -> float:
    """Exact hits over those of the ideal estimator on some frames."""
    return float((distances[who][frames] == 0).sum() / max((distances[IDEAL][frames] == 0).sum(), 1))


def _compared(distances: Found) -> Table:
    """Ratios to the ideal estimator on the same frames, with what other frames might have given."""
    rows = []
    for who in LEARNING:
        for what, measure in (("mean error", _error), ("exact hits", _exact)):
            interval = bootstrap(
                lambda frames, who=who, measure=measure: measure(distances, who, frames),  # type: ignore[misc]
                len(distances[who]),
            )
            rows.append((who, what, interval.value, interval.low, interval.high))
    caption = f"Over the {IDEAL} on the test part, with 95 % bootstrap intervals"
    return Table(("", "", "ratio", "low", "high"), rows, caption)


def _pictures(models: Models, test: Frames, heat: Mapping[str, Tensor], found: Found) -> list[Picture]:
    errors = (
        f"How often an error has which size, of the networks and of the {IDEAL}, on the test part. The last bars are "
        "errors of 6 px and more: the pixel was taken for another one anywhere."
    )
    learned = (
        "The losses on quarters of frames of the training part, and exact hits on whole frames of the validation part."
    )
    shown = {
        SQUARED: ("pixel-samples", torch.sigmoid(heat[SQUARED]), f"True and predicted heat maps. {_SAMPLES}"),
        COMPETING: (
            "pixel-samples-competing",
            torch.softmax(heat[COMPETING].flatten(1), dim=1).reshape(heat[COMPETING].shape),
            f"The same where pixels compete: their shares add up to 1. {_SAMPLES}",
        ),
    }
    return [
        Picture.of(histograms(found, test.truth), "pixel-errors", errors),
        *(
            Picture.of(samples(_chosen(models[who], test, maps, found[who])), name, caption)
            for who, (name, maps, caption) in shown.items()
        ),
        Picture.of(curves({who: model.record["curve"] for who, model in models.items()}), "pixel-curves", learned),
    ]


def _chosen(model: Localizer, test: Frames, heat: Tensor, found: Array) -> list[Sample]:
    wrong = np.flatnonzero((found != test.truth).any(axis=1))
    chosen = [0, 1, 2, *wrong[wrong > 2][:2].tolist()]
    points, _ = points_of(test.table, n_frames=len(test.images), shape=SCENE.shape)
    wanted = TARGETS.make(model.method.target_map)(points, SCENE.shape, stride=1, classes=1)
    return [Sample(test.images[i], wanted[i, 0].numpy(), heat[i, 0].numpy(), test.truth[i], found[i]) for i in chosen]
