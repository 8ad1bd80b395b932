"""The pixel-integrated Gaussian and its derivatives: the only home of the PSF.

A pixel collects the light that falls on its area. Along one axis, the pixel centred on k gets of an emitter at p

    E_k(p, s) = 1/2 [erf((k + 1/2 - p) / (sqrt(2) s)) - erf((k - 1/2 - p) / (sqrt(2) s))],

and in an image N E_row E_column of N photons (Smith et al., Nature Methods 7, 373, 2010). Everything here runs on
numpy arrays and torch tensors alike, in their own dtype; positions and widths are in pixels, and the centre of the
first pixel is 0.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from scipy.special import erf as numpy_erf

from napari_pinpoint.arrays import Array, is_torch, library

#: Light further than this many sigma from its emitter is not rendered: 7 of a million photons along an axis.
REACH = 4.5
#: Patch pixels that are rendered at once, so that memory stays bounded however many emitters there are.
_BLOCK = 1 << 20


class Shares(NamedTuple):
    """Shares of an emitter's light in the pixels along one axis, and their derivatives; each of shape (K, n)."""

    value: Array
    position: Array
    sigma: Array


def integrated_gaussian(position: Array, sigma: Array, n_pixels: int, *, first: Array | int = 0) -> Array:
    """Share of an emitter's light in each of `n_pixels` adjacent pixels along one axis.

    Parameters
    ----------
    position, sigma
        Where the K emitters are and how wide they look, in pixels: arrays of shape (K,).
    n_pixels
        Number of pixels.
    first
        Index of the first pixel; one for all emitters, or one for each (K,).

    Returns
    -------
    array of shape (K, n_pixels)
        It sums to 1 where the pixels hold all the light.

    Examples
    --------
    >>> import numpy as np
    >>> integrated_gaussian(np.array([1.0]), np.array([1.0]), 3).round(4)
    array([[0.2417, 0.3829, 0.2417]])
    """
    cumulative = _erf(_edges(position, sigma, n_pixels, first) * math.sqrt(0.5))
    return (cumulative[:, 1:] - cumulative[:, :-1]) * 0.5


def integrated_gaussian_derivatives(position: Array, sigma: Array, n_pixels: int, *, first: Array | int = 0) -> Shares:
    """What `integrated_gaussian` gives, with its derivatives with respect to position and sigma."""
    edges = _edges(position, sigma, n_pixels, first)
    cumulative = _erf(edges * math.sqrt(0.5)) * 0.5
    density = library(edges).exp(edges * edges * -0.5) * (1 / math.sqrt(2 * math.pi)) / sigma[:, None]
    moment = edges * density
    return Shares(
        value=cumulative[:, 1:] - cumulative[:, :-1],
        position=density[:, :-1] - density[:, 1:],
        sigma=moment[:, :-1] - moment[:, 1:],
    )


def gaussian_derivatives(
    shape: tuple[int, int], y: Array, x: Array, photons: Array, sigma_y: Array, sigma_x: Array
) -> dict[str, Array]:
    """The image of each emitter, and its derivatives with respect to the emitter's parameters.

    Parameters
    ----------
    shape
        Rows and columns of the image.
    y, x, photons, sigma_y, sigma_x
        Arrays of shape (K,), in pixels and photoelectrons.

    Returns
    -------
    dict of arrays of shape (K, \\*shape)
        "image" in photoelectrons; its derivatives under the parameters' names "y", "x", "photons", "sigma_y" and
        "sigma_x". The derivative with respect to a background is 1 everywhere.
    """
    rows = integrated_gaussian_derivatives(y, sigma_y, shape[0])
    columns = integrated_gaussian_derivatives(x, sigma_x, shape[1])
    scale = photons[:, None]

    def outer(row: Array, column: Array) -> Array:
        return row[:, :, None] * column[:, None, :]

    bright = rows.value * scale
    return {
        "image": outer(bright, columns.value),
        "y": outer(rows.position * scale, columns.value),
        "x": outer(bright, columns.position),
        "photons": outer(rows.value, columns.value),
        "sigma_y": outer(rows.sigma * scale, columns.value),
        "sigma_x": outer(bright, columns.sigma),
    }


