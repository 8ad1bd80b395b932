"""Thresholds: which cells of a heat map are peaks. `threshold_functions.py` has what ships."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from napari_pinpoint.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor


class Threshold(Protocol):
    """What a third party writes to add a threshold function; its options are the fields of a pydantic model."""

    #: "local" if a peak depends on its surroundings only, "frame" if on the whole frame.
    scope: ClassVar[Literal["local", "frame"]]
    #: Whether the peaks of at least some height are what it finds at that threshold.
    selectable: ClassVar[bool]

    def __call__(self, heat: Tensor, threshold: float) -> Tensor:
        r"""Peaks of a heat map.

        Parameters
        ----------
        heat
            (B, C, \*cells) probabilities.
        threshold
            The number that users move, above 0 and at most 1; higher keeps fewer.

        Returns
        -------
        (B, C, \*cells) bool, true on one cell of every peak that is kept.
        """


THRESHOLDS: Registry[type[Any]] = Registry(
    "threshold",
    (
        "local_maxima",
        "Every local maximum of at least the threshold.",
        "napari_pinpoint.decoders.threshold_functions:LocalMaxima",
    ),
    (
        "fixed",
        "The highest cell of every connected region above the threshold.",
        "napari_pinpoint.decoders.threshold_functions:FixedLevel",
    ),
    (
        "adaptive",
        "Local maxima above a share of the height that peaks have in this image.",
        "napari_pinpoint.decoders.threshold_functions:AdaptiveLevel",
    ),
    (
        "h_maxima",
        "Maxima that rise by at least the threshold above the saddle to a higher one.",
        "napari_pinpoint.decoders.threshold_functions:HMaxima",
    ),
)
