"""Stack: a lazy array with named axes, and the views that give frames to a model."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from napari_pinpoint.camera import Camera
from napari_pinpoint.errors import PinpointError

#: Axes in the order in which a stack has them: position, time, channel, plane, row, column.
AXES = "PTCZYX"
AXIS_WORDS = {"P": "position", "T": "time", "C": "channel", "Z": "plane", "Y": "row", "X": "column"}

#: Choices for the planes of a stack besides a number.
PROJECTION = "max"
VOLUME = "volume"

#: Choices for the channels of a stack besides a number.
ALL = "all"
LUMINANCE = "luminance"
#: The channels of a colour picture.
COLOURS = ("red", "green", "blue")
#: What red, green and blue add to the luminance (ITU-R BT.601).
_LUMINANCE_WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True, eq=False)
class Stack:
    """Images with named axes, read only where they are indexed.

    Parameters
    ----------
    data
        Anything with `shape`, `dtype` and indexing by integers and slices that gives numpy arrays (or what
        `numpy.asarray` accepts): a numpy array or memory map, a dask or zarr array, the reader of a file.
    axes
        One letter for each dimension of `data`, a part of ``"PTCZYX"`` in this order that holds Y and X.
    camera
        What is known of the camera.
    pixel_size_nm, z_step_nm
        None where unknown.
    frame_times_s
        Time of every frame in seconds, or None.
    channel_names
        One for each channel, or empty.
    path
        The file it came from, for messages and the record.
    sources
        Where the numbers came from: name to words ("ImageJ metadata", "given").
    metadata
        Whatever else the file said, as plain JSON values.
    """

    data: Any
    axes: str
    camera: Camera = field(default_factory=Camera)
    pixel_size_nm: float | None = None
    z_step_nm: float | None = None
    frame_times_s: np.ndarray[Any, Any] | None = None
    channel_names: tuple[str, ...] = ()
    path: str | None = None
    sources: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.axes) != len(self.data.shape):
            raise PinpointError(
                f"A stack of shape {tuple(self.data.shape)} needs {len(self.data.shape)} axis names, not {self.axes!r}."
            )
        order = [AXES.find(axis) for axis in self.axes]
        if min(order) < 0 or order != sorted(set(order)) or self.axes[-2:] != "YX":
            raise PinpointError(f"Axes are a part of {AXES} in this order that ends in YX, not {self.axes!r}.")
        for name in ("pixel_size_nm", "z_step_nm"):
            size = getattr(self, name)
            if size is not None and not (np.isfinite(size) and size > 0):
                raise PinpointError(f"{name} must be above 0, not {size}.")
        if 0 in self.data.shape:
            raise PinpointError(f"{self.name}: there are no pixels in a stack of shape {tuple(self.data.shape)}.")
        if self.dtype.kind not in "buif":
            raise PinpointError(
                f"{self.name} holds pixels of type {self.dtype}; whole or real numbers are expected. "
                "Convert it first (of complex numbers, take the magnitude)."
            )
        self._check_lengths()

    def _check_lengths(self) -> None:
        """What is given for every frame, channel or pixel fits the images."""
        for name, axis in (("frame_times_s", "T"), ("channel_names", "C")):
            values, size = getattr(self, name), self.sizes.get(axis, 1)
            if values is not None and len(values) not in ((0, size) if axis == "C" else (size,)):
                raise PinpointError(f"{self.name} has {size} {AXIS_WORDS[axis]}s, but {name} has {len(values)} values.")
        for name in ("offset_adu", "electrons_per_adu", "read_noise_e"):
            shape = np.shape(getattr(self.camera, name))
            if shape and shape != self.shape[-2:]:
                raise PinpointError(
                    f"The camera's map {name} has shape {shape}, the images of {self.name} have {self.shape[-2:]}. "
                    "Cut the map to the part of the sensor that was read out."
                )

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.data.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The pixels' dtype, in numpy's terms also where a scene has made them with torch."""
        dtype: np.dtype[Any] = np.dtype(str(self.data.dtype).removeprefix("torch."))
        return dtype

    @property
    def sizes(self) -> dict[str, int]:
        """Axis letter to length."""
        return dict(zip(self.axes, self.shape, strict=True))

    @property
    def n_frames(self) -> int:
        return self.sizes.get("T", 1)

    @property
    def name(self) -> str:
        """What to call it in a message."""
        return self.path or "the stack"

    def with_values(self, source: str = "given", **values: Any) -> Stack:
        """A stack in which `values` (pixel_size_nm, z_step_nm, frame_times_s; those not None) replace what was there.

        Fields of the camera are given as they are named there.
        """
        own = {n: values.pop(n) for n in ("pixel_size_nm", "z_step_nm", "frame_times_s") if values.get(n) is not None}
        for name in ("pixel_size_nm", "z_step_nm", "frame_times_s"):
            values.pop(name, None)
        sources = {**self.sources, **dict.fromkeys(own, source)}
        return replace(self, **own, camera=self.camera.with_values(source, **values), sources=sources)

    def view(
        self, *, channel: int | str | None = None, plane: int | str | None = None, position: int | None = None
    ) -> StackView:
        """Frames of shape (channels, *spatial) by choosing a channel, a position and what to do with planes.

        Parameters
        ----------
        channel
            Which channel, ``"all"`` of them, or the ``"luminance"`` of a colour picture; needed when there are several
            (channels are never summed in silence), except that a colour picture is seen in colour.
        plane
            A number, ``"max"`` (the maximum along z) or ``"volume"`` (three spatial axes); needed when there are
            several planes.
        position
            Which stage position; needed when there are several.
        """
        fixed: dict[str, int] = {}
        if channel is None and self.channel_names == COLOURS:
            channel = ALL
        colour = str(channel) if channel in (ALL, LUMINANCE) else None
        if colour == LUMINANCE and self.sizes.get("C", 1) not in (1, 3):
            raise PinpointError(
                f"{self.name} has {self.sizes['C']} channels; luminance is that of red, green and blue."
            )
        for axis, choice in (("P", position), ("C", channel)):
            if axis == "C" and colour:
                continue
            index = self._choose(axis, choice)
            if index is not None:
                fixed[axis] = index
        mode = None
        if plane in (PROJECTION, VOLUME):
            if "Z" not in self.axes:
                raise PinpointError(
                    f"{self.name} has no planes (its axes are {self.axes}), so plane={plane!r} cannot be."
                )
            mode = str(plane)
        else:
            index = self._choose("Z", plane)
            if index is not None:
                fixed["Z"] = index
        return StackView(self, fixed, mode, colour)

    def _choose(self, axis: str, choice: int | str | None) -> int | None:
        """The index along an axis: the choice, or the only one there is; an axis that the stack lacks gives None."""
        word, size = AXIS_WORDS[axis], self.sizes.get(axis)
        if size is None:
            if choice not in (None, 0):
                raise PinpointError(f"{self.name} has no {word} axis (its axes are {self.axes}); leave {word} away.")
            return None
        if choice is None:
            if size > 1:
                extra = f", {PROJECTION!r} or {VOLUME!r}" if axis == "Z" else ""
                names = f" ({', '.join(self.channel_names)})" if axis == "C" and self.channel_names else ""
                movie = ""
                if "T" not in self.axes:
                    axes = self.axes.replace(axis, "T")
                    movie = f" If they are the frames of a movie, read the file with axes={axes!r} (--axes {axes})."
                raise PinpointError(
                    f"{self.name} has {size} {word}s{names}: choose a {word} from 0 to {size - 1}{extra} "
                    f"(--{word} on the command line).{movie}"
                )
            return 0
        try:
            index = int(choice)
        except ValueError:
            raise PinpointError(f"A {word} is a number from 0 to {size - 1}, not {choice!r}.") from None
        if not 0 <= index < size:
            raise PinpointError(f"{self.name} has {size} {word}s (0 to {size - 1}); there is no {word} {index}.")
        return index


