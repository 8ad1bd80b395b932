"""Our linking beside trackpy's on the same tables: `python tests/peers/compare_linking.py [--dense]`.

Needs trackpy (`pip install trackpy`), which is no dependency of ours. Molecules lie anywhere on the field and are on
for 3 frames in the mean, of which one in twenty is missed; 100 are on in a frame. With --dense the field is 64 x 64 px,
where trackpy does not come to an end with dark frames.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
import pandas as pd
import trackpy

from napari_pinpoint.localizations import Localizations
from napari_pinpoint.postprocessing import link

N_FRAMES, PER_FRAME, ON, PRECISION_PX, RADIUS_PX = 10_000, 100, 3.0, 0.1, 0.5


def blinking(side: float, rng: np.random.Generator) -> pd.DataFrame:
    """frame, y, x and the molecule of each row."""
    n = int(N_FRAMES * PER_FRAME / ON)
    length = rng.geometric(1 / ON, n)
    molecule = np.repeat(np.arange(n), length)
    frame = np.repeat(rng.integers(-5, N_FRAMES, n), length)
    frame += np.arange(len(molecule)) - np.repeat(np.cumsum(length) - length, length)
    seen = (frame >= 0) & (frame < N_FRAMES) & (rng.random(len(frame)) > 0.05)
    order = np.flatnonzero(seen)[np.argsort(frame[seen], kind="stable")]
    y, x = (rng.uniform(0, side, (n, 2))[molecule] + rng.normal(0, PRECISION_PX, (len(molecule), 2)))[order].T
    return pd.DataFrame({"frame": frame[order], "y": y, "x": x, "molecule": molecule[order]})


def pairs(a: Any, b: Any) -> int:
    """How many different pairs there are: as many as particles where two numberings say the same."""
    return len(np.unique(np.stack([a, b]), axis=1).T)


def main(side: float) -> None:
    trackpy.quiet()
    rows = blinking(side, np.random.default_rng(0))
    table = Localizations({name: rows[name].to_numpy() for name in ("frame", "y", "x")})
    for dark in (0, 3):
        began = time.process_time()
        ours = link(table, radius_px=RADIUS_PX, dark_frames=dark)["particle"]
        between = time.process_time()
        theirs = trackpy.link(rows[["frame", "y", "x"]], RADIUS_PX, memory=dark)["particle"].to_numpy()
        seconds = between - began, time.process_time() - between
        print(
            f"{len(rows):,} rows, {side:g} x {side:g} px, {dark} dark frames: ours {seconds[0]:.1f} s, "
            f"{ours.max() + 1:,} particles; trackpy {seconds[1]:.1f} s, {theirs.max() + 1:,} particles; pairs of both "
            f"{pairs(ours, theirs):,}; with {rows['molecule'].nunique():,} molecules {pairs(ours, rows['molecule']):,} "
            f"and {pairs(theirs, rows['molecule']):,}",
            flush=True,
        )


if __name__ == "__main__":
    main(64.0 if "--dense" in sys.argv else 256.0)
