"""The same molecule over consecutive frames: linked by where it is, and merged into one row.

Candidates come from SciPy's k-d tree, all frames at once, and where several rows contend for one another SciPy's
assignment settles it. The cost is that of Crocker and Grier (J. Colloid Interface Sci. 179, 298, 1996), as in trackpy:
a link costs the square of its length, a row that finds no successor the square of the radius.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations

Array = np.ndarray[Any, Any]

#: Rows that differ in one of these are not of the same molecule.
_APART = ("position", "channel", "plane", "trace")
#: Of two independent positions, this many standard errors of one apart, 99.9 % are nearer: sqrt(-2 ln 0.001) sqrt(2).
_STANDARD_ERRORS = 5.3


def link(
    table: Localizations, *, radius_nm: float | None = None, radius_px: float | None = None, dark_frames: int = 0
) -> Localizations:
    """Give rows of consecutive frames that are the same molecule the same `particle`.

    Rows are linked over the fewest dark frames first: a row that has a successor in the next frame never takes a
    later one. Distances are lateral; in tables with a `z` they are in space, with planes as far apart as the table's
    calibration says (one pixel where it is not known). Rows of another channel, position, plane or trace are never
    linked, nor are two rows of the same frame.

    Parameters
    ----------
    table
        The localizations, in any order.
    radius_nm, radius_px
        How far two positions of a molecule may be apart, from one frame to the next in which it is seen; one of them.
    dark_frames
        How many frames in a row it may be missing.

    Returns
    -------
    Localizations
        The table with a column `particle`, numbered from 0 in the order of the rows; an earlier one is replaced.

    Raises
    ------
    PinpointError
        If there is not exactly one radius, a radius is not above 0, the size of a pixel is needed and not known, or
        dark_frames is negative.

    Examples
    --------
    >>> table = Localizations({"frame": [0, 0, 1, 3], "y": [1.0, 9.0, 1.1, 9.2], "x": [5.0, 5.0, 5.0, 5.0]})
    >>> link(table, radius_px=0.5)["particle"]
    array([0, 1, 0, 2])
    >>> link(table, radius_px=0.5, dark_frames=2)["particle"]
    array([0, 1, 0, 1])
    """
    radius = _radius_px(table, radius_nm, radius_px)
    if dark_frames < 0 or dark_frames != int(dark_frames):
        raise PinpointError(f"dark_frames must be a whole number of at least 0, not {dark_frames}.")
    successor = _successors(_places(table), table["frame"], _group(table), radius, int(dark_frames))
    settings = {"radius_nm": radius_nm, "radius_px": radius_px, "dark_frames": int(dark_frames)}
    return table.with_columns(particle=_chains(successor)).with_step("link", **settings)


def suggested_radius_px(table: Localizations) -> float | None:
    """A radius that loses one in a thousand links, from the usual uncertainty; None where the table has none."""
    if "uncertainty_y" not in table or "uncertainty_x" not in table:
        return None
    variance = (np.square(table["uncertainty_y"], dtype=float) + np.square(table["uncertainty_x"], dtype=float)) / 2
    known = variance[np.isfinite(variance)]
    return float(_STANDARD_ERRORS * np.sqrt(np.median(known))) if known.size else None


def _radius_px(table: Localizations, radius_nm: float | None, radius_px: float | None) -> float:
    """The radius in pixels."""
    if (radius_nm is None) == (radius_px is None):
        proposed = suggested_radius_px(table)
        if proposed is None:
            hint = ""
        elif table.pixel_size_nm is None:
            hint = f" By the uncertainties of this table, {proposed:.2g} px would do."
        else:
            hint = f" By the uncertainties of this table, {proposed * table.pixel_size_nm:.0f} nm would do."
        raise PinpointError(f"Give the radius within which rows are linked, in nanometres or in pixels.{hint}")
    if radius_nm is not None and table.pixel_size_nm is None:
        raise PinpointError(
            "The table does not know the size of a pixel, so the radius cannot be in nanometres; give one in pixels, "
            "or the table its pixel size (--pixel-size-nm)."
        )
    radius = radius_px if radius_nm is None else radius_nm / (table.pixel_size_nm or 1)
    if radius is None or not (np.isfinite(radius) and radius > 0):
        raise PinpointError(f"The radius must be above 0, not {radius_px if radius_nm is None else radius_nm}.")
    return radius


def _places(table: Localizations) -> Array:
    """Positions (n, 2) or (n, 3) in pixels, planes as far apart as they are."""
    places = table.positions()
    if "z" in table:
        known = table.z_step_nm is not None and table.pixel_size_nm is not None
        places[:, 0] = np.nan_to_num(places[:, 0]) * (table.z_step_nm / table.pixel_size_nm if known else 1.0)  # type: ignore[operator]
    return places


def _group(table: Localizations) -> Array:
    """A number for each row, different where rows can never be linked."""
    group = np.zeros(len(table), dtype=np.int64)
    for name in _APART:
        if name in table:
            group = np.unique(np.stack([group, table[name]]), axis=1, return_inverse=True)[1].reshape(-1)
    return group


def _successors(places: Array, frame: Array, group: Array, radius: float, dark_frames: int) -> Array:
    """For each row the row that follows it, -1 where none does."""
    successor = np.full(len(frame), -1, dtype=np.int64)
    if not len(frame):
        return successor
    from scipy.spatial import cKDTree

    # One more axis keeps groups and frames apart: what is not to be compared is more than a radius away.
    frames = frame - frame.min()
    time = (group * (frames.max() + dark_frames + 2) + frames)[:, None] * (2.0 * radius)
    places = np.hstack([places, time])
    unfollowed, unpreceded = np.ones(len(frame), dtype=bool), np.ones(len(frame), dtype=bool)
    for gap in range(1, dark_frames + 2):
        first, second = np.flatnonzero(unfollowed), np.flatnonzero(unpreceded)
        later = places[first]
        later[:, -1] += gap * 2.0 * radius
        near = cKDTree(later).sparse_distance_matrix(cKDTree(places[second]), radius, output_type="ndarray")
        chosen = _assigned(near["i"], near["j"], near["v"], radius)
        before, after = first[near["i"][chosen]], second[near["j"][chosen]]
        successor[before] = after
        unfollowed[before] = unpreceded[after] = False
    return successor


def _assigned(i: Array, j: Array, distance: Array, radius: float) -> Array:
    """Which of the pairs are links: every i and every j in at most one, at the least cost in all."""
    alone = (np.bincount(i)[i] == 1) & (np.bincount(j)[j] == 1) if len(i) else np.zeros(0, dtype=bool)
    contended = np.flatnonzero(~alone)
    if not len(contended):
        return np.flatnonzero(alone)
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import min_weight_full_bipartite_matching

    rows, row = np.unique(i[contended], return_inverse=True)
    columns, column = np.unique(j[contended], return_inverse=True)
    # Every row may also stay alone, at the cost of the radius. A cost of 0 would be no pair to SciPy.
    costs = np.concatenate([(distance[contended] / radius) ** 2, np.ones(len(rows))]) + 1e-9
    own = np.arange(len(rows))
    ends = (np.concatenate([row, own]), np.concatenate([column, len(columns) + own]))
    graph = coo_array((costs, ends), shape=(len(rows), len(columns) + len(rows))).tocsr()
    matched_row, matched = min_weight_full_bipartite_matching(graph)
    partner = np.empty(len(rows), dtype=np.int64)
    partner[matched_row] = matched
    return np.concatenate([np.flatnonzero(alone), contended[partner[row] == column]])


def _chains(successor: Array) -> Array:
    """The number of each row's chain, from 0 in the order of the chains' first rows."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    linked = np.flatnonzero(successor >= 0)
    n = len(successor)
    graph = coo_array((np.ones(len(linked), dtype=bool), (linked, successor[linked])), shape=(n, n))
    chain = connected_components(graph, directed=False)[1] if n else successor
    _, first, number = np.unique(chain, return_index=True, return_inverse=True)
    order = np.empty(len(first), dtype=np.int64)
    order[np.argsort(first)] = np.arange(len(first))
    return order[number]
