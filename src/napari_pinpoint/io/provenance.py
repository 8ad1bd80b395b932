"""What a table carries besides its columns, as JSON: calibration and record.

Parquet files hold it in their schema; formats that have no place for it get a file beside them, NAME.json.
"""

from __future__ import annotations

import hashlib
import json
import math
import warnings
from pathlib import Path
from typing import Any

from napari_pinpoint.errors import PinpointError, PinpointWarning
from napari_pinpoint.localizations import Localizations

#: Marks our JSON, and counts up when its layout changes so that older programs cannot read it.
KEY = "napari_pinpoint_table"
VERSION = 1


def to_json(table: Localizations, **more: Any) -> str:
    """Calibration and record of a table, and whatever `more` a format wants to keep."""
    stored = {"pixel_size_nm": table.pixel_size_nm, "z_step_nm": table.z_step_nm, "record": table.record}
    return json.dumps({KEY: VERSION, **more, **stored}, indent=1)


def from_json(text: str | bytes, path: Path) -> dict[str, Any] | None:
    """What `to_json` wrote, or None where the text is something else; `path` is for the message."""
    try:
        stored = json.loads(text)
    except ValueError:
        return None
    if not isinstance(stored, dict) or not isinstance(stored.get(KEY), int):
        return None
    if stored[KEY] > VERSION:
        raise PinpointError(f"{path} was written by a newer napari-pinpoint; update to read it.")
    return stored


def sidecar(path: Path) -> Path:
    """The file beside a table that holds its calibration and record."""
    return path.with_name(path.name + ".json")


def write_sidecar(table: Localizations, path: Path, **more: Any) -> None:
    """Write calibration and record beside the finished file of a table."""
    sidecar(path).write_text(to_json(table, bytes=path.stat().st_size, **more), encoding="utf-8")


def read_sidecar(path: Path) -> dict[str, Any] | None:
    """What lies beside a table, or None; a table that was changed since is another one, and nothing is known of it."""
    beside = sidecar(path)
    if not beside.is_file():
        return None
    stored = from_json(beside.read_bytes(), beside)
    if stored is not None and stored.get("bytes") != path.stat().st_size:
        warnings.warn(
            f"{path} was changed after {beside.name} was written; its pixel size and record are not taken from there.",
            PinpointWarning,
            stacklevel=4,
        )
        return None
    return stored


def calibration(path: Path, stored: dict[str, Any] | None, pixel_size_nm: float | None) -> dict[str, Any]:
    """Keyword arguments for a table: what is stored, unless a pixel size is given, which wins."""
    stored = stored or {}
    known = stored.get("pixel_size_nm")
    if pixel_size_nm is not None and not (math.isfinite(pixel_size_nm) and pixel_size_nm > 0):
        raise PinpointError(f"pixel_size_nm must be above 0, not {pixel_size_nm}.")
    if pixel_size_nm is not None and known is not None and not math.isclose(pixel_size_nm, known):
        warnings.warn(
            f"{path} was written with a pixel size of {known:g} nm; it is read with the given {pixel_size_nm:g} nm.",
            PinpointWarning,
            stacklevel=4,
        )
    return {
        "pixel_size_nm": known if pixel_size_nm is None else pixel_size_nm,
        "z_step_nm": stored.get("z_step_nm"),
        "record": stored.get("record"),
    }


def hash_of_sample(path: str | Path | None) -> str | None:
    """A hash of a file's size, first and last megabyte: enough to notice another file, quick at any size.

    None where there is no such file.
    """
    if path is None or not Path(path).is_file():
        return None
    size = Path(path).stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with Path(path).open("rb") as file:
        digest.update(file.read(2**20))
        file.seek(max(0, size - 2**20))
        digest.update(file.read())
    return digest.hexdigest()
