"""Importing costs little: what reads, draws, counts or asks on the command line loads neither torch nor Qt."""

from __future__ import annotations

import subprocess
import sys

HEAVY = {"torch", "lightning_fabric", "napari", "qtpy", "PyQt6", "PySide6", "magicgui", "vispy"}

LIGHT = [
    "napari_pinpoint",
    "napari_pinpoint.errors",
    "napari_pinpoint.registry",
    "napari_pinpoint.arrays",
    "napari_pinpoint.camera",
    "napari_pinpoint.localizations",
    "napari_pinpoint.stack",
    "napari_pinpoint.psf",
    "napari_pinpoint.evaluation.scores",
    "napari_pinpoint.scenes",
    "napari_pinpoint.io.images",
    "napari_pinpoint.io.tables",
    "napari_pinpoint.zoo",
    "napari_pinpoint.cli",
]

IMPORT_AND_LOOK = """
import importlib, sys
for name in {light!r}:
    importlib.import_module(name)
    loaded = {heavy!r} & set(sys.modules)
    if loaded:
        sys.exit(f"import {{name}} loads {{', '.join(sorted(loaded))}}")
"""


def test_the_light_modules_load_nothing_heavy() -> None:
    code = IMPORT_AND_LOOK.format(light=LIGHT, heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_public_name_can_be_had() -> None:
    import napari_pinpoint

    assert set(napari_pinpoint.__all__) <= set(dir(napari_pinpoint))
    for name in napari_pinpoint.__all__:
        assert getattr(napari_pinpoint, name) is not None
