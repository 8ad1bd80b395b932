"""What the methods for spots are and learn from: a small network that has seen
simulated spots, windows of two annotated images, five methods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from napari_pinpoint.augmentation import Augmentation
from napari_pinpoint.datasets import Dataset
from napari_pinpoint.model import Localizer, ModelSpec, load_model
from napari_pinpoint.registry import Part
from napari_pinpoint.sampling import DatasetSource, MixedSource, SampleSource
from napari_pinpoint.training import TrainingSpec

#: Pixels are measured in the range of the whole image, as on a display that its brightest spots set: it is how people
#: decide what is bright enough to be marked, and so the one scale that is the same in all images.
NORMALIZATION = Part(name="local", options={"cell": 4096, "high": 99.99, "compress": 2.0})

WINDOW = 48
#: Sizes of spots differ between images. How bright a spot is decides whether it is marked, so that is left alone.
AUGMENTATION = Augmentation(scale=(0.75, 1.4), noise=(0.0, 0.03))
#: Share of the windows that lie on a spot: most of a large image is empty, and has to be seen, too.
ON_POINTS = 0.3

#: Whose backbone all of them begin with, and whose head, too, where it is the same method: it has seen simulated spots
#: only.
START = "spots"

_POOLED = Part(name="pooled_mass", options={"radius": 1.5})


def _model(name: str, method: Part, decoder: Part) -> ModelSpec:
    return ModelSpec(
        name=f"spots-{name}",
        summary=f"Spots as two images teach them, by the method {name}.",
        backbone=Part(name="unet", options={"widths": [16, 32, 48, 64]}),
        method=method,
        decoder=decoder,
        normalization=NORMALIZATION,
    )


#: The same network on the same windows for all.
MODELS: dict[str, ModelSpec] = {
    "matching": _model(
        "matching",
        Part(
            name="matching",
            options={"lambda_px": {"start": 1.2, "end": 0.4, "finish": 0.6, "shape": "exponential"}},
        ),
        _POOLED,
    ),
    "mixture": _model("mixture", Part(name="mixture"), _POOLED),
    "gaussian": _model("gaussian", Part(name="gaussian"), Part(name="peaks")),
    "centernet": _model(
        "centernet",
        Part(name="centernet", options={"radius": "fixed", "radius_px": 1.0, "sizes": False, "width": 16}),
        Part(name="centers"),
    ),
    "lcfcn": _model("lcfcn", Part(name="lcfcn"), Part(name="blobs")),
}

TRAINING = TrainingSpec(
    steps=1_500,
    batch=8,
    learning_rate=1.5e-3,
    warm_up=30,
    averaging=0.99,
    validate_every=1_500,
    precision="bf16-mixed",
)
#: The methods that are trained with all of these steps, and how many the others get: time is short.
THOROUGH = ("matching", "gaussian")
FEWER_STEPS = 500


def goes_on(spec: ModelSpec) -> bool:
    """Whether the model that all begin with is of the same method, so that its head can be kept."""
    return spec.method == load_model(START).spec.method


def training_of(spec: ModelSpec) -> TrainingSpec:
    """How a model is trained; one that goes on has its method's schedules behind it."""
    steps = TRAINING.steps if spec.method.name in THOROUGH else FEWER_STEPS
    schedules_from = 1.0 if goes_on(spec) else 0.0
    return TRAINING.model_copy(
        update={"steps": steps, "validate_every": steps, "schedules_from": schedules_from},
    )


def start_of(spec: ModelSpec) -> Localizer:
    """What a model begins with."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(TRAINING.seed)
        model = Localizer(spec)
    start = load_model(START)
    model.backbone.load_state_dict(start.backbone.state_dict())
    if goes_on(spec):
        model.head.load_state_dict(start.head.state_dict())
    return model


def source_of(images: Dataset) -> SampleSource:
    """Windows of annotated images, as many of each image, whatever its size and however many spots it has."""
    sources = [
        DatasetSource(images.with_samples([sample]), window=WINDOW, augmentation=AUGMENTATION, on_points=ON_POINTS)
        for sample in images
    ]
    return MixedSource(sources, [1.0] * len(sources))


def identity_of(spec: ModelSpec, images: Dataset, files: str) -> Mapping[str, Any]:
    """What tells these data from all others; `files` is the hash of all of the files."""
    return {
        "start": f"{'' if goes_on(spec) else 'backbone of '}{load_model(START).fingerprint()}",
        "files": files,
        "images": [sample.name for sample in images],
        "window": WINDOW,
        "on_points": ON_POINTS,
        "augmentation": AUGMENTATION.model_dump(mode="json"),
    }
