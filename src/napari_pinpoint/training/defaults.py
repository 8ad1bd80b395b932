"""What is trained, and how, where a user only says on which images: the one place for such defaults."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np

from napari_pinpoint.augmentation import Augmentation
from napari_pinpoint.datasets import Dataset
from napari_pinpoint.decoders import DECODERS
from napari_pinpoint.errors import PinpointError, PinpointWarning
from napari_pinpoint.methods import METHODS
from napari_pinpoint.model import Localizer, ModelSpec
from napari_pinpoint.registry import Part, Registry
from napari_pinpoint.training.spec import DatasetPart, Recipe, TrainingSpec

#: How a model that knows its trade is taught more: gently, or it forgets.
REFINING = TrainingSpec(steps=2_000, batch=8, learning_rate=2e-4, validate_every=250, patience=4, schedules_from=1.0)


class Proposal(NamedTuple):
    """A network, what it sees and how it learns."""

    backbone: Part
    normalization: Part
    images: DatasetPart
    training: TrainingSpec


_LEARNING: dict[str, Any] = {"warm_up": 50, "averaging": 0.99, "precision": "bf16-mixed", "patience": 8}

#: Points and spots of a few pixels. Brightness is measured in the range of the whole image, as on a display that its
#: brightest spots set, for so people decide what to mark; it is hardly changed.
_SPOTS = Proposal(
    Part(name="unet", options={"widths": [16, 32, 48]}),
    Part(name="local", options={"cell": 4096, "high": 99.99, "compress": 5.0}),
    DatasetPart(
        window=64,
        on_points=0.4,
        augmentation=Augmentation(scale=(0.7, 1.4), brightness=0.05, contrast=0.05, blur_px=(0, 0.3), noise=(0, 0.05)),
    ),
    TrainingSpec(steps=2_000, batch=10, learning_rate=3e-3, validate_every=200, tolerance_px=2.0, **_LEARNING),
)
#: Objects of ten pixels and more, of which all is to be seen: nuclei, cells in culture.
_OBJECTS = Proposal(
    Part(name="unet", options={"widths": [12, 24, 48, 64]}),
    Part(name="local", options={"cell": 4096, "low": 10, "compress": 5.0}),
    DatasetPart(
        window=256,
        on_points=0.0,
        rim=2,
        augmentation=Augmentation(scale=(0.7, 1.4), brightness=0.1, contrast=0.25, noise=(0, 0.08)),
    ),
    TrainingSpec(steps=3_000, batch=4, learning_rate=2e-3, validate_every=250, tolerance_px=8.0, **_LEARNING),
)
#: Objects of tens of pixels with boxes, often in colour: a coarse map is enough, and far quicker.
_LARGE = Proposal(
    Part(name="unet", options={"widths": [24, 48, 96, 128], "stem": 4, "stride": 4, "batch_norm": True}),
    Part(name="local", options={"cell": 4096}),
    DatasetPart(
        window=384,
        on_points=0.0,
        augmentation=Augmentation(scale=(0.75, 1.3), brightness=0.1, contrast=0.2, gamma=0.2, hue=15),
    ),
    TrainingSpec(steps=1_500, batch=4, learning_rate=2e-3, clip=10.0, validate_every=150, tolerance_px=20, **_LEARNING),
)
#: Objects whose boxes are larger than this are large, pixels.
_LARGE_PX = 24.0

#: Options of methods and decoders for points that people clicked, which are about a pixel off and have no size.
_FOR_POINTS = {
    "matching": Part(
        name="matching", options={"lambda_px": {"start": 1.2, "end": 0.4, "finish": 0.6, "shape": "exponential"}}
    ),
    "centernet": Part(name="centernet", options={"radius": "fixed", "radius_px": 1.0, "sizes": False}),
    "pooled_mass": Part(name="pooled_mass", options={"radius": 1.5}),
}


def recipe_for(
    dataset: Dataset,
    *,
    name: str = "model",
    method: str | None = None,
    backbone: str | None = None,
    decoder: str | None = None,
    loss: str | None = None,
    target: str | None = None,
    threshold_function: str | None = None,
    images: DatasetPart | None = None,
    window: int | None = None,
    steps: int | None = None,
) -> Recipe:
    """A recipe for a new model of a dataset; all that is not said is chosen for its points, boxes and colours.

    Parameters
    ----------
    dataset
        What it is to learn from (all of its parts).
    name
        What users call the model.
    method
        By default "centernet" where objects have boxes, "matching" where they are points.
    backbone, decoder
        In the place of those that suit the method.
    loss, target, threshold_function
        For methods and decoders that leave them open.
    images
        Where the images are and what is seen of them; its window and augmentation are not heeded.
    window, steps
        Side of the windows in pixels, and length of the training.

    Raises
    ------
    PinpointError
        If what was chosen does not fit together; the message says what does.

    Examples
    --------
    >>> from napari_pinpoint.datasets import Sample
    >>> from napari_pinpoint.localizations import Localizations
    >>> dots = Localizations({"frame": [0, 0], "y": [3, 9], "x": [5, 7]})
    >>> recipe = recipe_for(Dataset((Sample(np.zeros((64, 64)), dots, "a"),)))
    >>> recipe.model.method.name, recipe.dataset.window
    ('matching', 64)
    """
    chosen, size = method or ("centernet" if dataset.has_sizes else "matching"), _typical_size(dataset)
    proposal = _proposal(chosen, size)
    parts = {"loss": loss, "target": target, "threshold_function": threshold_function}
    model = _new_model(name, dataset, proposal, method=chosen, backbone=backbone, decoder=decoder, **parts)
    training = {"tolerance_px": max(proposal.training.tolerance_px, size / 3)}
    if steps is not None:
        training["steps"] = steps
    return Recipe(
        model=model,
        dataset=_images(proposal, images, window, Localizer(model).grid, size),
        training=proposal.training.model_copy(update=training),
    )


def _new_model(
    name: str,
    dataset: Dataset,
    proposal: Proposal,
    *,
    method: str,
    backbone: str | None,
    decoder: str | None,
    loss: str | None,
    target: str | None,
    threshold_function: str | None,
) -> ModelSpec:
    """The model for a dataset; what is None is as it is proposed, or as the method has it."""
    points, answer = not dataset.has_sizes, decoder or METHODS[method].default_decoder
    asked = {"loss_function": (loss, "loss"), "target_map": (target, "target")}
    read = {"function": (threshold_function, "threshold function")}
    return ModelSpec(
        name=name,
        backbone=proposal.backbone if backbone in (None, proposal.backbone.name) else Part(name=str(backbone)),
        method=_part(METHODS, "method", method, asked, points=points),
        decoder=_part(DECODERS, "decoder", answer, read, points=points),
        normalization=proposal.normalization,
        dims=dataset[0].view().dims,  # type: ignore[arg-type]
        channels=dataset.channels,
        classes=_classes(method, dataset.classes),
    )


def refining(
    begin: Localizer,
    dataset: Dataset,
    *,
    name: str = "model",
    images: DatasetPart | None = None,
    window: int | None = None,
) -> Recipe:
    """A recipe that teaches a model that is there more; parameters are those of `recipe_for`."""
    size = _typical_size(dataset)
    proposal = _proposal(begin.spec.method.name, size)
    if begin.normalization.needs_photons:  # sizes of spots and brightness mean something to it
        proposal = proposal._replace(images=proposal.images.model_copy(update={"augmentation": Augmentation()}))
    tolerance = max(REFINING.tolerance_px, size / 3)
    return Recipe(
        # Of other weights, what was seen of these is not true.
        model=begin.recalibrated(None).spec.model_copy(update={"name": name, "version": 1}),
        dataset=_images(proposal, images, window, begin.grid, size),
        training=REFINING.model_copy(update={"tolerance_px": tolerance}),
    )


def _images(proposal: Proposal, images: DatasetPart | None, window: int | None, grid: int, size: float) -> DatasetPart:
    """The proposal's way to cut windows, from the images that are given; windows on the network's grid.

    Of a large object at a cut, a part is missing, but its box is whole: what lies so near to a cut is not believed.
    """
    kept = {"path", "format", "split", "validation", "channel", "plane", "axes"}
    given = {} if images is None else images.model_dump(include=kept)
    side = window or -(-proposal.images.window // grid) * grid
    rim = min(round(size / 2), side // 8) if size > _LARGE_PX else proposal.images.rim
    return DatasetPart(**{**proposal.images.model_dump(), **given, "window": side, "rim": rim})


def _proposal(method: str, size: float) -> Proposal:
    """What suits a method for objects of a typical size; what is none of ours learns points."""
    if method == "centernet" and size > _LARGE_PX:
        return _LARGE
    return _OBJECTS if method == "lcfcn" or size > _LARGE_PX / 2 else _SPOTS


def _typical_size(dataset: Dataset) -> float:
    """The median side of the boxes in pixels; 0 where there are none."""
    sides = [np.sqrt(s.table["height"] * s.table["width"]) for s in dataset if "height" in s.table]
    known = np.concatenate([side[np.isfinite(side)] for side in sides]) if sides else np.empty(0)
    return float(np.median(known)) if len(known) else 0.0


def _classes(method: str, classes: tuple[str, ...]) -> tuple[str, ...]:
    """The classes that a method can learn: all, or none of their names."""
    if not classes or "classes" in METHODS[method].model_fields:
        return classes
    if len(classes) > 1:
        able = ", ".join(name for name in METHODS if "classes" in METHODS[name].model_fields)
        warnings.warn(
            f"The method {method} does not tell classes apart: {', '.join(classes)} are learnt as one. Methods that "
            f"do: {able}.",
            PinpointWarning,
            stacklevel=4,
        )
    return ()


def _part(
    registry: Registry[Any], kind: str, name: str, given: dict[str, tuple[str | None, str]], *, points: bool
) -> Part:
    """A thing out of a registry with the options that suit it; one that it does not have says which things do."""
    options = dict(_FOR_POINTS[name].options) if points and name in _FOR_POINTS else {}
    for field, (value, what) in given.items():
        if value is None:
            continue
        if field not in registry[name].model_fields:
            able = ", ".join(other for other in registry if field in registry[other].model_fields)
            raise PinpointError(f"The {kind} {name} has no {what} to choose; these have: {able}.")
        options[field] = Part(name=value)
    return Part(name=name, options=options)
