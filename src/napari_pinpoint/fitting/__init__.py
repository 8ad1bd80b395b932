"""Fits of localizations to pixels, in torch, many at once.

`fit` finds the most likely position, photons, width and background of every localization, neighbours together, with
uncertainties and flags (docs/fitting.md says how, and how well).
"""

from napari_pinpoint.fitting.maximum_likelihood import MEASURED, fit

__all__ = ["MEASURED", "fit"]
