"""Scenes: what can be simulated, one file each."""

from __future__ import annotations

from typing import Any, Protocol

from napari_pinpoint.arrays import Rng
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.registry import Registry
from napari_pinpoint.stack import Stack


class Scene(Protocol):
    """What a third party writes to add a scene: a pydantic model whose fields are the recipe's options."""

    def sample(self, n_frames: int, rng: Rng) -> tuple[Stack, Localizations]:
        """Frames nobody has seen before, and the truth in every column that is known.

        The stack's data belong to the library (and device) of `rng`, a ``numpy.random.Generator`` or a
        ``torch.Generator``; the same state of it gives the same frames. Rows that are too faint to be seen carry
        ``FLAGS["ignore"]``.
        """


SCENES: Registry[type[Any]] = Registry(
    "scene",
    ("emitters", "Blinking molecules seen through a microscope.", "napari_pinpoint.scenes.emitters:EmitterScene"),
    ("spots", "Fluorescent spots among cells, haze and debris.", "napari_pinpoint.scenes.spots:SpotScene"),
    ("pixel", "One bright pixel, blurred, in noise and clutter.", "napari_pinpoint.scenes.pixel:PixelScene"),
)
