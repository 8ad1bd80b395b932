"""Windows cut from annotated frames, whatever these are part of."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from napari_pinpoint.augmentation import Augmentation, Window, rescaled
from napari_pinpoint.camera import Camera
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.methods.points import points_of
from napari_pinpoint.normalization import Normalization
from napari_pinpoint.sampling.batches import Batch
from napari_pinpoint.stack import StackView

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class AnnotatedFrame:
    """A frame whose points are all known: how to open what it is in, its number there and its points.

    `believed` gives where they are all known, None for everywhere; where little of the frame is, `aimed` has windows
    laid on what is.
    """

    open: Callable[[], StackView]
    index: int
    table: Localizations
    believed: Callable[[], Array | None] = lambda: None
    aimed: bool = False


@dataclass(frozen=True, eq=False)
class _Pixels:
    """A frame in memory: pixels (1, C, \\*spatial) as in the file, and what the normalization measured."""

    frame: Array
    measured: Any
    camera: Camera
    believed: Array | None

    @property
    def bytes(self) -> int:
        return int(self.frame.nbytes) + (0 if self.believed is None else int(self.believed.nbytes))


class WindowSource:
    """Batches of windows cut from annotated frames, each drawn with the same probability; see its children.

    A frame that is smaller than the window lies somewhere in it; its edge is repeated around it, as in inference, and
    what is there is not believed.
    """

    def __init__(
        self,
        frames: Sequence[AnnotatedFrame],
        *,
        window: int | tuple[int, ...],
        dims: int,
        classes: tuple[str, ...] = (),
        augmentation: Augmentation | None = None,
        on_points: float = 0.0,
        rim: int = 0,
        memory: int = 2**31,
    ) -> None:
        if not any(len(frame.table) for frame in frames):
            raise PinpointError("There are no points to learn from.")
        self.frames, self.classes = tuple(frames), classes
        self.on_points, self.rim, self.memory = on_points, rim, memory
        self.window = (window,) * dims if isinstance(window, int) else window
        self.augmentation = augmentation or Augmentation()
        self._read: OrderedDict[int, _Pixels] = OrderedDict()
        self._for: Normalization | None = None

    def draw(self, size: int, rng: np.random.Generator, normalization: Normalization) -> Batch:
        windows = [self._draw(int(i), rng, normalization) for i in rng.integers(0, len(self.frames), size)]
        tables = [w.table.with_columns(frame=np.full(len(w.table), i)) for i, w in enumerate(windows)]
        images = np.ascontiguousarray(np.stack([window.image for window in windows]))
        points, valid = points_of(
            Localizations.concatenate(tables), n_frames=size, shape=images.shape[2:], classes=self.classes
        )
        believed = torch.from_numpy(np.stack([window.valid for window in windows]))
        return Batch(torch.from_numpy(images), points, valid & believed)

    def _draw(self, number: int, rng: np.random.Generator, normalization: Normalization) -> Window:
        frame, pixels = self.frames[number], self._pixels(number, normalization)
        scale = self.augmentation.draw_scale(rng)
        size = self.window if scale == 1 else (*self.window[:-2], *(math.ceil(n / scale) for n in self.window[-2:]))
        axes = "zyx"[-len(size) :]
        place = None
        if len(frame.table) and self.on_points and rng.random() < self.on_points:
            row = int(rng.integers(len(frame.table)))
            place = [float(frame.table[axis][row]) for axis in axes]
        elif frame.aimed and pixels.believed is not None and not pixels.believed.all():
            place = [*(int(rng.integers(n)) for n in pixels.frame.shape[2:-2]), *_pixel_of(pixels.believed, rng)]
        origin = _origin(pixels.frame.shape[2:], size, place, rng)
        window = _cut(pixels, frame.table, origin, size, normalization)
        _hide_rim(window.valid, origin, pixels.frame.shape[2:], self.rim)
        if scale != 1:
            window = rescaled(window, scale, self.window)
        window = self.augmentation(window, rng)
        inside = np.ones(len(window.table), bool)
        for axis, n in zip(axes, window.valid.shape, strict=True):
            inside &= (window.table[axis] >= -0.5) & (window.table[axis] < n - 0.5)
        return replace(window, table=window.table.select(inside))

    def _pixels(self, number: int, normalization: Normalization) -> _Pixels:
        """The frame, from memory where it was read before; the ones used longest ago make room."""
        if normalization != self._for:
            self._read.clear()
            self._for = normalization
        if number not in self._read:
            frame = self.frames[number]
            view = frame.open()
            read = view.read(frame.index, frame.index + 1)
            self._read[number] = _Pixels(read, normalization.measure(read), view.stack.camera, frame.believed())
            while len(self._read) > 1 and sum(pixels.bytes for pixels in self._read.values()) > self.memory:
                self._read.popitem(last=False)
        self._read.move_to_end(number)
        return self._read[number]


def _pixel_of(mask: Array, rng: np.random.Generator) -> tuple[int, int]:
    """(row, column) of any of the pixels, at least one, of a mask."""
    ends = np.cumsum(mask.sum(axis=1))
    number = int(rng.integers(ends[-1]))
    row = int(np.searchsorted(ends, number, side="right"))
    columns = np.flatnonzero(mask[row])
    return row, int(columns[number - ends[row]])  # counted from the row's last


def _origin(
    shape: tuple[int, ...], size: tuple[int, ...], place: Sequence[float] | None, rng: np.random.Generator
) -> tuple[int, ...]:
    """Where a window begins: anywhere in the frame (a smaller frame lies all in it), around a place if given."""
    origin = []
    for axis, (n, w) in enumerate(zip(shape, size, strict=True)):
        low, high = min(0, n - w), max(0, n - w)
        if place is not None:
            pixel = round(place[axis])
            low, high = min(max(low, pixel - w + 1), high), max(min(high, pixel), low)
        origin.append(int(rng.integers(low, high + 1)))
    return tuple(origin)


def _cut(
    pixels: _Pixels, table: Localizations, origin: tuple[int, ...], size: tuple[int, ...], normalization: Normalization
) -> Window:
    """The window of a frame at `origin`, normalized; where the frame ends its edge goes on, and is not believed."""
    shape = pixels.frame.shape[2:]
    start = [max(0, o) for o in origin]
    stop = [min(n, o + w) for n, o, w in zip(shape, origin, size, strict=True)]
    inside = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
    image = normalization.apply(
        pixels.frame[(slice(None), slice(None), *inside)],
        pixels.measured,
        origin=tuple(start),
        camera=pixels.camera,
    )[0]
    valid = np.ones(image.shape[1:], bool)
    if pixels.believed is not None:
        valid &= pixels.believed[inside[-2:]]
    beyond = [(a - o, o + w - b) for a, b, o, w in zip(start, stop, origin, size, strict=True)]
    if any(map(any, beyond)):
        image = np.pad(image, [(0, 0), *beyond], mode="edge")
        valid = np.pad(valid, beyond)
    axes = "zyx"[-len(size) :]
    moved = {axis: table[axis] - o for axis, o in zip(axes, origin, strict=True)}
    return Window(image, table.with_columns(**moved), valid)


def _hide_rim(valid: Array, origin: tuple[int, ...], shape: tuple[int, ...], rim: int) -> None:
    """Make `valid` false within `rim` pixels of the sides along which a window at `origin` cuts through the frame."""
    if not rim:
        return
    for axis, (o, w, n) in enumerate(zip(origin, valid.shape, shape, strict=True)):
        sides = np.moveaxis(valid, axis, 0)
        if o > 0:
            sides[:rim] = False
        if o + w < n:
            sides[-rim:] = False
