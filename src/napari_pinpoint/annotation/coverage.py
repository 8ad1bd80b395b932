"""Coverage: where in a stack the annotation is complete, so that what is not marked there is known to be nothing."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.io.atomic import complete_file
from napari_pinpoint.io.regions import read_region
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.region import Region

Array = np.ndarray[Any, Any]

#: Marks our JSON, and counts up when its layout changes so that older programs cannot read it.
KEY = "napari_pinpoint_coverage"
VERSION = 1


@dataclass(frozen=True, eq=False)
class CompleteRegion:
    """A part of the image in which every object is marked, in some frames or in all.

    Parameters
    ----------
    outline
        Corners of a polygon, at least three of (y, x) in pixels; or a `Region`, whose labels other than 0 are meant.
    frames
        (start, stop), counted from 0, without `stop`; None means all.

    Raises
    ------
    PinpointError
        If the frames or the corners make no sense.

    Examples
    --------
    >>> region = CompleteRegion([(1, 1), (1, 3), (2, 3), (2, 1)], frames=(0, 5))
    >>> region.mask((4, 5)).astype(int)
    array([[0, 0, 0, 0, 0],
           [0, 1, 1, 1, 0],
           [0, 1, 1, 1, 0],
           [0, 0, 0, 0, 0]])
    """

    outline: Sequence[tuple[float, float]] | Region
    frames: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.frames is not None:
            start, stop = self.frames
            if not 0 <= start < stop:
                raise PinpointError(f"A region's frames are (start, stop) with 0 <= start < stop, not {self.frames}.")
            object.__setattr__(self, "frames", (int(start), int(stop)))
        if isinstance(self.outline, Region):
            return
        corners = tuple((float(y), float(x)) for y, x in self.outline)
        if len(corners) < 3 or not all(map(math.isfinite, sum(corners, ()))):
            raise PinpointError(f"A region needs at least three corners (y, x) in pixels, not {list(self.outline)}.")
        object.__setattr__(self, "outline", corners)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CompleteRegion) and self.to_json() == other.to_json()

    __hash__ = None  # type: ignore[assignment]

    def holds_in(self, frame: int) -> bool:
        """Whether the frame is one of its frames."""
        return self.frames is None or self.frames[0] <= frame < self.frames[1]

    def mask(self, shape: tuple[int, int]) -> Array:
        """Which pixels of an image are inside, (Y, X) bool: those whose centre is in the polygon or on its edge.

        Raises
        ------
        PinpointError
            If labels are of another image.
        """
        if isinstance(self.outline, Region):
            if self.outline.labels.shape != tuple(shape):
                raise PinpointError(
                    f"{self.outline.words} has {self.outline.labels.shape} pixels, the image {tuple(shape)}."
                )
            inside: Array = self.outline.labels != 0
            return inside
        from matplotlib.path import Path as Polygon  # here, because opening the dock has no time for it

        inside = np.zeros(shape, bool)
        corners = np.array(self.outline)
        low = np.maximum(np.ceil(corners.min(axis=0)), 0).astype(int)
        high = np.minimum(np.floor(corners.max(axis=0)) + 1, shape).astype(int)
        if (high <= low).any():
            return inside
        grid = np.stack(np.meshgrid(*map(np.arange, low, high), indexing="ij"), axis=-1).reshape(-1, 2)
        area = np.sum(corners[:, 0] * np.roll(corners[:, 1], -1) - corners[:, 1] * np.roll(corners[:, 0], -1))
        # matplotlib grows a polygon that turns one way by `radius` and shrinks one that turns the other way.
        within = Polygon(corners).contains_points(grid, radius=math.copysign(1e-6, area))
        inside[low[0] : high[0], low[1] : high[1]] = within.reshape(high - low)
        return inside

    def to_json(self) -> dict[str, Any]:
        """Everything that makes it again, as plain JSON values."""
        frames = None if self.frames is None else list(self.frames)
        if isinstance(self.outline, Region):
            return {"frames": frames, "labels": self.outline.to_record()}
        return {"frames": frames, "outline": [list(corner) for corner in self.outline]}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> CompleteRegion:
        """What `to_json` gave."""
        frames = stored.get("frames")
        outline = Region.from_record(stored["labels"]) if "labels" in stored else stored["outline"]
        return cls(outline, None if frames is None else tuple(frames))


@dataclass(frozen=True)
class Coverage:
    """Where the annotation of a stack is complete; outside of it nothing is known, and nothing is to be learnt.

    Parameters
    ----------
    regions
        Every object in them is marked.
    empty_frames
        Frames in which there is nothing at all.

    Examples
    --------
    >>> square = CompleteRegion([(0, 0), (0, 1), (1, 1), (1, 0)], frames=(0, 2))
    >>> coverage = Coverage((square,), empty_frames=(3,))
    >>> coverage.frames(10)
    (0, 1, 3)
    >>> [int(coverage.believed(frame, (4, 4)).sum()) for frame in (0, 2, 3)]
    [4, 0, 16]
    """

    regions: tuple[CompleteRegion, ...] = ()
    empty_frames: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "regions", tuple(self.regions))
        object.__setattr__(self, "empty_frames", tuple(sorted({int(frame) for frame in self.empty_frames})))

    def frames(self, n_frames: int) -> tuple[int, ...]:
        """The frames, of `n_frames`, of which something is known."""
        known = set(self.empty_frames)
        for region in self.regions:
            known.update(range(n_frames) if region.frames is None else range(*region.frames))
        return tuple(sorted(frame for frame in known if 0 <= frame < n_frames))

    def believed(self, frame: int, shape: tuple[int, int]) -> Array:
        """Where the annotation of a frame can be believed, (Y, X) bool."""
        if frame in self.empty_frames:
            return np.ones(shape, bool)
        known = np.zeros(shape, bool)
        for region in self.regions:
            if region.holds_in(frame):
                known |= region.mask(shape)
        return known

    def within(self, points: Localizations, frame: int, shape: tuple[int, int]) -> Localizations:
        """The points of one frame that lie on pixels which can be believed."""
        chosen = points.select(points["frame"] == frame)
        known = self.believed(frame, shape) if len(chosen) else np.zeros(shape, bool)
        if not known.any():
            return chosen.select(slice(0, 0))
        return chosen.select(Region(known).labels_at(chosen["y"], chosen["x"]) != 0)


def write_coverage(coverage: Coverage, path: str | Path, *, overwrite: bool = False) -> None:
    """Write where an annotation is complete to a JSON file, which `read_coverage` reads back without loss.

    Raises
    ------
    PinpointError
        If the file exists (without `overwrite`), or cannot be written.

    Examples
    --------
    >>> coverage = Coverage((CompleteRegion([(0, 0), (0, 9.5), (9.5, 9.5)]),), empty_frames=(3, 4))
    >>> write_coverage(coverage, "regions.json")
    >>> read_coverage("regions.json") == coverage
    True
    """
    stored = {
        KEY: VERSION,
        "regions": [region.to_json() for region in coverage.regions],
        "empty_frames": list(coverage.empty_frames),
    }
    with complete_file(path, overwrite=overwrite) as temporary:
        temporary.write_text(json.dumps(stored, indent=1), encoding="utf-8")


def read_coverage(path: str | Path) -> Coverage:
    """Read what `write_coverage` wrote; or a label image, whose labels other than 0 are complete in all frames.

    Raises
    ------
    PinpointError
        If there is no such file, or it holds something else.
    """
    path = Path(path)
    if not path.is_file():
        raise PinpointError(f"{path}: there is no such file.")
    if path.suffix.lower() != ".json":
        return Coverage((CompleteRegion(read_region(path)),))
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored[KEY] > VERSION:
            raise PinpointError(f"{path} was written by a newer napari-pinpoint; update to read it.")
        return Coverage(tuple(map(CompleteRegion.from_json, stored["regions"])), tuple(stored["empty_frames"]))
    except PinpointError as error:
        raise PinpointError(f"{path}: {error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise PinpointError(
            f"{path} does not say where an annotation is complete ({type(error).__name__}: {error}); give the JSON "
            "file that was written with the points, or a label image."
        ) from error
