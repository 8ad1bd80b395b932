"""Where the pages of a TIFF file are, found without touching their pixels.

A TIFF file is a chain: every page (IFD, image file directory) holds the offset of the next, so that finding the last
of 100,000 pages means reading them all, which takes minutes on a slow disk. Microscopes write pages at equal distances,
so the chain is followed for its first pages and then, where these are equally spaced, probed instead of walked; every
page is checked again when it is read.

The format: TIFF 6.0, Adobe 1992, section 2; BigTIFF: https://www.awaresystems.be/imaging/tiff/bigtiff.html.
"""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from napari_pinpoint.errors import PinpointError

#: Pages followed one by one before the rest of a long chain may be probed.
WALKED = 1000
_PROBES = 32

# Size and numpy letter of the TIFF types that count or point: BYTE, SHORT, LONG, IFD, LONG8, IFD8.
_INTEGERS = {1: (1, "u1"), 3: (2, "u2"), 4: (4, "u4"), 13: (4, "u4"), 16: (8, "u8"), 18: (8, "u8")}
_MOST_TAGS = 4096


@dataclass(frozen=True)
class TiffFormat:
    """Byte order (``"<"`` or ``">"``) and flavour (classic or BigTIFF) of a file, and the offset of its first page."""

    order: str
    big: bool
    first: int

    @property
    def count(self) -> struct.Struct:
        return struct.Struct(self.order + ("Q" if self.big else "H"))

    @property
    def entry(self) -> struct.Struct:
        return struct.Struct(self.order + ("HHQ8s" if self.big else "HHI4s"))

    @property
    def pointer(self) -> struct.Struct:
        return struct.Struct(self.order + ("Q" if self.big else "I"))


def read_format(path: Path) -> TiffFormat:
    """The header of a file; anything but a TIFF raises a PinpointError that says what it is instead."""
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError as error:
        raise PinpointError(f"{path} cannot be read: {error.strerror or error}.") from None
    if not head:
        raise PinpointError(f"{path} is empty (0 bytes). Was it copied completely?")
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    version = struct.unpack(f"{order}H", head[2:4])[0] if order and len(head) >= 4 else 0
    if order is None or version not in (42, 43):
        raise PinpointError(
            f"{path} is not a TIFF file: it begins with {head[:8]!r}. Save it as TIFF (ImageJ: File > Save As > Tiff)."
        )
    if len(head) < (16 if version == 43 else 8):
        raise PinpointError(f"{path} is truncated: it ends within its header.")
    if version == 43:
        return TiffFormat(order, True, struct.unpack(f"{order}Q", head[8:16])[0])
    return TiffFormat(order, False, struct.unpack(f"{order}I", head[4:8])[0])


@dataclass(frozen=True)
class Ifd:
    """One page's directory: tag to (type, number of values, the raw value field), and the offset of the next page."""

    entries: dict[int, tuple[int, int, bytes]]
    next: int

    def integers(self, file: BinaryIO, form: TiffFormat, tag: int) -> np.ndarray[Any, Any]:
        """All values of an integer tag as int64; a tag that is absent, or no integer, has none."""
        kind, count, raw = self.entries.get(tag, (0, 0, b""))
        if kind not in _INTEGERS:
            return np.empty(0, np.int64)
        size, letter = _INTEGERS[kind]
        if size * count > len(raw):
            file.seek(form.pointer.unpack(raw)[0])
            raw = file.read(size * count)
            if len(raw) < size * count:
                return np.empty(0, np.int64)
        return np.frombuffer(raw, form.order + letter, count).astype(np.int64)

    def text(self, file: BinaryIO, form: TiffFormat, tag: int) -> bytes:
        """The value of a tag of bytes or characters; empty where there is none."""
        kind, count, raw = self.entries.get(tag, (0, 0, b""))
        if kind not in (1, 2, 7):
            return b""
        if count <= len(raw):
            return raw[:count]
        file.seek(form.pointer.unpack(raw)[0])
        return file.read(count)


def read_ifd(file: BinaryIO, form: TiffFormat, offset: int) -> Ifd | None:
    """The directory at `offset` of an unbuffered file; None where there is none, or only a part of one."""
    file.seek(offset)
    data = file.read(512)
    if len(data) < form.count.size:
        return None
    (n,) = form.count.unpack_from(data)
    end = form.count.size + n * form.entry.size
    if not 0 < n <= _MOST_TAGS:
        return None
    if end + form.pointer.size > len(data):
        data += file.read(end + form.pointer.size - len(data))
        if len(data) < end + form.pointer.size:
            return None
    entries = {tag: (kind, count, raw) for tag, kind, count, raw in form.entry.iter_unpack(data[form.count.size : end])}
    return Ifd(entries, form.pointer.unpack_from(data, end)[0])


class PageChain:
    """Offsets of all pages of a file.

    Attributes
    ----------
    offsets
        Of every page, int64.
    probed
        Whether the offsets beyond the first `WALKED` were computed from their distance (and probed), not read.
    broken
        Whether the chain ends at an offset where there is no page, as it does in a truncated file.
    """

    def __init__(self, path: Path, form: TiffFormat, *, probe: bool = True) -> None:
        self._form = form
        self._size = path.stat().st_size
        self.probed = False
        self.broken = False
        found = array("q")
        with path.open("rb", buffering=0) as file:
            pending = self._walk(file, found, form.first, WALKED if probe else 0)
            rest = self._probe(file, found, pending) if pending and probe else None
            if pending and rest is None:
                self._walk(file, found, pending, 0)
        offsets = np.frombuffer(found, dtype=np.int64)
        self.probed = rest is not None
        self.offsets = offsets if rest is None else np.concatenate([offsets, rest])

    def _walk(self, file: BinaryIO, found: array[int], offset: int, most: int) -> int:
        """Follow the chain from `offset`, at most to page `most` (0: to its end); the offset it stopped at, or 0."""
        start = len(found)
        checkpoint, next_checkpoint = 0, 2  # Brent's cycle detection: a damaged file can point backwards
        while offset:
            if most and len(found) >= most:
                return offset
            ifd = read_ifd(file, self._form, offset) if offset < self._size else None
            if ifd is None or offset == checkpoint:
                self.broken = True
                break
            found.append(offset)
            if len(found) - start == next_checkpoint:
                checkpoint, next_checkpoint = offset, 2 * next_checkpoint
            offset = ifd.next
        return 0

    def _probe(self, file: BinaryIO, found: array[int], pending: int) -> np.ndarray[Any, Any] | None:
        """Offsets of the pages from `pending` on if they continue at the distance of the last ones, else None."""
        step = pending - found[-1]
        if step <= 0 or any(found[i + 1] - found[i] != step for i in range(len(found) // 2, len(found) - 1)):
            return None
        last = read_ifd(file, self._form, found[-1])
        n_tags = len(last.entries) if last else 0

        def follows(index: int) -> int | None:
            """The page after the computed one, or None where none of the same number of tags lies there."""
            ifd = read_ifd(file, self._form, pending + index * step)
            return ifd.next if ifd is not None and len(ifd.entries) == n_tags else None

        low, high = 0, (self._size - pending) // step + 1  # the last page is at or after low, before high
        while high - low > 1:
            middle = (low + high) // 2
            after = follows(middle)
            low, high = (middle, high) if after in (0, pending + (middle + 1) * step) else (low, middle)
        probes = np.unique(np.linspace(0, low - 1, _PROBES).astype(int)) if low else ()
        if follows(low) != 0 or any(follows(int(i)) != pending + (int(i) + 1) * step for i in probes):
            return None
        return pending + step * np.arange(low + 1, dtype=np.int64)
