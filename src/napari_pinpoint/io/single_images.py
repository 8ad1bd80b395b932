"""Images of other kinds than TIFF, one to a file: PNG, JPEG and BMP, as people keep and share them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
