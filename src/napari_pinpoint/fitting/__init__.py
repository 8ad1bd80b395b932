"""Fits of localizations to pixels, many at once, and what people's annotations are helped by.

`fit` finds, in torch, the most likely position, photons, width and background of every localization, neighbours
together, with uncertainties and flags (docs/fitting.md says how, and how well). `snap` moves clicks to spots,
`proposed_spots` proposes them without a model, `suspicious` lists annotations that are probably mistakes; none of the
three needs torch, and so it is only imported for `fit`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from napari_pinpoint.fitting.log_spots import proposed_spots
from napari_pinpoint.fitting.snapping import Snapped, snap
from napari_pinpoint.fitting.suspicious import suspicious

if TYPE_CHECKING:
    from napari_pinpoint.fitting.maximum_likelihood import MEASURED, fit

__all__ = ["MEASURED", "Snapped", "fit", "proposed_spots", "snap", "suspicious"]


def __getattr__(name: str) -> Any:
    if name not in ("MEASURED", "fit"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.maximum_likelihood"), name)
