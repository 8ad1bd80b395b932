"""Gaussians on a level, fitted to pixels by weighted least squares: positions where no camera is known."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

_WINDOW = 2.5  # sigmas
_WEIGHT = 1.5  # sigmas of the Gaussian weight: neighbours have little say
_STEPS = 12


def fit_gaussians(squares: Array, believed: Array, start: Array, sigma: Array) -> Array:
    """Centres of bright or dark Gaussians in squares of pixels.

    Height, level, position and width are fitted by Levenberg and Marquardt's method to the pixels around the start,
    weighted with a Gaussian around the pixel that the start lies in.

    Parameters
    ----------
    squares, believed
        Pixels (n, side, side) in any unit, and which of them have a say.
    start, sigma
        First position (n, 2) as (y, x) and standard deviation (n,), px.

    Returns
    -------
    (n, 2) positions; where a fit leaves the neighbourhood of its start by more than 1 px or a sigma, the start.
    """
    centres = start.copy()
    for width in np.unique(sigma):
        rows = np.flatnonzero(sigma == width)
        fitted = _fit(squares[rows], believed[rows], start[rows], float(width))
        moved = np.hypot(*(fitted - start[rows]).T)
        fine = np.isfinite(moved) & (moved <= max(1.0, width))
        centres[rows[fine]] = fitted[fine]
    return centres


def _fit(squares: Array, believed: Array, start: Array, sigma: float) -> Array:
    """Positions (n, 2) of Gaussians of about the same width."""
    radius = int(np.ceil(_WINDOW * sigma))
    middle = np.rint(start).astype(np.int64)
    offset = np.arange(-radius, radius + 1)
    dy, dx = (grid.ravel().astype(np.float64) for grid in np.meshgrid(offset, offset, indexing="ij"))
    side = squares.shape[1]
    rows, columns = ((middle[:, i, None] + d.astype(np.int64)) for i, d in enumerate((dy, dx)))
    inside = (rows >= 0) & (rows < side) & (columns >= 0) & (columns < side)
    at = np.arange(len(squares))[:, None], rows.clip(0, side - 1), columns.clip(0, side - 1)
    values = squares[at]
    weight = np.exp(-(dy**2 + dx**2) / (2 * (_WEIGHT * max(sigma, 1.0)) ** 2)) * (inside & believed[at])
    centre = np.take_along_axis(values, np.full((len(values), 1), dy.size // 2), axis=1)[:, 0]
    level = (values * (1 - weight)).sum(axis=1) / (1 - weight).sum(axis=1)
    parameters = np.column_stack([centre - level, level, start - middle, np.full(len(values), np.log(sigma))])
    damping = np.full(len(values), 1e-3)
    cost, gradient, curvature = _normal_equations(parameters, values, weight, dy, dx)
    for _ in range(_STEPS):
        diagonal = np.einsum("nii->ni", curvature)
        scale = diagonal + 1e-12 * diagonal.max(axis=1, keepdims=True) + np.finfo(float).tiny
        damped = curvature + (damping[:, None] * scale)[:, :, None] * np.eye(5)
        tried = parameters + np.linalg.solve(damped + 1e-300 * np.eye(5), gradient[:, :, None])[:, :, 0]
        tried[:, 4] = tried[:, 4].clip(np.log(sigma / 2), np.log(sigma * 2))
        tried[:, 2:4] = tried[:, 2:4].clip(-radius, radius)
        new = _normal_equations(tried, values, weight, dy, dx)
        better = new[0] <= cost
        parameters = np.where(better[:, None], tried, parameters)
        cost = np.where(better, new[0], cost)
        gradient = np.where(better[:, None], new[1], gradient)
        curvature = np.where(better[:, None, None], new[2], curvature)
        damping = np.where(better, damping / 5, damping * 5).clip(1e-9, 1e6)
    places: Array = parameters[:, 2:4] + middle
    return places


def _normal_equations(parameters: Array, values: Array, weight: Array, dy: Array, dx: Array) -> tuple[Array, ...]:
    """Cost (n,), its negative gradient (n, 5) and Gauss and Newton's curvature (n, 5, 5)."""
    height, level, y, x, log_sigma = (column[:, None] for column in parameters.T)
    narrow = np.exp(-2 * log_sigma)
    away_y, away_x = dy - y, dx - x
    shape = np.exp(-(away_y**2 + away_x**2) * narrow / 2)
    light = height * shape
    residual = values - light - level
    slopes = [
        shape,
        np.ones_like(shape),
        light * away_y * narrow,
        light * away_x * narrow,
        light * (away_y**2 + away_x**2) * narrow,
    ]
    jacobian = np.stack(slopes, axis=2)
    weighted = jacobian * weight[:, :, None]
    gradient = np.einsum("npk,np->nk", weighted, residual)
    return (weight * residual**2).sum(axis=1), gradient, np.swapaxes(weighted, 1, 2) @ jacobian
