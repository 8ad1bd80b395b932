"""plan: everything about a localization, decided once."""

from __future__ import annotations

import itertools
import math
import os
import warnings
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from pydantic import BaseModel, Field

from napari_pinpoint.camera import Camera
from napari_pinpoint.camera_estimation import check_camera, estimate_camera
from napari_pinpoint.errors import PinpointError, PinpointWarning
from napari_pinpoint.inference.devices import choose_device
from napari_pinpoint.inference.record import record_of
from napari_pinpoint.inference.refining import check_can_fit, usual_sigma
from napari_pinpoint.model import Localizer, load_model
from napari_pinpoint.region import Region
from napari_pinpoint.registry import Part
from napari_pinpoint.stack import Stack, StackView

#: Pixels (of all frames) that are read and localized as one chunk: less than half a second's work on two cores.
CHUNK_PIXELS = {"cpu": 2**19, "mps": 2**22, "cuda": 2**24}
#: Pixels that go through the network at once; on the CPU few, so that features stay in the cache.
BATCH_PIXELS = {"cpu": 2**16, "mps": 2**21, "cuda": 2**23}
#: Side of a tile without its halo.
TILE = {"cpu": 512, "mps": 1024, "cuda": 2048}


class LocalizeSettings(BaseModel, extra="forbid", frozen=True):
    """How to localize; every default is what a user should get."""

    threshold: float | None = Field(
        default=None, gt=0, le=1, description="Least probability; the model's own if unset."
    )
    min_contrast: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description="Least contrast-to-noise; the model's own if unset, 0 measures it and keeps all.",
    )
    decoder: Part | None = Field(default=None, description="What turns maps into points; the model's own if unset.")
    frames: tuple[int, int] | None = Field(default=None, description="First frame and the one after the last.")
    batch: int | None = Field(default=None, ge=1, description="Windows that go through the network at once.")
    tile: int | None = Field(default=None, ge=16, description="Side of a tile in pixels.")
    precision: Literal["float32", "bfloat16"] = "float32"
    refine: Literal["none", "mle"] = Field(
        default="none",
        description="What measures the points again: nothing, or a maximum-likelihood fit (mle) of each one's position,"
        " photons, background and width to the pixels.",
    )

    def decoder_for(self, model: Localizer) -> Any:
        """The decoder that is used: the model's own unless another is chosen."""
        return model.decoder if self.decoder is None else model.build_decoder(self.decoder)

    def resolved(self, model: Localizer) -> LocalizeSettings:
        """The settings with the model's own values where they leave the choice to it."""
        own = {"threshold": self.decoder_for(model).threshold, "min_contrast": model.spec.min_contrast}
        return self.model_copy(update={name: value for name, value in own.items() if getattr(self, name) is None})


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
    """A localization, decided in every detail; made by `plan`.

    `model` has the decoder that is used; `settings` say the threshold, contrast and frames that are; `chunks` are
    (start, stop) of at most `chunk_frames` frames; `psf_sigma` is that of the fit, in pixels, None without one.
    """

    view: StackView
    model: Localizer
    settings: LocalizeSettings
    region: Region | None
    device: torch.device
    camera: Camera
    windows: tuple[Window, ...]
    batch: int
    chunk_frames: int
    psf_sigma: float | None
    record: dict[str, Any]

    @property
    def frames(self) -> tuple[int, int]:
        """The first frame and the one after the last."""
        return self.settings.frames or (0, self.view.n_frames)

    @property
    def n_frames(self) -> int:
        start, stop = self.frames
        return stop - start

    @cached_property
    def chunks(self) -> tuple[tuple[int, int], ...]:
        start, stop = self.frames
        step = self.chunk_frames
        return tuple((first, min(first + step, stop)) for first in range(start, stop, step))

    def with_frames(self, start: int, stop: int) -> Plan:
        """The same plan for the frames start to stop - 1 of the stack."""
        return self.with_settings(frames=_checked_frames(self.view, (start, stop)))

    def with_settings(self, **settings: Any) -> Plan:
        """The same plan with another `threshold`, `min_contrast` or other `frames`, which are not checked."""
        changed = self.settings.model_copy(update=settings)
        return replace(self, settings=changed, record={**self.record, "settings": changed.model_dump(mode="json")})

    def without_fit(self) -> Plan:
        """The same plan, its points left as the model sees them."""
        if self.psf_sigma is None:
            return self
        record = {name: value for name, value in self.record.items() if name != "fit"}
        return replace(self, psf_sigma=None, record=record).with_settings(refine="none")


