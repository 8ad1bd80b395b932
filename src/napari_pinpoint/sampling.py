"""Sample sources: what a training draws its batches from."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from napari_pinpoint.augmentation import Augmentation, Window, rescaled
from napari_pinpoint.camera import Camera
from napari_pinpoint.datasets import Dataset
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.methods.points import Points, joined, points_of
from napari_pinpoint.normalization import Normalization
from napari_pinpoint.stack import Stack, StackView

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Batch:
    """Normalized windows (B, C, \\*spatial) float32, their points, and where the annotation can be believed."""

    inputs: Tensor
    points: Points
    valid: Tensor

    def to(self, device: torch.device) -> Batch:
        return Batch(self.inputs.to(device), self.points.to(device), self.valid.to(device))


class SampleSource(Protocol):
    """Whatever gives batches: a scene, a stack with points, a folder."""

    def draw(self, size: int, rng: np.random.Generator, normalization: Normalization) -> Batch:
        """A batch of `size` windows; the same `rng` state gives the same batch."""


class SceneSource:
    """Batches that a scene simulates on the fly; no image is seen twice.

    Parameters
    ----------
    scene
        Anything with ``sample(n_frames, rng) -> (Stack, Localizations)``.
    draws
        Samples that a batch is made of: what a scene draws once per sample (its camera) varies within a batch.
    """

    def __init__(self, scene: Any, *, draws: int = 4) -> None:
        self.scene, self.draws = scene, draws

    def draw(self, size: int, rng: np.random.Generator, normalization: Normalization) -> Batch:
        inputs, tables, done = [], [], 0
        for share in np.array_split(np.arange(size), min(self.draws, size)):
            stack, truth = self.scene.sample(len(share), rng)
            frames = stack.view().read(0, len(share))
            measured = normalization.measure(frames)
            origin = (0,) * (frames.ndim - 2)
            inputs.append(normalization.apply(frames, measured, origin=origin, camera=stack.camera))
            tables.append(truth.with_columns(frame=truth["frame"] + done))
            done += len(share)
        images = np.concatenate(inputs)
        points, valid = points_of(Localizations.concatenate(tables), n_frames=size, shape=images.shape[2:])
        return Batch(torch.from_numpy(images), points, valid)


@dataclass(frozen=True, eq=False)
class _Frame:
    """A frame whose points are all known: how to open what it is in, its number there and its points."""

    open: Callable[[], StackView]
    index: int
    table: Localizations
    believed: Callable[[], Array | None] = lambda: None


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
        frames: Sequence[_Frame],
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


class StackSource(WindowSource):
    """Batches of windows cut from an annotated stack.

    Parameters
    ----------
    stack
        A stack with one channel and plane, or a view.
    points
        All points of the frames that are annotated; a frame without a row is not used.
    window
        Side of the windows in pixels.
    **options
        `classes`, `augmentation` and the others of `DatasetSource`.
    """

    def __init__(self, stack: Stack | StackView, points: Localizations, *, window: int = 40, **options: Any) -> None:
        view = stack.view() if isinstance(stack, Stack) else stack
        annotated = np.unique(points["frame"])
        if len(annotated) and annotated[-1] >= view.n_frames:
            raise PinpointError(
                f"The points reach to frame {annotated[-1]}; {view.stack.name} has {view.n_frames} frames."
            )
        frames = [_Frame(lambda: view, int(i), points.select(points["frame"] == i)) for i in annotated]
        super().__init__(frames, window=window, dims=view.dims, **options)


class DatasetSource(WindowSource):
    """Batches of windows cut from the images of a dataset, whatever their sizes.

    Parameters
    ----------
    dataset
        Its images teach what is in them, and nothing where they are empty. Of an image with several frames, those with
        points are used.
    window
        Side of the windows in pixels, or (rows, columns); a multiple of the model's grid.
    channels
        Channels that the model sees; grey pictures are shown as colour where it sees three.
    augmentation
        What is drawn anew for every window; by default mirror images and quarter turns.
    on_points
        Share of the windows that hold a point for certain; the others lie anywhere.
    rim
        Pixels along a cut through the image that are not believed: of what lies there, the point may be cut off.
    memory
        Bytes of pixels that are kept, so that files are not read again.

    Raises
    ------
    PinpointError
        If there are no points at all, or points of classes that the dataset does not name.
    """

    def __init__(
        self, dataset: Dataset, *, window: int | tuple[int, ...] = 128, channels: int | None = None, **options: Any
    ) -> None:
        odd = sorted(dataset.labels - set(dataset.classes)) if dataset.classes else []
        if odd:
            where = next(s.name for s in dataset if "label" in s.table and odd[0] in s.table["label"])
            raise PinpointError(
                f"{where} has points of the class {odd[0]!r}; the model is to tell {', '.join(dataset.classes)}."
            )
        seen = dataset.channels if channels is None else channels
        frames = [
            _Frame(lambda sample=sample: sample.view().with_channels(seen), int(i), table, sample.believed)  # type: ignore[misc]
            for sample in dataset
            for i, table in _by_frame(sample.table)
        ]
        dims = dataset[0].view().dims if len(dataset) else 2
        super().__init__(frames, window=window, dims=dims, classes=dataset.classes, **options)


class MixedSource:
    """Batches of which every source gives a part, drawn by its weight: simulated and annotated images together."""

    def __init__(self, sources: Sequence[SampleSource], weights: Sequence[float]) -> None:
        if len(sources) != len(weights) or not sources or min(weights) < 0 or not sum(weights) > 0:
            raise PinpointError("A mixture of sources needs a weight above 0 for each of them.")
        self.sources, self.weights = tuple(sources), np.array(weights, float) / sum(weights)

    def draw(self, size: int, rng: np.random.Generator, normalization: Normalization) -> Batch:
        shares = rng.multinomial(size, self.weights)
        batches = [source.draw(int(n), rng, normalization) for source, n in zip(self.sources, shares, strict=True) if n]
        shapes = {tuple(batch.inputs.shape[1:]) for batch in batches}
        if len(shapes) > 1:
            raise PinpointError(f"The sources of a mixture give windows of different shapes: {sorted(shapes)}.")
        return Batch(
            torch.cat([batch.inputs for batch in batches]),
            joined([batch.points for batch in batches]),
            torch.cat([batch.valid for batch in batches]),
        )


def _by_frame(table: Localizations) -> list[tuple[int, Localizations]]:
    """The points of every frame that has some; frame 0 without points where none has."""
    numbers = np.unique(table["frame"])
    return [(int(i), table.select(table["frame"] == i)) for i in numbers] or [(0, table)]


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


def hold_out(
    stack: Stack | StackView, points: Localizations, *, every: int = 5
) -> tuple[Localizations, tuple[Stack, Localizations] | None]:
    """Points to learn from, and the `every`-th annotated frame with its points to validate on, read into memory.

    With fewer annotated frames than `every` all of them are learned from, and there is no validation.
    """
    view = stack.view() if isinstance(stack, Stack) else stack
    frames = np.unique(points["frame"])
    held = frames[every - 1 :: every]
    if not len(held):
        return points, None
    inside = np.isin(points["frame"], held)
    truth = points.select(inside)
    truth = truth.with_columns(frame=np.searchsorted(held, truth["frame"]))
    images = np.concatenate([view.read(int(frame), int(frame) + 1)[:, 0] for frame in held])
    shown = Stack(images, "T" + view.spatial_axes, view.stack.camera, pixel_size_nm=view.stack.pixel_size_nm)
    return points.select(~inside), (shown, truth)
