"""Our fit beside Picasso's on the same stack from the same starts: `pytest -s tests/peers/test_fit_beside_picasso.py`.

Needs Picasso (`pip install picassosr`), which is no dependency of ours. All fit a Gaussian with a width along each axis
to 11 x 11 pixels around the same places: Picasso's `gaussmle` (Newton's method, parameter by parameter) with the
settings of its documentation, and its newer `fitting.gaussfit` (Levenberg-Marquardt) as its program runs it. Seconds
are those of one processor core, without the cutting out of Picasso's spots and with everything on our side.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from napari_pinpoint.camera import Camera
from napari_pinpoint.evaluation import cramer_rao_bound
from napari_pinpoint.fitting import fit
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.psf import render_emitters

gaussmle = pytest.importorskip("picasso.gaussmle", reason="Picasso is not installed")

Array = np.ndarray[Any, Any]
SIGMA, SIDE, RADIUS, EMITTERS = 1.3, 27, 5, 4000
#: Without read noise, which Picasso's `gaussmle` does not know.
CAMERA = Camera(offset_adu=100, electrons_per_adu=0.5)


def movie(photons: float, background: float) -> tuple[Array, Array, Localizations]:
    """Counts of one emitter a frame, true positions (n, 2) as (y, x), and starts that are off by as much as a model."""
    rng = np.random.default_rng(7)
    true, frame = rng.uniform(11, 15, (EMITTERS, 2)), np.arange(EMITTERS)
    values = np.full(EMITTERS, photons), *np.full((2, EMITTERS), SIGMA)
    light = render_emitters(frame, *true.T, *values, EMITTERS, (SIDE, SIDE)) + np.float32(background)
    start = true + rng.normal(0, 0.1, true.shape)
    return CAMERA.expose(light, rng), true, Localizations({"frame": frame, "y": start[:, 0], "x": start[:, 1]})


def spots_of(counts: Array, start: Localizations) -> tuple[Array, Array]:
    """What Picasso fits: photons (n, 11, 11) around the nearest pixels, and the first pixel of each as (y, x)."""
    first = np.rint(start.positions()).astype(int) - RADIUS
    reach = np.arange(2 * RADIUS + 1)
    rows, columns = (first[:, axis, None] + reach for axis in range(2))
    cut = counts[np.arange(len(first))[:, None, None], rows[:, :, None], columns[:, None, :]]
    return np.ascontiguousarray(CAMERA.to_photons(cut)), first


def by_gaussmle(spots: Array) -> Array:
    theta = gaussmle.gaussmle(spots, 0.001, 100, "sigmaxy")[0]
    return theta[:, [1, 0]]


def by_gaussfit(spots: Array) -> Array:
    from picasso.fitting import gaussfit, seeds

    given = seeds.initial_parameters_gauss(spots, spots.shape[1])
    theta = gaussfit.fit_spots(gaussfit.ELLIPTIC, spots, given, mle=True)[0]
    return theta[:, [2, 1]]


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    work()  # compiles, and fills caches
    began = time.process_time()
    return work(), time.process_time() - began


@pytest.mark.parametrize(("photons", "background"), [(300, 3), (1000, 10), (1000, 100), (10_000, 10)])
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_our_error_is_no_larger(photons: int, background: int) -> None:
    torch.set_num_threads(1)
    counts, true, start = movie(photons, background)
    spots, first = spots_of(counts, start)
    bound = cramer_rao_bound(13, 13, photons, background=background, psf_sigma=SIGMA, shape=(25, 25)).radial[0]
    ours, seconds = timed(lambda: fit(counts, start, CAMERA, psf_sigma=SIGMA))
    found = {"ours": (ours.positions(), seconds)}
    for name, way in (("picasso gaussmle", by_gaussmle), ("picasso gaussfit, mle", by_gaussfit)):
        theta, seconds = timed(lambda way=way: way(spots))
        found[name] = (first + theta, seconds)
    error = {}
    for name, (positions, seconds) in found.items():
        distance = np.linalg.norm(positions - true, axis=1)
        error[name] = np.sqrt(np.mean(distance**2)) / bound
        near = distance < 4 * bound
        print(
            f"{photons} photons, background {background}: {name}: radial RMSE {error[name]:.3f} of the bound, "
            f"{np.sqrt(np.mean(distance[near] ** 2)) / bound:.3f} within 4 bounds ({1 - near.mean():.2%} are not), "
            f"{EMITTERS / seconds:,.0f} fits/s"
        )
    assert error["ours"] <= 1.005 * error["picasso gaussmle"]
    assert error["ours"] < 1.04
