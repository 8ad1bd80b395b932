"""One bright pixel: the published exercise in full, beside the best that anybody could do.

10,000 frames of the scene "pixel" are drawn once, with the seed 42: 80 % to learn from, of which a tenth validates, and
20 % to test. Positions are whole pixels, so that an answer can be exactly right.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from scipy.ndimage import convolve
from torch import Tensor

from napari_pinpoint.bench import Tell, tell_nobody
from napari_pinpoint.bench.cache import in_quick, trained_on, training_table
from napari_pinpoint.bench.ideal_pixel import brightest, locate
from napari_pinpoint.bench.pixel_figures import Sample, curves, histograms, samples
from napari_pinpoint.bench.report import Goal, Picture, Report, Section, Table
from napari_pinpoint.evaluation.bootstrap import bootstrap
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.methods.points import points_of
from napari_pinpoint.methods.targets import TARGETS
from napari_pinpoint.model import Localizer, ModelSpec
from napari_pinpoint.registry import Part
from napari_pinpoint.sampling import StackSource
from napari_pinpoint.scenes.pixel import KERNEL, PixelScene
from napari_pinpoint.stack import Stack
from napari_pinpoint.training import TrainingSpec

Array = np.ndarray[Any, Any]

SEED = 42
FRAMES, QUICK_FRAMES = 10_000, 100
SCENE = PixelScene()
#: The highest pixel as it is, however low: there is one object in every frame.
ARGMAX = {"threshold": 1e-12, "refinement": "none"}
SIGMA_PX = 1.0
MODEL = ModelSpec(
    name="bright-pixel",
    summary="One bright pixel in noise and clutter.",
    backbone=Part(name="full_resolution", options={"widths": [32, 64, 128, 64, 32]}),
    method=Part(
        name="bright_pixel",
        options={"target_map": {"name": "gaussian", "options": {"sigma_px": SIGMA_PX}}, "loss_function": "mse"},
    ),
    decoder=Part(name="argmax", options=ARGMAX),
    normalization=Part(name="scaled", options={"scale": 255.0}),
)
TRAINING = TrainingSpec(
    steps=4_000,
    batch=32,
    learning_rate=2e-3,
    warm_up=100,
    averaging=0.99,
    seed=SEED,
    validate_every=500,
    precision="bf16-mixed",
)
#: Side of the windows that are learned from, in pixels: they hold the bright one and save the rest of the frame.
WINDOW = 22
#: Further ways to read the same heat map.
VARIANTS: dict[str, dict[str, Any]] = {
    "network, refined by a parabola": {"refinement": "quadratic"},
    "network, refined by a Gaussian": {"refinement": "gaussian"},
    "network, matched to its Gaussian": {"matched_sigma_px": SIGMA_PX},
}
_COLUMNS = ("MAE px", "MSE px^2", "RMSE px", "mean error px", "std of error px", "exact")
NETWORK, IDEAL = "network", "ideal estimator"
#: Frames that go through the network at a time.
_CHUNK = 100


@dataclass(frozen=True)
class Frames:
    """A part of the frames (n, Y, X) uint8, and where the bright pixels are, (n, 2) y, x."""

    images: Array
    truth: Array

    @property
    def stack(self) -> Stack:
        return Stack(self.images, "TYX")

    @property
    def table(self) -> Localizations:
        return Localizations({"frame": np.arange(len(self.truth)), "y": self.truth[:, 0], "x": self.truth[:, 1]})

    def __getitem__(self, part: slice) -> Frames:
        return Frames(self.images[part], self.truth[part])


class BrightPixel:
    """The task of the comparison; `run` below makes a report of it alone."""

    name: ClassVar[str] = "pixel"
    title: ClassVar[str] = "One bright pixel"
    needs_data: ClassVar[bool] = False

    def run(
        self, folder: Path, data: Path | None = None, *, quick: bool = False, progress: Tell = tell_nobody
    ) -> Section:
        """Train, unless a model of this kind lies in `folder`, and score; as `bench.Task` says."""
        parts = draw(QUICK_FRAMES if quick else FRAMES)
        model = _trained(folder, parts, quick=quick, progress=progress)
        return _section(model, parts, progress)


def run(folder: str | Path, *, quick: bool = False, progress: Tell = tell_nobody) -> Report:
    """The study as a report of its own; the trained model is kept in `folder`."""
    section = BrightPixel().run(Path(folder), quick=quick, progress=progress)
    said = ["A QUICK RUN: trained for seconds, only to see that everything works. The scores mean nothing."]
    return Report("One bright pixel in noise and clutter", said if quick else [], [section])


def draw(n_frames: int) -> dict[str, Frames]:
    """The frames to train, to validate and to test on; each is drawn by itself, so their order is as good as any."""
    stack, table = SCENE.sample(n_frames, np.random.default_rng(SEED))
    frames = Frames(stack.data, np.stack([table["y"], table["x"]], axis=1))
    learned = n_frames * 8 // 10
    kept = learned * 9 // 10
    return {"train": frames[:kept], "validation": frames[kept:learned], "test": frames[learned:]}


def scores(found: Array, truth: Array) -> dict[str, float]:
    """What is reported of answers (n, 2) beside the truth (n, 2), in pixels.

    MAE, MSE and RMSE are those of the coordinates, y and x alike; an answer is exact if its pixel is the true one.
    """
    away = found - truth
    distance = np.hypot(*away.T)
    mse = float((away**2).mean())
    return {
        "mae_px": float(np.abs(away).mean()),
        "mse_px2": mse,
        "rmse_px": mse**0.5,
        "mean_error_px": float(distance.mean()),
        "std_error_px": float(distance.std()),
        "exact": float((np.abs(away) <= 0.5).all(axis=1).mean()),
    }


def heat_maps(model: Localizer, frames: Frames) -> Tensor:
    """(n, 1, Y, X) logits."""
    view, camera = frames.stack.view(), frames.stack.camera
    maps = []
    with torch.inference_mode():
        for start in range(0, len(frames.images), _CHUNK):
            images = view.read(start, min(start + _CHUNK, len(frames.images)))
            measured = model.normalization.measure(images)
            inputs = torch.from_numpy(model.normalization.apply(images, measured, origin=(0, 0), camera=camera))
            maps.append(model(inputs.contiguous(memory_format=torch.channels_last))["heat"])
    return torch.cat(maps)


def answers(model: Localizer, heat: Tensor, **changed: Any) -> Array:
    """(n, 2) y, x of the one point of every frame, with other options of the decoder if given."""
    decoder = model.build_decoder(Part(name="argmax", options=ARGMAX | changed))
    found = decoder({"heat": heat}, stride=1).localizations
    return np.stack([found["y"], found["x"]], axis=1)


def _trained(folder: Path, parts: dict[str, Frames], *, quick: bool, progress: Tell) -> Localizer:
    return trained_on(
        MODEL,
        in_quick(TRAINING) if quick else TRAINING,
        folder,
        source=lambda: StackSource(parts["train"].stack, parts["train"].table, window=WINDOW, on_points=1.0),
        validation=lambda: (parts["validation"].stack, parts["validation"].table),
        data={
            "scene": {"name": "pixel", "options": SCENE.model_dump(mode="json")},
            "seed": SEED,
            "frames": {name: len(part.images) for name, part in parts.items()},
            "window": WINDOW,
        },
        progress=progress,
    )


def _section(model: Localizer, parts: dict[str, Frames], progress: Tell) -> Section:
    heat, found = {}, {}
    for done, (name, part) in enumerate(parts.items()):
        progress("localizing", done, len(parts))
        heat[name] = heat_maps(model, part)
        found[name] = {NETWORK: answers(model, heat[name]), IDEAL: locate(part.images, SCENE)}
    progress("drawing", 0, 1)
    test = parts["test"]
    at_all = {name: {who: scores(at, parts[name].truth) for who, at in each.items()} for name, each in found.items()}
    at_test = {
        who: scores(at, test.truth) for who, at in _all_answers(model, test, heat["test"], found["test"]).items()
    }
    rows: list[tuple[str | float, ...]] = [
        (name, who, *values.values()) for name, each in at_all.items() for who, values in each.items()
    ]
    return Section(
        BrightPixel.title,
        [
            *_about(),
            Table(("part", "", *_COLUMNS), rows, "The network and the ideal estimator on all parts"),
            Table(("", *_COLUMNS), [(who, *values.values()) for who, values in at_test.items()], "On the test part"),
            _compared(found["test"], test.truth),
            Picture.of(
                histograms(found["test"], test.truth),
                "pixel-errors",
                "How often an error has which size, of the network and of the ideal estimator, on the test part. "
                "The last bars are errors of 6 px and more: the pixel was taken for another one anywhere.",
            ),
            Picture.of(
                samples(_shown(model, test, heat["test"], found["test"][NETWORK])),
                "pixel-samples",
                "Frames of the test part with the true and the predicted heat map: the first three, and the first two "
                "whose answer is not exact. Circle: the pixel; cross: the answer.",
            ),
            Picture.of(
                curves(model.record["curve"]),
                "pixel-curves",
                "The loss on windows of the training part, and exact hits on whole frames of the validation part.",
            ),
            training_table({NETWORK: model}),
        ],
        _goals(at_test),
        {"parts": at_all, "test": at_test},
    )


def _all_answers(model: Localizer, test: Frames, heat: Tensor, found: dict[str, Array]) -> dict[str, Array]:
    """The answers of everybody: as published, the ideal ones, the same heat maps read otherwise, and naive ones."""
    blurred = convolve(test.images.astype(float), np.outer(KERNEL, KERNEL)[None], mode="mirror")
    return {
        **found,
        **{name: answers(model, heat, **options) for name, options in VARIANTS.items()},
        "brightest after the same blur": brightest(blurred),
        "brightest pixel": brightest(test.images),
    }


def _shown(model: Localizer, test: Frames, heat: Tensor, found: Array) -> list[Sample]:
    wrong = np.flatnonzero((found != test.truth).any(axis=1))
    chosen = [0, 1, 2, *wrong[wrong > 2][:2].tolist()]
    points, _ = points_of(test.table, n_frames=len(test.images), shape=SCENE.shape)
    target = TARGETS.make(model.method.target_map)
    wanted = target(points, SCENE.shape, stride=1, classes=1)
    return [
        Sample(test.images[i], wanted[i, 0].numpy(), torch.sigmoid(heat[i, 0]).numpy(), test.truth[i], found[i])
        for i in chosen
    ]


def _about() -> list[str]:
    size, (low, high) = " x ".join(map(str, SCENE.shape)), SCENE.clutter_range
    return [
        f"Frames of {size} pixels: one, anywhere, is {SCENE.brightness:g}; a Gaussian blur of 5 x 5 (as OpenCV's) "
        f"leaves a peak of {SCENE.brightness * KERNEL.max() ** 2:.0f}; noise of {SCENE.noise:g} is added; "
        f"{SCENE.clutter:.0%} of the pixels become clutter of {low} to {high}; all is clipped to 8 bits.",
        "The network has no pooling and learns a heat map by the squared error, from windows of "
        f"{WINDOW} x {WINDOW} pixels that hold the bright one, mirrored and turned, with Gaussians of {SIGMA_PX:g} px. "
        "Its answer is the highest pixel of the heat map of the whole frame. The exercise as published takes Gaussians "
        "of 1.8 px, whole frames and 75 epochs of 64 frames a step.",
        "The ideal estimator knows how frames are made: the blur with its mirrored borders, the noise, the clutter, "
        "clipping and rounding. It takes the pixel for which the frame is most likely; nobody can be exact more often.",
        "MAE, MSE and RMSE are those of the coordinates; the error is the distance; exact is the share of frames whose "
        "pixel is the true one.",
    ]


def _compared(found: dict[str, Array], truth: Array) -> Table:
    """Ratios to the ideal estimator on the same frames, with what other frames might have given."""
    distance = {who: np.hypot(*(at - truth).T) for who, at in found.items()}

    def error(frames: Array) -> float:
        ideal = distance[IDEAL][frames].mean()
        return float(distance[NETWORK][frames].mean() / ideal) if ideal > 0 else float("nan")

    def exact(frames: Array) -> float:
        return float((distance[NETWORK][frames] == 0).mean() / max((distance[IDEAL][frames] == 0).mean(), 1e-9))

    rows = []
    for name, measure in (("mean error", error), ("exact hits", exact)):
        interval = bootstrap(measure, len(truth))
        rows.append((name, interval.value, interval.low, interval.high))
    return Table(("network over ideal", "ratio", "low", "high"), rows, "Test part, with 95 % bootstrap intervals")


def _goals(at_test: dict[str, dict[str, float]]) -> list[Goal]:
    network, ideal = at_test[NETWORK], at_test[IDEAL]
    return [
        Goal("mean error over that of the ideal estimator", _over(network, ideal, "mean_error_px"), at_most=1.15),
        Goal("exact hits over those of the ideal estimator", _over(network, ideal, "exact"), at_least=0.97),
    ]


def _over(network: dict[str, float], ideal: dict[str, float], name: str) -> float:
    return network[name] / ideal[name] if ideal[name] else float("nan")
