"""What is known of a stack, as plain JSON values: what `pinpoint info` prints and the plugin shows."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from napari_pinpoint.camera import CAMERA_FIELDS
from napari_pinpoint.stack import AXIS_WORDS, Stack

_EM_SETTING = re.compile(r"EM.?Gain|Multiplier|Andor-Gain", re.I)


def describe(stack: Stack) -> dict[str, Any]:
    """Everything that is known of a stack, and what is missing for photons.

    Returns
    -------
    dict of JSON values: `path`, `axes`, `axes_source`, `sizes` (by word), `shape`, `dtype`, `bytes`, `channel_names`;
    `pixel_size_nm`, `z_step_nm`, `frame_interval_s` and each field of `camera` as ``{"value", "source"}`` or None
    where unknown; `missing_for_photons`, a list of words that is empty when counts can be turned into photons; `hints`,
    sentences on what the file says without defining it; `metadata`, the rest of what it says.

    Examples
    --------
    >>> import numpy
    >>> describe(Stack(numpy.zeros((5, 8, 8), "uint16"), "TYX"))["missing_for_photons"]
    ['offset (counts with the shutter closed)', 'electrons per count']
    """
    record = stack.camera.to_record()
    sources = record.pop("sources")
    return {
        "path": stack.path,
        "axes": stack.axes,
        "axes_source": stack.sources.get("axes"),
        "sizes": {AXIS_WORDS[axis]: size for axis, size in stack.sizes.items()},
        "shape": list(stack.shape),
        "dtype": str(stack.dtype),
        "bytes": int(np.prod(stack.shape, dtype=np.int64)) * stack.dtype.itemsize,
        "channel_names": list(stack.channel_names),
        "pixel_size_nm": _sourced(stack.pixel_size_nm, stack.sources.get("pixel_size_nm")),
        "z_step_nm": _sourced(stack.z_step_nm, stack.sources.get("z_step_nm")),
        "frame_interval_s": _interval(stack),
        "camera": {name: _sourced(value, sources.get(name, "assumed")) for name, value in record.items()},
        "missing_for_photons": [CAMERA_FIELDS[name] for name in stack.camera.missing()],
        "hints": _hints(stack),
        "metadata": stack.metadata,
    }


def _sourced(value: Any, source: str | None) -> dict[str, Any] | None:
    return None if value is None else {"value": value, "source": source or "given"}


def _interval(stack: Stack) -> dict[str, Any] | None:
    """Mean time from frame to frame; `spread` is the largest deviation from it."""
    times = stack.frame_times_s
    if times is None or len(times) < 2:
        return None
    steps = np.diff(times)
    mean = float(steps.mean())
    spread = float(np.abs(steps - mean).max())
    return {"value": mean, "source": stack.sources.get("frame_times_s", "given"), "spread": spread}


def _hints(stack: Stack) -> list[str]:
    """Camera settings that mean something to the user, but not the same on every camera."""
    settings = stack.metadata.get("camera", {})
    return [
        f"The file says {name} = {value}. If this is the real EM gain, give it as em_gain."
        for name, value in settings.items()
        if _EM_SETTING.search(name) and _above_one(value) and "em_gain" not in stack.camera.sources
    ]


def _above_one(value: Any) -> bool:
    try:
        return float(value) > 1
    except (TypeError, ValueError):
        return False
