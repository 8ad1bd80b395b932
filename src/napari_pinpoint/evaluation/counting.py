"""How wrong counts are: per frame, and per part of a frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.evaluation.coverage import Frames, compared_frames, in_frames
from napari_pinpoint.evaluation.matching import Floats, Ints, is_ignored
from napari_pinpoint.localizations import Localizations, recorded_field

#: (rows, columns) of every frame, or one such pair per frame.
Shape = tuple[int, int] | Sequence[tuple[int, int]] | Ints


@dataclass(frozen=True)
class CountErrors:
    """Errors of the counts of frames; a frame without any row counts, too.

    Attributes
    ----------
    n_frames
        Frames that were compared.
    n_found, n_truth
        Rows in all of them; truth to be ignored is not counted.
    mae, rmse, bias
        Mean of |found - true|, root of the mean square, and mean of found - true, over the frames.
    game
        GAME(0), GAME(1), ...: see `game_per_frame`. Empty where the size of the frames is not known.
    """

    n_frames: int
    n_found: int
    n_truth: int
    mae: float
    rmse: float
    bias: float
    game: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        """All of them by name, ready for JSON."""
        return {**asdict(self), "game": list(self.game)}


def count_errors(
    found: Localizations,
    truth: Localizations,
    *,
    frames: Frames | None = None,
    shape: Shape | None = None,
    levels: int = 3,
) -> CountErrors:
    """Compare how many points there are, whatever their class; `by_class` splits tables for the errors of each.

    Parameters
    ----------
    found, truth
        Tables of the same frames. True rows flagged "ignore" are not counted; what is found there is, since counts
        are not matched.
    frames
        (start, stop) of the frames to compare; it takes them to count those without any point at the end. By
        default those that the record of `found` names, else up to the last that has a row.
    shape
        (rows, columns) of the frames, or one pair per frame, for GAME; by default what the record of `found` says.
    levels
        The last L of GAME(L).

    Examples
    --------
    >>> truth = Localizations({"frame": [0, 0, 1], "y": [1.0, 6.0, 3.0], "x": [1.0, 6.0, 3.0]})
    >>> found = Localizations({"frame": [0, 0], "y": [1.0, 2.0], "x": [1.0, 2.0]})
    >>> errors = count_errors(found, truth, shape=(8, 8), levels=1)
    >>> errors.mae, errors.bias, errors.game
    (0.5, -0.5, (0.5, 1.5))
    """
    frames = compared_frames(found, truth, frames)
    n_found, n_truth = counts_per_frame(found, frames), counts_per_frame(_expected(truth), frames)
    error = n_found - n_truth
    size = recorded_field(found.record) if shape is None else shape
    game = (
        ()
        if size is None
        else [game_per_frame(found, truth, level=level, shape=size, frames=frames) for level in range(levels + 1)]
    )
    return CountErrors(
        n_frames=len(error),
        n_found=int(n_found.sum()),
        n_truth=int(n_truth.sum()),
        mae=float(np.abs(error).mean()),
        rmse=float(np.sqrt((error**2).mean())),
        bias=float(error.mean()),
        game=tuple(float(errors.mean()) for errors in game),
    )


def counts_per_frame(table: Localizations, frames: Frames) -> Ints:
    """Rows in each of the frames start to stop - 1, shape (n_frames,)."""
    start, stop = frames
    return np.bincount(in_frames(table, frames)["frame"] - start, minlength=stop - start)


def game_per_frame(
    found: Localizations, truth: Localizations, *, level: int, shape: Shape, frames: Frames | None = None
) -> Floats:
    """The grid average mean absolute error of each frame, shape (n_frames,); its mean over frames is GAME(level).

    A frame is cut into 2^level x 2^level cells, and |found - true| summed over them (Guerrero-Gomez-Olmo et al.,
    "Extremely overlapping vehicle counting", IbPRIA 2015): GAME(0) is the error of the count, and higher levels punish
    points in the wrong place. All of the image belongs to a cell, also where its size is no multiple of 2^level: a cell
    has rows / 2^level by columns / 2^level pixels, which need not be whole. Edges lie on real numbers, from -0.5 (the
    outer edge of the first pixel) on; a point exactly on one belongs to the cell behind it, a point outside the image
    to the nearest cell.

    Examples
    --------
    >>> truth = Localizations({"frame": [0], "y": [1.0], "x": [1.0]})
    >>> found = Localizations({"frame": [0], "y": [6.0], "x": [6.0]})
    >>> [float(game_per_frame(found, truth, level=level, shape=(8, 8))[0]) for level in (0, 1)]
    [0.0, 2.0]
    """
    frames = compared_frames(found, truth, frames)
    n_frames, n_cells = frames[1] - frames[0], 4**level
    sizes = np.asarray(shape, dtype=np.float64)
    if sizes.shape not in {(2,), (n_frames, 2)} or not (sizes > 0).all():
        raise PinpointError(
            f"GAME needs (rows, columns) of the frames, above 0, once or for each of the {n_frames} frames; the shape "
            f"given has the form {sizes.shape}."
        )
    sizes = np.broadcast_to(sizes, (n_frames, 2))

    def per_cell(table: Localizations) -> Ints:
        table = in_frames(table, frames)
        frame = table["frame"] - frames[0]
        index = frame
        for axis, name in enumerate(("y", "x")):
            cell = np.floor((table[name] + 0.5) * 2**level / sizes[frame, axis])
            index = index * 2**level + np.clip(cell, 0, 2**level - 1).astype(np.int64)
        return np.bincount(index, minlength=n_frames * n_cells).reshape(n_frames, n_cells)

    errors: Floats = np.abs(per_cell(found) - per_cell(_expected(truth))).sum(axis=1).astype(np.float64)
    return errors


def _expected(truth: Localizations) -> Localizations:
    """The true rows that are to be found."""
    return truth.select(~is_ignored(truth))
