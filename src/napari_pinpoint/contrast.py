"""Contrast-to-noise of spots: how far each stands out for somebody who looks at the image, whatever the camera.

A probability says that there is something; people mark what stands out. So contrast is measured on the raw counts by
a plain filter that knows nothing of any model. Noise is what hides a spot: the scatter of everything that is no spot
(cells, haze and texture scatter as pixel noise does), and the glare of the bright spots, a quarter of their height. In
a noisy image contrast is a signal-to-noise ratio; in a clean one it tells how bright a spot is among the others, and
ends near 5.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

Array = np.ndarray[Any, Any]

#: Standard deviations of the two Gaussians in pixels. Their difference answers best to spots of about 1.3 px, between
#: the sharpest (0.9 px) and the widest usual ones (2 px), and not at all to an even background.
FILTER_SIGMAS = (1.0, 1.6)
#: Part of the bright spots' height in which a dim one is lost to an eye, or a display, that is set to them.
GLARE = 0.25
#: Percentile beyond which responses are cut before the bright spots' height is taken: dust and hot pixels do not count.
CUT = 99.98


def contrast(frames: Array, frame: Array, y: Array, x: Array) -> Array:
    """Contrast-to-noise of points in images.

    The response is the highest one of the 3 x 3 pixels at the point. The noise is

        sqrt(mean(r^2 | r < 0) + (0.25 b)^2),    b = sum(r^4) / sum(r^3) over r > 0,

    with r the responses of all pixels of the frame. The negative ones tell the scatter, as the positive ones hold the
    spots themselves; b is the height of the bright spots, however many they are. In white noise one pixel in a million
    or so reaches 4.3.

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
    >>> contrast(image, np.array([0, 0]), np.array([30.0, 10.0]), np.array([40.0, 10.0])) > 3
    array([ True, False])
    """
    values = np.zeros(len(frame), dtype=np.float32)
    _, height, width = frames.shape
    row, column = (np.clip(np.rint(p), 0, n - 1).astype(np.int64) for p, n in ((y, height), (x, width)))
    for index in np.unique(frame):
        here = frame == index
        response = _response(frames[index])
        noise = hiding_noise(response)
        if noise > 0:
            around = np.pad(response, 1, mode="edge")
            i, j = row[here], column[here]
            values[here] = np.max([around[i + a, j + b] for a in range(3) for b in range(3)], axis=0) / noise
    return values.clip(0)


def _response(image: Array) -> Array:
    """High where the image is brighter than its surroundings."""
    narrow, wide = (gaussian_filter(image.astype(np.float32), sigma) for sigma in FILTER_SIGMAS)
    response: Array = narrow - wide
    return response


def hiding_noise(response: Array) -> float:
    """What hides a spot in a frame, in units of its responses (Y, X) to any filter that has no mean: see `contrast`."""
    dark = response[response < 0]
    scatter = math.sqrt(np.mean(dark * dark, dtype=np.float64)) if len(dark) else 0.0
    lit = np.clip(response, 0, max(0.0, float(np.percentile(response, CUT)))).astype(np.float64)
    cube = lit**3
    bright = float((cube * lit).sum() / max(cube.sum(), np.finfo(float).tiny))
    return math.hypot(scatter, GLARE * bright)
