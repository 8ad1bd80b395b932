"""A small movie, and the tab Localize in a real viewer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from napari_pinpoint.localizations import Localizations
from napari_pinpoint.scenes.emitters import EmitterScene
from napari_pinpoint.stack import Stack


@pytest.fixture(scope="session")
def movie() -> Stack:
    """Twelve frames with their camera; a pixel has 100 nm."""
    scene = EmitterScene(shape=(32, 40), density=(0.01, 0.01), independent_frames=True)
    return scene.sample(12, np.random.default_rng(3))[0]


@pytest.fixture
def table() -> Localizations:
    """Three rows in two frames, with a measurement that one row lacks."""
    return Localizations(
        {
            "frame": [0, 4, 4],
            "y": [1.25, 2.0, 30.5],
            "x": [0.1 + 0.2, 6.5, -0.375],
            "probability": [1.0, 0.75, 0.5],
            "photons": [100.0, np.nan, 300.0],
            "label": ["a", None, "b"],
            "n_frames": [1, 2, 3],
        },
        pixel_size_nm=117.0,
        record={"steps": [{"step": "localize"}]},
    )


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two frames of the movie to a chunk, so that there is something to cancel."""
    monkeypatch.setattr(
        "napari_pinpoint.inference.planning.CHUNK_PIXELS", dict.fromkeys(("cpu", "mps", "cuda"), 2 * 32 * 40)
    )


@pytest.fixture
def open_tab(make_napari_viewer: Any) -> Callable[..., Any]:
    """Opens the tab Localize in a viewer, in a new one if none is given."""

    def open_in(viewer: Any = None) -> Any:
        viewer = viewer or make_napari_viewer()
        return viewer.window.add_plugin_dock_widget("napari-pinpoint", "Localize")[1]

    return open_in
