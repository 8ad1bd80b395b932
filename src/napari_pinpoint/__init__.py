"""napari-pinpoint: points in microscopy, to a fraction of a pixel, on every frame.

The names below are the public interface; each is imported when it is first used, so that importing the package loads
neither torch nor napari nor Qt.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_pinpoint.camera import Camera
    from napari_pinpoint.evaluation.scores import evaluate
    from napari_pinpoint.inference import localize, localize_iter, plan
    from napari_pinpoint.io.images import read_stack
    from napari_pinpoint.io.tables import read_localizations, write_localizations
    from napari_pinpoint.localizations import Localizations
    from napari_pinpoint.model import load_model
    from napari_pinpoint.stack import Stack
    from napari_pinpoint.training import train, train_iter

_HOME = {
    "Camera": "camera",
    "Localizations": "localizations",
    "Stack": "stack",
    "evaluate": "evaluation.scores",
    "load_model": "model",
    "localize": "inference",
    "localize_iter": "inference",
    "plan": "inference",
    "read_localizations": "io.tables",
    "read_stack": "io.images",
    "train": "training",
    "train_iter": "training",
    "write_localizations": "io.tables",
}

__all__ = [
    "Camera",
    "Localizations",
    "Stack",
    "evaluate",
    "load_model",
    "localize",
    "localize_iter",
    "plan",
    "read_localizations",
    "read_stack",
    "train",
    "train_iter",
    "write_localizations",
]

try:
    __version__ = version("napari-pinpoint")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0.0.0"


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
