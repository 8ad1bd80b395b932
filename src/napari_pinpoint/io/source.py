"""Source: a set of image pages, how they are laid out, and what the files say of them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from napari_pinpoint.errors import PinpointError, PinpointWarning
from napari_pinpoint.io.facts import Facts
from napari_pinpoint.io.tiff_pages import FileSeries, PageLayout, TiffPages

#: An axis that the file does not name.
UNNAMED = "?"


@dataclass
class Source:
    """Pages, and the number of the page at every index of `table`, whose axes `axes` names (in any order).

    `files` are all that belong to the data set; `remark` says how the axes were found where the file does not plainly
    name them.
    """

    pages: TiffPages | FileSeries
    layout: PageLayout
    table: np.ndarray[Any, Any]
    axes: str
    files: list[Path]
    facts: Facts = field(default_factory=Facts)
    remark: str | None = None

    @property
    def sizes(self) -> dict[str, int]:
        return dict(zip(self.axes, self.table.shape, strict=True))

    @property
    def n_frames(self) -> int:
        return self.sizes.get("T", 1)


def without_missing(table: np.ndarray[Any, Any], axes: str, path: Path) -> np.ndarray[Any, Any]:
    """A table of pages (-1 where there is none) without the positions and last frames that were never saved.

    An acquisition that was stopped announces more than it holds. Gaps between frames stay, and are an error when they
    are read: closing them would shift all later frames.
    """
    p, t = axes.index("P"), axes.index("T")
    found = table >= 0
    kept = np.flatnonzero(found.any(axis=tuple(i for i in range(table.ndim) if i != p)))
    if not len(kept):
        raise PinpointError(f"{path}: none of the images that its metadata announce are there. Is a file missing?")
    table, found = table.take(kept, axis=p), found.take(kept, axis=p)
    complete = np.flatnonzero(found.all(axis=tuple(i for i in range(table.ndim) if i != t)))
    if not len(complete):
        raise PinpointError(f"{path}: no frame has all of its channels, planes and positions. Is a file missing?")
    n, announced = int(complete[-1]) + 1, table.shape[t]
    if n < announced:
        warnings.warn(
            f"{path} announces {announced} frames, but holds {n}; the acquisition was stopped, or a file is missing.",
            PinpointWarning,
            stacklevel=2,
        )
    return table.take(np.arange(n), axis=t)
