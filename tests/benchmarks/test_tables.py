"""Seconds of what is done with tables: ten million rows filtered, a million linked, drift of both."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from napari_pinpoint.localizations import Localizations
from napari_pinpoint.postprocessing import correct_drift, estimate_drift, filter_rows, link, merge, rows_that_pass

pytestmark = pytest.mark.timeout(1800)


def fastest(work: Callable[[], Any], repeats: int = 3) -> float:
    """Seconds of the fastest of several runs."""
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def test_filtering(report: Any, share: float) -> None:
    n = int(1e7 * share)
    rng = np.random.default_rng(1)
    columns: dict[str, Any] = {"frame": np.arange(n) // 200, "y": rng.random(n) * 256, "x": rng.random(n) * 256}
    columns |= {"photons": rng.lognormal(6, 1, n), "uncertainty_x": rng.random(n) / 3}
    table = Localizations(columns, pixel_size_nm=100)
    for condition in ("photons > 300", "photons > 300 and uncertainty_x_nm < 20"):
        seconds = fastest(lambda condition=condition: rows_that_pass(table, condition))
        report.figure(f"{n:,} rows asked: {condition}", f"{seconds:.2f} s")
    report.figure(f"{n:,} rows filtered: the table of those", f"{fastest(lambda: filter_rows(table, condition)):.2f} s")


@pytest.mark.parametrize("side", [256, 64])
def test_linking(report: Any, share: float, drifting: Callable[..., Any], side: int) -> None:
    table, _ = drifting(1, n_frames=int(10_000 * share), per_frame=100, side=side, structure="uniform")
    for dark in (0, 3):
        seconds = fastest(lambda dark=dark: link(table, radius_px=0.5, dark_frames=dark), 1)
        report.figure(f"{len(table):,} rows on {side} x {side} px linked, {dark} dark frames", f"{seconds:.2f} s")
    linked = link(table, radius_px=0.5)
    report.figure(f"{len(table):,} rows merged", f"{fastest(lambda: merge(linked)):.2f} s")


def test_drift(report: Any, share: float, drifting: Callable[..., Any]) -> None:
    for per_frame in (20, 200):
        table, _ = drifting(1, n_frames=int(5000 * share), per_frame=per_frame, side=256)
        began = time.perf_counter()
        drift = estimate_drift(table)
        seconds = time.perf_counter() - began
        report.figure(f"drift of {len(table):,} rows in {len(drift.frame):,} frames", f"{seconds:.1f} s")
        report.figure(
            f"{len(table):,} rows corrected",
            f"{fastest(lambda table=table, drift=drift: correct_drift(table, drift)):.2f} s",
        )
