"""Ordinary fluorescence spots (smFISH, in-situ sequencing, puncta) on whatever else shines, with the truth beside.

Everything is relative, as in an image without any calibration: spots are as bright as their contrast to what is
around them says. What is not a spot is drawn with the same care: haze, cells with texture, debris, membranes, grain.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, Field
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from napari_pinpoint.arrays import Rng, is_torch, numpy_generator
from napari_pinpoint.contrast import contrast
from napari_pinpoint.localizations import FLAGS, Localizations
from napari_pinpoint.psf import render_emitters
from napari_pinpoint.scenes.clutter import Clutter, clutter
from napari_pinpoint.scenes.options import PositiveRange, Range, draw
from napari_pinpoint.stack import Stack

Array = np.ndarray[Any, Any]

#: Two spots nearer than this many standard deviations look like one (two equal ones merge at 2; noise hides the dip).
_RESOLVED = 1.6
#: Spots whose contrast is this much below the faintest that counts are neither taught as spots nor as background.
_DOUBT = 0.8
_MARGIN = 8


class SpotScene(BaseModel, extra="forbid", frozen=True):
    """Fluorescent spots among cells, haze and debris; every frame is a scene of its own.

    Ranges are (low, high); each frame draws its own values from them.

    Examples
    --------
    >>> import numpy as np
    >>> stack, truth = SpotScene(shape=(64, 64)).sample(3, np.random.default_rng(1))
    >>> stack.shape, stack.dtype, "contrast" in truth
    ((3, 64, 64), dtype('uint16'), True)
    """

    shape: tuple[Annotated[int, Field(ge=16)], Annotated[int, Field(ge=16)]] = Field(
        default=(128, 128), description="Rows and columns of a frame."
    )
    pixel_size_nm: float = Field(default=108.0, gt=0, description="Size of a pixel.")
    density: PositiveRange = Field(
        default=(2e-5, 1e-2), description="Mean spots per square pixel (drawn evenly on a log scale)."
    )
    clustering: float = Field(
        default=0.5, ge=0, le=1, description="Share of the frames whose spots prefer cells and structure."
    )
    empty: float = Field(default=0.15, ge=0, le=1, description="Share of the frames without any spot.")
    spot_sigma: PositiveRange = Field(default=(0.9, 2.5), description="Standard deviation of a spot in pixels.")
    elongation: float = Field(
        default=0.1, ge=0, lt=0.5, description="Standard deviation of the logarithm of a spot's height over its width."
    )
    sigma_spread: float = Field(default=0.08, ge=0, lt=0.3, description="Relative, from spot to spot.")
    brightness: PositiveRange = Field(
        default=(4.0, 60.0),
        description="Height of a frame's typical spot over the scatter around it (drawn evenly on a log scale).",
    )
    brightness_spread: Range = Field(
        default=(0.1, 0.6), description="Standard deviation of the logarithm of heights from spot to spot."
    )
    faintest: float = Field(
        default=1.25, gt=0, description="Contrast (see contrast.py) below which a spot belongs to the background."
    )
    photons: PositiveRange = Field(
        default=(1.0, 3000.0), description="Photoelectrons of the background's level (drawn evenly on a log scale)."
    )
    clutter: Clutter = Field(default=Clutter(), description="What else shines.")
    smoothed: float = Field(
        default=0.3, ge=0, le=1, description="Share of frames that software has smoothed or resampled."
    )
    stretched: float = Field(
        default=0.5, ge=0, le=1, description="Share of frames whose grey values are stretched and clipped at both ends."
    )

    def sample(self, n_frames: int, rng: Rng) -> tuple[Stack, Localizations]:
        """Frames and their truth: every spot that stands out; the doubtful ones carry ``FLAGS["ignore"]``.

        Returns
        -------
        stack
            Counts (n_frames, \\*shape) uint16, as a tensor if `rng` is torch's.
        truth
            frame, y, x, psf_sigma_y, psf_sigma_x, contrast as the image shows it, source, flags.
        """
        geometry = numpy_generator(rng)
        frames, tables = [], []
        for index in range(n_frames):
            image, columns = self._frame(geometry)
            frames.append(image)
            tables.append({**columns, "frame": np.full(len(columns["y"]), index)})
        counts = np.stack(frames)
        truth = self._truth(counts, {name: np.concatenate([t[name] for t in tables]) for name in tables[0]})
        truth = truth.with_record({"scene": {"name": "spots", "options": self.model_dump(mode="json")}})
        data: Any = counts
        if is_torch(rng):
            import torch

            data = torch.from_numpy(counts.astype(np.float32)).to(rng.device)
        sources = {"pixel_size_nm": "simulated"}
        return Stack(data, "TYX", pixel_size_nm=self.pixel_size_nm, sources=sources), truth

    def _frame(self, rng: np.random.Generator) -> tuple[Array, dict[str, Array]]:
        """One image in counts, and where its spots are."""
        height, width = (n + 2 * _MARGIN for n in self.shape)
        background = clutter((height, width), self.clutter, rng)
        level = draw(self.photons, 1, rng, log=True)[0]
        scatter = _scatter(background, level)
        density = draw(self.density, 1, rng, log=True)[0] if rng.random() >= self.empty else 0.0
        y, x = self._positions(rng.poisson(density * height * width), background, rng)
        sigma = draw(self.spot_sigma, 1, rng)[0] * (1 + self.sigma_spread * rng.standard_normal(len(y)).clip(-3, 3))
        spread = draw(self.brightness_spread, 1, rng)[0]
        tall = draw(self.brightness, 1, rng, log=True)[0] * np.exp(spread * rng.standard_normal(len(y)))
        tall *= scatter[np.rint(y).astype(int), np.rint(x).astype(int)]
        # A Gaussian's height is its integral over 2 pi sigma^2; pixels take a little off, which matters to nobody.
        integral = tall * 2 * np.pi * sigma**2
        shape = np.exp(0.5 * self.elongation * rng.standard_normal(len(y)).clip(-3, 3))
        frame = np.zeros(len(y), dtype=np.int64)
        light = (
            background + render_emitters(frame, y, x, integral, sigma * shape, sigma / shape, 1, background.shape)[0]
        )
        noisy = rng.poisson(light * level).astype(np.float32)
        noisy += rng.normal(0, rng.uniform(0.5, 4), light.shape)
        if rng.random() < self.smoothed:
            noisy = gaussian_filter(noisy, rng.uniform(0.4, 0.9))
        inside = (slice(_MARGIN, -_MARGIN), slice(_MARGIN, -_MARGIN))
        y, x, sigma = _merged(y - _MARGIN, x - _MARGIN, sigma, integral)
        return self._digitized(noisy[inside], rng), {"y": y, "x": x, "sigma": sigma}

    def _positions(self, n: int, background: Array, rng: np.random.Generator) -> tuple[Array, Array]:
        """Positions evenly over the frame, or where the background is bright; never in the outermost half pixel."""
        height, width = background.shape
        weight = np.ones(background.size)
        if rng.random() < self.clustering:
            weight = np.clip(background / background.mean(), 0.05, 4).ravel() ** rng.uniform(1, 2)
        pixel = rng.choice(background.size, n, p=weight / weight.sum())
        y, x = np.divmod(pixel, width)
        return (
            np.clip(y + rng.uniform(-0.5, 0.5, n), 0, height - 1),
            np.clip(x + rng.uniform(-0.5, 0.5, n), 0, width - 1),
        )

    def _digitized(self, image: Array, rng: np.random.Generator) -> Array:
        """Counts: an offset and a gain of any size, or stretched to all of 8 or 16 bits and clipped."""
        if rng.random() >= self.stretched:
            gain = np.exp(rng.uniform(np.log(0.3), np.log(20)))
            counts: Array = image * gain + rng.uniform(50, 500)
            return counts.round().clip(0, 65535).astype(np.uint16)
        saturated = np.exp(rng.uniform(np.log(0.01), np.log(2)))
        low, high = np.percentile(image, (rng.choice([0.1, 10, 30, 50]), 100 - saturated))
        top = 255 if rng.random() < 0.5 else 65535
        stretched: Array = (image - low) / max(high - low, 1e-6) * top
        return stretched.round().clip(0, top).astype(np.uint16)

    def _truth(self, counts: Array, columns: dict[str, Array]) -> Localizations:
        """The table of the spots inside their frame that stand out enough."""
        inside = np.ones(len(columns["y"]), dtype=bool)
        for axis, size in zip("yx", self.shape, strict=True):
            inside &= (columns[axis] >= -0.5) & (columns[axis] < size - 0.5)
        frame, y, x, sigma = (columns[name][inside] for name in ("frame", "y", "x", "sigma"))
        seen = contrast(counts, frame, y, x)
        kept = seen >= _DOUBT * self.faintest
        table = {
            "frame": frame,
            "y": y,
            "x": x,
            "psf_sigma_y": sigma,
            "psf_sigma_x": sigma,
            "contrast": seen,
            "source": np.full(len(frame), "truth", dtype=object),
            "flags": np.where(seen < self.faintest, FLAGS["ignore"], 0),
        }
        return Localizations({name: values[kept] for name, values in table.items()}, pixel_size_nm=self.pixel_size_nm)


def _merged(y: Array, x: Array, sigma: Array, light: Array) -> tuple[Array, Array, Array]:
    """Spots that look like one are one, at the mean of their light: nobody could mark them apart."""
    near = cKDTree(np.column_stack([y, x])).query_ball_point(np.column_stack([y, x]), _RESOLVED * sigma)
    owner = np.full(len(y), -1)
    for leader in np.argsort(-light):  # the brightest gather their neighbours first
        if owner[leader] < 0:
            around = np.array(near[leader])
            owner[around[owner[around] < 0]] = leader
    leaders, group = np.unique(owner, return_inverse=True)
    total = np.bincount(group, light)
    y, x = (np.bincount(group, light * values) / total for values in (y, x))
    return y, x, sigma[leaders]


def _scatter(background: Array, level: float) -> Array:
    """What a spot has to stand out of at every pixel: fine structure of the background, and its shot noise."""
    fine = background - gaussian_filter(background, 3)
    scatter: Array = np.sqrt(gaussian_filter(fine * fine, 12) + gaussian_filter(background, 6) / level)
    return scatter