def render_emitters(
    frame: Array,
    y: Array,
    x: Array,
    photons: Array,
    sigma_y: Array,
    sigma_x: Array,
    n_frames: int,
    shape: tuple[int, int],
) -> Array:
    """Expected photoelectrons of emitters in a stack of frames, without background.

    Every emitter is a patch that reaches 4.5 of the largest sigma (`REACH`); what falls beyond the frame is lost.

    Parameters
    ----------
    frame
        Frame of each emitter, whole numbers from 0 to `n_frames` - 1, of shape (K,).
    y, x, photons, sigma_y, sigma_x
        Arrays of shape (K,), in pixels and photoelectrons; y and x may lie outside the frame.
    n_frames, shape
        Number of frames, and their rows and columns.

    Returns
    -------
    array of shape (n_frames, \\*shape) float32

    Examples
    --------
    >>> import numpy as np
    >>> one = np.ones(1)
    >>> frames = render_emitters(np.array([1]), 8 * one, 8 * one, 500 * one, one, one, n_frames=2, shape=(17, 17))
    >>> frames.sum(axis=(1, 2)).round(1)
    array([  0., 500.], dtype=float32)
    """
    xp = library(y)
    images = xp.zeros(n_frames * shape[0] * shape[1], dtype=xp.float32, **({"device": y.device} if is_torch(y) else {}))
    if len(y):
        radius = math.ceil(REACH * max(float(sigma_y.max()), float(sigma_x.max())))
        step = max(1, _BLOCK // (2 * radius + 1) ** 2)
        for start in range(0, len(y), step):
            block = slice(start, start + step)
            row, row_share = _patch(y[block], sigma_y[block], radius, shape[0])
            column, column_share = _patch(x[block], sigma_x[block], radius, shape[1])
            row = (row + frame[block, None] * shape[0]) * shape[1]
            index = (row[:, :, None] + column[:, None, :]).reshape(-1)
            light = ((row_share * photons[block, None])[:, :, None] * column_share[:, None, :]).reshape(-1)
            if is_torch(images):
                images.index_add_(0, index, light.to(xp.float32))
            else:
                xp.add.at(images, index, light.astype(xp.float32, copy=False))
    return images.reshape(n_frames, *shape)


def _patch(position: Array, sigma: Array, radius: int, size: int) -> tuple[Array, Array]:
    """Pixels (K, 2 radius + 1) around each position along an axis of `size` pixels, and their shares of the light.

    Pixels beyond the axis are moved onto it and given no light, so that no patch has to be cut.
    """
    xp = library(position)
    centre = xp.floor(position + 0.5)
    share = integrated_gaussian(position - centre, sigma, 2 * radius + 1, first=-radius)
    reach = xp.arange(-radius, radius + 1, **({"device": position.device} if is_torch(position) else {}))
    whole = centre.to(xp.int64) if is_torch(centre) else centre.astype(xp.int64)
    pixel = whole[:, None] + reach
    share = share * ((pixel >= 0) & (pixel < size))
    return pixel.clip(0, size - 1), share


def _edges(position: Array, sigma: Array, n_pixels: int, first: Array | int) -> Array:
    """Edges of the pixels as seen from each emitter, in units of its sigma: (K, n_pixels + 1)."""
    xp = library(position)
    like = {"device": position.device} if is_torch(position) else {}
    edges = xp.arange(n_pixels + 1, dtype=position.dtype, **like) - 0.5
    return (edges + (first - position)[:, None]) / sigma[:, None]


def _erf(values: Array) -> Array:
    return library(values).erf(values) if is_torch(values) else numpy_erf(values)
