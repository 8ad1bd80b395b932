"""One TIFF data set: a file, and the further files that it names. Who wrote it decides how its pages are laid out."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from napari_pinpoint.errors import PinpointError, PinpointWarning
from napari_pinpoint.io import tiff_imagej, tiff_micromanager, tiff_ome
from napari_pinpoint.io.facts import LARGEST_PLAUSIBLE_NM, Facts, nanometres
from napari_pinpoint.io.source import UNNAMED, Source
from napari_pinpoint.io.tiff_chain import read_format
from napari_pinpoint.io.tiff_foreign import open_foreign
from napari_pinpoint.io.tiff_pages import PageLayout, TiffPages

_TIFF_UNITS = {2: "inch", 3: "cm", 4: "mm", 5: "um"}


def open_tiff(path: Path, *, whole: bool = False) -> Source:
    """Open a file, and the files that it names as parts of the same data set.

    Parameters
    ----------
    path
        The file.
    whole
        Whether all stage positions of a Micro-Manager data set are wanted, not just those of this file.

    Raises
    ------
    PinpointError
        If it is not a TIFF, or is empty, truncated or damaged.
    """
    read_format(path)  # says what is wrong with a file that is no TIFF
    try:
        with tifffile.TiffFile(path) as tif:
            source = _open(tif, path, whole)
            _note_resolution(source.facts, tif.pages.first, path.name)
            return source
    except PinpointError:
        raise
    except Exception as error:  # damaged files fail in many ways within tifffile
        raise PinpointError(f"{path} is damaged and cannot be read as TIFF ({error}). Copy it again.") from error


def _open(tif: tifffile.TiffFile, path: Path, whole: bool) -> Source:
    layout = PageLayout.of(tif, path)
    page = tif.pages.first
    source: Source | None = None
    if tif.is_micromanager:
        source = tiff_micromanager.open_micromanager(path, layout, whole=whole)
    if source is None and page.is_ome:
        source = tiff_ome.open_ome(path, layout, page.description)
    if source is None and tif.is_imagej and tif.imagej_metadata:
        source = _imagej(path, layout, page, tif.imagej_metadata)
    if source is None and page.is_shaped:
        source = _shaped(path, layout, page)
    if source is None and (tif.is_stk or tif.is_lsm or tif.is_fluoview or tif.is_ndtiff):
        source = open_foreign(path, layout, tif)
    return source or _plain(path, layout)


def _imagej(path: Path, layout: PageLayout, page: tifffile.TiffPage, meta: dict[str, Any]) -> Source | None:
    axes, shape, remark = tiff_imagej.hyperstack(meta, layout.samples)
    n = int(np.prod(shape))
    pages = _first_pages(path, layout, page, n)
    if len(pages) != n:
        warnings.warn(
            f"{path}: the ImageJ metadata announce {n} images, the file has {len(pages)}; they are taken as frames. "
            "Another program may have copied the metadata.",
            PinpointWarning,
            stacklevel=2,
        )
        return None
    source = Source(pages, layout, np.arange(n).reshape(shape), axes, [path], remark=remark)
    resolution = page.resolution if 282 in page.tags and 283 in page.tags else (0.0, 0.0)
    source.facts = tiff_imagej.facts(meta, resolution, path.name)
    return source


def _shaped(path: Path, layout: PageLayout, page: tifffile.TiffPage) -> Source | None:
    """What tifffile writes: the shape of the array, and perhaps its axes, as JSON."""
    try:
        meta = json.loads(page.description)
        shape = tuple(map(int, meta["shape"]))
    except (ValueError, KeyError, TypeError):
        return None
    outer = shape[: len(shape) - len(page.shape)]
    if outer + page.shape != shape:
        return None
    n = int(np.prod(outer))
    pages = _first_pages(path, layout, page, n)
    if len(pages) < n:
        return None
    axes = str(meta.get("axes", ""))[: len(outer)]
    if len(axes) != len(outer) or len(set(axes) & set("PTCZ")) < len(outer):
        axes = UNNAMED * len(outer)
    facts = Facts(metadata={key: value for key, value in meta.items() if key not in ("shape", "axes")})
    return Source(pages, layout, np.arange(n).reshape(outer), axes, [path], facts)


def _plain(path: Path, layout: PageLayout) -> Source:
    """Pages that nobody named: one after the other."""
    pages = TiffPages(path, layout)
    pages.check_complete()
    numbers = pages.like_the_first()
    if len(numbers) < len(pages):
        warnings.warn(
            f"{path}: {len(pages) - len(numbers)} of {len(pages)} pages differ from the first in size or pixel type "
            f"and are left out; the {len(numbers)} that are {layout.shape[0]} x {layout.shape[1]} are read.",
            PinpointWarning,
            stacklevel=2,
        )
    return Source(pages, layout, numbers, UNNAMED, [path])


def _first_pages(path: Path, layout: PageLayout, page: tifffile.TiffPage, n: int) -> TiffPages:
    """Pages 0 to `n`; at fixed distances where ImageJ or tifffile wrote their pixels as one block.

    Such a block is told from other pages by the second directory, which is absent or lies behind the block.
    """
    pages = TiffPages(path, layout)
    second = pages.next_ifd(page.offset)
    if layout.plain and (second == 0 or second >= page.dataoffsets[0] + n * layout.nbytes):
        pages = TiffPages(path, layout, data=page.dataoffsets[0] + layout.nbytes * np.arange(n, dtype=np.int64))
    pages.check_complete()
    return pages


def _note_resolution(facts: Facts, page: tifffile.TiffPage, name: str) -> None:
    """The pixel size from the TIFF's own resolution, unless it is one for printing."""
    unit = _TIFF_UNITS.get(int(page.tags.valueof(296, default=1)))
    if "pixel_size_nm" in facts.values or unit is None or 282 not in page.tags or 283 not in page.tags:
        return
    x, y = (nanometres(1 / pixels, unit) if pixels > 0 else None for pixels in page.resolution)
    if x is not None and x < LARGEST_PLAUSIBLE_NM:
        facts.note_pixel_size(x, y, "TIFF resolution", name)
