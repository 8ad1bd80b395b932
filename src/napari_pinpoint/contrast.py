"""Contrast-to-noise of spots: how far each stands out of everything else around it, whatever the camera.

A probability says that there is something; people mark what stands out. So contrast is measured on the raw counts by
a plain filter that knows nothing of any model: the response of a difference of Gaussians at the spot, over the
scatter of the responses around it. Cells, haze and texture scatter as noise does, and count as such.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter, uniform_filter

Array = np.ndarray[Any, Any]

#: Standard deviations of the two Gaussians in pixels. Their difference answers best to spots of about 1.3 px, between
#: the sharpest (0.9 px) and the widest usual ones (2 px), and not at all to an even background.
FILTER_SIGMAS = (1.0, 1.6)
#: Side of the square, in pixels, whose scatter a spot is compared with.
WINDOW = 65
#: A window without signal (counts clipped to 0) is given at least this part of the whole frame's scatter.
FLOOR = 0.5


def contrast(frames: Array, frame: Array, y: Array, x: Array) -> Array:
    """Contrast-to-noise of points in images.

    The response is the highest one of the 3 x 3 pixels at the point. The scatter is the root mean square of the
    negative responses in a window around it: the positive ones hold the spots themselves. In an image of nothing but
    white noise, about one pixel in two million reaches 5.

    Parameters
    ----------
    frames
        Whole frames (n, Y, X) in any unit; contrast does not change with gain and offset.
    frame, y, x
        Index into `frames` and position in pixels of each point, (m,).

    Returns
    -------
    (m,) float32; 0 where a point is darker than its surroundings, or the frame has no scatter at all.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.random.default_rng(0).normal(100, 5, (1, 64, 64))
    >>> image[0, 29:32, 39:42] += 60
    >>> contrast(image, np.array([0, 0]), np.array([30.0, 10.0]), np.array([40.0, 10.0])) > 5
    array([ True, False])
    """
    values = np.zeros(len(frame), dtype=np.float32)
    _, height, width = frames.shape
    row, column = (np.clip(np.rint(p), 0, n - 1).astype(np.int64) for p, n in ((y, height), (x, width)))
    for index in np.unique(frame):
        here = frame == index
        response = _response(frames[index])
        scatter = _scatter(response)
        i, j = row[here], column[here]
        around = np.pad(response, 1, mode="edge")
        highest = np.max([around[i + a, j + b] for a in range(3) for b in range(3)], axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            values[here] = np.where(scatter[i, j] > 0, highest / scatter[i, j], 0)
    return values.clip(0)


def _response(image: Array) -> Array:
    """High where the image is brighter than its surroundings."""
    narrow, wide = (gaussian_filter(image.astype(np.float32), sigma) for sigma in FILTER_SIGMAS)
    response: Array = narrow - wide
    return response


def _scatter(response: Array) -> Array:
    """Root mean square of the negative responses in the window around every pixel."""
    dark = response < 0
    square = np.where(dark, response * response, 0).astype(np.float32)
    share = uniform_filter(dark.astype(np.float32), WINDOW)
    local = np.sqrt(uniform_filter(square, WINDOW).clip(0) / share.clip(1 / WINDOW**2))
    whole = np.sqrt(square.sum(dtype=np.float64) / max(int(dark.sum()), 1))
    scatter: Array = np.maximum(local, FLOOR * whole)
    return scatter
