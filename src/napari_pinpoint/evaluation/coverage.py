"""What a comparison covers: which frames were looked at, how large they are, and which classes there are."""

from __future__ import annotations

import warnings

import numpy as np

from napari_pinpoint.errors import PinpointError, PinpointWarning
from napari_pinpoint.localizations import Localizations

#: The first frame and the one after the last.
Frames = tuple[int, int]


def compared_frames(
    found: Localizations, truth: Localizations, frames: Frames | None = None, *, stacklevel: int = 3
) -> Frames:
    """The frames that two tables can be compared in, as (start, stop).

    Those that are given; else those that the record of `found` says a model looked at, for what is true elsewhere was
    not missed; else, where nothing is known, frame 0 to the last that either table has a row in. A record that
    contradicts its own table, as after points were added elsewhere, is not believed.

    Raises
    ------
    PinpointError
        If the given frames are none.

    Warns
    -----
    PinpointWarning
        Where true rows are left out because the record says that their frames were not looked at.

    Examples
    --------
    >>> truth = Localizations({"frame": [0, 4], "y": [1.0, 2.0], "x": [1.0, 2.0]})
    >>> found = Localizations({"frame": [0], "y": [1.0], "x": [1.0]})
    >>> compared_frames(found, truth)
    (0, 5)
    """
    if frames is not None:
        start, stop = frames
        if not 0 <= start < stop:
            raise PinpointError(f"Frames to compare are given as (first, last + 1), not {tuple(frames)}.")
        return int(start), int(stop)
    recorded = recorded_frames(found)
    if recorded is None:
        return 0, int(max(table["frame"].max(initial=0) for table in (found, truth))) + 1
    left_out = len(truth) - len(in_frames(truth, recorded))
    if left_out:
        warnings.warn(
            f"Only frames {recorded[0]} to {recorded[1] - 1} were looked at, says the record of the found table: "
            f"{left_out:,} of {len(truth):,} true rows lie in other frames and are left out. Say which frames to "
            "compare if they should count.",
            PinpointWarning,
            stacklevel=stacklevel,
        )
    return recorded


def in_frames(table: Localizations, frames: Frames) -> Localizations:
    """The rows of a table in the frames start to stop - 1."""
    inside = (table["frame"] >= frames[0]) & (table["frame"] < frames[1])
    return table if inside.all() else table.select(inside)


def by_class(found: Localizations, truth: Localizations) -> dict[str, tuple[Localizations, Localizations]]:
    """Both tables class by class, in alphabetical order; nothing where one of them has no column `label`.

    Examples
    --------
    >>> cells = Localizations({"frame": [0, 0], "y": [1.0, 2.0], "x": [1.0, 2.0], "label": ["b", "a"]})
    >>> {name: (len(found), len(truth)) for name, (found, truth) in by_class(cells, cells).items()}
    {'a': (1, 1), 'b': (1, 1)}
    """
    if "label" not in found or "label" not in truth:
        return {}
    labels = [class_names(table) for table in (found, truth)]
    return {
        str(name): (found.select(labels[0] == name), truth.select(labels[1] == name))
        for name in np.unique(np.concatenate(labels))
    }


def class_names(table: Localizations) -> np.ndarray[tuple[int], np.dtype[np.str_]]:
    """The class of every row; rows without one form a class of their own, which is called "none"."""
    return np.array([*("none" if label is None else label for label in table["label"]), ""], dtype=np.str_)[:-1]


def recorded_frames(table: Localizations) -> Frames | None:
    """The frames that a model looked at, None where the record does not say it or cannot be right."""
    frames = table.record.get("settings", {}).get("frames")
    if not (isinstance(frames, list) and len(frames) == 2 and 0 <= frames[0] < frames[1]):
        return None
    recorded = int(frames[0]), int(frames[1])
    return recorded if len(in_frames(table, recorded)) == len(table) else None
