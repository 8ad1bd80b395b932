"""Losses of heat maps: how far an answer is from its target. `heatmap_losses.py` has what ships."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from napari_pinpoint.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor


class Loss(Protocol):
    """What a third party writes to add a loss; its options are the fields of a pydantic model."""

    def __call__(self, logits: Tensor, target: Tensor, believed: Tensor) -> Tensor:
        r"""A number to minimise.

        Parameters
        ----------
        logits
            (B, C, \*cells) answers of the network before the sigmoid.
        target
            (B, C, \*cells) in [0, 1].
        believed
            (B, \*cells) bool; cells that it hides must have no influence.
        """


LOSSES: Registry[type[Any]] = Registry(
    "loss",
    (
        "mse",
        "Mean squared error.",
        "napari_pinpoint.methods.heatmap_losses:MeanSquaredError",
    ),
    (
        "weighted_mse",
        "Mean squared error that counts more on points and just around them.",
        "napari_pinpoint.methods.heatmap_losses:WeightedMeanSquaredError",
    ),
    (
        "bce",
        "Binary cross-entropy with the target as probability.",
        "napari_pinpoint.methods.heatmap_losses:BinaryCrossEntropy",
    ),
    (
        "adaptive_wing",
        "Adaptive wing loss: small errors matter on points, not beside them (Wang et al. 2019).",
        "napari_pinpoint.methods.heatmap_losses:AdaptiveWing",
    ),
    (
        "focal",
        "CenterNet's focal loss: errors near points are forgiven (Zhou et al. 2019).",
        "napari_pinpoint.methods.heatmap_losses:PenaltyReducedFocal",
    ),
    (
        "softmax",
        "Cross-entropy over all places of an image, one of which is right.",
        "napari_pinpoint.methods.heatmap_losses:SpatialCrossEntropy",
    ),
)
