"""Micro-Manager's multi-page TIFFs: an index of (channel, slice, frame, position), split into files of 4 GB.

Format: https://micro-manager.org/Micro-Manager_File_Formats. The index gives the place of every page, so that no chain
of pages has to be followed.
"""

from __future__ import annotations

import glob
import json
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from napari_pinpoint.errors import PinpointWarning
from napari_pinpoint.io.facts import Facts, nanometres, seconds
from napari_pinpoint.io.source import Source, without_missing
from napari_pinpoint.io.tiff_chain import read_ifd
from napari_pinpoint.io.tiff_pages import FileSeries, PageLayout, TiffPages

AXES = "PTCZ"
TAG = 51123  # JSON of every page
_COLUMNS = (3, 2, 0, 1)  # of the index map, in the order of AXES; the fifth column is the page's offset
_SOURCE = "Micro-Manager metadata"
_TIMED_FRAMES = 1000

# Properties whose unit the camera's maker defines: Hamamatsu's DCAM (electrons per count, and the offset that belongs
# to it) and Photometrics' PVCAM. An EM gain setting is none of them: what it means depends on camera and mode.
_DEFINED = {
    "CONVERSION FACTOR COEFF": "electrons_per_adu",
    "Actual Gain e/ADU": "electrons_per_adu",
    "CONVERSION FACTOR OFFSET": "offset_adu",
}
_HINTS = re.compile(r"gain|amplifier|readout|read ?mode|conversion|binning|exposure|port|offset|bit ?depth", re.I)


def open_micromanager(path: Path, layout: PageLayout, *, whole: bool) -> Source | None:
    """The data set of a file: its stage positions with all their parts, or every position if `whole`.

    None where the file has no index, as after a crash: its pages can still be read one by one.
    """
    own = index_map(path)
    if own is None or not len(own[0]):
        return None
    index, summary = own
    files, indices = [], []
    for part in parts(path):
        other = index_map(part)
        rows = other[0] if other else index[:0]
        if not whole:
            rows = rows[np.isin(rows[:, 3], index[:, 3])]
        if len(rows):
            files.append(TiffPages(part, layout, ifds=rows[:, 4]))
            files[-1].check_complete()
            indices.append(rows)
    table = without_missing(page_table(indices, summary), AXES, path)
    pages = FileSeries(files, list(map(len, files)), layout)
    source = Source(pages, layout, table, AXES, [file.path for file in files])
    first = read_json(page_metadata(files[0], 0))
    source.facts = facts(summary, first, source.sizes["C"])
    note_elapsed(source.facts, files, table[0, :, 0, 0])
    return source


def index_map(path: Path) -> tuple[np.ndarray[Any, Any], dict[str, Any]] | None:
    """Index of a file as rows of (channel, slice, frame, position, offset of the page), and its summary."""
    try:
        with path.open("rb") as file:
            settings = tifffile.read_micromanager_metadata(file, {"IndexMap", "Summary"})
    except (ValueError, OSError):
        return None
    index = settings.get("IndexMap")
    if index is None or not len(index):
        return None
    index = np.asarray(index, dtype=np.int64)
    return index[index[:, 4] > 0], settings.get("Summary") or {}


def parts(path: Path) -> list[Path]:
    """All files of the data set that a file belongs to, itself included."""
    prefix, mark, _ = path.name.partition("_MMStack")
    if not mark:
        return [path]
    return sorted({path, *map(Path, glob.glob(str(path.parent / (glob.escape(prefix + mark) + "*.tif"))))})


def page_table(indices: list[np.ndarray[Any, Any]], summary: dict[str, Any]) -> np.ndarray[Any, Any]:
    """Page numbers of shape (positions, frames, channels, slices), pages being numbered on from file to file."""
    everything = np.concatenate(indices)[:, _COLUMNS]
    announced = [_integer(summary.get(key)) for key in ("Positions", "Frames", "Channels", "Slices")]
    # The first position of a file that was asked for alone is not the first of the data set.
    everything[:, 0] = np.unique(everything[:, 0], return_inverse=True)[1]
    announced[0] = 1
    shape = np.maximum(everything.max(axis=0) + 1, announced)
    pages = np.full(shape, -1, dtype=np.int64)
    pages[tuple(everything.T)] = np.arange(len(everything))
    return pages


