"""What the methods are compared with: two classical ones, tuned as well as they can be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from scipy import ndimage
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching
from scipy.spatial import cKDTree
from skimage.feature import peak_local_max
from skimage.filters import threshold_otsu
from skimage.segmentation import watershed

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.fitting.log_spots import log_maxima
from napari_pinpoint.localizations import Localizations

Image = np.ndarray[Any, Any]


@dataclass(frozen=True)
class NucleiCounter:
    """Nuclei by Otsu's threshold, split by a watershed of the distance to the background.

    Otsu, IEEE Transactions on Systems, Man, and Cybernetics 9, 62 (1979); what every tutorial on counting cells does.

    Attributes
    ----------
    smoothing
        Standard deviation of the Gaussian that the image is blurred with first, px.
    rounding
        The same for the distances, which keeps ragged outlines from being split, px.
    min_area
        Connected pixels above the threshold are left out where they are fewer.
    min_distance
        Least distance of two nuclei's centres, px.
    """

    smoothing: float
    rounding: float
    min_area: int
    min_distance: int

    def __call__(self, image: Image) -> Localizations:
        """The nuclei of one image (Y, X): one row in frame 0 at the centroid of each."""
        blobs = _blobs(image, self.smoothing)
        distance, labels = _distances(blobs, self.min_area, self.rounding)
        seeds = np.zeros(image.shape, dtype=np.int32)
        peaks = _peaks(distance, labels, self.min_distance)
        seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
        nuclei = watershed(-distance, seeds, mask=labels > 0)  # type: ignore[no-untyped-call]
        ones = np.ones_like(nuclei)
        centres = np.array(ndimage.center_of_mass(ones, nuclei, np.arange(1, len(peaks) + 1))).reshape(-1, 2)
        return Localizations({"frame": np.zeros(len(peaks)), "y": centres[:, 0], "x": centres[:, 1]})


def tuned_nuclei_counter(
    images: Iterable[Image],
    counts: Sequence[int],
    *,
    smoothings: Sequence[float] = (0.5, 1, 1.5),
    roundings: Sequence[float] = (1, 2, 3),
    min_areas: Sequence[int] = (1, 5, 10, 20),
    min_distances: Sequence[int] = (2, 3, 4, 6),
) -> NucleiCounter:
    """The `NucleiCounter` with the least mean absolute error of the count on training images.

    Parameters
    ----------
    images, counts
        Images (Y, X), and how many nuclei each has.
    smoothings, roundings, min_areas, min_distances
        The values that are tried, each with each.
    """
    errors: dict[NucleiCounter, list[int]] = {
        NucleiCounter(*values): [] for values in product(smoothings, roundings, min_areas, min_distances)
    }
    for image, count in zip(images, counts, strict=True):
        for smoothing in smoothings:
            blobs = _blobs(image, smoothing)
            for min_area, rounding in product(min_areas, roundings):
                distances = _distances(blobs, min_area, rounding)
                for min_distance in min_distances:
                    found = len(_peaks(*distances, min_distance))
                    errors[NucleiCounter(smoothing, rounding, min_area, min_distance)].append(abs(found - count))
    if not counts:
        raise PinpointError("Tuning needs at least one training image.")
    return min(errors, key=lambda counter: sum(errors[counter]))


def _blobs(image: Image, smoothing: float) -> Image:
    """Connected pixels (8 neighbours) above Otsu's threshold, numbered from 1, int32 (Y, X)."""
    smooth = ndimage.gaussian_filter(image.astype(np.float32), smoothing)
    above = smooth > threshold_otsu(smooth)  # type: ignore[no-untyped-call]
    blobs: Image = ndimage.label(above, np.ones((3, 3)))[0]
    return blobs


def _distances(blobs: Image, min_area: int, rounding: float) -> tuple[Image, Image]:
    """Distance to the background in the blobs that are large enough, and these blobs."""
    kept = np.bincount(blobs.ravel()) >= min_area
    kept[0] = False
    blobs = np.where(kept[blobs], blobs, 0)
    distance = ndimage.distance_transform_edt(blobs)
    return (ndimage.gaussian_filter(distance, rounding) if rounding else distance), blobs


def _peaks(distance: Image, blobs: Image, min_distance: int) -> Image:
    """Where nuclei are deepest, at least one in every blob, shape (n, 2)."""
    peaks: Image = peak_local_max(  # type: ignore[no-untyped-call]
        distance, min_distance=min_distance, labels=blobs, exclude_border=False
    )
    return peaks


@dataclass(frozen=True)
class SpotDetector:
    """Spots as local maxima of the scale-normalized Laplacian of Gaussian, refined to a fraction of a pixel.

    Attributes
    ----------
    sigma
        Standard deviation of the Gaussian, px.
    threshold
        Least response, in counts.
    """

    sigma: float
    threshold: float

    def __call__(self, image: Image) -> Localizations:
        """The spots of one image (Y, X): rows in frame 0, the strongest first, with their `response`."""
        spots = log_maxima(image, self.sigma)
        return spots.select(spots["response"] >= self.threshold)


def oracle_spot_detector(
    image: Image,
    truth: Localizations,
    *,
    tolerance_px: float = 3.0,
    sigmas: Sequence[float] = (0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3),
) -> SpotDetector:
    """The `SpotDetector` with the highest F1 on the very image that it is tested on.

    No user can tune like this: it is what the best choice of sigma and threshold would give.

    Parameters
    ----------
    image, truth
        An image (Y, X) and its true spots, all in frame 0.
    tolerance_px
        Largest distance of a pair.
    sigmas
        What is tried; for each, every threshold that makes a difference is.
    """
    best = (-1.0, SpotDetector(sigmas[0], np.inf))
    for sigma in sigmas:
        spots = log_maxima(image, sigma)
        most = min(len(spots), 4 * len(truth))  # with more than that, F1 is below 0.4
        f1 = _f1_of_strongest(spots.select(slice(most)), truth, tolerance_px)
        if most and f1.max() > best[0]:
            best = float(f1.max()), SpotDetector(sigma, float(spots["response"][np.argmax(f1)]))
    return best[1]


def _f1_of_strongest(spots: Localizations, truth: Localizations, tolerance: float) -> Image:
    """F1 when the 1, 2, ... n strongest spots are kept, shape (n,), as `evaluate` with optimal pairs finds it."""
    places = [np.column_stack([table["y"], table["x"]]) for table in (spots, truth)]
    near = cKDTree(places[0]).sparse_distance_matrix(cKDTree(places[1]), tolerance, output_type="ndarray")
    pairs = csr_matrix((np.ones(len(near), dtype=bool), (near["i"], near["j"])), shape=(len(spots), len(truth)))
    kept = range(1, len(spots) + 1)
    tp = np.array([(maximum_bipartite_matching(pairs[:n]) >= 0).sum() for n in kept])
    f1: Image = 2 * tp / (np.array(kept) + len(truth))
    return f1
