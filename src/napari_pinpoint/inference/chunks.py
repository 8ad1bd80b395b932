"""Chunks: reading their frames, and the network over all windows of these."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import numpy as np
import torch
from torch import Tensor

from napari_pinpoint.errors import PinpointError, PinpointWarning
from napari_pinpoint.inference.planning import Plan, Window
from napari_pinpoint.localizations import Localizations

Frames = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Chunk:
    """What inference yields: the points of the frames start to stop - 1, and images where a decoder makes them.

    Images are arrays (stop - start, \\*spatial). In "labels", int32, a blob has the number that its row of the table
    has in the column `blob`; what lies outside the region or was not kept is 0.
    """

    index: int
    start: int
    stop: int
    localizations: Localizations
    images: dict[str, Frames] = field(default_factory=dict)


@dataclass(frozen=True)
class Read:
    """The frames of a chunk as they came from the file, and what the normalization measured on them."""

    index: int
    frames: Frames
    measured: Any


def read_chunk(plan: Plan, index: int) -> Read:
    """The whole frames of a chunk."""
    frames = plan.view.read(*plan.chunks[index])
    return Read(index, frames, plan.model.normalization.measure(frames))


class Cancelled(Exception):
    """Raised between two batches of a chunk when the run was cancelled."""


class Network:
    """Runs the network over all windows of a chunk, with smaller batches when the device runs out of memory.

    It raises `Cancelled` before the next batch when `cancel` is set; `progress` is told how many frames of all have
    been seen.
    """

    def __init__(
        self, plan: Plan, cancel: Event | None = None, progress: Callable[[float], None] | None = None
    ) -> None:
        self.plan, self.batch = plan, plan.batch
        self.cancel, self.progress = cancel or Event(), progress

    def __call__(self, read: Read) -> Iterator[tuple[Window, int, dict[str, Tensor]]]:
        """Maps of every window and batch of frames, with the index of the batch's first frame in the chunk."""
        windows, n_frames = self.plan.windows, len(read.frames)
        start = self.plan.chunks[read.index][0] - self.plan.frames[0]
        for number, window in enumerate(windows):
            inputs = torch.from_numpy(_cut(self.plan, read, window))
            first = 0
            while first < n_frames:
                if self.cancel.is_set():
                    raise Cancelled
                try:
                    maps = self._forward(inputs[first : first + self.batch])
                except (torch.OutOfMemoryError, RuntimeError) as error:
                    if not _is_out_of_memory(error):
                        raise
                    self._halve(error)
                    continue
                yield window, first, maps
                first = min(first + self.batch, n_frames)
                if self.progress is not None:
                    self.progress(start + (number * n_frames + first) / len(windows))

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


def _is_out_of_memory(error: Exception) -> bool:
    """CUDA has an error of its own for it; on the CPU and on MPS only the words tell."""
    words = str(error).lower()
    return (
        isinstance(error, torch.OutOfMemoryError)
        or "allocate memory" in words
        or "not enough memory" in words
        or "out of memory" in words
    )


def _cut(plan: Plan, read: Read, window: Window) -> Frames:
    """Normalized input of a window, (n, C, *outer): beyond the image its edge is repeated."""
    shape = plan.view.spatial_shape
    inside = tuple(slice(a, min(b, n)) for (a, b), n in zip(window.outer, shape, strict=True))
    raw = read.frames[(slice(None), slice(None), *inside)]
    origin = tuple(a for a, _ in window.outer)
    values = plan.model.normalization.apply(raw, read.measured, origin=origin, camera=plan.camera)
    beyond = [(0, max(0, b - n)) for (_, b), n in zip(window.outer, shape, strict=True)]
    return np.pad(values, [(0, 0), (0, 0), *beyond], mode="edge") if any(b for _, b in beyond) else values