def facts(summary: dict[str, Any], first: dict[str, Any], n_channels: int) -> Facts:
    """Calibration and camera from the summary and the metadata of the first page."""
    found = Facts()
    for values, key in ((first, "PixelSizeUm"), (summary, "PixelSize_um"), (summary, "PixelSizeUm")):
        found.note("pixel_size_nm", nanometres(values.get(key), "um"), _SOURCE)
    found.note("z_step_nm", nanometres(summary.get("z-step_um"), "um"), _SOURCE)
    names = summary.get("ChNames")
    if isinstance(names, list) and len(names) == n_channels > 1:
        found.note("channel_names", tuple(map(str, names)), _SOURCE)
    found.note_interval(seconds(summary.get("Interval_ms"), "ms"), f"{_SOURCE} (Interval_ms)")
    _note_camera(found, first)
    return found


def _note_camera(found: Facts, page: dict[str, Any]) -> None:
    """The camera's numbers where its maker defines them, and all its settings as metadata."""
    name = _camera_name(page)
    if name:
        found.metadata["camera_name"] = name
    settings = {key: _plain(value) for key, value in page.items() if _HINTS.search(key)}
    if settings:
        found.metadata["camera"] = settings
    for property_name, field in _DEFINED.items():
        values = {float(v) for k, v in settings.items() if k.endswith("-" + property_name) and _is_positive(v)}
        if len(values) == 1 and field not in found.camera:  # two cameras that differ: which one took it is not said
            found.camera[field] = values.pop()
            found.sources[field] = f"{_SOURCE} ({property_name})"


def _camera_name(page: dict[str, Any]) -> str:
    """What the camera is called: its maker's name for it and its serial number, else the label of the user's set-up."""
    label = str(_plain(page.get("Core-Camera") or page.get("Camera") or "")).strip()
    own = [str(_plain(page.get(f"{label}-{name}") or "")).strip() for name in ("CameraName", "CameraID")]
    return " ".join(filter(None, own)) or label


def page_metadata(pages: TiffPages, number: int) -> bytes:
    """The JSON text of a page; empty where there is none."""
    with pages.path.open("rb", buffering=0) as file:
        ifd = read_ifd(file, pages.form, int(pages.ifds[number]))
        return ifd.text(file, pages.form, TAG) if ifd else b""


def read_json(text: bytes) -> dict[str, Any]:
    """A page's metadata as a dict; empty where it is none."""
    try:
        values = json.loads(text.rstrip(b"\0").decode("utf-8", "replace"))
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}


def note_elapsed(found: Facts, files: list[TiffPages], first_plane: np.ndarray[Any, Any]) -> None:
    """Frame times from the ElapsedTime-ms of the pages in `first_plane` (one page number per frame).

    Of long movies only about `_TIMED_FRAMES` pages are read, and the times between them interpolated: reading every
    page's metadata would take longer than opening may.
    """
    n = len(first_plane)
    if n < 2:
        return
    ends = np.cumsum([len(file) for file in files])
    chosen = np.unique(np.linspace(0, n - 1, min(n, _TIMED_FRAMES)).astype(int))
    times = []
    for frame in chosen:
        number = int(first_plane[frame])
        which = int(np.searchsorted(ends, number, side="right"))
        text = page_metadata(files[which], number - (int(ends[which - 1]) if which else 0))
        match = re.search(rb'"ElapsedTime-ms"\s*:\s*(?:\{[^}]*"PropVal"\s*:\s*)?"?([\d.eE+-]+)', text)
        if match is None:
            return
        times.append(float(match[1]) / 1000)
    if (np.diff(times) > 0).all():
        how = "ElapsedTime-ms" if len(chosen) == n else f"ElapsedTime-ms of {len(chosen)} frames, interpolated"
        found.values["frame_times_s"] = np.interp(np.arange(n), chosen, times)
        found.sources["frame_times_s"] = f"{_SOURCE} ({how})"


def metadata_file(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Summary, and metadata of the first page, of the `metadata.txt` beside single images; empty where it is absent."""
    path = folder / "metadata.txt"
    if not path.is_file():
        return {}, {}
    content = read_json(path.read_bytes())
    if not content:
        warnings.warn(f"{path} is damaged, and the images are read without it.", PinpointWarning, stacklevel=2)
    pages = [value for key, value in content.items() if key != "Summary" and isinstance(value, dict)]
    return content.get("Summary", {}), pages[0] if pages else {}


def _plain(value: Any) -> Any:
    return value.get("PropVal") if isinstance(value, dict) else value


def _is_positive(value: Any) -> bool:
    try:
        return float(value) > 0
    except (TypeError, ValueError):
        return False


def _integer(value: Any) -> int:
    try:
        return max(int(value), 1)
    except (TypeError, ValueError):
        return 1
