"""Image layers of napari as stacks: what the core localizes. No Qt and no napari in here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from napari_pinpoint.camera import Camera
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.plugin.layers.axes import axis_letters
from napari_pinpoint.plugin.layers.calibration import KEY, image_metadata, own_metadata
from napari_pinpoint.plugin.layers.tables import Placement
from napari_pinpoint.stack import AXES, COLOURS, Stack, StackView


def view_from_layer(
    layer: Any,
    placement: Placement,
    *,
    pixel_size_nm: float | None = None,
    camera: Camera | None = None,
    sources: Mapping[str, str] | None = None,
) -> StackView:
    """The frames of an image layer, as lazy as the layer's data are.

    Axes besides time, y and x are taken at ``placement.at``; a colour image is seen in colour, without its
    transparency. Where all labels have a meaning, they keep it in the
    table's record. Calibration and `sources`, which says where it came from, are those of `Stack`.

    Raises
    ------
    PinpointError
        If the layer's data are no stack.

    See Also
    --------
    points_layer_data : the way back, for what was found in the frames.
    """
    data = layer.data[0] if layer.multiscale else layer.data
    time_axis, at = placement.time_axis, placement.at
    labelled = [None if letter == "T" else letter for letter in axis_letters(layer.axis_labels)]
    letters = ["T" if axis == time_axis else letter for axis, letter in enumerate(labelled)]
    path = own_metadata(layer.metadata).get("path") or layer.source.path
    more: dict[str, Any] = {
        "pixel_size_nm": pixel_size_nm,
        "camera": camera or Camera(),
        "path": None if path is None else str(path),
        "sources": dict(sources or {}),
    }
    if not layer.rgb and None not in letters and "".join(map(str, letters)) == "".join(a for a in AXES if a in letters):
        stack = Stack(data, "".join(map(str, letters)) + "YX", **more)
        chosen = {letter: at[axis] for axis, letter in enumerate(letters)}
        return stack.view(channel=chosen.get("C"), plane=chosen.get("Z"), position=chosen.get("P"))
    fixed = {axis: at[axis] for axis in range(len(letters)) if axis != time_axis}
    frames = _Cut(data, fixed) if fixed else data
    axes = "" if time_axis is None else "T"
    if layer.rgb:
        return Stack(_Colours(frames), f"{axes}CYX", channel_names=COLOURS, **more).view()
    return Stack(frames, f"{axes}YX", **more).view()


def check_is_grey(view: StackView, *, name: str) -> None:
    """PinpointError, with what to do in napari, for a colour image: a model that sees one channel asks this."""
    if view.colour is not None:
        raise PinpointError(
            f"{name} is a colour image. Choose a model for colour images, or split the layer into channels (right "
            "click on it, Split RGB) and choose the one to look at."
        )


def stack_layer_data(stack: Stack, *, name: str) -> tuple[Any, dict[str, Any], str]:
    """A stack as the data of an Image layer, as lazy as the stack, with all that it knows of itself.

    Lengths are in micrometres where they are known; axes without a known length count in pixels.
    """
    lengths = {"Y": stack.pixel_size_nm, "X": stack.pixel_size_nm, "Z": stack.z_step_nm}
    sizes = [lengths.get(axis) for axis in stack.axes]
    metadata = image_metadata(stack)
    metadata[KEY]["path"] = stack.path
    attributes: dict[str, Any] = {
        "name": name,
        "scale": [1.0 if size is None else size / 1000 for size in sizes],
        "units": ["pixel" if size is None else "um" for size in sizes],
        "axis_labels": [axis.lower() for axis in stack.axes],
        "rgb": False,
        "metadata": metadata,
    }
    return stack.data, attributes, "image"


class _Cut:
    """A lazy array at one index of some of its axes; what it wraps is read where it is indexed, and not before."""

    def __init__(self, data: Any, fixed: Mapping[int, int]) -> None:
        self._data, self._fixed = data, dict(fixed)
        self.dtype = data.dtype
        self.shape = tuple(size for axis, size in enumerate(data.shape) if axis not in fixed)

    def __getitem__(self, index: tuple[Any, ...]) -> Any:
        free = iter(index)
        return self._data[tuple(self._fixed[axis] if axis in self._fixed else next(free) for axis in self._axes())]

    def _axes(self) -> range:
        return range(len(self._data.shape))


class _Colours:
    """A lazy colour image (..., Y, X, C), indexed as (..., C, Y, X) with red, green and blue."""

    def __init__(self, data: Any) -> None:
        self._data, self.dtype = data, data.dtype
        self.shape = (*data.shape[:-3], len(COLOURS), *data.shape[-3:-1])

    def __getitem__(self, index: tuple[Any, ...]) -> Any:
        *frames, colour, y, x = index
        values = np.asarray(self._data[(*frames, y, x, slice(len(COLOURS)))])
        return np.moveaxis(values, -1, -3)[..., colour, :, :]
