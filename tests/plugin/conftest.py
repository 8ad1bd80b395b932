"""A small movie, and the tab Localize in a real viewer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.layers.calibration import image_metadata
from napari_pinpoint.scenes.emitters import EmitterScene
from napari_pinpoint.stack import Stack


@pytest.fixture(scope="session")
def movie() -> Stack:
    """Twelve frames with their camera; a pixel has 100 nm."""
    scene = EmitterScene(shape=(32, 40), density=(0.01, 0.01), independent_frames=True)
    return scene.sample(12, np.random.default_rng(3))[0]


@pytest.fixture(autouse=True)
def cameras_file(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that cameras are remembered in: not the one of whoever runs the tests."""
    path = tmp_path_factory.mktemp("configuration") / "napari-pinpoint" / "cameras.json"
    monkeypatch.setattr("napari_pinpoint.plugin.camera.cameras.cameras_file", lambda: path)
    return path


@pytest.fixture(autouse=True)
def own_preferences(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The defaults, whatever the preferences of whoever runs the tests; what a test sets is forgotten."""
    napari_settings = pytest.importorskip("napari.settings")
    monkeypatch.setattr(napari_settings, "_CFG_PATH", str(tmp_path_factory.mktemp("napari") / "settings.yaml"))
    napari_settings._clear_plugin_settings_cache()
    yield
    napari_settings._clear_plugin_settings_cache()


@pytest.fixture(autouse=True)
def shaders_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mesa's software renderer crashes after shaders that have just drawn are deleted, as when a layer is removed."""
    pytest.importorskip("vispy")
    monkeypatch.setattr("vispy.gloo.glir.GlirProgram.delete", lambda program: None)


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


@pytest.fixture
def add_movie(movie: Stack) -> Callable[..., Any]:
    """Adds the movie (or `data` with its calibration) to a viewer as a layer that knows pixel size and camera."""

    def add(viewer: Any, data: Any = None, **more: Any) -> Any:
        attributes: dict[str, Any] = {"scale": (1, 0.1, 0.1), "units": ("pixel", "um", "um")}
        attributes |= {"name": "movie", "metadata": image_metadata(movie)} | more
        return viewer.add_image(movie.data if data is None else data, **attributes)

    return add


@pytest.fixture
def press(qtbot: Any) -> Callable[..., None]:
    """Presses a button with the mouse, as soon as it can be pressed."""
    from qtpy.QtCore import Qt

    def press_it(button: Any) -> None:
        qtbot.waitUntil(button.isEnabled, timeout=60_000)
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    return press_it


@pytest.fixture
def ready(qtbot: Any) -> Callable[..., Any]:
    """Waits until all that the tab finds out stands in it, and chooses a model; gives the tab."""

    def wait(tab: Any, model: str = "smlm-2d") -> Any:
        qtbot.waitUntil(lambda: tab.assistant.is_ready, timeout=60_000)
        tab.form.model.choice.setCurrentText(model)
        qtbot.waitUntil(
            lambda: tab.assistant.facts is not None and not tab.background.is_asked("model"), timeout=60_000
        )
        return tab

    return wait


@pytest.fixture
def run_tab(qtbot: Any, press: Callable[..., None]) -> Callable[..., None]:
    """Presses Localize and waits for the end."""

    def run(tab: Any) -> None:
        press(tab.run_button)
        qtbot.waitUntil(lambda: not tab.jobs.is_running, timeout=60_000)

    return run


def assert_same_rows(a: Localizations, b: Localizations) -> None:
    """Every column has the very same values in the same order, and there are some."""
    assert set(a) == set(b)
    assert len(a) > 0
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], strict=True, err_msg=name)


@pytest.fixture
def same_rows() -> Callable[[Localizations, Localizations], None]:
    return assert_same_rows
