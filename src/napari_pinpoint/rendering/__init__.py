"""Images from tables: super-resolution pictures, and how to show them."""

from napari_pinpoint.rendering.coloring import COLORMAP, PERCENTILE, Coloring, contrast_limits
from napari_pinpoint.rendering.drawing import METHODS, SHIFTS, Drawing, draw, magnification_of, render
from napari_pinpoint.rendering.figures import comparison, picture_figure
from napari_pinpoint.rendering.picture import Picture, PictureRegion

__all__ = [
    "COLORMAP",
    "METHODS",
    "PERCENTILE",
    "SHIFTS",
    "Coloring",
    "Drawing",
    "Picture",
    "PictureRegion",
    "comparison",
    "contrast_limits",
    "draw",
    "magnification_of",
    "picture_figure",
    "render",
]
