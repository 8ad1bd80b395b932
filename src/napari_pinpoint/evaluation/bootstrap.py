"""How sure a score is: percentile bootstrap intervals over images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.evaluation.matching import Floats, Ints

#: A score of some images: what is given are their indices, shape (n_images,), some of them more than once.
Measure = Callable[[Ints], float]


@dataclass(frozen=True)
class Interval:
    """A score, and where it would probably lie with other images of the same kind.

    Attributes
    ----------
    value
        The score of the images as they are.
    low, high
        Ends of the interval.
    level
        The fraction of such intervals that hold the true value, about.
    """

    value: float
    low: float
    high: float
    level: float

    def __str__(self) -> str:
        return f"{self.value:.3g} ({self.low:.3g} to {self.high:.3g})"

    def to_dict(self) -> dict[str, Any]:
        """All of it by name, ready for JSON."""
        return asdict(self)


def bootstrap(
    measure: Measure, n_images: int, *, n_resamples: int = 1000, level: float = 0.95, seed: int = 0
) -> Interval:
    """The percentile bootstrap interval of any measure (Efron and Tibshirani, 1993, chapter 13).

    Images (or frames) are what is independent, not the points in them: they are drawn with replacement, as many as
    there are, and the measure is taken again and again. With fewer than about 20 of them intervals are too narrow.

    Parameters
    ----------
    measure
        Takes indices of images, shape (n_images,), and gives the score. Draws for which it is NaN, as for a class
        that none of the drawn images has, are left out.
    n_images
        How many images there are.
    n_resamples, level, seed
        Draws, the fraction to be covered, and what makes the draws repeatable.

    Examples
    --------
    >>> errors = np.array([1.0, 2.0, 3.0, 2.0])
    >>> interval = bootstrap(lambda images: errors[images].mean(), len(errors))
    >>> float(interval.value), interval.low < 2 < interval.high
    (2.0, True)
    """
    if n_images < 1:
        raise PinpointError("An interval needs at least one image.")
    if not 0 < level < 1:
        raise PinpointError(f"The level of an interval lies between 0 and 1, not at {level}.")
    rng = np.random.default_rng(seed)
    scores: Floats = np.array([measure(rng.integers(n_images, size=n_images)) for _ in range(n_resamples)])
    scores = scores[~np.isnan(scores)]
    tail = (1 - level) / 2
    low, high = np.quantile(scores, (tail, 1 - tail)) if len(scores) else (np.nan, np.nan)
    return Interval(float(measure(np.arange(n_images))), float(low), float(high), level)


def bootstrap_difference(first: Measure, second: Measure, n_images: int, **options: Any) -> Interval:
    """The interval of first - second, where both see the same images in every draw.

    What makes an image hard for both drops out, so that such an interval tells more than those of the two measures.

    Parameters
    ----------
    first, second
        Two measures of the same images.
    n_images, options
        As `bootstrap` takes them.

    Examples
    --------
    >>> hard = np.array([10.0, 0.0, 5.0, 20.0])
    >>> interval = bootstrap_difference(lambda i: (hard + 1)[i].mean(), lambda i: hard[i].mean(), 4)
    >>> interval.low, interval.high
    (1.0, 1.0)
    """
    return bootstrap(lambda images: first(images) - second(images), n_images, **options)