def plan(
    stack: Stack | StackView,
    model: Localizer | str | os.PathLike[str],
    *,
    settings: LocalizeSettings | None = None,
    region: Region | None = None,
    device: str = "auto",
) -> Plan:
    """Decide everything about a localization once.

    Parameters
    ----------
    stack
        A stack with one channel and one plane, or a view of any stack.
    model
        A model, the name of one that ships, or a file.
    region
        Where points are wanted; all of the image by default. The network sees what is around it, too, so that points
        inside are those of the whole image.

    Raises
    ------
    PinpointError
        If the frames are not there, the axes need a choice, the model does not fit the stack, the decoder does not
        fit the model, or a fit is asked for and the camera is not known.
    """
    view = stack.view() if isinstance(stack, Stack) else stack
    model = model if isinstance(model, Localizer) else load_model(model)
    chosen = choose_device(device)
    if view.dims != model.spec.dims:
        raise PinpointError(
            f"The model {model.spec.name} works on {model.spec.dims} spatial axes; this view of {view.stack.name} has "
            f"{view.dims} ({view.spatial_axes}). Choose another model, or another plane."
        )
    view = view.with_channels(model.spec.channels)
    given = settings or LocalizeSettings()
    frames = _checked_frames(view, given.frames or (0, view.n_frames))
    settings = given.resolved(model).model_copy(update={"frames": frames})
    record = record_of(view, model, settings, region, chosen)
    if settings.decoder is not None:
        model = model.with_decoder(settings.decoder)
    _check_what_is_asked(view, settings, region)
    camera = _camera_for(view, model)
    _check_domain(view, model)
    psf_sigma = usual_sigma(view, model) if settings.refine == "mle" else None
    windows = _windows(view.spatial_shape, settings.tile or TILE[chosen.type], model, region)
    pixels = max(int(np.prod([b - a for a, b in window.outer])) for window in windows)
    per_frame = int(np.prod(view.spatial_shape))
    return Plan(
        view=view,
        model=_placed(model, chosen),
        settings=settings,
        region=region,
        device=chosen,
        camera=camera,
        windows=windows,
        batch=settings.batch or max(1, BATCH_PIXELS[chosen.type] // pixels),
        chunk_frames=max(1, CHUNK_PIXELS[chosen.type] // per_frame),
        psf_sigma=psf_sigma,
        record=record if psf_sigma is None else {**record, "fit": {"psf_sigma_px": psf_sigma}},
    )


def _checked_frames(view: StackView, frames: tuple[int, int]) -> tuple[int, int]:
    start, stop = frames
    if not 0 <= start < stop <= view.n_frames:
        raise PinpointError(
            f"{view.stack.name} has {view.n_frames} frames; frames {start}:{stop} are not a part of 0:{view.n_frames}."
        )
    return start, stop


def _check_what_is_asked(view: StackView, settings: LocalizeSettings, region: Region | None) -> None:
    """Contrast and fits are for images, and a region must be drawn on images of this size."""
    if settings.min_contrast is not None and view.dims != 2:
        raise PinpointError(
            f"Contrast is measured in images (rows, columns); this view of {view.stack.name} has {view.spatial_axes}. "
            "Leave min_contrast away, or choose a plane."
        )
    if settings.refine == "mle":
        check_can_fit(view)
    if region is not None and view.spatial_shape[-2:] != region.labels.shape:
        rows, columns = view.spatial_shape[-2:] if view.dims > 1 else (1, *view.spatial_shape)
        raise PinpointError(
            f"{region.words} has {region.labels.shape[0]} x {region.labels.shape[1]} "
            f"pixels, the images of {view.stack.name} have {rows} x {columns}; they must be the same."
        )


def _windows(shape: tuple[int, ...], tile: int, model: Localizer, region: Region | None) -> tuple[Window, ...]:
    """Windows that cover the frame, or its region: cores of at most `tile` pixels on the model's grid, and halos."""
    grid, halo = model.grid, model.halo
    step = max(grid, tile // grid * grid)
    ends = [(0, n) for n in shape]
    # A decoder of whole frames has to see what reaches into the region: as far as the network looks at least.
    whole = model.decoder.scope == "frame"
    around = math.ceil(min(max(model.decoder.reach, halo), max(shape))) if whole else 0
    if region is not None:
        rows_and_columns = zip(region.bounds(), shape[-2:], strict=True)
        ends[-2:] = [(max(0, a - around), min(b + around, n)) for (a, b), n in rows_and_columns]
    axes = []
    for n, (first, last) in zip(shape, ends, strict=True):
        padded = -(-n // grid) * grid
        first, last = first // grid * grid, min(-(-last // grid) * grid, n)
        fits = -(-last // grid) * grid - first <= step
        edges = [first, last] if fits else [*range(first, last, step), last]
        axes.append(
            [
                ((a, b), (max(0, a - halo), min(padded, -(-b // grid) * grid + halo)))
                for a, b in itertools.pairwise(edges)
            ]
        )
    windows = [
        Window(tuple(core for core, _ in parts), tuple(outer for _, outer in parts))
        for parts in itertools.product(*axes)
    ]
    if region is None:
        return tuple(windows)
    near = [tuple(slice(max(0, a - around), b + around) for a, b in window.core[-2:]) for window in windows]
    return tuple(window for window, place in zip(windows, near, strict=True) if region.labels[place].any())


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
