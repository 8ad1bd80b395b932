"""From the network's maps to a chunk: window by window, or of whole frames where a decoder must see all of a frame."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from napari_pinpoint.contrast import contrast
from napari_pinpoint.inference.chunks import Chunk, Frames, Read
from napari_pinpoint.inference.planning import Plan, Window
from napari_pinpoint.inference.refining import refined
from napari_pinpoint.localizations import Localizations

#: Columns that mean something only where the camera is known.
_OF_LIGHT = ("photons", "background", "uncertainty_photons", "uncertainty_background")
#: What stitched maps hold where nothing was computed: as a logit, no probability at all.
_NOTHING = -1e4


class Decoding(Protocol):
    """One chunk on its way from maps to points; used from one thread at a time."""

    def add(self, window: Window, first: int, maps: dict[str, Tensor]) -> None:
        """Take the maps of a window, of the frames from `first` in the chunk on."""

    def finish(self) -> Chunk:
        """The chunk, when all windows are there."""


def decoding_of(plan: Plan, read: Read) -> Decoding:
    """How the plan's decoder wants its maps."""
    return FrameDecoding(plan, read) if plan.model.decoder.scope == "frame" else WindowDecoding(plan, read)


class WindowDecoding:
    """Decodes every window by itself; a point belongs to the window whose core holds it."""

    def __init__(self, plan: Plan, read: Read) -> None:
        self.plan, self.read = plan, read
        self._tables: list[Localizations] = []

    def add(self, window: Window, first: int, maps: dict[str, Tensor]) -> None:
        found = self.plan.model.decode(maps, threshold=self.plan.settings.threshold).localizations
        self._tables.append(_in_stack(self.plan, self.read, found, first, window))

    def finish(self) -> Chunk:
        return _chunk(self.plan, self.read, Localizations.concatenate(self._tables), {})


class FrameDecoding:
    """Stitches the cores of all windows to the maps of whole frames, on the CPU, and decodes these.

    Where a region leaves windows out there is nothing. Of what lies beyond the image, where its edge was repeated,
    only cells that reach into the image take part.
    """

    def __init__(self, plan: Plan, read: Read) -> None:
        self.plan, self.read = plan, read
        self._maps: dict[str, Tensor] = {}

    def add(self, window: Window, first: int, maps: dict[str, Tensor]) -> None:
        stride = self.plan.model.backbone.stride
        # Cores begin on the grid, and end on it or with the image.
        core = [(a // stride, -(-b // stride)) for a, b in window.core]
        origin = [a // stride for a, _ in window.outer]
        inside: Any = (..., *(slice(a - o, b - o) for (a, b), o in zip(core, origin, strict=True)))
        place: Any = (..., *(slice(a, b) for a, b in core))
        for name, part in maps.items():
            whole = self._stitched(name, part)[first : first + len(part)]
            whole[place] = part[inside].float().cpu()

    def finish(self) -> Chunk:
        plan, shape = self.plan, self.plan.view.spatial_shape
        decoded = plan.model.decode(self._maps, threshold=plan.settings.threshold)
        self._maps.clear()
        inside = (slice(None), *(slice(n) for n in shape))
        images = {name: np.asarray(image)[inside] for name, image in decoded.images.items()}
        found, all_of_it = decoded.localizations, tuple((0, n) for n in shape)
        if "labels" in plan.model.decoder.images:
            found = found.with_columns(blob=_rank(found["frame"]))
        return _chunk(plan, self.read, _in_stack(plan, self.read, found, 0, Window(all_of_it, all_of_it)), images)

    def _stitched(self, name: str, part: Tensor) -> Tensor:
        """The map of that name of the whole frames, (n, ..., \\*cells), made when its first part comes."""
        if name not in self._maps:
            shape, stride = self.plan.view.spatial_shape, self.plan.model.backbone.stride
            between = part.shape[1 : part.ndim - len(shape)]
            cells = [-(-n // stride) for n in shape]
            self._maps[name] = torch.full((len(self.read.frames), *between, *cells), _NOTHING)
        return self._maps[name]


def _in_stack(plan: Plan, read: Read, found: Localizations, first: int, window: Window) -> Localizations:
    """Points of a batch in pixels of the stack, those that the window's core holds."""
    columns, kept = found.columns, np.ones(len(found), dtype=bool)
    columns["frame"] = found["frame"] + plan.chunks[read.index][0] + first
    for axis, (a, b), (low, _), size in zip(
        plan.view.spatial_axes.lower(), window.core, window.outer, plan.view.spatial_shape, strict=True
    ):
        place = columns[axis] = found[axis] + low
        # Points of a core at the border of the image may lie up to a pixel outside of it.
        kept &= (place >= (a - 0.5 if a > 0 else -1.0)) & (place < (b - 0.5 if b < size else size))
    return Localizations(columns).select(kept)


def _chunk(plan: Plan, read: Read, table: Localizations, images: dict[str, Frames]) -> Chunk:
    """The chunk from all its points and images: inside the region, of enough contrast, in order, and refined."""
    start, stop = plan.chunks[read.index]
    if not (plan.view.stack.camera.is_calibrated and plan.model.normalization.needs_photons):
        # Of counts, or with numbers guessed for the network alone, they would be no photons.
        table = table.without_columns(*_OF_LIGHT)
    table = _select_asked(plan, table, read.frames, start)
    # The fit comes last: which rows there are, and in which order, does not depend on it.
    table = refined(plan, table.select(np.lexsort((table["x"], table["y"], table["frame"]))), read.frames, start)
    if "labels" in images:
        images = {**images, "labels": _kept_labels(images["labels"], table, start)}
    return Chunk(read.index, start, stop, table, images)


def _select_asked(plan: Plan, table: Localizations, frames: Frames, start: int) -> Localizations:
    """The rows inside the plan's region and of enough contrast, with the columns that tell these.

    `frames` are the raw ones (n, C, *spatial) from frame `start` on: contrast is that of the image, not of what the
    network sees; of several channels it is that of their mean.
    """
    if plan.region is not None:
        labels = plan.region.labels_at(table["y"], table["x"])
        table = table.with_columns(region=labels).select(labels != 0)
    least = plan.settings.min_contrast
    if least is not None:
        grey = frames[:, 0] if frames.shape[1] == 1 else frames.mean(axis=1)
        measured = contrast(grey, table["frame"] - start, table["y"], table["x"])
        table = table.with_columns(contrast=measured).select(measured >= np.float32(least))
    return table


def _rank(frame: Frames) -> Frames:
    """For every row (n,) its number among the rows of its frame, from 1."""
    order = np.argsort(frame, kind="stable")
    ordered = frame[order]
    rank = np.empty(len(frame), dtype=np.int64)
    rank[order] = np.arange(1, len(frame) + 1) - np.searchsorted(ordered, ordered)
    return rank


def _kept_labels(labels: Frames, table: Localizations, start: int) -> Frames:
    """Labels (n, *spatial), int32, of the blobs that are in `table` (in order of frames); 0 elsewhere."""
    kept = np.empty(labels.shape, dtype=np.int32)
    for n, frame in enumerate(labels):
        first, last = np.searchsorted(table["frame"], [start + n, start + n + 1])
        numbers = table["blob"][first:last]
        still = np.zeros(max(frame.max(initial=0), numbers.max(initial=0)) + 1, dtype=np.int32)
        still[numbers] = numbers
        kept[n] = still[frame]
    return kept
