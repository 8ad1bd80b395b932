"""Regions from label images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.io.images import read_stack
from napari_pinpoint.region import Region


def read_region(path: str | Path) -> Region:
    """The region that a label image says, as napari, Fiji, Cellpose and others write them: 0 is outside.

    Raises
    ------
    PinpointError
        If the file is not one image of whole numbers, or nothing is inside.

    Examples
    --------
    >>> import numpy as np, tifffile
    >>> tifffile.imwrite("cells.tif", np.eye(8, dtype=np.uint16))
    >>> read_region("cells.tif").bounds()
    ((0, 8), (0, 8))
    """
    return Region(read_labels(path), name=Path(path).name, path=str(Path(path).absolute()))


def read_labels(path: str | Path) -> np.ndarray[Any, Any]:
    """A label image (Y, X) of whole numbers.

    Raises
    ------
    PinpointError
        If the file is not one image of whole numbers.
    """
    stack = read_stack(path)
    if any(size > 1 for size in stack.shape[:-2]):
        raise PinpointError(
            f"{path}: labels are one image of rows and columns, with a number for each object or region; this has the "
            f"axes {stack.axes} of sizes {stack.shape}."
        )
    labels: np.ndarray[Any, Any] = np.asarray(stack.data[(0,) * (len(stack.shape) - 2)])
    if labels.dtype.kind == "f" and np.array_equal(labels, np.rint(labels)):
        labels = labels.astype(np.int64)  # Fiji writes labels as 32-bit numbers with a point
    if labels.dtype.kind not in "bui":
        raise PinpointError(f"{path}: labels are whole numbers, 0 outside; this has pixels of type {labels.dtype}.")
    return labels


def read_label_frames(path: str | Path, *, whole: bool = True) -> np.ndarray[Any, Any]:
    """Label images of shape (Y, X), or (T, Y, X) where the file has one for each frame.

    Parameters
    ----------
    path
        The file.
    whole
        Whether its pixels must be whole numbers; other images may have any.

    Raises
    ------
    PinpointError
        If the file has more axes than time, or pixels that are no labels.
    """
    stack = read_stack(path)
    sizes = dict(zip(stack.axes, stack.shape, strict=True))
    frames = [axis for axis in stack.axes[:-2] if sizes[axis] > 1]
    if frames in ([], ["T"], ["Z"]):  # software that knows no time calls it Z
        pixels: np.ndarray[Any, Any] = np.asarray(stack.data).reshape(-1, *stack.shape[-2:])
    else:
        raise PinpointError(f"{path}: labels are one image, or one for each frame; this has the axes {stack.axes}.")
    if whole and pixels.dtype.kind == "f" and np.array_equal(pixels, np.rint(pixels)):
        pixels = pixels.astype(np.int64)  # Fiji writes labels as 32-bit numbers with a point
    if whole and pixels.dtype.kind not in "bui":
        raise PinpointError(f"{path}: labels are whole numbers, 0 outside; this has pixels of type {pixels.dtype}.")
    return pixels if frames else pixels[0]
