"""Targets: the heat map that a heat-map method compares its answer with. `heatmaps.py` has what ships."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from napari_pinpoint.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor

    from napari_pinpoint.methods.points import Points


class Target(Protocol):
    """What a third party writes to add a target; its options are the fields of a pydantic model."""

    def __call__(self, points: Points, shape: tuple[int, ...], *, stride: int, classes: int) -> Tensor:
        r"""(B, classes, \*cells) values between 0 and 1 for images of the given spatial shape.

        Cells are `stride` pixels wide, so ``cells = shape / stride``; the centre of cell i is at the pixel
        ``stride * i + (stride - 1) / 2``. Positions are not rounded.
        """


TARGETS: Registry[type[Any]] = Registry(
    "target",
    (
        "gaussian",
        "A Gaussian of fixed width at every point, centred to a fraction of a pixel.",
        "napari_pinpoint.methods.heatmaps:GaussianTarget",
    ),
)
