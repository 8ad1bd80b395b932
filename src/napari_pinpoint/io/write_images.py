"""Stacks into TIFF files, with axes and pixel size in the metadata."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.io.atomic import complete_file
from napari_pinpoint.stack import Stack

#: ImageJ's own TIFF ends here; larger stacks are written as OME-TIFF in a BigTIFF.
_LARGEST_IMAGEJ = 2**32 - 2**25
_IMAGEJ_DTYPES = ("uint8", "uint16", "float32")
_SUFFIXES = (".tif", ".tiff")


def write_stack(stack: Stack, path: str | Path, *, overwrite: bool = False, compress: bool = False) -> None:
    """Write a stack as a TIFF file, frame by frame; the file is complete or not there.

    An ImageJ hyperstack, which napari, Fiji and `read_stack` open with the right axes and pixel size; OME-TIFF where
    the name ends in .ome.tif, or where ImageJ's format cannot hold the stack. The camera has no place in either.

    Parameters
    ----------
    stack
        Without positions; its data are read one frame at a time.
    path
        Ends in .tif or .tiff; its folder must exist.
    overwrite
        Whether a file that is there may be replaced.
    compress
        Pack every plane without loss (Deflate); of labels little is left.

    Raises
    ------
    PinpointError
        If the name says another format, the stack has positions, or the file cannot be written.

    Examples
    --------
    >>> import numpy as np
    >>> write_stack(Stack(np.zeros((5, 32, 32), np.uint16), "TYX", pixel_size_nm=100), "dark.tif", overwrite=True)
    """
    import tifffile

    name = Path(path).name.lower()
    check_suffix(path)
    if stack.sizes.get("P", 1) > 1:
        raise PinpointError(f"{path}: a TIFF file is written for one position; this stack has {stack.sizes['P']}.")
    n_bytes = int(np.prod(stack.shape)) * stack.dtype.itemsize
    ome = (
        name.endswith((".ome.tif", ".ome.tiff")) or str(stack.dtype) not in _IMAGEJ_DTYPES or n_bytes > _LARGEST_IMAGEJ
    )
    sizes = {axis: stack.sizes.get(axis, 1) for axis in "TZCYX"}
    with complete_file(path, overwrite=overwrite) as temporary:
        tifffile.imwrite(
            temporary,
            _pages(stack),
            shape=tuple(sizes.values()),
            dtype=stack.dtype,
            photometric="minisblack",
            compression="zlib" if compress else None,
            **(_ome(stack) if ome else _imagej(stack)),
        )


def check_suffix(path: str | Path) -> None:
    """Raise unless the name is that of a TIFF file."""
    if not Path(path).name.lower().endswith(_SUFFIXES):
        raise PinpointError(f"{path}: stacks are written as TIFF; let the name end in .tif.")


def _pages(stack: Stack) -> Iterator[np.ndarray[Any, Any]]:
    """Planes (Y, X), channels fastest, then planes, then frames."""
    for t in range(stack.n_frames):
        index = tuple(t if axis == "T" else 0 if axis == "P" else slice(None) for axis in stack.axes)
        frame = np.asarray(stack.data[index])
        if "C" in stack.axes and "Z" in stack.axes:
            frame = frame.swapaxes(0, 1)
        yield from frame.reshape(-1, *frame.shape[-2:])


def _imagej(stack: Stack) -> dict[str, Any]:
    metadata: dict[str, Any] = {"axes": "TZCYX"}
    options: dict[str, Any] = {"imagej": True, "metadata": metadata}
    if stack.pixel_size_nm is not None:
        metadata["unit"] = "um"
        options["resolution"] = (1000 / stack.pixel_size_nm, 1000 / stack.pixel_size_nm)
        if stack.z_step_nm is not None:
            metadata["spacing"] = stack.z_step_nm / 1000
    if stack.frame_times_s is not None and len(stack.frame_times_s) > 1:
        metadata["finterval"] = float(np.diff(stack.frame_times_s).mean())
    return options


def _ome(stack: Stack) -> dict[str, Any]:
    metadata: dict[str, Any] = {"axes": "TZCYX"}
    for axes, size in (("XY", stack.pixel_size_nm), ("Z", stack.z_step_nm)):
        if size is not None:
            for axis in axes:
                metadata |= {f"PhysicalSize{axis}": size / 1000, f"PhysicalSize{axis}Unit": "µm"}
    if stack.frame_times_s is not None and len(stack.frame_times_s) > 1:
        metadata |= {"TimeIncrement": float(np.diff(stack.frame_times_s).mean()), "TimeIncrementUnit": "s"}
    if stack.channel_names:
        metadata["Channel"] = {"Name": list(stack.channel_names)}
    return {"ome": True, "bigtiff": True, "metadata": metadata}
