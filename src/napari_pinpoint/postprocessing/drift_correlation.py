"""Drift from the localizations themselves: segments of the movie are laid over each other.

Two steps. *Redundant cross-correlation* (Wang et al., Opt. Express 22, 15982, 2014): the shift between every pair of
segments, from the peak of their pictures' cross-correlation, then the drift that fits all pairs best, outliers left
out. *Refinement*: parts of the segments, each laid over all the others together, again and again; no pair has to be
clear by itself any more, which allows shorter parts.

Pictures are histograms on a torus: the field is folded onto a square of a fixed number of bins that are finer than the
localizations are precise. Folding keeps every distance between neighbours, costs little contrast, makes the
correlation truly circular, and the time independent of the size of the field. Only the frequencies between the
localizations' precision and the coarse shape of the sample are kept; what is left of the correlation is computed
exactly anywhere between the bins, by its Fourier sum (Guizar-Sicairos et al., Opt. Lett. 33, 156, 2008).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.postprocessing.drift import Drift

Array = np.ndarray[Any, Any]

#: Bins along one side of the torus.
_BINS = 1024
#: Standard deviation of the pictures' smoothing in bins, and of what is taken for the sample's coarse shape.
_SMOOTHING, _COARSE = 1.5, 12.0
#: Precision of localizations in pixels that do not say theirs, and what is believed.
_PRECISION, _PRECISIONS = 0.1, (0.05, 0.5)
#: Segments for the pairs, and parts of them for the refinement, at most: pairs grow with the square.
_MOST_PAIRED, _MOST_PARTS = 40, 256
#: Localizations of a segment (by default) and of the parts that it is refined in, and below which one says nothing.
LOCALIZATIONS_PER_SEGMENT = 5000
_PER_PART, _FEWEST = 1000, 50
_ROUNDS = 10
_SETTLED_PX = 5e-4


def estimate_drift(
    table: Localizations,
    *,
    segment_frames: int | None = None,
    localizations_per_segment: int | None = None,
    max_drift_px: float = 10.0,
) -> Drift:
    """Estimate the drift from the localizations themselves.

    Parameters
    ----------
    table
        The localizations, of one field; everything that does not belong to the sample should be filtered out before.
    segment_frames, localizations_per_segment
        How long a segment is: so many frames, or so many localizations (by default 5000, less in small tables). What
        is refined are parts of them, of 1000 localizations or more, so that the drift inside a segment is seen, too.
    max_drift_px
        How far the sample may have drifted from one time to any other, in pixels.

    Returns
    -------
    Drift
        From frame 0 to the last with a localization, relative to the first frame: a cubic smoothing spline through the
        segments.

    Raises
    ------
    PinpointError
        If the settings contradict each other or there are too few localizations.

    See Also
    --------
    correct_drift : the table without it.
    """
    frame = table["frame"]
    settings = {
        "segment_frames": segment_frames,
        "localizations_per_segment": localizations_per_segment,
        "max_drift_px": max_drift_px,
    }
    if max_drift_px <= 0:
        raise PinpointError(f"max_drift_px must be above 0, not {max_drift_px}.")
    part, segment_of_part = _parts(frame, segment_frames, localizations_per_segment)
    n = len(segment_of_part)
    pictures = _Pictures.of(table, part, n, max_drift_px)
    time = np.bincount(part, frame, n) / np.bincount(part, minlength=n)

    n_segments = int(segment_of_part[-1]) + 1
    group = segment_of_part * min(n_segments, _MOST_PAIRED) // n_segments
    segments = pictures.summed(group)
    rough = _fitted(*_pair_shifts(segments, max_drift_px), len(segments.spectra))
    group_time = np.bincount(group, time) / np.bincount(group)
    start = np.stack([np.interp(time, group_time, values) for values in rough.T], axis=1)

    found = _refined(pictures, start)
    frames = np.arange(int(frame.max()) + 1)
    y, x = (_interpolated(frames, time, values) for values in found.T)
    return Drift(frames, y - y[0], x - x[0], table.pixel_size_nm, "correlation", settings)


def _parts(frame: Array, segment_frames: int | None, per_segment: int | None) -> tuple[Array, Array]:
    """The part of every row, and the segment of every part; a frame belongs to one part, a part to one segment."""
    if segment_frames is not None and per_segment is not None:
        raise PinpointError("Give the length of a segment in frames or in localizations, not both.")
    for name, given in (("segment_frames", segment_frames), ("localizations_per_segment", per_segment)):
        if given is not None and given < 1:
            raise PinpointError(f"{name} must be at least 1, not {given}.")
    if len(frame) < 2 * _FEWEST:
        raise PinpointError(
            f"Drift cannot be told from {len(frame)} localizations: two segments of {_FEWEST} are the least."
        )
    if segment_frames is not None:
        progress = (frame - frame.min()) / segment_frames
    else:
        wanted = per_segment or int(np.clip(len(frame) // 5, _PER_PART, LOCALIZATIONS_PER_SEGMENT))
        n = min(max(len(frame) // wanted, 2), _MOST_PARTS)
        before = np.cumsum(np.bincount(frame)) - 1  # rank of each frame's last row
        progress = (before / len(frame) * n)[frame]
    n = int(progress.max()) + 1
    if n > _MOST_PARTS:
        raise PinpointError(f"These are {n} segments, {_MOST_PARTS} are the most; choose longer ones.")
    split = int(np.clip(len(frame) // (n * _PER_PART), 1, _MOST_PARTS // n))
    fine = np.floor(progress * split).astype(np.int64)
    # Parts with too little in them go with the one before; the first with the one after.
    full = np.bincount(fine) >= _FEWEST
    part = np.maximum(np.cumsum(full) - 1, 0)[fine]
    segment = np.unique(np.flatnonzero(full) // split, return_inverse=True)[1]
    if not len(segment) or segment[-1] < 1:
        raise PinpointError(
            "There is only one segment, so there is nothing to compare it with; choose shorter segments "
            f"(there are {len(frame)} localizations in {int(np.ptp(frame)) + 1} frames)."
        )
    return part, segment


@dataclass(frozen=True)
class _Pictures:
    """Spectra of the parts' pictures, (n, 2 k + 1, k + 1), as far as they are looked at.

    A spectrum is multiplied with the root of what its correlation is filtered with. `bin_px` is the size of a bin.
    """

    spectra: Array
    bin_px: float

    @classmethod
    def of(cls, table: Localizations, part: Array, n: int, max_drift_px: float) -> _Pictures:
        from scipy.fft import rfft2

        # Twice the largest drift must fit onto the torus.
        bin_px = max(_precision(table) / _SMOOTHING, 2.2 * max_drift_px / _BINS)
        row, column = (np.floor(table[axis] / bin_px).astype(np.int64) % _BINS for axis in "yx")
        place = row * _BINS + column
        order = np.argsort(part, kind="stable")
        stops = np.cumsum(np.bincount(part, minlength=n))
        kept = int(np.ceil(0.42 / _SMOOTHING * _BINS))  # beyond, less than a thousandth passes the smoothing
        weight = np.sqrt(_band(kept))
        spectra = np.empty((n, 2 * kept + 1, kept + 1), dtype=np.complex64)
        for index, stop in enumerate(stops):
            rows = order[stops[index - 1] if index else 0 : stop]
            counts = np.bincount(place[rows], minlength=_BINS**2).astype(np.float32).reshape(_BINS, _BINS)
            spectrum = rfft2(counts)[:, : kept + 1]
            spectra[index] = np.concatenate([spectrum[-kept:], spectrum[: kept + 1]]) * weight
        return cls(spectra, bin_px)

    def summed(self, group: Array) -> _Pictures:
        """The pictures of groups of consecutive ones."""
        starts = np.flatnonzero(np.diff(group, prepend=-1))
        return _Pictures(np.add.reduceat(self.spectra, starts, axis=0), self.bin_px)

    def moved(self, index: int, shift: Array) -> Array:
        """The spectrum of a segment moved by (y, x) pixels."""
        y, x = (_waves(self.spectra.shape[1] // 2, np.array([s / self.bin_px]))[0] for s in shift)
        moved: Array = self.spectra[index] * y[:, None].conj() * x[None, len(x) // 2 :].conj()
        return moved

    def correlation(self, product: Array, y: Array, x: Array) -> Array:
        """The correlation (len(y), len(x)) at shifts in pixels, from the product of two spectra."""
        kept = product.shape[1] - 1
        along_x = _waves(kept, x / self.bin_px)[:, kept:]
        along_x[:, 1:] *= 2  # the other half of the spectrum is its mirror image
        result: Array = (_waves(kept, y / self.bin_px) @ product @ along_x.T).real
        return result


def _precision(table: Localizations) -> float:
    """The usual uncertainty in pixels."""
    known = [table[name] for name in ("uncertainty_y", "uncertainty_x") if name in table]
    values = np.concatenate(known) if known else np.empty(0)
    values = values[np.isfinite(values) & (values > 0)]
    return float(np.clip(np.median(values) if len(values) else _PRECISION, *_PRECISIONS))


def _band(kept: int) -> Array:
    """What is kept of each frequency of a correlation: neither noise nor the coarse shape of the sample."""
    y, x = np.arange(-kept, kept + 1) / _BINS, np.arange(kept + 1) / _BINS
    square = -((2 * np.pi) ** 2) * (y[:, None] ** 2 + x**2)
    band: Array = np.exp(square * _SMOOTHING**2) * (1 - np.exp(square * _COARSE**2))
    return band.astype(np.float32)


def _waves(kept: int, shift: Array) -> Array:
    """exp(2 pi i f shift) for shifts in bins and frequencies -kept to kept, (len(shift), 2 kept + 1)."""
    waves: Array = np.exp(2j * np.pi / _BINS * np.outer(shift, np.arange(-kept, kept + 1))).astype(np.complex64)
    return waves


def _pair_shifts(pictures: _Pictures, max_drift_px: float) -> tuple[Array, Array]:
    """Pairs (p, 2) of pictures and how far the second is from the first, (p, 2) as (y, x) in pixels."""
    n = len(pictures.spectra)
    pairs = np.array([(i, j) for i in range(n) for j in range(i + 1, n)])
    shifts = np.empty((len(pairs), 2))
    step = pictures.bin_px * _SMOOTHING
    reach = np.arange(-np.ceil(max_drift_px / step), np.ceil(max_drift_px / step) + 1) * step
    for index, (i, j) in enumerate(pairs):
        product = pictures.spectra[j] * pictures.spectra[i].conj()
        whole = pictures.correlation(product, reach, reach)
        row, column = np.unravel_index(np.argmax(whole), whole.shape)
        shifts[index] = _peak(pictures, product, np.array([reach[row], reach[column]]), step)
    return pairs, shifts


def _peak(pictures: _Pictures, product: Array, near: Array, reach: float) -> Array:
    """The place of the highest correlation within `reach` pixels of a place, both as (y, x)."""
    offsets = np.linspace(-reach, reach, 9)
    for _ in range(2):
        found = pictures.correlation(product, near[0] + offsets, near[1] + offsets)
        row, column = np.unravel_index(np.argmax(found), found.shape)
        step = offsets[1] - offsets[0]
        along_y, along_x = found[:, column], found[row]
        near = near + offsets[[row, column]] + step * np.array([_vertex(along_y, row), _vertex(along_x, column)])
        offsets = offsets / 4
    return near


def _vertex(values: Array, index: Any) -> float:
    """Where the parabola through a maximum and its neighbours is highest, in steps from it; 0 at the border."""
    if not 0 < index < len(values) - 1:
        return 0.0
    left, top, right = values[index - 1 : index + 2]
    curvature = left - 2 * top + right
    return float(0.5 * (left - right) / curvature) if curvature < 0 else 0.0


def _fitted(pairs: Array, shifts: Array, n: int) -> Array:
    """The drift (n, 2) of segments that fits the shifts of pairs best, by least squares without the outliers.

    Reweighted until the sum of absolute residuals is least, for which half of the pairs may be wrong; then pairs far
    from this are left out. The mean is 0.
    """
    design = np.zeros((len(pairs) + 1, n))
    every = np.arange(len(pairs))
    design[every, pairs[:, 0]], design[every, pairs[:, 1]], design[-1] = -1, 1, 1
    wanted = np.vstack([shifts, np.zeros((1, 2))])
    weight = np.ones(len(pairs) + 1)
    for _ in range(30):
        root = np.sqrt(weight)[:, None]
        drift = np.linalg.lstsq(design * root, wanted * root, rcond=None)[0]
        residual = np.hypot(*(design @ drift - wanted)[:-1].T)
        weight[:-1] = 1 / np.maximum(residual, 1e-4)
        weight[-1] = weight[:-1].max()
    good = residual <= max(5 * 1.4826 * np.median(residual), 1e-3)
    good = np.append(good, True)
    if np.linalg.matrix_rank(design[good]) == n:
        drift = np.linalg.lstsq(design[good], wanted[good], rcond=None)[0]
    fitted: Array = drift
    return fitted


def _refined(pictures: _Pictures, drift: Array) -> Array:
    """The drift (n, 2) with which each part lies best over all the others."""
    drift = drift.copy()
    reach = 2 * pictures.bin_px * _SMOOTHING
    total = np.zeros_like(pictures.spectra[0])
    for index, shift in enumerate(drift):
        total += pictures.moved(index, -shift)
    for _ in range(_ROUNDS):
        change = 0.0
        for index in range(len(drift)):
            moved = pictures.moved(index, -drift[index])
            others = total - moved
            shift = _peak(pictures, moved * others.conj(), np.zeros(2), reach)
            drift[index] += shift
            total = others + pictures.moved(index, -drift[index])
            change = max(change, float(np.abs(shift).max()))
        if change < _SETTLED_PX:
            break
    centred: Array = drift - drift.mean(axis=0)
    return centred


def _interpolated(frames: Array, time: Array, values: Array) -> Array:
    """The drift in every frame from that at the segments' mean times; straight on before the first and after the last.

    A cubic spline that is as smooth as generalized cross-validation finds best: the errors of segments are
    independent, so that slow drift is known better than any one of them, and fast drift is not smoothed away.
    """
    from scipy.interpolate import make_smoothing_spline

    if len(time) < 5:
        inner = np.interp(frames, time, values)
        slopes = [(values[b] - values[a]) / (time[b] - time[a]) for a, b in ((0, 1), (-2, -1))]
    else:
        step = np.ptp(time) / (len(time) - 1)  # SciPy looks for the smoothness in units of the steps
        spline = make_smoothing_spline(time / step, values)
        inner = spline(np.clip(frames, time[0], time[-1]) / step)
        slopes = [spline(time[end] / step, 1) / step for end in (0, -1)]
    before, after = np.minimum(frames - time[0], 0), np.maximum(frames - time[-1], 0)
    drift: Array = inner + slopes[0] * before + slopes[1] * after
    return drift
