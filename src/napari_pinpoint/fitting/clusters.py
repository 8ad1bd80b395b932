"""Which localizations are fitted together: those whose fitting windows overlap, in parts that are not too large."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

Array = np.ndarray[Any, Any]


def parts_of(frame: Array, y: Array, x: Array, *, radius: int, most: int) -> tuple[Array, Array]:
    """Number of the part that every localization is fitted in, and whether its part was cut off a larger cluster.

    Two localizations of a frame belong together where their windows of 2 `radius` + 1 pixels around the nearest pixel
    share pixels, and clusters are what this connects. One with more than `most` is halved, again and again, across its
    longer side at the widest gap near its middle: what is cut there shares the least light.

    Parameters
    ----------
    frame, y, x
        Of the localizations, (n,).

    Returns
    -------
    part : (n,) int64, from 0
    cut : (n,) bool

    Examples
    --------
    >>> parts_of(np.zeros(3, int), np.array([5.0, 9.0, 40.0]), np.full(3, 5.0), radius=5, most=8)
    (array([0, 0, 1]), array([False, False, False]))
    """
    n = len(frame)
    position = np.stack([y, x], axis=1)
    # Frames are pulled apart along an axis of their own, so that one tree serves all of them.
    tree = cKDTree(np.concatenate([frame[:, None] * (2.0 * radius + 1), np.rint(position)], axis=1))
    a, b = tree.query_pairs(2 * radius + 0.5, p=np.inf, output_type="ndarray").T
    count, cluster = connected_components(coo_matrix((np.ones(len(a), bool), (a, b)), (n, n)), directed=False)
    part, cut = cluster.astype(np.int64), np.zeros(n, dtype=bool)
    order = np.argsort(cluster, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(cluster[order])) + 1):
        if len(rows) > most:
            for piece in _halved(rows, position, most)[1:]:
                part[piece] = count
                count += 1
            cut[rows] = True
    return part, cut


def with_guests(part: Array, frame: Array, y: Array, x: Array, *, within: float) -> tuple[Array, Array, Array]:
    """Members of the parts: every localization in its own, and as a guest in those that come near it.

    A part that was cut off a cluster is fitted with the neighbours beyond the cut, which are not kept: their own part
    knows them better.

    Returns
    -------
    part, row : (m,) int64
        Which localization is in which part.
    own : (m,) bool
        False for guests.

    Examples
    --------
    >>> with_guests(np.array([0, 1]), np.zeros(2, int), np.zeros(2), np.array([0.0, 3.0]), within=4)
    (array([0, 1, 0, 1]), array([0, 1, 1, 0]), array([ True,  True, False, False]))
    """
    n = len(part)
    places = np.stack([frame * (2.0 * within), y, x], axis=1)
    near = cKDTree(places).query_pairs(within, output_type="ndarray")
    near = near[part[near[:, 0]] != part[near[:, 1]]]
    both = np.concatenate([near, near[:, ::-1]])
    guests = np.unique(np.stack([part[both[:, 0]], both[:, 1]], axis=1), axis=0)
    own = np.arange(n + len(guests)) < n
    return np.concatenate([part, guests[:, 0]]), np.concatenate([np.arange(n), guests[:, 1]]), own


def _halved(rows: Array, position: Array, most: int) -> list[Array]:
    """The rows in pieces of at most `most`, which lie beside each other."""
    if len(rows) <= most:
        return [rows]
    here = position[rows]
    along = here[:, int(np.argmax(np.ptp(here, axis=0)))]
    order = np.argsort(along, kind="stable")
    gaps = np.diff(along[order])
    low = max(0, len(rows) // 3 - 1)
    high = len(gaps) - low
    at = low + int(np.argmax(gaps[low:high])) + 1
    return [piece for half in (rows[order[:at]], rows[order[at:]]) for piece in _halved(half, position, most)]
