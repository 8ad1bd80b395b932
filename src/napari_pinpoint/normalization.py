"""Normalization: what a network gets to see of the numbers in a stack. It belongs to the model.

A normalization is measured on whole frames and applied to windows, with the same code in training and inference, so
that how an image is cut into tiles cannot change what the network sees.
"""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

import numpy as np
from pydantic import BaseModel, Field

from napari_pinpoint.camera import Camera
from napari_pinpoint.registry import Registry

Frames = np.ndarray[Any, Any]


class Normalization(Protocol):
    """What a third party writes to add a normalization; its options are the fields of a pydantic model."""

    #: Whether counts have to be turned into photoelectrons, so that a camera is needed.
    needs_photons: ClassVar[bool]

    def measure(self, frames: Frames) -> Any:
        """What has to be known of whole frames (n, C, \\*spatial), in counts, before a window can be normalized."""

    def apply(self, window: Frames, measured: Any, *, origin: tuple[int, ...], camera: Camera) -> Frames:
        """A window (n, C, \\*size) in counts, whose first pixel is `origin`, as float32 input of the network."""


NORMALIZATIONS: Registry[type[Any]] = Registry(
    "normalization",
    ("photons", "Photoelectrons, with their noise made even.", "napari_pinpoint.normalization:PhotonNormalization"),
    (
        "local",
        "Contrast over the local background, no calibration.",
        "napari_pinpoint.normalization:LocalNormalization",
    ),
    ("scaled", "Pixels over a constant, as of 8-bit images.", "napari_pinpoint.normalization:ScaledNormalization"),
)


class PhotonNormalization(BaseModel, extra="forbid", frozen=True):
    """The generalized Anscombe transform: noise has the same size everywhere, from one photon to ten thousand.

    f(n) = 2 sqrt(max(n + 3/8 + v, 0)) / scale, with n photoelectrons and v the variance of the read noise in
    photoelectrons^2 (Starck, Murtagh & Bijaoui, 1998, for a gain of 1).
    """

    needs_photons: ClassVar[bool] = True

    scale: float = Field(default=10.0, gt=0)

    def measure(self, frames: Frames) -> None:
        return None

    def apply(self, window: Frames, measured: None, *, origin: tuple[int, ...], camera: Camera) -> Frames:
        region = tuple(slice(o, o + n) for o, n in zip(origin[-2:], window.shape[-2:], strict=True))
        photons = camera.to_photons(window, region)
        noise = camera.read_noise_photons
        noise = noise[region] if isinstance(noise, np.ndarray) and noise.ndim else noise
        lifted = np.maximum(photons + np.float32(0.375) + np.asarray(noise, np.float32) ** 2, 0)
        normalized: Frames = (2 / self.scale * np.sqrt(lifted)).astype(np.float32)
        return normalized


class ScaledNormalization(BaseModel, extra="forbid", frozen=True):
    """Pixels over a constant, for images that all have the same range; nothing is measured."""

    needs_photons: ClassVar[bool] = False

    scale: float = Field(default=255.0, gt=0, description="The value that becomes 1.")

    def measure(self, frames: Frames) -> None:
        return None

    def apply(self, window: Frames, measured: None, *, origin: tuple[int, ...], camera: Camera) -> Frames:
        scaled: Frames = window.astype(np.float32) / np.float32(self.scale)
        return scaled


