"""Pictures and resolution of ten million localizations: seconds of the fastest of several runs, and memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import psutil
import pytest

from napari_pinpoint.evaluation.resolution import fourier_ring_correlation, nearest_neighbour_resolution
from napari_pinpoint.localizations import Localizations, read_only
from napari_pinpoint.rendering import Picture, render

pytestmark = pytest.mark.timeout(3600)

SIDE = 2048
#: Pixels of the canvas of a window of 1600 x 1000.
CANVAS = (900, 1200)


def measured(work: Callable[[], Any], repeats: int = 1) -> tuple[Any, str]:
    """What came of it; wall-clock seconds of the fastest run, and its processor's, for busy machines."""
    runs = []
    for _ in range(repeats):
        wall, processor = time.perf_counter(), time.thread_time()
        result = work()
        runs.append((time.perf_counter() - wall, time.thread_time() - processor))
    return result, f"{min(runs)[0]:.3g} s (processor {min(run[1] for run in runs):.3g} s)"


@pytest.fixture(scope="module", params=["everywhere", "filaments"])
def table(request: pytest.FixtureRequest, share: float) -> Localizations:
    """Rows at random places, or along 300 lines that cross the field, of about 10 nm uncertainty."""
    n, rng = int(1e7 * share), np.random.default_rng(20261121)
    if request.param == "everywhere":
        y, x = rng.uniform(-0.5, SIDE - 0.5, (2, n))
    else:
        line, along = rng.integers(0, 300, n), rng.uniform(-SIDE, SIDE, n)
        angle, middle = rng.uniform(0, np.pi, 300), rng.uniform(0, SIDE, (2, 300))
        y = middle[0, line] + np.sin(angle)[line] * along + rng.normal(0, 0.2, n)
        x = middle[1, line] + np.cos(angle)[line] * along + rng.normal(0, 0.2, n)
        inside = (np.abs(y - SIDE / 2) < SIDE / 2 - 1) & (np.abs(x - SIDE / 2) < SIDE / 2 - 1)
        y, x = np.resize(y[inside], n), np.resize(x[inside], n) + rng.normal(0, 0.1, n)
    sigma = rng.gamma(8, 0.1 / 8, (2, n)).astype(np.float32)
    columns = {"frame": np.sort(rng.integers(0, 20_000, n)), "y": y, "x": x}
    columns |= {"uncertainty_y": sigma[0], "uncertainty_x": sigma[1]}
    record = {"input": {"shape": [20_000, SIDE, SIDE]}, "what": request.param}
    return Localizations({k: read_only(v) for k, v in columns.items()}, pixel_size_nm=100, record=record)


def test_a_picture_at_any_zoom(table: Localizations, report: Any) -> None:
    what = f"{len(table) / 1e6:g} M rows {table.record['what']}"
    before = psutil.Process().memory_info().rss
    picture, seconds = measured(lambda: Picture(table, shape=(SIDE, SIDE)))
    grown = (psutil.Process().memory_info().rss - before) / 1e9
    report.figure(f"{what}: sorting them, once", f"{seconds}, {grown:.2g} GB")
    assert grown < 2
    _, seconds = measured(lambda: picture.where(table["uncertainty_x"] < 0.1))
    report.figure(f"{what}: picture of those that pass a filter", seconds)
    for zoom in (1, 2, 4, 16, 64):
        height = SIDE / zoom * 0.75
        middle = SIDE / 2
        edges = (middle - height / 2, middle + height / 2, middle - height / 1.5, middle + height / 1.5)
        drawn, seconds = measured(lambda edges=edges: picture.region(*edges, shape=CANVAS), 5)
        seen = f"{drawn.density.sum():,.0f} in view, {drawn.density.shape[0]} x {drawn.density.shape[1]} pixels"
        report.figure(f"{what}: histogram, zoom {zoom}, {seen}", seconds)
        last, seconds = measured(lambda edges=edges: list(picture.gaussians(*edges, shape=CANVAS))[-1], 3)
        report.figure(f"{what}: Gaussians, zoom {zoom}", seconds)
        assert last.density.sum() == pytest.approx(drawn.density.sum(), rel=0.05)


def test_a_whole_picture(table: Localizations, report: Any) -> None:
    for method in ("histogram", "gaussian"):
        _, seconds = measured(lambda method=method: render(table, shape=(SIDE, SIDE), magnification=4, method=method))
        report.figure(f"render, {method}, {4 * SIDE} x {4 * SIDE} pixels, {table.record['what']}", seconds)


def test_resolution(table: Localizations, report: Any) -> None:
    if table.record["what"] == "everywhere":
        pytest.skip("points at random places have no resolution")
    frc, seconds = measured(lambda: fourier_ring_correlation(table, repeats=2))
    pixel = frc.picture_pixel_px * 100
    report.figure(f"FRC, 2 repeats, pixels of {pixel:.3g} nm: {frc.resolution_nm:.3g} nm", seconds)
    nena, seconds = measured(lambda: nearest_neighbour_resolution(table))
    report.figure(f"NeNA, {nena.n_pairs:,} pairs", seconds)
