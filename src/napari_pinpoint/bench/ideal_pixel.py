"""The best that can be known of where a bright pixel is: the likelihood of a frame for every place of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import ndtr

from napari_pinpoint.scenes.pixel import KERNEL, PixelScene, blur_matrix

Array = np.ndarray[Any, Any]

_GREYS = np.arange(256)
_REACH = len(KERNEL) // 2


def log_likelihood(frames: Array, scene: PixelScene) -> Array:
    r"""Log likelihood ratio of every pixel to be the bright one, over a frame without any.

    A pixel that the blur gives the light s shows the grey value g with the probability

    .. math:: p(g | s) = (1 - f) P(g | s) + f C(g)

    where f is the share of clutter, C even over the clutter's values, and P a normal distribution about s whose
    values are rounded and clipped to 0 .. 255. Pixels are independent, and a bright pixel changes nothing beyond 5 x 5
    pixels around it (where the border mirrors the blur, a part of them): 25 ratios p(g | s) / p(g | 0) are all.

    Parameters
    ----------
    frames
        (n, Y, X) uint8.
    scene
        What they were made by; all its numbers are known to the estimator.

    Returns
    -------
    (n, Y, X) float32. Its maximum is the maximum-likelihood estimate; its softmax the posterior, as every place is
    as likely as any other.
    """
    weights = [blur_matrix(size) for size in scene.shape]
    spread = range(-_REACH, _REACH + 1)
    ratio = np.zeros(frames.shape, dtype=np.float32)
    for down in spread:
        for right in spread:
            here, there = _overlap(scene.shape, (down, right))
            # light[i, j]: what a bright pixel at the candidate (i, j) brings to the pixel at that shift from it
            light = scene.brightness * np.outer(np.diag(weights[0], -down), np.diag(weights[1], -right))
            levels, level = np.unique(light, return_inverse=True)
            table = np.log(_greys(levels, scene)) - np.log(_greys(np.zeros(1), scene))
            ratio[(slice(None), *here)] += table.astype(np.float32)[
                level.reshape(light.shape), frames[(slice(None), *there)]
            ]
    return ratio


def locate(frames: Array, scene: PixelScene) -> Array:
    """(n, 2) y, x of the maximum-likelihood estimate in each frame."""
    return brightest(log_likelihood(frames, scene))


def brightest(images: Array) -> Array:
    """(n, 2) y, x of the highest pixel of each image (n, Y, X)."""
    best = images.reshape(len(images), -1).argmax(axis=1)
    return np.stack(np.divmod(best, images.shape[2]), axis=1).astype(float)


def _greys(light: Array, scene: PixelScene) -> Array:
    """(len(light), 256) probability of every grey value of a pixel with that much light."""
    if scene.noise:
        edge = np.concatenate([[-np.inf], _GREYS[1:] - 0.5, [np.inf]])
        below = ndtr((edge - light[:, None]) / scene.noise)
        # The far upper tail as its mirror image: 1 - (1 - tiny) would leave nothing of it.
        above = ndtr((light[:, None] - edge) / scene.noise)
        exposed = np.where(edge[:-1] > light[:, None], above[:, :-1] - above[:, 1:], below[:, 1:] - below[:, :-1])
    else:
        exposed = (np.clip(np.rint(light), 0, 255)[:, None] == _GREYS).astype(float)
    low, high = scene.clutter_range
    even = ((low <= _GREYS) & (high >= _GREYS)) / (high - low + 1)
    # What cannot be is given a little, so that a single impossible pixel does not rule out all candidates.
    return np.maximum((1 - scene.clutter) * exposed + scene.clutter * even, 1e-300)


def _overlap(shape: tuple[int, ...], shift: tuple[int, ...]) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """The pixels whose neighbour at that shift lies inside, and those neighbours."""
    here = tuple(slice(max(0, -s), n - max(0, s)) for n, s in zip(shape, shift, strict=True))
    there = tuple(slice(max(0, s), n - max(0, -s)) for n, s in zip(shape, shift, strict=True))
    return here, there