@dataclass(frozen=True, eq=False)
class StackView:
    """One way of looking at a stack: frames of shape (channels, *spatial), read only when asked.

    Made by `Stack.view`; `fixed` holds the chosen index of each axis that is not looked along, `planes` is None,
    ``"max"`` or ``"volume"``, `colour` is None (one channel), ``"all"`` or ``"luminance"``. A single channel may be
    `repeated`: grey, seen as colour.
    """

    stack: Stack
    fixed: dict[str, int]
    planes: str | None = None
    colour: str | None = None
    repeated: int = 1

    @property
    def n_frames(self) -> int:
        return self.stack.n_frames

    @property
    def channels(self) -> int:
        return self.stack.sizes.get("C", 1) if self.colour == ALL else self.repeated

    def with_channels(self, channels: int) -> StackView:
        """The view for a model of that many channels: of a grey picture, one that shows it as a colour picture.

        Raises
        ------
        PinpointError
            If there are fewer channels, or more, and which to take has to be said.
        """
        if self.channels == channels:
            return self
        if self.channels == 1 and channels == len(COLOURS) and self.stack.sizes.get("C", 1) == 1:
            return replace(self, colour=None, fixed={**self.fixed, **_only_channel(self.stack)}, repeated=channels)
        have = self.stack.sizes.get("C", 1)
        names = f" ({', '.join(self.stack.channel_names)})" if self.colour and self.stack.channel_names else ""
        ways = f"a number from 0 to {have - 1}" + (f", or {LUMINANCE!r}" if have == len(COLOURS) else "")
        advice = f" Choose a channel: {ways} (--channel on the command line)." if self.channels > channels == 1 else ""
        word = "channel" if channels == 1 else "channels"
        raise PinpointError(
            f"The model needs {channels} {word}; this view of {self.stack.name} has {self.channels}{names}.{advice}"
        )

    @property
    def spatial_axes(self) -> str:
        return "ZYX" if self.planes == VOLUME else "YX"

    @property
    def dims(self) -> int:
        return len(self.spatial_axes)

    @property
    def spatial_shape(self) -> tuple[int, ...]:
        return tuple(self.stack.sizes[axis] for axis in self.spatial_axes)

    def read(self, start: int, stop: int, window: tuple[slice, ...] = ()) -> np.ndarray[Any, Any]:
        """Frames start to stop, cut to `window` (one slice per spatial axis), in the stack's own dtype.

        Returns
        -------
        Array of shape (stop - start, channels, *spatial).

        Raises
        ------
        PinpointError
            If the frames are not there, or one of them holds NaN or infinite values.
        """
        if not 0 <= start < stop <= self.n_frames:
            raise PinpointError(
                f"{self.stack.name} has {self.n_frames} frames (0 to {self.n_frames - 1}); there are no frames "
                f"{start}:{stop}."
            )
        spatial = dict(zip(self.spatial_axes, window, strict=True)) if window else {}
        index = tuple(
            slice(start, stop) if axis == "T" else self.fixed.get(axis, spatial.get(axis, slice(None)))
            for axis in self.stack.axes
        )
        frames = np.asarray(self.stack.data[index])
        if "T" not in self.stack.axes:
            frames = frames[None]
        self._check_finite(frames, start)
        if self.colour is None or "C" not in self.stack.axes:
            frames = frames[:, None]
        if self.planes == PROJECTION:
            frames = frames.max(axis=2)
        if self.colour == LUMINANCE and frames.shape[1] > 1:
            frames = np.tensordot(_LUMINANCE_WEIGHTS, frames, (0, 1))[:, None]
        return np.repeat(frames, self.repeated, axis=1) if self.repeated > 1 else frames

    def _check_finite(self, frames: np.ndarray[Any, Any], start: int) -> None:
        """Raise for NaN: it would spread over all that a network sees of the frame, so it is no mere black pixel."""
        if frames.dtype.kind != "f" or np.isfinite(frames).all():
            return
        bad = ~np.isfinite(frames).reshape(len(frames), -1)
        first = int(np.argmax(bad.any(axis=1)))
        raise PinpointError(
            f"{self.stack.name}: frame {start + first} has {int(bad[first].sum())} pixels that are NaN or infinite. "
            "Replace them (ImageJ: Process > Noise > Remove NaNs...), or leave the frame out."
        )

    def describe(self) -> dict[str, Any]:
        """The choice as plain JSON values, for the record."""
        colour = {AXIS_WORDS["C"]: self.colour} if self.colour else {}
        return {
            "axes": self.stack.axes,
            "chosen": {AXIS_WORDS[a]: i for a, i in self.fixed.items()} | colour,
            "planes": self.planes,
        }


def _only_channel(stack: Stack) -> dict[str, int]:
    return {"C": 0} if "C" in stack.axes else {}
