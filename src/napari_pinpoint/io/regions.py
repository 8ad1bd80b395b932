"""Regions from label images."""

from __future__ import annotations

from pathlib import Path

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
    stack = read_stack(path)
    if any(size > 1 for size in stack.shape[:-2]):
        raise PinpointError(
            f"{path}: a region is one image of rows and columns, the same for all frames; this has the axes "
            f"{stack.axes} of sizes {stack.shape}."
        )
    labels = np.asarray(stack.data[(0,) * (len(stack.shape) - 2)])
    if labels.dtype.kind == "f" and np.array_equal(labels, np.rint(labels)):
        labels = labels.astype(np.int64)  # Fiji writes labels as 32-bit numbers with a point
    return Region(labels, name=Path(path).name, path=str(Path(path).absolute()))
