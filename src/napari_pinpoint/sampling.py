"""Sample sources: what a training draws its batches from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.methods.points import Points, points_of
from napari_pinpoint.normalization import Normalization
from napari_pinpoint.stack import Stack, StackView


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


class StackSource:
    """Batches of windows cut from an annotated stack, with flips and quarter turns, which are exact for points.

    Parameters
    ----------
    stack
        A stack with one channel and plane, or a view.
    points
        All points of the frames that are annotated; a frame without a row is not used.
    window
        Side of the windows in pixels.
    """

    def __init__(self, stack: Stack | StackView, points: Localizations, *, window: int = 40) -> None:
        self.view = stack.view() if isinstance(stack, Stack) else stack
        if self.view.dims != 2:
            raise PinpointError("Training from an annotated stack works on images with two spatial axes for now.")
        self.points = points
        self.frames = np.unique(points["frame"])
        if len(self.frames) == 0:
            raise PinpointError("There are no points to learn from.")
        if self.frames[-1] >= self.view.n_frames:
            raise PinpointError(
                f"The points reach to frame {self.frames[-1]}; {self.view.stack.name} has {self.view.n_frames} frames."
            )
        self.window = tuple(min(window, n) // 8 * 8 for n in self.view.spatial_shape)
        if min(self.window) < 8:
            raise PinpointError(f"Images of {self.view.spatial_shape} pixels are too small to learn from.")
        self._read: dict[int, tuple[Any, Any]] = {}

    def draw(self, size: int, rng: np.random.Generator, normalization: Normalization) -> Batch:
        images, tables = [], []
        for index, frame in enumerate(rng.choice(self.frames, size)):
            pixels, measured = self._frame(int(frame), normalization)
            origin = tuple(
                int(rng.integers(0, n - w + 1)) for n, w in zip(self.view.spatial_shape, self.window, strict=True)
            )
            cut = tuple(slice(o, o + w) for o, w in zip(origin, self.window, strict=True))
            image = normalization.apply(
                pixels[(slice(None), slice(None), *cut)], measured, origin=origin, camera=self.view.stack.camera
            )[0]
            table = self.points.select(self.points["frame"] == frame)
            y, x = (table[axis] - o for axis, o in zip("yx", origin, strict=True))
            image, y, x = _turn(image, y, x, rng)
            inside = (y >= -0.5) & (y < image.shape[1] - 0.5) & (x >= -0.5) & (x < image.shape[2] - 0.5)
            moved = table.with_columns(y=y, x=x, frame=np.full(len(table), index)).select(inside)
            images.append(image)
            tables.append(moved)
        stacked = np.ascontiguousarray(np.stack(images))
        points, valid = points_of(Localizations.concatenate(tables), n_frames=size, shape=stacked.shape[2:])
        return Batch(torch.from_numpy(stacked), points, valid)

    def _frame(self, frame: int, normalization: Normalization) -> tuple[Any, Any]:
        if frame not in self._read:
            pixels = self.view.read(frame, frame + 1)
            self._read[frame] = (pixels, normalization.measure(pixels))
        return self._read[frame]


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


def _turn(image: Any, y: Any, x: Any, rng: np.random.Generator) -> tuple[Any, Any, Any]:
    """One of the eight flips and quarter turns of an image (C, Y, X) and its points; only squares are turned."""
    if rng.random() < 0.5:
        image, y = image[:, ::-1], image.shape[1] - 1 - y
    if rng.random() < 0.5:
        image, x = image[:, :, ::-1], image.shape[2] - 1 - x
    if image.shape[1] == image.shape[2] and rng.random() < 0.5:
        image, y, x = image.transpose(0, 2, 1), x, y
    return image, y, x
