"""Images: a path in, a lazy `Stack` with named axes, its camera and its pixel size out."""

from __future__ import annotations

from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np

from napari_pinpoint.camera import Camera
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.io.facts import Facts
from napari_pinpoint.io.file_series import PathOrPaths, find_images, open_series
from napari_pinpoint.io.planes import PlaneArray
from napari_pinpoint.io.single_images import SINGLE, open_single
from napari_pinpoint.io.source import UNNAMED, Source
from napari_pinpoint.io.tiff import open_tiff
from napari_pinpoint.stack import AXES, AXIS_WORDS, Stack


def read_stack(path: PathOrPaths, *, axes: str | None = None, **given: Any) -> Stack:
    """Open images; pixels are read when they are asked for.

    ImageJ hyperstacks, OME-TIFF, BigTIFF, Micro-Manager, MetaMorph and plain multi-page TIFF, compressed or not, in
    one file or several. Pages that nobody named are frames, and so are ImageJ slices without a distance between them.
    A single PNG, JPEG or BMP is an image, too, with a channel for each colour.

    Parameters
    ----------
    path
        A file; a folder of one data set (numbered images or stacks, Micro-Manager); a glob; or a list of files in
        their order.
    axes
        One letter of ``"PTCZYX"`` (position, time, channel, plane, row, column) for each axis longer than 1, in the
        order in which the stack has them without this argument: ``"ZYX"`` turns frames into planes.
    **given
        What the files do not say, or say wrongly: `pixel_size_nm`, `z_step_nm`, `frame_times_s`, and the fields of
        `Camera` (`offset_adu`, `electrons_per_adu`, `em_gain`, ...).

    Returns
    -------
    Stack of the pixel type in the file; `Stack.sources` and `Camera.sources` say where each number came from.

    Raises
    ------
    PinpointError
        If nothing is there, a file is no TIFF, empty, truncated or damaged, files of a series differ, or axes need to
        be named.

    Examples
    --------
    >>> import numpy, tempfile, tifffile
    >>> folder = tempfile.TemporaryDirectory()
    >>> tifffile.imwrite(folder.name + "/movie.tif", numpy.zeros((5, 8, 8), "uint16"))
    >>> stack = read_stack(folder.name + "/movie.tif", pixel_size_nm=100)
    >>> stack.axes, stack.shape, stack.sources["pixel_size_nm"]
    ('TYX', (5, 8, 8), 'given')
    """
    if isinstance(path, str | PathLike) and (image := Path(fspath(path)).expanduser()).suffix.lower() in SINGLE:
        return _single(image.absolute(), axes).with_values("given", **given)
    files = find_images(path)
    place = Path(fspath(path)).expanduser().absolute() if isinstance(path, str | PathLike) else files[0].parent
    source = open_tiff(place) if place.is_file() else open_series(files)
    facts = source.facts
    data = _arrange(source, axes, str(place))
    values = _values_for(facts, dict(zip(data.axes, data.shape, strict=True)))
    sources = {key: words for key, words in facts.sources.items() if key in values}
    if axes is not None:
        sources["axes"] = f"given as {axes.upper()}"
    elif source.remark:
        sources["axes"] = source.remark
    camera = Camera(**facts.camera, sources={key: facts.sources[key] for key in facts.camera})
    stack = Stack(data, data.axes, camera, path=str(place), sources=sources, metadata=facts.metadata, **values)
    return stack.with_values("given", **given)


def _single(path: Path, axes: str | None) -> Stack:
    if not path.is_file():
        raise PinpointError(f"{path} does not exist.")
    stack = open_single(path)
    if axes is not None and axes.upper() != stack.axes:
        raise PinpointError(f"axes={axes!r} does not fit {path}, whose axes are {stack.axes}.")
    return stack


def _values_for(facts: Facts, sizes: dict[str, int]) -> dict[str, Any]:
    """What the files say of each axis, as far as the axis has been left what the files say it is."""
    values = dict(facts.values)
    n_frames = sizes.get("T", 1)
    if facts.interval_s is not None:
        values.setdefault("frame_times_s", np.arange(n_frames) * facts.interval_s)
    for name, size in (("frame_times_s", n_frames), ("channel_names", sizes.get("C", 1))):
        if name in values and (size == 1 or len(values[name]) != size):
            del values[name]
    if "Z" not in sizes:
        values.pop("z_step_nm", None)
    return values


def _arrange(source: Source, axes: str | None, name: str) -> PlaneArray:
    """The pages as a lazy array, with the axes that the file names, or those that are given."""
    kept = [i for i, size in enumerate(source.table.shape) if size > 1]
    table = source.table.reshape([source.table.shape[i] for i in kept])
    found = [source.axes[i] for i in kept]
    sizes = list(table.shape)
    if source.pages.samples > 1:
        found.append(UNNAMED if "C" in found else "C")
        sizes.append(source.pages.samples)
    if found.count(UNNAMED) == 1 and "T" not in found:
        found[found.index(UNNAMED)] = "T"
    # Shown in the order of a stack where all are known, in that of the file where the user has to tell.
    order = sorted(range(len(found)), key=lambda i: 0 if UNNAMED in found else AXES.index(found[i]))
    shown = "".join(found[i] for i in order)
    if axes is not None:
        letters = _given_axes(axes.upper(), shown, [sizes[i] for i in order], source.pages.shape, name)
        found = [letters[order.index(i)] for i in range(len(found))]
    elif UNNAMED in shown:
        raise PinpointError(
            f"{name} does not say what its axes of sizes {tuple(sizes[i] for i in order)} before rows and columns are. "
            f"Name them all, one letter each of {_letters()}: for example axes='{_example(shown)}'."
        )
    return PlaneArray(source.pages, table, "".join(found), name)


def _given_axes(axes: str, shown: str, sizes: list[int], shape: tuple[int, int], name: str) -> str:
    """The letters before YX for the axes that the file has."""
    outer = axes.removesuffix("YX")
    if len(outer) > len(shown) and set(shown) <= set(outer):  # axes of length 1 may be named too
        outer = "".join(letter for letter in outer if letter in shown)
    valid = axes.endswith("YX") and set(outer) <= set("PTCZ") and len(set(outer)) == len(outer) == len(shown)
    if not valid:
        raise PinpointError(
            f"axes={axes!r} does not fit {name}, whose axes {shown.replace(UNNAMED, '?')}YX have sizes "
            f"{(*sizes, *shape)}: give one letter for each, different ones of {_letters()}, ending in YX."
        )
    return outer


def _letters() -> str:
    return ", ".join(f"{axis} ({AXIS_WORDS[axis]})" for axis in AXES)


def _example(shown: str) -> str:
    free = [axis for axis in "TCZP" if axis not in shown]
    return "".join(free.pop(0) if letter == UNNAMED else letter for letter in shown) + "YX"
