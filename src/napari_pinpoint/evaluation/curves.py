"""Curves and histograms of a comparison: what depends on the tolerance, on photons, on neighbours, on the pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.evaluation.matching import Floats, Ints, Mask, match
from napari_pinpoint.evaluation.pairing import Pairing

#: Distances at which F1 is taken, as multiples of the tolerance.
_MULTIPLES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
#: A bin of a curve holds at least about this many emitters.
_IN_A_BIN = 20


@dataclass(frozen=True, eq=False)
class DistanceCurve:
    """F1 against the largest distance of a pair; matched anew at every distance.

    Attributes
    ----------
    distance_px, f1
        Both of shape (distances,).
    """

    distance_px: Floats
    f1: Floats

    def to_dict(self) -> dict[str, Any]:
        """Both by name, ready for JSON."""
        return {"distance_px": self.distance_px.tolist(), "f1": self.f1.tolist()}


@dataclass(frozen=True, eq=False)
class Shares:
    """How large a share of some rows has a property, in bins of a value.

    Attributes
    ----------
    low, high
        The least and the largest value in each bin, shape (bins,).
    value
        A typical value in each bin: the median for `recall_against`, the mean for `check_probabilities`.
    n, n_with
        Rows in each bin, and those with the property.
    n_left_out
        Rows whose value is not a finite number, and in no bin.
    """

    low: Floats
    high: Floats
    value: Floats
    n: Ints
    n_with: Ints
    n_left_out: int = 0

    @property
    def share(self) -> Floats:
        """The share with the property; NaN in a bin without rows."""
        with np.errstate(invalid="ignore"):
            return self.n_with / self.n

    @property
    def interval(self) -> tuple[Floats, Floats]:
        """Ends of the 95 % interval of each share, as if rows were independent (Wilson, JASA 22, 209, 1927)."""
        z = 1.959964
        with np.errstate(invalid="ignore", divide="ignore"):
            middle = (self.n_with + z**2 / 2) / (self.n + z**2)
            half = z / (self.n + z**2) * np.sqrt(self.n_with * (self.n - self.n_with) / self.n + z**2 / 4)
        return np.maximum(middle - half, 0), np.minimum(middle + half, 1)

    def to_dict(self) -> dict[str, Any]:
        """All of it by name, ready for JSON; what is not known is None."""
        arrays = {"low": self.low, "high": self.high, "value": self.value, "share": self.share}
        arrays |= dict(zip(("share_low", "share_high"), self.interval, strict=True))
        plain = {name: [None if np.isnan(v) else v for v in values.tolist()] for name, values in arrays.items()}
        return {**plain, "n": self.n.tolist(), "n_with": self.n_with.tolist(), "n_left_out": self.n_left_out}


@dataclass(frozen=True, eq=False)
class Histogram:
    """How many values lie between each two of the edges.

    Attributes
    ----------
    edges, counts
        Of shape (bins + 1,) and (bins,).
    """

    edges: Floats
    counts: Ints

    @classmethod
    def of(cls, values: Floats, low: float, high: float, bins: int) -> Histogram:
        """Of the values between `low` and `high`."""
        counts, edges = np.histogram(values, bins=bins, range=(low, high))
        return cls(edges, counts)

    def to_dict(self) -> dict[str, Any]:
        """Both by name, ready for JSON."""
        return {"edges": self.edges.tolist(), "counts": self.counts.tolist()}


def f1_against_distance(pairing: Pairing, multiples: Sequence[float] = _MULTIPLES) -> DistanceCurve:
    """F1 at these multiples of the tolerance; every distance is matched by itself.

    Examples
    --------
    >>> from napari_pinpoint import Localizations
    >>> from napari_pinpoint.evaluation.pairing import pair
    >>> truth = Localizations({"frame": [0, 0], "y": [5.0, 9.0], "x": [5.0, 9.0]})
    >>> found = Localizations({"frame": [0, 0], "y": [5.0, 9.0], "x": [5.0, 9.5]})
    >>> f1_against_distance(pair(found, truth, tolerance_px=1), multiples=[0.4, 0.6]).f1
    array([0.5, 1. ])
    """
    distances = pairing.tolerance_px * np.asarray(multiples, dtype=np.float64)
    f1 = []
    for distance in distances.tolist():
        same = distance == pairing.tolerance_px
        matches = (
            pairing.matches if same else match(pairing.found, pairing.truth, tolerance=distance, method=pairing.method)
        )
        tp = len(matches.found)
        whole = 2 * tp + len(matches.false) + len(matches.missed)
        f1.append(2 * tp / whole if whole else 1.0)
    return DistanceCurve(distances, np.array(f1))


def recall_against(values: Floats, hit: Mask, *, n_bins: int = 10) -> Shares:
    """Which share of the true rows was found, in bins that hold about equally many of them.

    Parameters
    ----------
    values
        Of every true row: its photons, the distance of its nearest neighbour ...; shape (rows,).
    hit
        Which rows were found, shape (rows,).
    n_bins
        At most so many; fewer where there are few rows.

    Examples
    --------
    >>> photons = np.arange(100.0)
    >>> recall_against(photons, photons >= 50, n_bins=2).share
    array([0., 1.])
    """
    if values.shape != hit.shape:
        raise PinpointError(f"Recall needs one value for each true row, not {values.shape} values for {hit.shape}.")
    finite = np.isfinite(values)
    left_out, values, hit = int((~finite).sum()), values[finite].astype(np.float64), hit[finite]
    if not len(values):
        empty = np.empty(0)
        return Shares(empty, empty, empty, empty.astype(np.int64), empty.astype(np.int64), left_out)
    n_bins = int(np.clip(len(values) // _IN_A_BIN, 1, n_bins))
    # Bins end where values change, so that equal values share one.
    ends = np.unique(np.quantile(values, np.linspace(0, 1, n_bins + 1)[1:], method="lower"))
    index = np.searchsorted(ends, values)
    order = np.argsort(index, kind="stable")
    parts = [values[rows] for rows in np.split(order, np.flatnonzero(np.diff(index[order])) + 1)]
    used = np.unique(index)
    return Shares(
        low=np.array([part.min() for part in parts]),
        high=np.array([part.max() for part in parts]),
        value=np.array([np.median(part) for part in parts]),
        n=np.bincount(index)[used],
        n_with=np.bincount(index, weights=hit)[used].astype(np.int64),
        n_left_out=left_out,
    )


@dataclass(frozen=True, eq=False)
class PixelPositions:
    """Where within their pixel points lie along one axis, -0.5 to 0.5; 0 is the centre.

    Points that nothing prefers lie anywhere; a method that prefers the centre of the pixel, or its edges, shows it
    here (pixel locking). `found` holds all points that count, not only the pairs.
    """

    found: Histogram
    true: Histogram
    locking_found: float
    locking_true: float

    def to_dict(self) -> dict[str, Any]:
        """All of it by name, ready for JSON."""
        known = {"locking_found": self.locking_found, "locking_true": self.locking_true}
        plain = {name: None if np.isnan(value) else value for name, value in known.items()}
        return {"found": self.found.to_dict(), "true": self.true.to_dict(), **plain}


def pixel_positions(pairing: Pairing, axis: str, *, bins: int = 20) -> PixelPositions:
    """Position within the pixel along "y" or "x", of what was found and of what is true.

    The two numbers are `locking`: 0 for positions that are spread evenly, 1 if all are the same.
    """
    found = in_pixel(pairing.found[axis][pairing.is_judged])
    true = in_pixel(pairing.truth[axis][pairing.is_expected])
    return PixelPositions(
        Histogram.of(found, -0.5, 0.5, bins), Histogram.of(true, -0.5, 0.5, bins), locking(found), locking(true)
    )


def in_pixel(position: Floats) -> Floats:
    """Position within the pixel, -0.5 (included) to 0.5.

    Examples
    --------
    >>> in_pixel(np.array([3.0, 3.25, 3.5, 3.75]))
    array([ 0.  ,  0.25, -0.5 , -0.25])
    """
    inside: Floats = position - np.floor(position + 0.5)
    return inside


def locking(position: Floats) -> float:
    """How uneven positions within a pixel are: |mean of exp(2 pi i p)|; of n even ones about 0.9 / sqrt(n).

    Examples
    --------
    >>> round(locking(np.linspace(0, 5, 1000, endpoint=False)), 6), locking(np.full(9, 0.25))
    (0.0, 1.0)
    """
    return float(abs(np.exp(2j * np.pi * position).mean())) if len(position) else float("nan")
