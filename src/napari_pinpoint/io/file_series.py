"""Which files a path, a folder, a glob or a list means, and in which order; several files as one series."""

from __future__ import annotations

import glob
import re
import warnings
from collections.abc import Iterable, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np

from napari_pinpoint.errors import PinpointError, PinpointWarning
from napari_pinpoint.io import tiff_micromanager
from napari_pinpoint.io.source import UNNAMED, Source, without_missing
from napari_pinpoint.io.tiff import open_tiff
from napari_pinpoint.io.tiff_chain import read_format, read_ifd
from napari_pinpoint.io.tiff_pages import FileSeries, PageLayout, TiffPages, signature

SUFFIXES = (".tif", ".tiff", ".btf", ".stk", ".lsm")

# One image a file, as Micro-Manager 2 and 1.4 name them.
_NAMES_2 = re.compile(r"channel(\d+)_position(\d+)_time(\d+)_z(\d+)")
_NAMES_1 = re.compile(r"^img_(\d+)_(.*)_(\d+)$")

PathOrPaths = str | PathLike[str] | Iterable[str | PathLike[str]]


def natural_key(path: Path) -> list[Any]:
    """Sort key by which frame 10 comes after frame 9."""
    return [int(part) if part.isdigit() else part.lower() for part in re.split(r"(\d+)", path.stem)]


def find_images(path: PathOrPaths) -> list[Path]:
    """The image files that `path` (a file, a folder, a glob or a list of files) means, in their order.

    Raises
    ------
    PinpointError
        If there are none.
    """
    if not isinstance(path, (str, PathLike)):
        files = [Path(fspath(p)).expanduser().absolute() for p in path]
        if not files:
            raise PinpointError("The list of image files is empty.")
        for missing in (file for file in files if not file.is_file()):
            raise PinpointError(f"{missing} does not exist.")
        return files
    place = Path(fspath(path)).expanduser().absolute()
    if place.is_dir():
        return _images_in(place)
    if place.exists():
        return [place]
    if glob.has_magic(str(place)):
        files = [file for file in map(Path, glob.glob(str(place))) if file.is_file()]
        if not files:
            raise PinpointError(f"No file matches {place}.")
        return _sorted(files)
    where = f" The folder {place.parent} does not exist either." if not place.parent.is_dir() else ""
    raise PinpointError(f"{place} does not exist.{where}")


def _images_in(folder: Path) -> list[Path]:
    files = _tiffs(folder)
    if not files:  # Micro-Manager puts single images into a folder for each position
        files = [file for sub in sorted(filter(Path.is_dir, folder.iterdir()), key=natural_key) for file in _tiffs(sub)]
        if len({file.parent for file in files}) > 1 and not all(
            _NAMES_1.match(f.stem) or _NAMES_2.search(f.stem) for f in files
        ):
            raise PinpointError(f"{folder} has no images of its own but several folders that do: name one of these.")
    if not files:
        raise PinpointError(f"The folder {folder} has no TIFF files ({', '.join('*' + s for s in SUFFIXES)}).")
    return files


def _tiffs(folder: Path) -> list[Path]:
    return _sorted(
        file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES and not file.name.startswith(".")
    )


def _sorted(files: Iterable[Path]) -> list[Path]:
    return sorted(files, key=natural_key)


def open_series(files: Sequence[Path]) -> Source:
    """Several files as one: a data set that names its own files, Micro-Manager's single images, or frames in order."""
    first = open_tiff(files[0], whole=True)
    if set(first.files) >= set(files):
        return first
    if len(first.files) > 1:
        others = next(file for file in files if file not in first.files)
        raise PinpointError(
            f"{files[0].name} is one of {len(first.files)} files of a data set that {others.name} does not belong to. "
            "Name a file of the data set that you want."
        )
    return _by_name(files, first) or _concatenate(files, first)


def _concatenate(files: Sequence[Path], first: Source) -> Source:
    """Files behind one another in time; all must have images of one size and kind, and the same other axes."""
    rest, table = _time_first(first)
    tables = [table]
    members: list[TiffPages | FileSeries | Path] = [first.pages]
    lengths = [len(first.pages)]
    size = files[0].stat().st_size
    for file in files[1:]:
        if first.table.size == 1 and _is_like(file, first.layout, size):
            tables.append(tables[0] + sum(lengths))
            members.append(file)
            lengths.append(1)
            continue
        source = open_tiff(file)
        _check_same_pixels(file, source.layout, files[0], first.layout)
        other_rest, other = _time_first(source)
        if other_rest != rest or other.shape[1:] != tables[0].shape[1:]:
            raise PinpointError(
                f"{file} does not continue {files[0].name}: its axes T{other_rest} before rows and columns have sizes "
                f"{other.shape}, those of the first are T{rest} of sizes {tables[0].shape}. Read the files one by one."
            )
        tables.append(other + sum(lengths))
        members.append(source.pages)
        lengths.append(len(source.pages))
    _warn_of_gaps(files)
    pages_of_all = FileSeries(members, lengths, first.layout)
    first.facts.values.pop("frame_times_s", None)  # of the first file only
    return Source(
        pages_of_all, first.layout, np.concatenate(tables), "T" + rest, list(files), first.facts, first.remark
    )


