"""plan -> localize_iter -> localize: the only way from a stack to points.

`plan` decides everything once: device, windows, batch, halo, camera. After that nothing branches; an image that fits
at once is one tile. Reading, the network and decoding overlap, chunk by chunk, and memory does not grow with the
length of the stack.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import platform
import warnings
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any, Literal

import numpy as np
import torch
from pydantic import BaseModel, Field
from torch import Tensor

from napari_pinpoint import __version__
from napari_pinpoint.camera import Camera
from napari_pinpoint.camera_estimation import check_camera, estimate_camera
from napari_pinpoint.errors import PinpointError, PinpointWarning
from napari_pinpoint.io.parts import PartFolder
from napari_pinpoint.io.tables import check_target, write_localizations
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.model import Localizer, load_model
from napari_pinpoint.stack import Stack, StackView

Frames = np.ndarray[Any, Any]

#: Pixels (of all frames) that are read, localized and written as one chunk.
_CHUNK_PIXELS = {"cpu": 2**21, "mps": 2**22, "cuda": 2**24}
#: Pixels that go through the network at once; on the CPU few, so that features stay in the cache.
_BATCH_PIXELS = {"cpu": 2**18, "mps": 2**21, "cuda": 2**23}
#: Side of a tile without its halo.
_TILE = {"cpu": 512, "mps": 1024, "cuda": 2048}


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


@dataclass(frozen=True)
class Chunk:
    """What inference yields: the points of the frames start to stop - 1, and images where a decoder makes them."""

    index: int
    start: int
    stop: int
    localizations: Localizations
    images: dict[str, Frames] = field(default_factory=dict)


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
    windows = _windows(view.spatial_shape, settings.tile or _TILE[chosen.type], model)
    pixels = max(int(np.prod([b - a for a, b in window.outer])) for window in windows)
    per_frame = int(np.prod(view.spatial_shape))
    length = max(1, _CHUNK_PIXELS[chosen.type] // per_frame)
    chunks = tuple((first, min(first + length, stop)) for first in range(start, stop, length))
    return Plan(
        view=view,
        model=_placed(model, chosen),
        settings=settings,
        device=chosen,
        camera=camera,
        windows=windows,
        batch=settings.batch or max(1, _BATCH_PIXELS[chosen.type] // pixels),
        chunks=chunks,
        record=_record(view, model, settings, (start, stop), chosen),
    )


def localize_iter(plan: Plan, *, skip: Collection[int] = (), cancel: Event | None = None) -> Iterator[Chunk]:
    """Localize chunk by chunk, in order.

    Parameters
    ----------
    plan
        What `plan` decided.
    skip
        Indices of chunks that are there already.
    cancel
        When it is set, the iteration ends after the chunk under way.
    """
    todo = deque(index for index in range(len(plan.chunks)) if index not in skip)
    network = _Network(plan)
    with ThreadPoolExecutor(1, "pinpoint-read") as reader, ThreadPoolExecutor(1, "pinpoint-decode") as decoder:
        reading: deque[Future[_Read]] = deque()
        decoding: deque[Future[Chunk]] = deque()
        try:
            while todo or reading or decoding:
                while todo and len(reading) < 2:
                    reading.append(reader.submit(_read, plan, todo.popleft()))
                if reading:
                    read = reading.popleft().result()
                    decoding.append(decoder.submit(_decode, plan, read, network(read)))
                if decoding and (len(decoding) > 1 or not reading):
                    yield decoding.popleft().result()
                if cancel is not None and cancel.is_set():
                    return
        finally:
            for waiting in reading:
                waiting.cancel()


def localize(
    stack: Stack | StackView,
    model: Localizer | str | os.PathLike[str],
    *,
    settings: LocalizeSettings | None = None,
    device: str = "auto",
    progress: Callable[[int, int], None] | None = None,
) -> Localizations:
    """Find every point of a stack.

    Parameters
    ----------
    stack
        A stack with one channel and one plane, or a view of any stack (`Stack.view`).
    model
        A model, the name of one that ships, or a file.
    settings
        Threshold, frames and how to cut the work.
    device
        "auto", "cpu", "cuda", "cuda:1" or "mps".
    progress
        Called with (frames done, frames in all) after every chunk.

    Returns
    -------
    Localizations with frame, y, x (pixels) and probability, and the record of the run.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_pinpoint import Camera, Stack, localize
    >>> dark = np.full((3, 64, 64), 100, np.uint16)
    >>> stack = Stack(dark, "TYX", Camera(offset_adu=100, electrons_per_adu=0.5), pixel_size_nm=100)
    >>> len(localize(stack, "smlm-2d"))
    0
    """
    decided = plan(stack, model, settings=settings, device=device)
    tables = []
    for chunk in localize_iter(decided):
        tables.append(chunk.localizations)
        if progress is not None:
            progress(chunk.stop - decided.chunks[0][0], decided.n_frames)
    return finish(decided, tables)


def localize_to_file(
    plan: Plan,
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    resume: bool = False,
    overwrite: bool = False,
    cancel: Event | None = None,
) -> Generator[Chunk, None, Localizations | None]:
    """Localize into a table file; yields the chunks as they reach the disk, and returns the table once it is complete.

    While it runs, finished chunks lie in a folder beside `path`; the table appears under its name when it is
    complete. With `resume` the chunks of a killed run are kept, if it was the same run. What the table's format or
    place would refuse is refused before the work begins.
    """
    path = Path(path)
    check_target(path, format=format, pixel_size_nm=plan.view.stack.pixel_size_nm, overwrite=overwrite)
    parts = PartFolder(path)
    parts.start(_fingerprint(plan), resume=resume, overwrite=overwrite)
    try:
        for chunk in localize_iter(plan, skip=parts.finished(), cancel=cancel):
            parts.write(chunk.index, chunk.localizations)
            yield chunk
    finally:
        if not parts.finished():  # there is nothing to go on with
            parts.remove()
    if len(parts.finished()) < len(plan.chunks):
        return None
    table = finish(plan, [parts.collect()])
    write_localizations(table, path, format=format, overwrite=overwrite)
    parts.remove()
    return table


def finish(plan: Plan, tables: list[Localizations]) -> Localizations:
    """The table of a plan from those of its chunks in order, with calibration and record."""
    table = Localizations.concatenate(tables) if tables else Localizations.empty(["probability"])
    return Localizations(
        table.columns,
        pixel_size_nm=plan.view.stack.pixel_size_nm,
        z_step_nm=plan.view.stack.z_step_nm,
        record=plan.record,
    )


# ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Read:
    """The frames of a chunk as they came from the file, and what the normalization measured on them."""

    index: int
    frames: Frames
    measured: Any


def _read(plan: Plan, index: int) -> _Read:
    frames = plan.view.read(*plan.chunks[index])
    return _Read(index, frames, plan.model.normalization.measure(frames))


class _Network:
    """Runs the network over all windows of a chunk, with smaller batches when the device runs out of memory."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.batch = plan, plan.batch

    def __call__(self, read: _Read) -> list[tuple[Window, int, dict[str, Tensor]]]:
        """Maps of every window and batch of frames, with the index of the batch's first frame in the chunk."""
        answers = []
        for window in self.plan.windows:
            inputs = torch.from_numpy(_cut(self.plan, read, window))
            first = 0
            while first < len(inputs):
                try:
                    maps = self._forward(inputs[first : first + self.batch])
                except torch.OutOfMemoryError as error:
                    self._halve(error)
                    continue
                answers.append((window, first, maps))
                first += len(next(iter(maps.values())))
        return answers

    def _forward(self, inputs: Tensor) -> dict[str, Tensor]:
        plan = self.plan
        reduced = plan.settings.precision == "bfloat16"
        with torch.inference_mode(), torch.autocast(plan.device.type, torch.bfloat16, enabled=reduced):
            moved = inputs.to(plan.device, non_blocking=True)
            if plan.model.spec.dims == 2:
                moved = moved.contiguous(memory_format=torch.channels_last)
            return plan.model(moved)  # type: ignore[no-any-return]

    def _halve(self, error: Exception) -> None:
        if self.batch == 1:
            raise PinpointError(
                f"The device {self.plan.device} has too little memory even for one window. Give a smaller tile "
                f"(--tile) or use --device cpu."
            ) from error
        self.batch = max(1, self.batch // 2)
        if self.plan.device.type == "cuda":
            torch.cuda.empty_cache()
        warnings.warn(
            f"The device ran out of memory: going on with batches of {self.batch}.", PinpointWarning, stacklevel=2
        )


def _cut(plan: Plan, read: _Read, window: Window) -> Frames:
    """Normalized input of a window, (n, C, *outer): beyond the image its edge is repeated."""
    shape = plan.view.spatial_shape
    inside = tuple(slice(a, min(b, n)) for (a, b), n in zip(window.outer, shape, strict=True))
    raw = read.frames[(slice(None), slice(None), *inside)]
    origin = tuple(a for a, _ in window.outer)
    values = plan.model.normalization.apply(raw, read.measured, origin=origin, camera=plan.camera)
    beyond = [(0, max(0, b - n)) for (_, b), n in zip(window.outer, shape, strict=True)]
    return np.pad(values, [(0, 0), (0, 0), *beyond], mode="edge") if any(b for _, b in beyond) else values


def _decode(plan: Plan, read: _Read, answers: list[tuple[Window, int, dict[str, Tensor]]]) -> Chunk:
    """Points of all windows in pixels of the stack; each point comes from the window whose core holds it."""
    start, stop = plan.chunks[read.index]
    tables = []
    for window, first, maps in answers:
        found = plan.model.decode(maps, threshold=plan.settings.threshold)
        columns, kept = found.columns, np.ones(len(found), dtype=bool)
        columns["frame"] = found["frame"] + start + first
        for axis, (a, b), (low, _), size in zip(
            plan.view.spatial_axes.lower(), window.core, window.outer, plan.view.spatial_shape, strict=True
        ):
            place = columns[axis] = found[axis] + low
            # Points of a core at the border of the image may lie up to a pixel outside of it.
            kept &= (place >= (a - 0.5 if a > 0 else -1.0)) & (place < (b - 0.5 if b < size else size))
        tables.append(Localizations(columns).select(kept))
    table = Localizations.concatenate(tables)
    order = np.lexsort((table["x"], table["y"], table["frame"]))
    return Chunk(read.index, start, stop, table.select(order))


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
        "The table holds no photons; give the camera's numbers for a trustworthy result.",
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


def _record(
    view: StackView, model: Localizer, settings: LocalizeSettings, frames: tuple[int, int], device: torch.device
) -> dict[str, Any]:
    """How the table came to be, as plain JSON values; `pinpoint rerun` reads it."""
    stack = view.stack
    threshold = settings.threshold or model.decoder.threshold
    return {
        "format": 1,
        "input": {
            "path": stack.path,
            "sha256_of_sample": _hash_of_file(stack.path),
            "shape": list(stack.shape),
            "dtype": str(stack.dtype),
            **view.describe(),
        },
        "pixel_size_nm": stack.pixel_size_nm,
        "z_step_nm": stack.z_step_nm,
        "sources": dict(stack.sources),
        "camera": stack.camera.to_record(),
        "model": {
            "name": model.spec.name,
            "version": model.spec.version,
            "fingerprint": model.fingerprint(),
            "path": model.path,
        },
        "settings": {**settings.model_dump(mode="json"), "threshold": threshold, "frames": list(frames)},
        "device": str(device),
        "versions": {
            "napari-pinpoint": __version__,
            "python": platform.python_version(),
            "torch": str(torch.__version__),
            "numpy": np.__version__,
        },
        "steps": [{"step": "localize"}],
    }


def _hash_of_file(path: str | None) -> str | None:
    """A hash of a file's size, first and last megabyte: enough to notice another file, quick at any size."""
    if path is None or not Path(path).is_file():
        return None
    size = Path(path).stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with Path(path).open("rb") as file:
        digest.update(file.read(2**20))
        file.seek(max(0, size - 2**20))
        digest.update(file.read())
    return digest.hexdigest()


def _fingerprint(plan: Plan) -> dict[str, Any]:
    """What must agree for the parts of a killed run to be used."""
    kept = ("input", "pixel_size_nm", "camera", "model", "settings")
    return {**{name: plan.record[name] for name in kept}, "chunks": [list(chunk) for chunk in plan.chunks]}
