"""What all tests share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

# The tests of packaging run where the package is not installed: it is imported in the fixtures.
if TYPE_CHECKING:
    from napari_pinpoint.localizations import Localizations


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20201130)


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The development data (see CONTRIBUTING); tests that need it are skipped, saying so, where it is absent."""
    folder = os.environ.get("PINPOINT_DATA")
    if not folder:
        pytest.skip("PINPOINT_DATA is not set: no development data")
    if not Path(folder).is_dir():
        pytest.fail(f"PINPOINT_DATA={folder} is not a folder")
    return Path(folder)


@pytest.fixture(scope="session")
def drifting() -> Callable[..., tuple[Localizations, np.ndarray[Any, Any]]]:
    """Tables of blinking molecules on a structure that drifts, and their true drift (n_frames, 2) as (y, x) in px."""

    def simulated(
        seed: int,
        *,
        n_frames: int = 5000,
        per_frame: int = 20,
        side: int = 128,
        structure: str = "filaments",
        walk: float = 0.0,
        precision: float = 0.1,
    ) -> tuple[Localizations, np.ndarray[Any, Any]]:
        from napari_pinpoint.localizations import Localizations
        from napari_pinpoint.scenes.structures import STRUCTURES

        rng = np.random.default_rng(seed)
        # A molecule is on 4 times, each time for 2 frames in the mean.
        n_emissions = n_frames * per_frame // 2
        molecules = STRUCTURES[structure](np.zeros(n_emissions // 4, int), 1, (side, side), rng)
        length = rng.geometric(0.5, n_emissions)
        first = np.repeat(rng.integers(0, n_frames, n_emissions), length)
        frame = first + np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
        molecule = np.repeat(rng.integers(len(molecules), size=n_emissions), length)
        order = np.argsort(frame, kind="stable")[: np.count_nonzero(frame < n_frames)]
        frame, molecule = frame[order], molecule[order]
        # A trend and slow waves of some hundred nanometres, and a random walk of `walk` pixels in all.
        t = np.arange(n_frames) / n_frames
        drift = np.stack([3 * t + 0.8 * np.sin(9 * t + 1), -2 * t**2 + 1.2 * np.sin(5 * t)], axis=1)
        drift += np.cumsum(rng.normal(0, walk / np.sqrt(n_frames), drift.shape), axis=0)
        drift -= drift[0]
        sigma = precision * np.exp(rng.normal(0, 0.3, len(frame)))
        y, x = (molecules[molecule] + drift[frame] + rng.normal(size=(len(frame), 2)) * sigma[:, None]).T
        columns = {"frame": frame, "y": y, "x": x, "uncertainty_y": sigma, "uncertainty_x": sigma}
        return Localizations({**columns, "photons": (130 / (100 * sigma)) ** 2}, pixel_size_nm=100), drift

    return simulated