def _time_first(source: Source) -> tuple[str, np.ndarray[Any, Any]]:
    """The other axes and the table with time in front; pages that nobody named are frames."""
    axes = source.axes.replace(UNNAMED, "T") if source.axes.count(UNNAMED) == 1 else source.axes
    if "T" not in axes:
        return axes, source.table[None]
    return axes.replace("T", ""), np.moveaxis(source.table, axes.index("T"), 0)


def _is_like(file: Path, layout: PageLayout, size: int) -> bool:
    """Whether a file plainly holds one image of this layout: then it need not be opened before it is read."""
    if layout.plain and file.stat().st_size == size:
        return True  # and is checked when it is read
    form = read_format(file)
    with file.open("rb", buffering=0) as handle:
        ifd = read_ifd(handle, form, form.first)
    return ifd is not None and ifd.next == 0 and signature(ifd) == layout.signature


def _check_same_pixels(file: Path, layout: PageLayout, first: Path, expected: PageLayout) -> None:
    def words(lay: PageLayout) -> str:
        colours = f" x {lay.samples} samples" if lay.samples > 1 else ""
        return f"{lay.shape[0]} x {lay.shape[1]}{colours} pixels of {lay.stored.newbyteorder('=')}"

    if words(layout) != words(expected):
        raise PinpointError(
            f"{file} has images of {words(layout)}, but the series began with {words(expected)} in {first.name}. "
            "The files of a series must be alike; name those that belong together."
        )


def _warn_of_gaps(files: Sequence[Path]) -> None:
    """Warn where numbered files miss a number: later frames would silently move forward."""
    parts = [re.split(r"(\d+)", file.stem) for file in files]
    if len({len(part) for part in parts}) != 1:
        return
    varying = [i for i in range(len(parts[0])) if len({part[i] for part in parts}) > 1]
    if len(varying) != 1 or not parts[0][varying[0]].isdigit():
        return
    numbers = [int(part[varying[0]]) for part in parts]
    steps = np.diff(numbers)
    common = int(np.median(steps)) if len(steps) else 1
    odd = np.flatnonzero(steps != common)
    if common > 0 and len(odd):
        i = int(odd[0])
        warnings.warn(
            f"The numbering of the files has a gap: {files[i + 1].name} follows {files[i].name}. It is read as the "
            "next frame.",
            PinpointWarning,
            stacklevel=2,
        )


def _by_name(files: Sequence[Path], first: Source) -> Source | None:
    """Micro-Manager's single images: frame, channel, plane and position stand in the names of files and folders."""
    rows = _coordinates(files)
    if rows is None:
        return None
    for file in files[1:]:
        if not _is_like(file, first.layout, files[0].stat().st_size):
            _check_same_pixels(file, open_tiff(file).layout, files[0], first.layout)
    axes = tiff_micromanager.AXES
    table = np.full(rows.max(axis=0) + 1, -1, dtype=np.int64)
    table[tuple(rows.T)] = np.arange(len(files))
    table = without_missing(table, axes, files[0].parent)
    pages = FileSeries(list(files), [1] * len(files), first.layout)
    source = Source(pages, first.layout, table, axes, list(files), first.facts)
    summary, page = tiff_micromanager.metadata_file(files[0].parent)
    told = tiff_micromanager.facts(summary, page, source.sizes["C"])
    told.add(first.facts)
    source.facts = told
    return source


def _coordinates(files: Sequence[Path]) -> np.ndarray[Any, Any] | None:
    """(position, frame, channel, plane) of each file, from 0; None unless all names say it."""
    folders = {folder: i for i, folder in enumerate(dict.fromkeys(file.parent for file in files))}
    rows: list[list[Any]] = []
    for file in files:
        if match := _NAMES_2.search(file.stem):
            channel, position, time, plane = map(int, match.groups())
            rows.append([position if len(folders) == 1 else folders[file.parent], time, channel, plane])
        elif match := _NAMES_1.match(file.stem):
            rows.append([folders[file.parent], int(match[1]), match[2], int(match[3])])
        else:
            return None
    names = sorted({row[2] for row in rows if isinstance(row[2], str)})
    for row in rows:
        row[2] = names.index(row[2]) if isinstance(row[2], str) else row[2]
    result: np.ndarray[Any, Any] = np.array(rows, dtype=np.int64)
    result -= result.min(axis=0)
    return result
