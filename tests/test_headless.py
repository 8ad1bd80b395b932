"""The core without napari and Qt: only where neither is installed (`tox run -e headless`)."""

from __future__ import annotations

import importlib
import importlib.util
import os
import pkgutil

import pytest

import napari_pinpoint

pytestmark = pytest.mark.skipif("PINPOINT_HEADLESS" not in os.environ, reason="napari and Qt may be installed here")


@pytest.mark.parametrize("name", ["napari", "qtpy", "magicgui", "superqt", "vispy", "PyQt5", "PyQt6", "PySide6"])
def test_is_not_installed(name: str) -> None:
    assert importlib.util.find_spec(name) is None


def test_every_module_but_the_plugins_imports() -> None:
    found = [
        module.name
        for module in pkgutil.walk_packages(napari_pinpoint.__path__, "napari_pinpoint.", onerror=lambda name: None)
        if not module.name.startswith("napari_pinpoint.plugin")
    ]
    assert "napari_pinpoint.inference" in found
    for name in found:
        importlib.import_module(name)
