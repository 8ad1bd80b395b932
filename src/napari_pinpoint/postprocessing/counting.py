"""How many: the number of rows per frame, and per class where there are classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations

Array = np.ndarray[Any, Any]


def count(table: Localizations, *, n_frames: int | None = None) -> dict[str, Array]:
    """Count the rows of every frame; frames and classes without any count 0.

    Parameters
    ----------
    table
        The localizations; with a column `label` each class is counted by itself.
    n_frames
        Frames that were looked at, from 0; by default up to the last that has a row.

    Returns
    -------
    dict
        Columns of the same length: `frame`, `label` (only if the table has it; "" for rows without a class) and `n`,
        in the order of frames, then of classes.

    Raises
    ------
    PinpointError
        If there are rows behind the frames that were looked at.

    Examples
    --------
    >>> table = Localizations({"frame": [0, 2, 2], "y": [1, 2, 3], "x": [4, 5, 6]})
    >>> count(table)["n"]
    array([1, 0, 2])
    """
    last = int(table["frame"].max(initial=-1))
    if n_frames is None:
        n_frames = last + 1
    if last >= n_frames:
        raise PinpointError(f"There are rows in frame {last}, but only {n_frames} frames to count in.")
    if "label" not in table:
        return {"frame": np.arange(n_frames), "n": np.bincount(table["frame"], minlength=n_frames)}
    labels = np.array([label or "" for label in table["label"]], dtype=str)
    classes, index = np.unique(labels, return_inverse=True)
    n = np.bincount(table["frame"] * len(classes) + index, minlength=n_frames * len(classes))
    return {
        "frame": np.repeat(np.arange(n_frames), len(classes)),
        "label": np.tile(classes, n_frames).astype(object),
        "n": n,
    }
