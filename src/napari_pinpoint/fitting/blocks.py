"""Parts of a table that are fitted at the same time, cut out of their frames and padded to common sizes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from napari_pinpoint.camera import Camera
from napari_pinpoint.fitting.likelihood import Patches

Array = np.ndarray[Any, Any]

#: Numbers of the largest array of a block; on the CPU few, so that it stays in the cache.
BLOCK_NUMBERS = {"cpu": 2**20, "mps": 2**25, "cuda": 2**27}


@dataclass(frozen=True, eq=False)
class Pixels:
    """Frames as the fit sees them, on its device.

    Attributes
    ----------
    data
        z of `likelihood`, (n, Y, X).
    spread
        v / F in photoelectrons, (Y, X).
    full
        Saturated pixels, (n, Y, X).
    excess_noise
        F.
    """

    data: Tensor
    spread: Tensor
    full: Tensor
    excess_noise: float

    @classmethod
    def of(cls, frames: Array, camera: Camera, device: torch.device) -> Pixels:
        """From frames (n, Y, X) in counts; the camera's numbers must be known."""
        factor = camera.excess_noise
        # Spurious charge is part of the offset in the mean, and scatters all the same.
        spread = np.asarray(camera.read_noise_photons**2 / factor + camera.clock_induced_charge_e, dtype=np.float32)
        spread = np.broadcast_to(spread, frames.shape[1:])
        ceiling = np.inf if camera.saturation_adu is None else camera.saturation_adu
        if frames.dtype.kind in "ui":
            ceiling = min(ceiling, np.iinfo(frames.dtype).max)
        data = ((camera.to_photons(frames) + spread) / np.float32(factor)).clip(0)

        def there(values: Array) -> Tensor:
            return torch.from_numpy(np.array(values)).to(device)

        return cls(there(data), there(spread), there(frames >= ceiling), factor)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of a frame."""
        return self.data.shape[1], self.data.shape[2]


@dataclass(frozen=True, eq=False)
class Block:
    """G parts of at most K localizations, each in H x W pixels.

    Attributes
    ----------
    member
        Rows of the table (G, K); -1 where a part has fewer.
    own
        Which of them are the part's own (G, K); the others are guests, or nothing.
    frame
        Frame of each part (G,).
    origin
        Row and column of its first pixel (G, 2).
    pixel
        Row and column of the pixel around which each one's window lies, (G, K, 2).
    size
        H and W.
    radius
        Windows have 2 `radius` + 1 pixels.
    """

    member: Array
    own: Array
    frame: Array
    origin: Array
    pixel: Array
    size: tuple[int, int]
    radius: int

    def take(self, rows: Array) -> Block:
        """Some of its parts."""
        arrays = {name: getattr(self, name)[rows] for name in ("member", "own", "frame", "origin", "pixel")}
        return replace(self, **arrays)

    def windows(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """1 where a row (G, K, H) or column (G, K, W) is in a localization's window, else 0."""
        ones = []
        for axis, size in enumerate(self.size):
            place = self.origin[:, axis, None, None] + np.arange(size)
            inside = np.abs(place - self.pixel[:, :, axis, None]) <= self.radius
            ones.append(torch.from_numpy((inside & (self.member >= 0)[:, :, None]).astype(np.float32)).to(device))
        return ones[0], ones[1]

    def index(self, shape: tuple[int, int], device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
        """What cuts the parts out of frames (n, Y, X); beyond the image its edge is repeated."""
        places = (
            (self.origin[:, axis, None] + np.arange(size)).clip(0, shape[axis] - 1)
            for axis, size in enumerate(self.size)
        )
        rows, columns = (torch.from_numpy(place).to(device) for place in places)
        frame = torch.from_numpy(self.frame).to(device)
        return frame[:, None, None], rows[:, :, None], columns[:, None, :]

    def inside(self, shape: tuple[int, int], device: torch.device) -> Tensor:
        """1 where a pixel lies in the image and in a window of its part, (G, H, W)."""
        rows, columns = self.windows(device)
        for axis, ones in enumerate((rows, columns)):
            place = self.origin[:, axis, None] + np.arange(self.size[axis])
            ones *= torch.from_numpy(((place >= 0) & (place < shape[axis]))[:, None]).to(device)
        return (rows.transpose(1, 2) @ columns > 0).to(rows.dtype)

    def patches(self, pixels: Pixels, light: Tensor | None = None) -> Patches:
        """The block's pixels; `light` (n, Y, X) is that of other parts."""
        device = pixels.data.device
        index = self.index(pixels.shape, device)
        data = pixels.data[index]
        return Patches(
            data=data,
            known=self.inside(pixels.shape, device) * ~pixels.full[index],
            spread=pixels.spread[index[1:]],
            others=torch.zeros_like(data) if light is None else light[index],
            exists=torch.from_numpy((self.member >= 0).astype(np.float32)).to(device),
            excess_noise=pixels.excess_noise,
        )


def blocks_of(
    members: tuple[Array, Array, Array], frame: Array, y: Array, x: Array, *, radius: int, numbers: int
) -> Iterator[Block]:
    """Parts put together in blocks of about the same size, whose derivatives are at most some `numbers`.

    Parameters
    ----------
    members
        Part, row and whether it is the part's own, each (m,), as `with_guests` gives them.
    frame, y, x
        Of all rows, (n,).
    """
    part, row, own = members
    if len(part) == 0:
        return
    order = np.argsort(part, kind="stable")
    row, own = row[order], own[order]
    first = np.flatnonzero(np.diff(part[order], prepend=-1))
    count = np.diff(first, append=len(order))
    pixel = np.rint(np.stack([y, x], axis=1)).astype(np.int64)
    low = np.minimum.reduceat(pixel[row], first) - radius
    size = np.maximum.reduceat(pixel[row], first) + radius + 1 - low
    padded, area = _padded(count), size.prod(axis=1)
    by_size = np.lexsort((area, padded))
    start = 0
    while start < len(by_size):
        k = int(padded[by_size[start]])
        stop = int(np.searchsorted(padded[by_size], k, side="right"))
        fitting = numbers // ((3 * k + 3) * area[by_size[start:stop]])
        stop = start + max(1, int(np.count_nonzero(fitting > np.arange(stop - start))))
        chosen = by_size[start:stop]
        slot = (first[chosen, None] + np.arange(k)).clip(max=len(order) - 1)
        there = np.arange(k) < count[chosen, None]
        member = np.where(there, row[slot], -1)
        height, width = (int(n) for n in size[chosen].max(axis=0))
        yield Block(
            member=member,
            own=own[slot] & there,
            frame=frame[row[first[chosen]]],
            origin=low[chosen],
            pixel=pixel[member],
            size=(height, width),
            radius=radius,
        )
        start = stop


def _padded(count: Array) -> Array:
    """Numbers of members, rounded up so that there are few different ones: 1, 2, 4, 8, and multiples of 8."""
    powers = 1 << np.ceil(np.log2(count)).astype(np.int64)
    return np.where(count <= 8, powers, -(-count // 8) * 8)
