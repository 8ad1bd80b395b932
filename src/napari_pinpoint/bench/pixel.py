"""One bright pixel: the published exercise in full, beside the best that anybody could do.

10,000 frames of the scene "pixel" are drawn once, with the seed 42: 80 % to learn from, of which a tenth validates, and
20 % to test. Positions are whole pixels, so that an answer can be exactly right. The network learns once by the squared
error, as published, and once by a cross-entropy in which the pixels of a frame compete.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from napari_pinpoint.bench import Tell, tell_nobody
from napari_pinpoint.bench.cache import in_quick, trained_on
from napari_pinpoint.camera import Camera
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.methods.points import Points
from napari_pinpoint.model import Localizer, ModelSpec
from napari_pinpoint.normalization import Normalization
from napari_pinpoint.registry import Part
from napari_pinpoint.reports.writing import Report, Section
from napari_pinpoint.sampling import Batch
from napari_pinpoint.scenes.pixel import PixelScene
from napari_pinpoint.stack import Stack
from napari_pinpoint.training import TrainingSpec

Array = np.ndarray[Any, Any]

SEED = 42
FRAMES, QUICK_FRAMES = 10_000, 100
SCENE = PixelScene()
#: An answer that is further away took something else for the pixel.
FAR_PX = 3.0
#: Pixels around a place that the network sees.
REACH = 5
#: The highest pixel as it is, however low: there is one object in every frame.
ARGMAX = {"threshold": 1e-12, "refinement": "none"}


class Learning(NamedTuple):
    """How a network learns: the loss, the standard deviation of the target's Gaussian in pixels, and how long."""

    loss: str
    sigma: float
    steps: int


SQUARED, COMPETING = "network, squared error", "network, pixels compete"
#: Mistakes that lie far off are one in some hundred frames and take long to be unlearnt; more than this gains nothing.
LEARNING = {SQUARED: Learning("mse", 0.8, 2_000), COMPETING: Learning("softmax", 0.3, 12_000)}
TRAINING = TrainingSpec(
    batch=16,
    learning_rate=3e-3,
    warm_up=100,
    averaging=0.99,
    seed=SEED,
    validate_every=500,
    precision="bf16-mixed",
)
#: Frames that go through a network at a time.
_CHUNK = 100


def spec_of(name: str) -> ModelSpec:
    """The model of that name in `LEARNING`."""
    loss, sigma, _ = LEARNING[name]
    target = {"name": "gaussian", "options": {"sigma_px": sigma}}
    return ModelSpec(
        name="bright-pixel" if loss == "mse" else f"bright-pixel-{loss}",
        summary="One bright pixel in noise and clutter.",
        backbone=Part(name="full_resolution", options={"widths": [32, 64, 128, 64, 32]}),
        method=Part(name="bright_pixel", options={"target_map": target, "loss_function": loss}),
        decoder=Part(name="argmax", options=ARGMAX | ({"compete": True} if loss == "softmax" else {})),
        normalization=Part(name="scaled", options={"scale": 255.0}),
    )


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


class Quarters:
    """The quarter of a frame that holds the bright pixel, mirrored and turned, with what the network sees beyond it.

    Most of a frame shows nothing that other frames do not. A quarter ends where the frame does at two of its sides;
    at the other two, what lies beyond is shown, too, but not believed. So no place looks otherwise than in a whole
    frame, as it would at the edges of windows that lie anywhere, and each is as likely as any other.
    """

    def __init__(self, frames: Frames) -> None:
        self.frames = frames
        self.quarter = np.array(SCENE.shape) // 2

    def draw(self, size: int, rng: np.random.Generator, normalization: Normalization) -> Batch:
        drawn = [self._one(int(index), rng) for index in rng.integers(len(self.frames.images), size=size)]
        images, places, valid = (np.stack(values) for values in zip(*drawn, strict=True))
        stacked = images[:, None]
        inputs = normalization.apply(stacked, normalization.measure(stacked), origin=(0, 0), camera=Camera())
        points = Points(
            torch.from_numpy(places[:, None].astype(np.float32)),
            torch.ones(size, 1, dtype=torch.bool),
            torch.zeros(size, 1, dtype=torch.long),
            torch.full((size, 1), torch.nan),
        )
        return Batch(torch.from_numpy(inputs), points, torch.from_numpy(valid))

    def _one(self, index: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
        """The quarter of a frame, the place of the pixel in it, and what is believed of it."""
        image, place = self.frames.images[index], self.frames.truth[index].astype(int)
        first = (place >= self.quarter) * self.quarter
        believed = np.zeros(image.shape, dtype=bool)
        believed[tuple(slice(a, a + n) for a, n in zip(first, self.quarter, strict=True))] = True
        start = np.maximum(first - REACH, 0)
        shown = tuple(slice(a, a + n + REACH) for a, n in zip(start, self.quarter, strict=True))
        image, believed, place = image[shown], believed[shown], place - start
        for axis, n in enumerate(image.shape):
            if rng.random() < 0.5:
                image, believed, place[axis] = np.flip(image, axis), np.flip(believed, axis), n - 1 - place[axis]
        return (image.T, place[::-1], believed.T) if rng.random() < 0.5 else (image, place, believed)


class BrightPixel:
    """The task of the comparison; `run` below makes a report of it alone."""

    name: ClassVar[str] = "pixel"
    title: ClassVar[str] = "One bright pixel"
    needs_data: ClassVar[bool] = False

    def run(
        self, folder: Path, data: Path | None = None, *, quick: bool = False, progress: Tell = tell_nobody
    ) -> Section:
        """Train, unless models of this kind lie in `folder`, and score; as `bench.Task` says."""
        from napari_pinpoint.bench.pixel_report import section

        parts = draw(QUICK_FRAMES if quick else FRAMES)
        models = {name: _trained(name, folder, parts, quick=quick, progress=progress) for name in LEARNING}
        return section(BrightPixel.title, models, parts, progress)


def run(folder: str | Path, *, quick: bool = False, progress: Tell = tell_nobody) -> Report:
    """The study as a report of its own; trained models are kept in `folder`."""
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

    MAE, MSE and RMSE are those of the coordinates, y and x alike; an answer is exact if its pixel is the true one;
    `far` is the number of answers more than `FAR_PX` away: something else was taken for the pixel.
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
        "far": int((distance > FAR_PX).sum()),
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
    found = model.decoder.model_copy(update=changed)({"heat": heat}, stride=1).localizations
    return np.stack([found["y"], found["x"]], axis=1)


def _trained(name: str, folder: Path, parts: dict[str, Frames], *, quick: bool, progress: Tell) -> Localizer:
    training = TRAINING.model_copy(update={"steps": LEARNING[name].steps})
    return trained_on(
        spec_of(name),
        in_quick(training) if quick else training,
        folder,
        source=lambda: Quarters(parts["train"]),
        validation=lambda: (parts["validation"].stack, parts["validation"].table),
        data={
            "scene": {"name": "pixel", "options": SCENE.model_dump(mode="json")},
            "seed": SEED,
            "frames": {which: len(part.images) for which, part in parts.items()},
            "source": "quarters",
        },
        progress=progress,
    )
