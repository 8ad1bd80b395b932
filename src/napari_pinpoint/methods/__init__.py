"""Methods: what a network is asked to answer, and how its answer is judged. One file each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from napari_pinpoint.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor, nn

    from napari_pinpoint.methods.points import Points

    Maps = dict[str, Tensor]


class Method(Protocol):
    """What a third party writes to add a method; its options are the fields of a pydantic model."""

    #: Numbers of spatial axes it works for.
    supported_dims: ClassVar[frozenset[int]]
    #: Names of the maps that the head gives.
    outputs: ClassVar[tuple[str, ...]]
    #: Name of the decoder that is used when none is chosen.
    default_decoder: ClassVar[str]

    def head(self, in_channels: int, *, dims: int, stride: int) -> nn.Module:
        """A module from features (B, in_channels, \\*cells) to maps."""

    def target(self, points: Points, shape: tuple[int, ...]) -> Any:
        """What `loss` compares with, from points on images of the given spatial shape."""

    def loss(self, maps: Maps, target: Any, valid: Tensor, *, progress: float = 1.0) -> dict[str, Tensor]:
        """Named, weighted terms whose sum is minimised.

        `valid` is a boolean tensor (B, \\*spatial) that says where the annotation can be believed; what it hides has
        no influence. `progress` runs from 0 to 1 over a training, for schedules.
        """


METHODS: Registry[type[Any]] = Registry(
    "method",
    (
        "mixture",
        "Mixture likelihood: position, photons and their uncertainty (Speiser et al. 2021).",
        "napari_pinpoint.methods.mixture:MixtureLikelihood",
    ),
    (
        "gaussian",
        "Gaussian heat-map regression: target, loss and threshold function by name (locating-centers).",
        "napari_pinpoint.methods.gaussian:GaussianHeatmap",
    ),
    (
        "matching",
        "Continuous heat-map matching with count regularisation (Schroeter et al. 2020).",
        "napari_pinpoint.methods.matching:HeatmapMatching",
    ),
    (
        "lcfcn",
        "Counting by localization: one blob for every object, learned from points (Laradji et al. 2018).",
        "napari_pinpoint.methods.lcfcn:LCFCN",
    ),
    (
        "bright_pixel",
        "One object in every image: a heat map by regression, and its maximum.",
        "napari_pinpoint.methods.bright_pixel:BrightPixel",
    ),
    (
        "centernet",
        "CenterNet: centres of objects, and their boxes, in classes (Zhou et al. 2019).",
        "napari_pinpoint.methods.centernet:CenterNet",
    ),
)
