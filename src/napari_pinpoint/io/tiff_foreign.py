"""MetaMorph, Zeiss LSM, FluoView and NDTiff files, laid out as tifffile says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile

from napari_pinpoint.io.source import UNNAMED, Source
from napari_pinpoint.io.tiff_micromanager import TAG as MM_TAG
from napari_pinpoint.io.tiff_micromanager import facts as micromanager_facts
from napari_pinpoint.io.tiff_pages import FileSeries, PageLayout, TiffPages


def open_foreign(path: Path, layout: PageLayout, tif: tifffile.TiffFile) -> Source | None:
    """The first series of an open file; None where its pages are not planes."""
    series = tif.series[0]
    n_outer = len(series.shape) - len(tif.pages.first.shape)
    shape, letters = series.shape[:n_outer], series.axes[:n_outer]
    if series.shape[n_outer:] != tif.pages.first.shape:
        return None
    axes = "".join("P" if axis == "R" else axis if axis in "PTCZ" else UNNAMED for axis in letters)
    n = int(np.prod(shape))
    if len(series.pages) != n:  # the pixels of all planes lie behind the first page
        if series.dataoffset is None or not layout.plain:
            return None
        block = TiffPages(path, layout, data=series.dataoffset + layout.nbytes * np.arange(n, dtype=np.int64))
        block.check_complete()
        return Source(block, layout, np.arange(n).reshape(shape), axes, [path])
    table = np.full(n, -1, dtype=np.int64)
    offsets: dict[Path, list[int]] = {}
    numbers: dict[Path, list[int]] = {}
    for number, page in enumerate(series.pages):
        if page is not None:
            file = path.parent / page.parent.filehandle.name
            offsets.setdefault(file, []).append(page.dataoffsets[0] if layout.plain else page.offset)
            numbers.setdefault(file, []).append(number)
    files: list[TiffPages] = []
    for file, found in offsets.items():
        table[numbers[file]] = sum(len(f) for f in files) + np.arange(len(found))
        where = np.array(found, dtype=np.int64)
        files.append(TiffPages(file, layout, data=where) if layout.plain else TiffPages(file, layout, ifds=where))
    pages = FileSeries(files, [len(f) for f in files], layout)
    source = Source(pages, layout, table.reshape(shape), axes, list(offsets))
    if tif.is_micromanager:
        told = tif.pages.first.tags.valueof(MM_TAG)
        summary = (tif.micromanager_metadata or {}).get("Summary", {})
        source.facts = micromanager_facts(summary, told if isinstance(told, dict) else {}, source.sizes.get("C", 1))
    return source
