"""One bright pixel, blurred, in noise and clutter: the smallest task there is to localize something.

The blur leaves a peak of 36 of the 255, as bright as the brightest clutter and 3.6 times the noise: clutter decides how
often anybody can be right.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import AfterValidator, BaseModel, Field

from napari_pinpoint.arrays import Rng, asarray_like, is_torch, library, normal, numpy_generator
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.scenes.options import rising
from napari_pinpoint.stack import Stack

Array = np.ndarray[Any, Any]

#: What OpenCV takes for a Gaussian of 5 x 5 without a standard deviation.
KERNEL = np.array([1, 4, 6, 4, 1]) / 16

_Grey = Annotated[int, Field(ge=0, le=255)]


class PixelScene(BaseModel, extra="forbid", frozen=True):
    """Frames with one bright pixel each: set, blur, noise, clutter, clip; in 8 bits.

    Examples
    --------
    >>> import numpy as np
    >>> stack, truth = PixelScene().sample(3, np.random.default_rng(1))
    >>> stack.shape, stack.dtype, len(truth)
    ((3, 50, 50), dtype('uint8'), 3)
    """

    shape: tuple[Annotated[int, Field(ge=5)], Annotated[int, Field(ge=5)]] = Field(
        default=(50, 50), description="Rows and columns of a frame."
    )
    brightness: float = Field(default=255.0, gt=0, le=255, description="Of the pixel, before the blur.")
    noise: float = Field(default=10.0, ge=0, description="Standard deviation of the noise of every pixel.")
    clutter: float = Field(default=0.01, ge=0, le=1, description="Share of the pixels that are replaced by clutter.")
    clutter_range: Annotated[tuple[_Grey, _Grey], AfterValidator(rising)] = Field(
        default=(5, 40), description="Least and largest value of clutter; every whole number between is as likely."
    )

    def sample(self, n_frames: int, rng: Rng) -> tuple[Stack, Localizations]:
        """Frames and their truth: a whole pixel anywhere, borders included.

        Returns
        -------
        stack
            (n_frames, \\*shape) uint8, or a float32 tensor of the same numbers if `rng` is torch's.
        truth
            frame, y, x, source.
        """
        if n_frames < 1:
            raise PinpointError(f"A scene needs at least one frame to sample, not {n_frames}.")
        geometry = numpy_generator(rng)
        position = [geometry.integers(0, size, n_frames) for size in self.shape]
        columns, rows = (
            blur_matrix(size)[:, place].T for size, place in zip(self.shape, position, strict=True)
        )  # (n, size) each: what the blur makes of a row or column with a single 1
        xp = library(rng)
        like = xp.zeros(0, dtype=xp.float32, **({"device": rng.device} if is_torch(rng) else {}))
        columns, rows = asarray_like(self.brightness * columns, like), asarray_like(rows, like)
        light = columns[:, :, None] * rows[:, None, :]
        light += self.noise * normal(rng, light)
        hit = asarray_like(geometry.random(light.shape) < self.clutter, like) > 0
        low, high = self.clutter_range
        value = asarray_like(geometry.integers(low, high + 1, tuple(light.shape)), like)
        frames = xp.where(hit, value, light).round().clip(0, 255)
        if not is_torch(frames):
            frames = frames.astype(np.uint8)
        table = {"frame": np.arange(n_frames), "y": position[0], "x": position[1]}
        truth = Localizations(table | {"source": np.full(n_frames, "truth", dtype=object)})
        truth = truth.with_record({"scene": {"name": "pixel", "options": self.model_dump(mode="json")}})
        return Stack(frames, "TYX"), truth


def blur_matrix(size: int) -> Array:
    """(size, size) weights of the blur along an axis: column i is what it makes of a 1 at i.

    Beyond the border the image is mirrored at the centre of its outermost pixel (OpenCV's default).
    """
    weights = np.zeros((size, size))
    for offset, weight in enumerate(KERNEL, start=-2):
        seen = np.abs(np.arange(size) + offset)
        seen = np.where(seen >= size, 2 * (size - 1) - seen, seen)
        np.add.at(weights, (np.arange(size), seen), weight)
    return weights
