"""How well the positions of a true table can be known: its emitters, frame by frame, each with its neighbours."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise, product

import numpy as np
from scipy.spatial import cKDTree

from napari_pinpoint.camera import Camera
from napari_pinpoint.evaluation.bounds import Bound, broadcast, cramer_rao_bound
from napari_pinpoint.evaluation.matching import Floats, Ints, Mask, is_ignored
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.psf import gaussian_derivatives

#: A frame much larger than this is bounded in windows of this many pixels and a halo around them.
_CORE = 48
#: Light further than this many sigma from an emitter has no effect on its bound.
_REACH = 8


def frame_bounds(truth: Localizations, camera: Camera, shape: tuple[int, int]) -> Floats:
    """Radial bound in pixels of every row of a true table, estimated together with its neighbours in the same frame.

    Parameters
    ----------
    truth
        Table with `photons`, `background`, `psf_sigma_y` and `psf_sigma_x`.
    camera
        Gives excess noise, read noise and clock-induced charge.
    shape
        Rows and columns of a frame.

    Returns
    -------
    array of shape (rows,)
        Infinite where the image says nothing of a position. NaN for rows flagged "ignore": their light is there, but
        nobody has to estimate it.
    """
    bounds = np.full(len(truth), np.nan)
    for rows, core, bound in bounds_by_window(truth, camera, shape):
        bounds[rows[core]] = bound.radial[core]
    return bounds


def bounds_by_window(
    truth: Localizations, camera: Camera, shape: tuple[int, int]
) -> Iterator[tuple[Ints, Mask, Bound]]:
    """The bounds of emitters that are estimated together, window by window of every frame.

    Takes what `frame_bounds` takes. A frame that is not much larger than 48 pixels is one window.

    Yields
    ------
    rows
        Rows of the true table, shape (K,), without those to be ignored.
    core
        Which of them the bound holds for, shape (K,); the others are neighbours at the edge of the window. Every row
        is in the core of one window.
    bound
        Of all of them.
    """
    read_variance = broadcast("the camera's read noise", camera.read_noise_photons, shape) ** 2
    order = np.argsort(truth["frame"], kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(truth["frame"][order])) + 1):
        frame = truth.select(rows)
        expected = ~is_ignored(frame)
        for core, near, window in _windows(frame, shape):
            together = near & expected
            if core[together].any():
                bound = _window_bound(frame.select(near), window, camera, read_variance[window])
                yield rows[together], core[together], bound


def _windows(frame: Localizations, shape: tuple[int, int]) -> Iterator[tuple[Mask, Mask, tuple[slice, slice]]]:
    """Windows of a frame: mask of the rows that belong to each, mask of those that reach into it, its pixels."""
    widest = max(np.fmax.reduce(frame[name], initial=0) for name in ("psf_sigma_y", "psf_sigma_x"))
    halo = int(np.ceil(_REACH * widest))
    axes = []
    for name, size in zip(("y", "x"), shape, strict=True):
        step = _CORE if size > _CORE + 2 * halo else size
        # Emitters beyond the edge of the frame belong to the window at that edge.
        edges = [-np.inf, *(start - 0.5 for start in range(step, size, step)), np.inf]
        axes.append(
            [
                (
                    (frame[name] >= low) & (frame[name] < high),
                    (frame[name] >= low - halo) & (frame[name] < high + halo),
                    slice(max(0, index * step - halo), min(size, (index + 1) * step + halo)),
                )
                for index, (low, high) in enumerate(pairwise(edges))
            ]
        )
    for (core_y, near_y, rows), (core_x, near_x, columns) in product(*axes):
        yield core_y & core_x, near_y & near_x, (rows, columns)


def _window_bound(table: Localizations, window: tuple[slice, slice], camera: Camera, read_variance: Floats) -> Bound:
    """Bound of the emitters of one frame that are to be estimated, from the pixels of a window."""
    y, x = table["y"] - window[0].start, table["x"] - window[1].start
    photons = table["photons"].astype(np.float64)
    sigma = np.stack([table["psf_sigma_y"], table["psf_sigma_x"]], axis=1).astype(np.float64)
    shape = read_variance.shape
    # Each pixel has the background that is known of the emitter next to it.
    pixels = np.indices(shape).reshape(2, -1).T
    nearest = cKDTree(np.stack([y, x], axis=1)).query(pixels)[1]
    background = table["background"][nearest].reshape(shape) + camera.clock_induced_charge_e
    dim = is_ignored(table)
    dim_light = gaussian_derivatives(shape, y[dim], x[dim], photons[dim], *sigma[dim].T)["image"]
    return cramer_rao_bound(
        y[~dim],
        x[~dim],
        photons[~dim],
        background=background + dim_light.sum(axis=0),
        psf_sigma=sigma[~dim],
        shape=(shape[0], shape[1]),
        excess_noise=camera.excess_noise,
        read_variance=read_variance,
    )
