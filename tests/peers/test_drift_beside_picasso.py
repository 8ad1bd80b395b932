"""Our drift beside Picasso's AIM on the same tables: `pytest -s tests/peers/test_drift_beside_picasso.py`.

Needs Picasso (`pip install picassosr`), which is no dependency of ours. Errors are radial, in nanometres, with the mean
removed: where the whole picture lies is nobody's to say.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from napari_pinpoint.localizations import Localizations
from napari_pinpoint.postprocessing.drift_correlation import estimate_drift

aim = pytest.importorskip("picasso.aim", reason="Picasso is not installed")

#: Segments of about 5,000 localizations in tables of 20 a frame, and AIM's own default.
_LONG, _DEFAULT = 250, 100


def error_nm(found: np.ndarray[Any, Any], true: np.ndarray[Any, Any], pixel_size_nm: float) -> float:
    """Root of the mean square of the radial error, the mean error removed."""
    error = found - true
    return float(np.sqrt(((error - error.mean(axis=0)) ** 2).sum(axis=1).mean()) * pixel_size_nm)


def by_aim(table: Localizations, n_frames: int, side: int, segmentation: int) -> np.ndarray[Any, Any]:
    import pandas as pd

    columns = {"frame": table["frame"].astype(np.uint32)}
    # Picasso's positions are those of ours: the centre of the first pixel is 0.
    columns |= {"x": table["x"], "y": table["y"], "lpx": table["uncertainty_x"], "lpy": table["uncertainty_y"]}
    info = [{"Width": side, "Height": side, "Frames": n_frames, "Pixelsize": table.pixel_size_nm}]
    drift = aim.aim(pd.DataFrame(columns), info, segmentation=segmentation)[2]
    return drift[["y", "x"]].to_numpy()


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    began = time.process_time()
    return work(), time.process_time() - began


@pytest.mark.parametrize("structure", ["filaments", "clusters"])
@pytest.mark.parametrize("walk", [0.0, 0.3])
def test_our_error_is_no_larger(structure: str, walk: float, drifting: Callable[..., Any]) -> None:
    n_frames, side = 5000, 128
    table, true = drifting(7, structure=structure, walk=walk, n_frames=n_frames, side=side)
    errors = {}

    def report(name: str, found: np.ndarray[Any, Any], seconds: float) -> None:
        errors[name] = error_nm(found, true, 100)
        print(f"\n{structure}, walk {100 * walk:.0f} nm, {name}: {errors[name]:.2f} nm, {seconds:.1f} s", end="")

    drift, seconds = timed(lambda: estimate_drift(table, localizations_per_segment=5000))
    report("ours", np.stack([drift.y, drift.x], axis=1), seconds)
    by_aim(table.select(table["frame"] < 300), 300, side, 100)  # compiles it
    for frames in (_LONG, _DEFAULT):
        report(f"AIM, {frames} frames a segment", *timed(lambda frames=frames: by_aim(table, n_frames, side, frames)))
    assert errors["ours"] < 3
    assert errors["ours"] == min(errors.values())
