"""Pixels of the pages of TIFF files, read when they are asked for and not kept.

Pages that are stored plainly are read with ordinary file reads of just the rows that are wanted; a memory map would
count every page ever touched as resident memory. Pages that are compressed, tiled or packed are decoded by tifffile.
Files are opened for each read, so that readers can be pickled and used from any thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from io import FileIO
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.io.tiff_chain import WALKED, Ifd, PageChain, read_format, read_ifd

_OFFSETS, _BYTE_COUNTS = (273, 324), (279, 325)  # of strips, of tiles
# Width, height, bits, compression, samples, planes, predictor, tile size, sample format.
_LAYOUT_TAGS = (256, 257, 258, 259, 277, 284, 317, 322, 323, 339)


@dataclass(frozen=True)
class PageLayout:
    """How the pixels of a page are stored; the same for all pages of a series.

    `plain` pages lie in the file as they lie in memory, from the first strip on; `planar` ones hold their samples (the
    colours) one plane after the other, others pixel by pixel. `stored` is the dtype with the file's byte order.
    """

    shape: tuple[int, int]
    samples: int
    planar: bool
    stored: np.dtype[Any]
    plain: bool
    signature: tuple[Any, ...]

    @property
    def nbytes(self) -> int:
        return self.shape[0] * self.shape[1] * self.samples * self.stored.itemsize

    @classmethod
    def of(cls, tif: tifffile.TiffFile, path: Path) -> PageLayout:
        """The layout of the first page of an open file."""
        if not tif.pages:
            raise PinpointError(f"{path} holds no images. Is it truncated?")
        page = tif.pages.first
        sizes_are_sound = all(isinstance(size, int) and size > 0 for size in page.shape)
        if page.dtype is None or page.dtype.kind not in "buifc" or page.axes not in _PAGE_AXES or not sizes_are_sound:
            raise PinpointError(
                f"{path}: pages of axes {page.axes or '(none)'}, shape {page.shape} and pixel type {page.dtype} cannot "
                "be read; save the stack with one plane a page."
            )
        rows, columns = (page.shape[page.axes.index(axis)] for axis in "YX")
        samples = page.shape[page.axes.index("S")] if "S" in page.axes else 1
        form = read_format(path)
        with path.open("rb", buffering=0) as file:
            first = read_ifd(file, form, page.offset)
        return cls(
            (rows, columns),
            samples,
            page.axes == "SYX",
            page.dtype.newbyteorder(tif.byteorder),
            bool(page.is_final),
            signature(first) if first else (),
        )


_PAGE_AXES = ("YX", "YXS", "SYX")


def signature(ifd: Ifd) -> tuple[Any, ...]:
    """What tells a page of another size or kind apart; values that lie elsewhere in the file count by their number."""
    parts = (ifd.entries.get(tag) for tag in _LAYOUT_TAGS)
    return tuple(None if part is None else (part[1], part[2] if part[1] == 1 else b"") for part in parts)


class TiffPages:
    """The pages of one file, by number.

    Parameters
    ----------
    path
        The file.
    layout
        Of its pages; that of the first page if None.
    ifds
        Offsets of the pages' directories where an index lists them; else the file's chain is followed.
    data
        Offsets of the pixels themselves, where they are known to lie at fixed distances: then no directory is read.
    """

    def __init__(
        self,
        path: Path,
        layout: PageLayout,
        *,
        ifds: np.ndarray[Any, Any] | None = None,
        data: np.ndarray[Any, Any] | None = None,
    ) -> None:
        self.path = path
        self.layout = layout
        self.shape = layout.shape
        self.samples = layout.samples
        self.dtype = layout.stored.newbyteorder("=")
        self.form = read_format(path)
        self._ifds = ifds
        self._data = data

    @cached_property
    def chain(self) -> PageChain:
        return PageChain(self.path, self.form)

    @property
    def ifds(self) -> np.ndarray[Any, Any]:
        return self.chain.offsets if self._ifds is None else self._ifds

    def __len__(self) -> int:
        return len(self.ifds if self._data is None else self._data)

    def next_ifd(self, offset: int) -> int:
        """Offset of the directory after the one at `offset`; 0 for the last."""
        with self.path.open("rb", buffering=0) as file:
            ifd = read_ifd(file, self.form, offset)
        return ifd.next if ifd else 0

    def like_the_first(self) -> np.ndarray[Any, Any]:
        """Numbers of the pages of this layout; of a long file only the beginning is looked at."""
        alike = np.ones(len(self), dtype=bool)
        with self.path.open("rb", buffering=0) as file:
            for number, offset in enumerate(self.ifds[:WALKED]):
                ifd = read_ifd(file, self.form, int(offset))
                alike[number] = ifd is not None and signature(ifd) == self.layout.signature
        return np.flatnonzero(alike)

    def check_complete(self) -> None:
        """Raise where the file is shorter than its pages say; only the last page is looked at."""
        if self._data is None and self._ifds is None and self.chain.broken:
            raise self._truncated(self._first_missing())
        with self.path.open("rb", buffering=0) as file:
            if not self._is_complete(file, len(self) - 1):
                raise self._truncated(self._first_missing())

    def read(self, numbers: Sequence[int], rows: slice, columns: slice) -> np.ndarray[Any, Any]:
        """Pages as an array of shape (pages, samples, rows, columns) in native byte order."""
        top, bottom, _ = rows.indices(self.shape[0])
        if not self.layout.plain:
            return self._decode(numbers, slice(top, bottom), columns)
        lay = self.layout
        planes, depth = (lay.samples, 1) if lay.planar else (1, lay.samples)
        out = np.empty((len(numbers), planes, bottom - top, lay.shape[1], depth), lay.stored)
        row, plane = lay.shape[1] * depth * lay.stored.itemsize, lay.nbytes // planes
        with self.path.open("rb", buffering=0) as file:
            starts = self._starts(file, numbers)
            whole = bottom - top == lay.shape[0]
            i = 0
            while i < len(numbers):
                run = 1  # pages that lie behind one another are read at once
                while whole and i + run < len(numbers) and starts[i + run] == starts[i] + run * lay.nbytes:
                    run += 1
                if whole:
                    self._fill(file, out[i : i + run], starts[i], numbers[i])
                else:
                    for s in range(planes):
                        self._fill(file, out[i, s], starts[i] + s * plane + top * row, numbers[i])
                i += run
        out = out[:, :, :, columns]
        out = np.moveaxis(out, 4, 1)[:, :, 0] if depth > 1 else out[..., 0]
        return out.astype(self.dtype, order="C", copy=False)

    def _fill(self, file: FileIO, out: np.ndarray[Any, Any], offset: int, number: int) -> None:
        view = out.reshape(-1).view(np.uint8).data
        file.seek(offset)
        done = 0
        while done < len(view):
            got = file.readinto(view[done:])
            if not got:
                raise self._truncated(number + done // self.layout.nbytes)
            done += got

    def _starts(self, file: FileIO, numbers: Sequence[int]) -> list[int]:
        """Where the pixels of plain pages begin."""
        if self._data is not None:
            return [int(self._data[n]) for n in numbers]
        starts = []
        for number in numbers:
            offsets, counts = self._segments(file, number)
            if offsets[-1] + counts[-1] - offsets[0] != self.layout.nbytes:
                raise PinpointError(f"{self.path}: page {number} is not stored like the first; save the stack again.")
            starts.append(int(offsets[0]))
        return starts

    def _segments(self, file: FileIO, number: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Offsets and byte counts of the strips or tiles of a page."""
        ifd = read_ifd(file, self.form, int(self.ifds[number]))
        if (ifd is None or signature(ifd) != self.layout.signature) and self._ifds is None and self.chain.probed:
            # The guess that pages are equally spaced was wrong: find them one by one.
            self.chain = PageChain(self.path, self.form, probe=False)
            if number < len(self.chain.offsets):
                ifd = read_ifd(file, self.form, int(self.chain.offsets[number]))
        if ifd is None:
            raise self._truncated(number)
        if signature(ifd) != self.layout.signature:
            raise PinpointError(
                f"{self.path}: page {number} differs from the first in size, pixel type or compression. A stack needs "
                "pages of one kind; save the part that you want on its own."
            )
        offsets, counts = (
            next((v for tag in tags if len(v := ifd.integers(file, self.form, tag))), None)
            for tags in (_OFFSETS, _BYTE_COUNTS)
        )
        if offsets is None:
            raise PinpointError(f"{self.path} is damaged: page {number} does not say where its pixels are.")
        if counts is None or len(counts) != len(offsets):  # old writers leave the byte counts of a single strip away
            counts = np.full(len(offsets), self.layout.nbytes // len(offsets))
        return offsets, counts

    def _decode(self, numbers: Sequence[int], rows: slice, columns: slice) -> np.ndarray[Any, Any]:
        out = []
        with tifffile.TiffFile(self.path) as tif, self.path.open("rb", buffering=0) as file:
            for number in numbers:
                offsets, counts = self._segments(file, number)  # checks that the page is as it should be
                if (offsets + counts).max() > tif.filehandle.size:
                    raise self._truncated(number)
                tif.filehandle.seek(int(self.ifds[number]))
                try:
                    page = tifffile.TiffPage(tif, index=int(number)).asarray()
                    if self.layout.planar or self.samples == 1:
                        page = page.reshape(self.samples, *self.shape)
                    else:
                        page = np.moveaxis(page.reshape(*self.shape, self.samples), -1, 0)
                except Exception as error:  # each codec has errors of its own
                    raise PinpointError(
                        f"{self.path}: image (frame) {number} cannot be decoded ({error}). The file is damaged, or its "
                        "compression is not supported; save it again without compression."
                    ) from None
                out.append(page[:, rows, columns])
        return np.stack(out).astype(self.dtype, copy=False)

    def _is_complete(self, file: FileIO, number: int) -> bool:
        size = self.path.stat().st_size
        if self._data is not None:
            return int(self._data[number]) + self.layout.nbytes <= size
        try:
            offsets, counts = self._segments(file, number)
        except PinpointError:
            return True  # a page of another kind: said when it is read
        return bool((offsets + counts).max() <= size)

    def _first_missing(self) -> int:
        with self.path.open("rb", buffering=0) as file:
            return next((n for n in range(len(self)) if not self._is_complete(file, n)), len(self))

    def _truncated(self, number: int) -> PinpointError:
        return PinpointError(
            f"{self.path} is truncated: it is {self.path.stat().st_size:,} bytes long and ends before or within image "
            f"(frame) {number}, counting from 0. Copy it again, or save the frames before that one as a new file."
        )


class FileSeries:
    """Pages of several files as one series, numbered on from file to file.

    `lengths` says how many pages each file has, so that a file is opened only when one of its pages is read.
    """

    def __init__(
        self, files: Sequence[TiffPages | FileSeries | Path], lengths: Sequence[int], layout: PageLayout
    ) -> None:
        self._files = list(files)
        self._ends = np.cumsum(lengths)
        self.layout = layout
        self.shape = layout.shape
        self.samples = layout.samples
        self.dtype = layout.stored.newbyteorder("=")

    def __len__(self) -> int:
        return int(self._ends[-1])

    def read(self, numbers: Sequence[int], rows: slice, columns: slice) -> np.ndarray[Any, Any]:
        which = np.searchsorted(self._ends, numbers, side="right")
        parts = []
        for index, group in groupby(zip(which.tolist(), numbers, strict=True), key=itemgetter(0)):
            file = self._files[index]
            pages = TiffPages(file, self.layout) if isinstance(file, Path) else file
            start = int(self._ends[index - 1]) if index else 0
            parts.append(pages.read([number - start for _, number in group], rows, columns))
        return np.concatenate(parts)
