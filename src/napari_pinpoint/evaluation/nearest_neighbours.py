"""The precision of localizations, by molecules that are on in two frames in a row.

NeNA (Endesfelder et al., Histochemistry and Cell Biology 141, 629, 2014): a molecule that is on in two frames in a row
is localized twice, at a distance d of the density d / (2 sigma^2) exp(-d^2 / (4 sigma^2)).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations

Array = np.ndarray[Any, Any]

#: With fewer pairs than this a fit says little.
_LEAST_PAIRS = 50


@dataclass(frozen=True)
class NeNA:
    """Precision by nearest neighbours in consecutive frames, 1 sigma per axis, in pixels and in nanometres.

    `distance` (n,) are the middles of the histogram's bins in pixels, `density` (n,) what part of the pairs lies at
    such a distance, per pixel, `fitted` and `same_molecule` (n,) the fit, and its part that the same molecules make.
    """

    precision_px: float
    error_px: float
    pixel_size_nm: float | None
    distance: Array
    density: Array
    fitted: Array
    same_molecule: Array
    n_pairs: int

    @property
    def precision_nm(self) -> float:
        return self.precision_px * (self.pixel_size_nm or math.nan)

    @property
    def error_nm(self) -> float:
        return self.error_px * (self.pixel_size_nm or math.nan)


def nearest_neighbour_resolution(table: Localizations, *, most_pairs: int = 1_000_000, n_bins: int = 100) -> NeNA:
    """The precision of single localizations, from molecules that are on in two frames in a row.

    The histogram of the distances to the nearest neighbour in the next frame is fitted by the density of pairs of the
    same molecule, with the two terms that Endesfelder et al. correct by: a Gaussian, for neighbours of a typical
    distance, and a line, for those at random.

    Parameters
    ----------
    table
        The localizations, not merged: merging takes the pairs away.
    most_pairs
        Of larger tables, frames are taken at even distances until there are about so many.
    n_bins
        Of the histogram.

    Raises
    ------
    PinpointError
        If the table was merged, or has too few pairs.
    """
    from scipy.optimize import curve_fit

    if "n_frames" in table and (table["n_frames"] > 1).any():
        raise PinpointError("Nearest neighbours need the localizations as they were found: this table was merged.")
    distances = _distances_to_next_frame(table, most_pairs)
    if len(distances) < _LEAST_PAIRS:
        raise PinpointError(
            f"Nearest neighbours in consecutive frames: there are {len(distances)} pairs, and {_LEAST_PAIRS} are "
            "needed: more frames, or molecules that are on for longer than a frame."
        )
    start = _sigma_of_pairs(distances)
    edges = np.linspace(0, 8 * start, n_bins + 1)
    counts = np.histogram(distances, edges)[0]
    middle, width = (edges[1:] + edges[:-1]) / 2, edges[1]
    density = counts / (len(distances) * width)
    noise = np.sqrt(np.maximum(counts, 1)) / (len(distances) * width)
    part = float(np.sum(counts) / len(distances))
    (sigma, *others), covariance = curve_fit(
        _pair_density,
        middle,
        density,
        p0=(start, part, 0.05 * part, 5 * start, 2 * start, 0.1 * density[-1] / middle[-1]),
        sigma=noise,
        absolute_sigma=True,
        bounds=((0.2 * start, 0, 0, 3 * start, start, 0), (5 * start, 1, 1, 16 * start, 16 * start, np.inf)),
        max_nfev=5000,
    )
    return NeNA(
        precision_px=float(sigma),
        error_px=float(np.sqrt(covariance[0, 0])),
        pixel_size_nm=table.pixel_size_nm,
        distance=middle,
        density=density,
        fitted=_pair_density(middle, sigma, *others),
        same_molecule=_pair_density(middle, sigma, others[0], 0, 1, 1, 0),
        n_pairs=len(distances),
    )


def _pair_density(
    distance: Array, sigma: float, same: float, near: float, centre: float, width: float, slope: float
) -> Array:
    """Endesfelder et al., equation 5: pairs of the same molecule, of neighbours, and at random."""
    pairs = distance / (2 * sigma**2) * np.exp(-(distance**2) / (4 * sigma**2))
    neighbours = np.exp(-((distance - centre) ** 2) / (2 * width**2)) / (math.sqrt(2 * math.pi) * width)
    density: Array = same * pairs + near * neighbours + slope * distance
    return density


def _distances_to_next_frame(table: Localizations, most: int) -> Array:
    """From localizations to the nearest one in the next frame, in pixels."""
    from scipy.spatial import cKDTree

    order = np.argsort(table["frame"], kind="stable")
    frames, starts = np.unique(table["frame"][order], return_index=True)
    stops = np.append(starts[1:], len(order))
    places = np.stack([table["y"], table["x"]], axis=1)[order]
    pairs = np.flatnonzero(np.diff(frames) == 1)
    rows = int((stops - starts)[pairs].sum())
    if rows > most:
        pairs = pairs[np.linspace(0, len(pairs) - 1, max(len(pairs) * most // rows, 1)).astype(int)]
    found: list[Any] = [np.empty(0)]
    for pair in pairs.tolist():
        following = cKDTree(places[starts[pair + 1] : stops[pair + 1]])
        found.append(following.query(places[starts[pair] : stops[pair]])[0])
    return np.concatenate(found)


def _sigma_of_pairs(distances: Array) -> float:
    """A first guess of sigma: nearest neighbours are the same molecule or one at random, Rayleigh distributed both."""
    squares = np.square(distances)
    same, random = float(np.quantile(squares, 0.1)) / 2, float(squares.mean())
    part = 0.5
    for _ in range(200):
        like_same = part / same * np.exp(-squares / (2 * same))
        like_random = (1 - part) / random * np.exp(-squares / (2 * random))
        of_same = like_same / np.maximum(like_same + like_random, 1e-300)
        part = float(of_same.mean())
        same = float((of_same * squares).sum() / max(2 * of_same.sum(), 1e-300))
        random = float(((1 - of_same) * squares).sum() / max(2 * (1 - of_same).sum(), 1e-300))
        same, random = max(same, 1e-12), max(random, 1e-12)
    return math.sqrt(min(same, random) / 2)
