"""One row for each particle: what its frames say together."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from napari_pinpoint.errors import PinpointError, PinpointWarning
from napari_pinpoint.localizations import COLUMNS, Localizations

Array = np.ndarray[Any, Any]

#: Summed: what light there was in all frames. The background is then that under the same light.
_SUMMED = ("photons", "background", "log_likelihood", "n_frames")
#: Independent errors of sums.
_ADDED_IN_SQUARES = ("uncertainty_photons", "uncertainty_background")
#: As sure, and as clear, as in the best frame.
_LARGEST = ("probability", "contrast")
_AVERAGED = ("psf_sigma_y", "psf_sigma_x", "height", "width", "moved_by")


def merge(table: Localizations) -> Localizations:
    """One row for each `particle` of a table that was linked.

    The position is the mean of the frames' positions weighted by 1 / uncertainty^2, along each axis, and its
    uncertainty 1 / sqrt(sum of 1 / uncertainty^2): that of the best estimate if the frames' errors are independent and
    the uncertainties true. Frames whose uncertainty is not known take no part where another's is; where none is known,
    all weigh the same and the uncertainty stays unknown. Photons, background and log likelihood are summed; PSF, box
    and `moved_by` are averaged; probability and contrast are those of the best frame, flags those of any. Everything
    else is that of the first frame, `frame` included.

    Parameters
    ----------
    table
        The localizations, with a column `particle` (see `link`), in any order.

    Returns
    -------
    Localizations
        Rows in the order of their first frames, with `n_frames`, the number of rows that each was made from.

    Raises
    ------
    PinpointError
        If the table was not linked.

    Warns
    -----
    PinpointWarning
        About columns whose meaning is not known, of which the first frame's value is kept.

    Examples
    --------
    >>> table = Localizations({"frame": [0, 1], "y": [1.0, 2.0], "x": [5.0, 5.0], "photons": [100, 300],
    ...     "uncertainty_y": [0.3, 0.1], "particle": [0, 0]})
    >>> merged = merge(table)
    >>> merged["y"], merged["photons"], merged["n_frames"]
    (array([1.9]), array([400.], dtype=float32), array([2]))
    """
    if "particle" not in table:
        raise PinpointError("Only a table that was linked can be merged: it has no column 'particle'. Link it first.")
    foreign = [name for name in table if name not in COLUMNS]
    if foreign:
        warnings.warn(
            f"What {', '.join(foreign)} of several frames are together is not known; the first frame's value is kept.",
            PinpointWarning,
            stacklevel=2,
        )
    order = np.lexsort((table["frame"], table["particle"]))
    particle = table["particle"][order]
    starts = np.flatnonzero(np.diff(particle, prepend=particle[:1] - 1)) if len(particle) else np.empty(0, np.int64)
    rows = _Rows(table, order, starts)
    merged = {name: rows.merged(name) for name in table}
    if "n_frames" not in table:
        merged["n_frames"] = np.diff(starts, append=len(order))
    for axis in "yxz":
        if axis in table:
            merged |= rows.position(axis)
    sequence = np.lexsort((order[starts], merged["frame"]))
    return Localizations(
        {name: values[sequence] for name, values in merged.items()},
        pixel_size_nm=table.pixel_size_nm,
        z_step_nm=table.z_step_nm,
        record=table.record,
    ).with_step("merge")


class _Rows:
    """The rows of a table, in the order of particles, and where each particle starts."""

    def __init__(self, table: Localizations, order: Array, starts: Array) -> None:
        self.table, self.order, self.starts = table, order, starts

    def merged(self, name: str) -> Array:
        """A column with one value for each particle, positions and their uncertainties aside."""
        values = self.table[name][self.order]
        if name in _SUMMED:
            return self._sum(values)
        if name in _ADDED_IN_SQUARES:
            return np.sqrt(self._sum(np.square(values, dtype=np.float64)))
        if name in _LARGEST:
            return self._reduced(np.fmax, values)
        if name in _AVERAGED:
            known = np.isfinite(values)
            with np.errstate(invalid="ignore"):
                return self._sum(np.where(known, values, 0).astype(np.float64)) / self._sum(known)
        if name == "flags":
            return self._reduced(np.bitwise_or, values)
        first: Array = values[self.starts]
        return first

    def position(self, axis: str) -> dict[str, Array]:
        """The weighted mean along an axis, and its uncertainty where the table has one."""
        position = self.table[axis][self.order]
        known = np.isfinite(position)  # a z may not be
        column = f"uncertainty_{axis}"
        sigma = self.table[column][self.order].astype(np.float64) if column in self.table else np.zeros(len(position))
        with np.errstate(divide="ignore", invalid="ignore"):
            weight = np.where(known & np.isfinite(sigma) & (sigma > 0), 1 / sigma**2, 0.0)
            total = self._sum(weight)
            alike = np.repeat(total == 0, np.diff(self.starts, append=len(position)))
            weight = np.where(alike, known, weight)
            mean = self._sum(weight * np.where(known, position, 0)) / self._sum(weight)
            uncertainty = {column: np.where(total > 0, 1 / np.sqrt(total), np.nan)} if column in self.table else {}
        return {axis: mean, **uncertainty}

    def _sum(self, values: Array) -> Array:
        return self._reduced(np.add, values.astype(np.float64) if values.dtype.kind == "f" else values)

    def _reduced(self, function: np.ufunc, values: Array) -> Array:
        if not len(self.starts):
            return values[:0]
        if values.dtype.kind == "b":
            values = values.astype(np.int64)
        reduced: Array = function.reduceat(values, self.starts)
        return reduced
