"""localize_iter, localize and localize_to_file: a plan carried out."""

from __future__ import annotations

import os
import warnings
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import torch
from torch import Tensor

from napari_pinpoint.errors import PinpointError, PinpointWarning
from napari_pinpoint.inference.planning import LocalizeSettings, Plan, Window, plan
from napari_pinpoint.inference.record import fingerprint_of
from napari_pinpoint.io.parts import PartFolder
from napari_pinpoint.io.tables import check_target, write_localizations
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.model import Localizer
from napari_pinpoint.stack import Stack, StackView

Frames = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Chunk:
    """What inference yields: the points of the frames start to stop - 1, and images where a decoder makes them."""

    index: int
    start: int
    stop: int
    localizations: Localizations
    images: dict[str, Frames] = field(default_factory=dict)


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
    >>> from napari_pinpoint import localize
    >>> from napari_pinpoint.scenes.emitters import EmitterScene
    >>> stack, truth = EmitterScene(density=(0.005, 0.005)).sample(10, np.random.default_rng(0))
    >>> table = localize(stack, "smlm-2d")
    >>> abs(len(table) / len(truth) - 1) < 0.1
    True
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
    parts.start(fingerprint_of(plan), resume=resume, overwrite=overwrite)
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
