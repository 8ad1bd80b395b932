"""plan: everything about a localization, decided once."""

from __future__ import annotations

import itertools
import os
import warnings
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from pydantic import BaseModel, Field

from napari_pinpoint.camera import Camera
from napari_pinpoint.camera_estimation import check_camera, estimate_camera
from napari_pinpoint.errors import PinpointError, PinpointWarning
from napari_pinpoint.inference.record import record_of
from napari_pinpoint.model import Localizer, load_model
from napari_pinpoint.stack import Stack, StackView

#: Pixels (of all frames) that are read, localized and written as one chunk.
CHUNK_PIXELS = {"cpu": 2**20, "mps": 2**22, "cuda": 2**24}
#: Pixels that go through the network at once; on the CPU few, so that features stay in the cache.
BATCH_PIXELS = {"cpu": 2**16, "mps": 2**21, "cuda": 2**23}
#: Side of a tile without its halo.
TILE = {"cpu": 512, "mps": 1024, "cuda": 2048}


class LocalizeSettings(BaseModel, extra="forbid", frozen=True):
    """How to localize; every default is what a user should get."""

    threshold: float | None = Field(
        default=None, gt=0, le=1, description="Least probability; the model's own if unset."
    )
    frames: tuple[int, int] | None = Field(default=None, description="First frame and the one after the last.")
    batch: int | None = Field(default=None, ge=1, description="Windows that go through the network at once.")
    tile: int | None = Field(default=None, ge=16, description="Side of a tile in pixels.")
    precision: Literal["float32", "bfloat16"] = "float32"


@dataclass(frozen=True)
class Window:
    """A part of every frame: `core` holds the points that belong to it, `outer` is what the network sees.

    Both are (start, stop) per spatial axis in pixels; `outer` may end beyond the image, where the image's edge is
    repeated up to the next multiple of the model's grid.
    """

    core: tuple[tuple[int, int], ...]
    outer: tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False)
class Plan:
    """A localization, decided in every detail; made by `plan`."""

    view: StackView
    model: Localizer
    settings: LocalizeSettings
    device: torch.device
    camera: Camera
    windows: tuple[Window, ...]
    batch: int
    chunks: tuple[tuple[int, int], ...]
    record: dict[str, Any]

    @property
    def n_frames(self) -> int:
        return self.chunks[-1][1] - self.chunks[0][0]


def choose_device(device: str = "auto") -> torch.device:
    """The device to compute on: "auto" takes CUDA, then MPS, then the CPU; any other name must be there."""
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        chosen = torch.device(device)
    except RuntimeError:
        raise PinpointError(f"There is no device {device!r}; give auto, cpu, cuda, cuda:N or mps.") from None
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there.get(chosen.type, False):
        raise PinpointError(
            f"The device {device!r} is not available here: this torch ({torch.__version__}) finds no such GPU. "
            "Use --device auto or cpu."
        )
    return chosen


def plan(
    stack: Stack | StackView,
    model: Localizer | str | os.PathLike[str],
    *,
    settings: LocalizeSettings | None = None,
    device: str = "auto",
) -> Plan:
    """Decide everything about a localization once.

    Parameters
    ----------
    stack
        A stack with one channel and one plane, or a view of any stack.
    model
        A model, the name of one that ships, or a file.

    Raises
    ------
    PinpointError
        If the frames are not there, the axes need a choice, or the model does not fit the stack.
    """
    view = stack.view() if isinstance(stack, Stack) else stack
    model = model if isinstance(model, Localizer) else load_model(model)
    settings = settings or LocalizeSettings()
    chosen = choose_device(device)
    if view.dims != model.spec.dims:
        raise PinpointError(
            f"The model {model.spec.name} works on {model.spec.dims} spatial axes; this view of {view.stack.name} has "
            f"{view.dims} ({view.spatial_axes}). Choose another model, or another plane."
        )
    if view.channels != model.spec.channels:
        raise PinpointError(f"The model {model.spec.name} needs {model.spec.channels} channels, not {view.channels}.")
    start, stop = settings.frames or (0, view.n_frames)
    if not 0 <= start < stop <= view.n_frames:
        raise PinpointError(
            f"{view.stack.name} has {view.n_frames} frames; frames {start}:{stop} are not a part of 0:{view.n_frames}."
        )
    camera = _camera_for(view, model)
    _check_domain(view, model)
    windows = _windows(view.spatial_shape, settings.tile or TILE[chosen.type], model)
    pixels = max(int(np.prod([b - a for a, b in window.outer])) for window in windows)
    per_frame = int(np.prod(view.spatial_shape))
    length = max(1, CHUNK_PIXELS[chosen.type] // per_frame)
    chunks = tuple((first, min(first + length, stop)) for first in range(start, stop, length))
    return Plan(
        view=view,
        model=_placed(model, chosen),
        settings=settings,
        device=chosen,
        camera=camera,
        windows=windows,
        batch=settings.batch or max(1, BATCH_PIXELS[chosen.type] // pixels),
        chunks=chunks,
        record=record_of(view, model, settings, (start, stop), chosen),
    )


def _windows(shape: tuple[int, ...], tile: int, model: Localizer) -> tuple[Window, ...]:
    """Windows that cover a frame: cores of at most `tile` pixels on the model's grid, and a halo around each."""
    grid, halo = model.grid, model.halo
    step = max(grid, tile // grid * grid)
    whole = model.decoder.scope == "frame"  # such a decoder needs all of the frame at once
    axes = []
    for n in shape:
        padded = -(-n // grid) * grid
        edges = [0, n] if whole or padded <= step else [*range(0, n, step), n]
        axes.append(
            [
                ((a, b), (max(0, a - halo), min(padded, -(-b // grid) * grid + halo)))
                for a, b in itertools.pairwise(edges)
            ]
        )
    return tuple(
        Window(tuple(core for core, _ in parts), tuple(outer for _, outer in parts))
        for parts in itertools.product(*axes)
    )


def _placed(model: Localizer, device: torch.device) -> Localizer:
    """The model on its device, in the order of channels with which convolutions are fastest (on the CPU by half)."""
    if model.spec.dims == 2:
        return model.to(device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload,no-any-return]
    return model.to(device).eval()


def _camera_for(view: StackView, model: Localizer) -> Camera:
    """The camera that the normalization uses: the stack's own, or for the network alone one estimated from the data."""
    camera = view.stack.camera
    if not model.normalization.needs_photons:
        return camera
    if camera.is_calibrated:
        check_camera(view, camera)
        return camera
    estimate = estimate_camera(view, em_gain=camera.em_gain)
    warnings.warn(
        f"The model {model.spec.name} counts photons, and the camera of {view.stack.name} is not known "
        f"({', '.join(camera.missing())} missing). Estimated from the data for the network: {estimate}. "
        "Give the camera's numbers for a trustworthy result.",
        PinpointWarning,
        stacklevel=3,
    )
    return estimate.camera


def _check_domain(view: StackView, model: Localizer) -> None:
    """Warn where the stack is known to lie outside of what the model was trained for."""
    size, domain = view.stack.pixel_size_nm, model.spec.domain.pixel_size_nm
    if size is not None and domain is not None and not domain[0] <= size <= domain[1]:
        warnings.warn(
            f"The pixel size of {view.stack.name} is {size:g} nm; the model {model.spec.name} was trained for "
            f"{domain[0]:g} to {domain[1]:g} nm, so its result may be poor. Check it, or choose another model.",
            PinpointWarning,
            stacklevel=3,
        )
