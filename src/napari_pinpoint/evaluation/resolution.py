"""How fine a picture of localizations is, and how precise they are: two measures that need no truth."""

from napari_pinpoint.evaluation.fourier_rings import FRC, fourier_ring_correlation
from napari_pinpoint.evaluation.nearest_neighbours import NeNA, nearest_neighbour_resolution

__all__ = ["FRC", "NeNA", "fourier_ring_correlation", "nearest_neighbour_resolution"]
