"""Cameras that the user has told about: their numbers by name, in one JSON file of the user's configuration folder."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qtpy.QtCore import QStandardPaths

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.io.atomic import complete_file

#: What is remembered of a camera; the pixel size belongs to the microscope, but is asked for in the same breath.
NUMBERS = ("pixel_size_nm", "offset_adu", "electrons_per_adu", "em_gain", "read_noise_e")
_VERSION = 1


@dataclass(frozen=True)
class SavedCamera:
    """The numbers (by name, one of `NUMBERS`) that are remembered of a camera, and where each once came from."""

    numbers: dict[str, float]
    sources: dict[str, str] = field(default_factory=dict)


def cameras_file() -> Path:
    """The file that holds them, whether it is there or not."""
    folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.GenericConfigLocation)
    return Path(folder) / "napari-pinpoint" / "cameras.json"


def saved_cameras() -> dict[str, SavedCamera]:
    """All cameras by name, in the order of the alphabet; none where there is no file, or a damaged one.

    Entries that make no sense are left out, and stay in the file.
    """
    cameras = {name: _understood(entry) for name, entry in (_read() or {}).items()}
    return {name: camera for name, camera in sorted(cameras.items()) if camera is not None}


def save_camera(name: str, numbers: Mapping[str, float], sources: Mapping[str, str]) -> None:
    """Remember a camera; one of the same name is replaced.

    Raises
    ------
    PinpointError
        If the name is empty, there is no number, or the file cannot be written.
    """
    if not name.strip():
        raise PinpointError("Give the camera a name, under which its numbers are remembered.")
    if not numbers:
        raise PinpointError(f"There is nothing to remember of {name}: fill in its numbers first.")
    _write({**(_read() or {}), name.strip(): {**numbers, "sources": dict(sources)}})


def forget_camera(name: str) -> None:
    """Forget a camera; nothing happens if it is not known."""
    cameras = _read() or {}
    if cameras.pop(name, None) is not None:
        _write(cameras)


def _read() -> dict[str, Any] | None:
    """The entries of the file as they are; None if there is no file that can be understood."""
    try:
        content = json.loads(cameras_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    cameras = content.get("cameras") if isinstance(content, dict) else None
    return cameras if isinstance(cameras, dict) else None


def _write(cameras: dict[str, Any]) -> None:
    """Write all entries at once; a file that could not be understood is kept beside, for its owner to look at."""
    path = cameras_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and _read() is None:
            path.replace(_free_name(path))
    except OSError as error:
        raise PinpointError(f"{path}: the cameras cannot be remembered ({error.strerror or error}).") from error
    with complete_file(path, overwrite=True) as temporary:
        temporary.write_text(json.dumps({"version": _VERSION, "cameras": cameras}, indent=1), encoding="utf-8")


def _free_name(path: Path) -> Path:
    names = (path.with_name(f"{path.name}.damaged{n or ''}") for n in range(1000))
    return next(name for name in names if not name.exists())


def _understood(entry: Any) -> SavedCamera | None:
    """The camera of an entry, as far as its numbers are some; None if there are none."""
    if not isinstance(entry, dict):
        return None
    numbers = {name: float(entry[name]) for name in NUMBERS if _is_number(entry.get(name))}
    sources = entry.get("sources")
    words = {name: str(sources[name]) for name in numbers if name in sources} if isinstance(sources, dict) else {}
    return SavedCamera(numbers, words) if numbers else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
