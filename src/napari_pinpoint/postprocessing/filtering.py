"""Keep the rows whose value in a column lies within limits, or that fulfil a condition."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.postprocessing.expressions import rows_that_pass


def passes(
    table: Localizations, column: str, *, at_least: float | None = None, at_most: float | None = None
) -> np.ndarray[Any, Any]:
    """Which rows have a value within the limits; a row whose value is not known has none.

    Parameters
    ----------
    table
        The localizations.
    column
        A column of numbers, in the unit that it has in the table.
    at_least, at_most
        The limits, which pass themselves; None for no limit. Without any limit all rows pass.

    Returns
    -------
    numpy.ndarray
        Booleans of shape (n,).

    Raises
    ------
    PinpointError
        If there is no such column, it holds no numbers, or the limits are the wrong way round.

    See Also
    --------
    filter_column : the table of these rows.
    """
    values = table[column]
    if values.dtype.kind not in "biuf":
        raise PinpointError(f"Column {column!r} holds no numbers, so it has no limits to filter by.")
    if at_least is not None and at_most is not None and at_least > at_most:
        raise PinpointError(f"No {column} is at least {at_least:g} and at most {at_most:g}: exchange the limits.")
    kept = np.ones(len(table), dtype=bool)
    if at_least is not None:
        kept &= values >= _as_in(values, at_least)
    if at_most is not None:
        kept &= values <= _as_in(values, at_most)
    return kept


def filter_column(
    table: Localizations, column: str, *, at_least: float | None = None, at_most: float | None = None
) -> Localizations:
    """The rows that pass (see `passes`), with a step in the record that says so.

    Examples
    --------
    >>> table = Localizations({"frame": [0, 0, 1], "y": [1, 2, 3], "x": [4, 5, 6], "probability": [0.9, 0.4, 0.7]})
    >>> sure = filter_column(table, "probability", at_least=0.7)
    >>> sure["y"], sure.record["steps"]
    (array([1., 3.]), [{'step': 'filter', 'column': 'probability', 'at_least': 0.7, 'at_most': None}])
    """
    kept = table.select(passes(table, column, at_least=at_least, at_most=at_most))
    return kept.with_step("filter", column=column, at_least=at_least, at_most=at_most)


def filter_rows(table: Localizations, expression: str) -> Localizations:
    """The rows that fulfil a condition (see `rows_that_pass`), with a step in the record that says so.

    Examples
    --------
    >>> table = Localizations(
    ...     {"frame": [0, 0], "y": [1, 2], "x": [4, 5], "photons": [250, 900], "uncertainty_x": [0.1, 0.15]},
    ...     pixel_size_nm=100,
    ... )
    >>> precise = filter_rows(table, "photons > 300 and uncertainty_x_nm < 20")
    >>> precise["photons"], precise.record["steps"]
    (array([900.], dtype=float32), [{'step': 'filter', 'expression': 'photons > 300 and uncertainty_x_nm < 20'}])
    """
    expression = expression.strip()
    return table.select(rows_that_pass(table, expression)).with_step("filter", expression=expression)


def _as_in(values: np.ndarray[Any, Any], limit: float) -> Any:
    """The limit in the column's precision: a probability of 0.7 (float32) is at least 0.7."""
    return values.dtype.type(limit) if values.dtype.kind == "f" else limit
