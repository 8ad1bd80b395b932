"""Decoders: maps to points. What a network answers in cells becomes rows of the table here. One file each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from napari_pinpoint.localizations import Localizations
from napari_pinpoint.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Decoded:
    """What a decoder makes of the maps of a batch.

    Parameters
    ----------
    localizations
        Points: `frame` (of traces: `trace`) is the index in the batch, positions are pixels of the input, `label` is
        the index of the class where there are several.
    images
        Arrays (B, \\*spatial) in pixels of the input, for every name in the decoder's `images`. The image "labels"
        has whole numbers: 0 where there is nothing, and on the n-th row of its frame, from 1, the number n.
    """

    localizations: Localizations
    images: dict[str, Any] = field(default_factory=dict)


class Decoder(Protocol):
    """What a third party writes to add a decoder; its options are the fields of a pydantic model."""

    #: Names of the maps that it reads.
    needs: ClassVar[tuple[str, ...]]
    #: Names of the images that it makes besides points; only with scope "frame".
    images: ClassVar[tuple[str, ...]]
    #: "local" if a point depends on its surroundings only, "frame" if on the whole frame: then the maps are those of
    #: whole frames, stitched, on the CPU and in float32. This and the next two are class variables or properties.
    scope: Literal["local", "frame"]
    #: Whether the rows of at least some probability are what it finds at that threshold.
    selectable: bool
    #: Pixels within which points influence each other; infinite if a point anywhere in the frame can.
    reach: float
    #: The option that users know as the threshold.
    threshold: float

    def __call__(self, maps: dict[str, Tensor], *, stride: int) -> Decoded:
        """Points of a batch of maps, whose cells are `stride` pixels wide."""


DECODERS: Registry[type[Any]] = Registry(
    "decoder",
    (
        "pooled_mass",
        "Joins the probability of neighbouring candidates and keeps what adds up to a point.",
        "napari_pinpoint.decoders.pooled_mass:PooledMass",
    ),
    (
        "peaks",
        "Peaks of a heat map, by a threshold function of choice, refined within their cells.",
        "napari_pinpoint.decoders.peaks:Peaks",
    ),
    (
        "argmax",
        "The maximum of the heat map: one point of each class in every frame.",
        "napari_pinpoint.decoders.argmax:Argmax",
    ),
    (
        "blobs",
        "Connected regions, counted, each with its centroid and an image of their numbers.",
        "napari_pinpoint.decoders.blobs:Blobs",
    ),
    (
        "centers",
        "Centres of objects from CenterNet's maps, with boxes where sizes were learned.",
        "napari_pinpoint.decoders.centers:Centers",
    ),
)
