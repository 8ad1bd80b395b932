"""Which localization belongs to which emitter: one-to-one, frame by frame, within a tolerance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components, min_weight_full_bipartite_matching
from scipy.spatial import cKDTree

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import FLAGS, Localizations

Ints = np.ndarray[Any, np.dtype[np.int64]]
Floats = np.ndarray[Any, np.dtype[np.float64]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]
Method = Literal["optimal", "greedy"]


@dataclass(frozen=True, eq=False)
class Matches:
    """Which rows of two tables belong together.

    Attributes
    ----------
    found, truth
        Rows of the found and of the true table that form pairs, both of shape (pairs,), in the order of `truth`.
    distance
        Distance of each pair in pixels.
    missed
        Rows of the true table that nothing was found for, without those to be ignored.
    false
        Rows of the found table that match no truth, not even one to be ignored.
    excused
        Rows of the found table that match truth to be ignored: neither right nor wrong.
    """

    found: Ints
    truth: Ints
    distance: Floats
    missed: Ints
    false: Ints
    excused: Ints

    def per_frame(self, found: Localizations, truth: Localizations, frames: tuple[int, int]) -> Ints:
        """Pairs, false and missed rows (TP, FP, FN) of each of the frames start to stop - 1, shape (n_frames, 3).

        `found` and `truth` are the tables that were matched. What sums over frames (Jaccard, F1 ...) can be
        bootstrapped from this without matching again.
        """
        start, stop = frames
        rows = ((truth, self.truth), (found, self.false), (truth, self.missed))
        columns = []
        for table, which in rows:
            frame = table["frame"][which] - start
            inside = (frame >= 0) & (frame < stop - start)
            columns.append(np.bincount(frame[inside], minlength=stop - start))
        return np.stack(columns, axis=1)


def match(
    found: Localizations, truth: Localizations, *, tolerance: float | Floats, method: Method = "optimal"
) -> Matches:
    """Pair found localizations with true ones, one-to-one and only within a frame.

    Parameters
    ----------
    found, truth
        Tables in the same pixels. Where both have a `z` it counts too, in pixels if step and pixel size are known.
    tolerance
        Largest distance of a pair, in pixels; one number, or one for each found row.
    method
        ``"optimal"``: as many pairs as possible, and of all such sets the one with the least sum of squared
        distances. True rows flagged "ignore" only get what the others leave.
        ``"greedy"``: the closest pair that is left, again and again, as the SMLM challenge does it (Sage et al.,
        Nature Methods 16, 387, 2019). True rows flagged "ignore" compete with the others, as they do there.

    Raises
    ------
    PinpointError
        For a tolerance that is not above 0, an unknown method, or tables of different calibration.

    Examples
    --------
    >>> truth = Localizations({"frame": [0, 0], "y": [5.0, 9.0], "x": [5.0, 9.0]})
    >>> found = Localizations({"frame": [0, 1], "y": [5.0, 9.0], "x": [5.25, 9.0]})
    >>> matches = match(found, truth, tolerance=1)
    >>> matches.distance, matches.missed, matches.false
    (array([0.25]), array([1]), array([1]))
    """
    reach = np.broadcast_to(np.asarray(tolerance, dtype=np.float64), len(found))
    if not np.all(np.isfinite(tolerance) & (np.asarray(tolerance) > 0)):
        raise PinpointError(f"The tolerance must be a distance above 0, not {tolerance}.")
    widest = float(np.max(tolerance, initial=1e-9))
    if method not in _ASSIGNMENTS:
        raise PinpointError(f"There is no matching {method!r}; there are: {', '.join(_ASSIGNMENTS)}.")
    assign = _ASSIGNMENTS[method]
    f, t, distance = _pairs_within(found, truth, widest)
    near = distance <= reach[f]
    f, t, distance = f[near], t[near], distance[near]
    ignored = is_ignored(truth)

    if method == "greedy":
        chosen = assign(f, t, distance / widest)
    else:
        real = np.flatnonzero(~ignored[t])
        first = real[assign(f[real], t[real], distance[real] / widest)]
        rest = np.flatnonzero(ignored[t] & ~np.isin(f, f[first]))
        chosen = np.concatenate([first, rest[assign(f[rest], t[rest], distance[rest] / widest)]])

    pairs = chosen[~ignored[t[chosen]]]
    pairs = pairs[np.argsort(t[pairs])]
    return Matches(
        found=f[pairs],
        truth=t[pairs],
        distance=distance[pairs],
        missed=np.setdiff1d(np.flatnonzero(~ignored), t[pairs]),
        false=np.setdiff1d(np.arange(len(found)), f[chosen]),
        excused=np.sort(f[chosen[ignored[t[chosen]]]]),
    )


def is_ignored(truth: Localizations) -> Mask:
    """Mask of the rows that are flagged "ignore"; none where the table has no flags."""
    if "flags" not in truth:
        return np.zeros(len(truth), dtype=bool)
    ignored: Mask = (truth["flags"] & FLAGS["ignore"]) != 0
    return ignored


def shared_calibration(found: Localizations, truth: Localizations, name: str) -> float | None:
    """The `pixel_size_nm` or `z_step_nm` of two tables: that of the one that has it; they must agree to 0.1 %."""
    sizes = [size for table in (found, truth) if (size := getattr(table, name)) is not None]
    if len(sizes) == 2 and abs(sizes[0] - sizes[1]) > 1e-3 * sizes[1]:
        raise PinpointError(
            f"The found table has {name} = {sizes[0]:g}, the true one {sizes[1]:g}: their pixels are not the same "
            "length, so positions cannot be compared. Give one of them the right calibration."
        )
    return sizes[0] if sizes else None


def _pairs_within(found: Localizations, truth: Localizations, tolerance: float) -> tuple[Ints, Ints, Floats]:
    """All pairs of one frame that are within the tolerance: found rows, true rows, distances in pixels."""
    pixel_size = shared_calibration(found, truth, "pixel_size_nm")
    z_step = shared_calibration(found, truth, "z_step_nm")
    names = ["y", "x"]
    scale = np.ones(3)
    if "z" in found and "z" in truth:
        names.append("z")
        scale[2] = z_step / pixel_size if z_step and pixel_size else 1.0
    trees = []
    for table in (found, truth):
        places = np.stack([table[name] for name in names], axis=1) * scale[: len(names)]
        if not np.isfinite(places).all():
            raise PinpointError("Tables with z can be matched only where every z is a finite number.")
        # Frames become an axis along which they are further apart than any pair may be: one tree serves them all.
        trees.append(cKDTree(np.column_stack([table["frame"] * (4 * tolerance), places])))
    if not len(found) or not len(truth):
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    pairs = trees[0].sparse_distance_matrix(trees[1], tolerance, output_type="ndarray")
    return pairs["i"].astype(np.int64), pairs["j"].astype(np.int64), pairs["v"]


def _greedy(f: Ints, t: Ints, distance: Floats) -> Ints:
    """Indices of the pairs that are taken when the closest that is left is taken each time."""
    order = np.argsort(distance, kind="stable")
    used_f: set[int] = set()
    used_t: set[int] = set()
    chosen = []
    for pair, row_f, row_t in zip(order.tolist(), f[order].tolist(), t[order].tolist(), strict=True):
        if row_f not in used_f and row_t not in used_t:
            used_f.add(row_f)
            used_t.add(row_t)
            chosen.append(pair)
    return np.array(chosen, dtype=np.int64)


#: Pairs that are solved in one call: small enough that the solver's work per row, which grows with the number of
#: columns, stays small; large enough that the calls do not count.
_BLOCK = 500


def _optimal(f: Ints, t: Ints, distance: Floats) -> Ints:
    """Indices of the pairs of the largest matching that has the least sum of squared distances (at most 1 each)."""
    if not len(f):
        return np.empty(0, dtype=np.int64)
    n_found, n_nodes = f.max() + 1, f.max() + t.max() + 2
    graph = coo_matrix((np.ones(len(f), dtype=bool), (f, t + n_found)), shape=(n_nodes, n_nodes))
    component = connected_components(graph, directed=False)[1][f]
    order = np.argsort(component, kind="stable")
    component = component[order]
    # Every component belongs to the block that its first pair lies in, so none is torn.
    block = np.searchsorted(component, component) // _BLOCK
    blocks = np.split(order, np.flatnonzero(np.diff(block)) + 1)
    return np.concatenate([rows[_solve(f[rows], t[rows], distance[rows])] for rows in blocks])


def _solve(f: Ints, t: Ints, distance: Floats) -> Ints:
    """Indices of the pairs of the optimal matching, as one sparse assignment problem.

    Every true row can also stay alone, in a column of its own whose cost exceeds whatever one more pair can cost the
    others: with costs of 1 to 2 a pair, going from k pairs to k + 1 adds at most 2 (k + 1) - k = k + 2.
    """
    columns, column = np.unique(f, return_inverse=True)
    rows, row = np.unique(t, return_inverse=True)
    alone = np.arange(len(rows))
    cost = np.concatenate([1 + distance**2, np.full(len(rows), len(rows) + 2.0)])
    ends = np.concatenate([row, alone]), np.concatenate([column, alone + len(columns)])
    problem = csr_matrix((cost, ends), shape=(len(rows), len(columns) + len(rows)))
    matched_row, matched_column = min_weight_full_bipartite_matching(problem)
    partner = np.empty(len(rows), dtype=np.int64)
    partner[matched_row] = matched_column
    return np.flatnonzero(partner[row] == column)


_ASSIGNMENTS: dict[str, Callable[[Ints, Ints, Floats], Ints]] = {"optimal": _optimal, "greedy": _greedy}
