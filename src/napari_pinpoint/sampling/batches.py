"""Batches, what gives them, and those of simulated scenes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.methods.points import Points, joined, points_of
from napari_pinpoint.normalization import Normalization


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
