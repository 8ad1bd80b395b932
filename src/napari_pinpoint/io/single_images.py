"""Images of other kinds than TIFF, one to a file: PNG, JPEG and BMP, as people keep and share them."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, BinaryIO

import imagecodecs
import numpy as np

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.stack import Stack

#: What is read as one image.
SINGLE = (".png", ".jpg", ".jpeg", ".bmp")


def open_single(path: Path) -> Stack:
    """An image as a stack: YX, or CYX where its colours differ. Such files know neither pixel size nor camera.

    Raises
    ------
    PinpointError
        If the file cannot be decoded.
    """
    try:
        pixels: np.ndarray[Any, Any] = imagecodecs.imread(path)
    except Exception as error:  # each codec fails in its own ways
        raise PinpointError(
            f"{path} cannot be read as an image ({error}). Copy it again, or save it as TIFF."
        ) from None
    if pixels.ndim == 2:
        return Stack(pixels, "YX", path=str(path))
    colours = pixels[..., :3] if pixels.shape[-1] in (3, 4) else pixels[..., :1]  # without transparency
    if (colours == colours[..., :1]).all():  # grey, written as colour
        return Stack(np.ascontiguousarray(colours[..., 0]), "YX", path=str(path))
    names = ("red", "green", "blue")
    return Stack(np.ascontiguousarray(np.moveaxis(colours, -1, 0)), "CYX", channel_names=names, path=str(path))


def size_of(path: Path) -> tuple[int, int]:
    """Rows and columns from the head of a file, without decoding the image."""
    with path.open("rb") as file:
        start = file.read(26)
        if start[:8] == b"\x89PNG\r\n\x1a\n" and len(start) == 26:
            columns, rows = struct.unpack(">II", start[16:24])
            return rows, columns
        if start[:2] == b"BM" and len(start) == 26:
            columns, rows = struct.unpack("<ii", start[18:26])
            return abs(rows), columns  # a negative height: the first row is the upper one
        if start[:2] == b"\xff\xd8" and (found := _size_of_jpeg(file)) is not None:
            return found
    rows, columns = open_single(path).shape[-2:]
    return rows, columns


def _size_of_jpeg(file: BinaryIO) -> tuple[int, int] | None:
    """Rows and columns in the first start-of-frame segment (ITU-T T.81, B.2.2); None if there is none."""
    file.seek(2)
    while len(head := file.read(4)) == 4 and head[0] == 0xFF:
        marker, length = head[1], int.from_bytes(head[2:])
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            frame = file.read(5)
            return struct.unpack(">xHH", frame) if len(frame) == 5 else None
        file.seek(length - 2, 1)
    return None