class LocalNormalization(BaseModel, extra="forbid", frozen=True):
    """(pixel - background) / spread, with both measured in cells of a fixed grid in image coordinates.

    The background is a low percentile and the spread a high percentile above it, smoothly interpolated between
    cells. The spread never falls below a multiple of the frame's noise: a cell without any signal stays empty. Where
    most neighbouring pixels are equal (black margins, few grey levels), noise is measured on those that are not.
    """

    needs_photons: ClassVar[bool] = False

    cell: int = Field(default=64, ge=8, description="Pixels between the points of the grid.")
    low: float = Field(default=25.0, ge=0, le=100, description="Percentile taken as background.")
    high: float = Field(default=99.5, ge=0, le=100, description="Percentile taken as signal.")
    noise_floor: float = Field(default=10.0, gt=0, description="Least spread, in standard deviations of the noise.")
    compress: float | None = Field(
        default=None,
        gt=0,
        description="If given, v becomes asinh(compress v): what is far brighter than the rest of its cell stays in "
        "the network's range.",
    )

    def measure(self, frames: Frames) -> tuple[Frames, Frames, tuple[int, ...]]:
        """Background and spread at the centres of the cells, (n, C, \\*cells), and the frames' spatial shape."""
        shape = frames.shape[2:]
        cells = [max(1, round(n / self.cell)) for n in shape]
        edges = [np.linspace(0, n, k + 1).round().astype(int) for n, k in zip(shape, cells, strict=True)]
        low = np.empty((*frames.shape[:2], *cells), np.float32)
        high = np.empty_like(low)
        for index in np.ndindex(*cells):
            # A cell's percentiles come from twice its size, so that one bright object does not decide alone.
            around = []
            for edge, i, n in zip(edges, index, shape, strict=True):
                half = (edge[i + 1] - edge[i]) // 2
                around.append(slice(max(0, edge[i] - half), min(n, edge[i + 1] + half)))
            block = frames[(slice(None), slice(None), *around)].reshape(*frames.shape[:2], -1)
            low[(..., *index)], high[(..., *index)] = np.percentile(block, (self.low, self.high), axis=-1)
        noise = _noise(frames, share_of_range=1 / self.noise_floor)
        floor = np.maximum(self.noise_floor * noise, np.finfo(np.float32).tiny * 1e6)
        return low, np.maximum(high - low, floor.reshape(*floor.shape, *[1] * len(cells))), shape

    def apply(
        self,
        window: Frames,
        measured: tuple[Frames, Frames, tuple[int, ...]],
        *,
        origin: tuple[int, ...],
        camera: Camera,
    ) -> Frames:
        *grids, shape = measured
        low, spread = (_interpolate(grid, shape, origin, window.shape[2:]) for grid in grids)
        values = ((window - low) / spread).astype(np.float32)
        return values if self.compress is None else np.arcsinh(self.compress * values)


def _noise(frames: Frames, *, share_of_range: float) -> Frames:
    r"""(n, C) standard deviation of the noise of frames (n, C, \*spatial), from steps between neighbours along x.

    Where most steps are 0, those that are not tell it; they may be the edges of objects in a clean picture, so it is at
    most a share of the frame's range.
    """
    step = np.abs(np.diff(frames.astype(np.float32), axis=-1)).reshape(*frames.shape[:2], -1)
    # 1.4826 MAD is the standard deviation of a Gaussian; a difference of two pixels has sqrt(2) times theirs.
    noise: Frames = 1.4826 / np.sqrt(2) * np.median(step, axis=-1)
    for index in zip(*np.nonzero(noise == 0), strict=True):
        steps = step[index][step[index] > 0]
        if len(steps):
            noise[index] = min(1.4826 / np.sqrt(2) * np.median(steps), share_of_range * float(np.ptp(frames[index])))
    return noise


def _interpolate(grid: Frames, shape: tuple[int, ...], origin: tuple[int, ...], size: tuple[int, ...]) -> Frames:
    """Values at the cells of a frame of the given shape, linearly interpolated at every pixel of a window."""
    values = grid
    for axis, (whole, start, n) in enumerate(zip(shape, origin, size, strict=True), start=2):
        cells = grid.shape[axis]
        place = np.clip((np.arange(start, start + n) + 0.5) * cells / whole - 0.5, 0, cells - 1)
        below = np.minimum(place.astype(int), max(cells - 2, 0))
        share = (place - below).astype(np.float32).reshape(-1, *[1] * (values.ndim - 1 - axis))
        above = np.minimum(below + 1, cells - 1)
        values = values.take(below, axis=axis) * (1 - share) + values.take(above, axis=axis) * share
    return values
