"""Sample data: images whose truth is known."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.layers.tables import Placement, points_layer_data
from napari_pinpoint.plugin.layers.views import stack_layer_data
from napari_pinpoint.scenes import examples
from napari_pinpoint.stack import Stack

LayerData = tuple[Any, dict[str, Any], str]
#: Enough to see the filaments in the points of all frames, and simulated at once.
_FRAMES = 200


def filaments() -> list[LayerData]:
    """A movie of molecules that blink on filaments, with pixel size and camera, and where they really are."""
    return _with_truth(*examples.filaments(_FRAMES), name="filaments", size=1.5)


def spots() -> list[LayerData]:
    """Images of ordinary fluorescent spots among cells and haze, and where the spots really are."""
    return _with_truth(*examples.spots(), name="spots", size=4.0)


def _with_truth(stack: Stack, truth: Localizations, *, name: str, size: float) -> list[LayerData]:
    data, image, kind = stack_layer_data(stack, name=name)
    # One very bright molecule must not leave the others in the dark.
    image["contrast_limits"] = [float(value) for value in np.percentile(data, (0.1, 99.9))]
    transform = {key: image[key] for key in ("scale", "units", "axis_labels")}
    points, attributes, points_kind = points_layer_data(truth, Placement(transform=transform), name=f"{name} truth")
    # Small crosses, not rings: both can be seen where a localization lies on its molecule.
    attributes |= {
        "symbol": "cross",
        "size": size,
        "border_color": "#00e5ff",
        "face_color": "#00e5ff",
        "visible": False,
    }
    return [(data, image, kind), (points, attributes, points_kind)]
