"""What ImageJ (Fiji) writes into a TIFF: the axes of a hyperstack, and its calibration.

Source: the text that ij.io.FileSaver.getDescriptionString writes, one `key=value` a line.
"""

from __future__ import annotations

from typing import Any

from napari_pinpoint.io.facts import Facts, nanometres, seconds

_SOURCE = "ImageJ metadata"
_KEPT = ("ImageJ", "min", "max", "mode", "unit", "Info")


def hyperstack(meta: dict[str, Any], samples: int) -> tuple[str, tuple[int, ...], str | None]:
    """Axes and sizes before rows and columns, slowest first, and a remark where the axes were not plainly said.

    ImageJ opens every movie as a "stack" of slices. Only a hyperstack, or a distance between slices, says that they
    are planes; all other slices are taken as frames.
    """
    sizes = {axis: _count(meta.get(key)) for axis, key in (("T", "frames"), ("Z", "slices"), ("C", "channels"))}
    if samples > 1 and sizes["C"] == samples:
        sizes["C"] = 1  # an RGB image may count its colours as channels too
    images = _count(meta.get("images"))
    order = str(meta.get("order", "czt")).upper()[::-1]
    if sorted(order) != ["C", "T", "Z"]:
        order = "TZC"
    remark = None
    if sizes["T"] * sizes["Z"] * sizes["C"] == 1 and images > 1:
        sizes["T"] = images
    elif sizes["Z"] > 1 and sizes["T"] == 1 and not _says_planes(meta):
        sizes["T"], sizes["Z"] = sizes["Z"], 1
        remark = "ImageJ slices without a distance between them, taken as frames"
    return order, tuple(sizes[axis] for axis in order), remark


def _says_planes(meta: dict[str, Any]) -> bool:
    if seconds(meta.get("finterval")) is not None:
        return False
    return bool(meta.get("hyperstack")) or "spacing" in meta


def facts(meta: dict[str, Any], resolution: tuple[float, float], name: str) -> Facts:
    """The calibration; `resolution` is the number of pixels in one unit along x and y."""
    found = Facts(metadata={key: meta[key] for key in _KEPT if key in meta and len(str(meta[key])) < 10_000})
    unit = meta.get("unit", "")
    x, y = (nanometres(1 / value, unit) if value > 0 else None for value in resolution)
    if str(unit).strip().lower() not in ("inch", "in"):  # what ImageJ makes of a print resolution
        found.note_pixel_size(x, y, _SOURCE, name)
        found.note("z_step_nm", nanometres(meta.get("spacing"), unit), _SOURCE)
    found.note_interval(seconds(meta.get("finterval"), meta.get("tunit", "s")), _SOURCE)
    return found


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 1
