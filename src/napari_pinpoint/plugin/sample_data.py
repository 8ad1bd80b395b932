"""Sample data: movies whose truth is known."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_pinpoint.plugin.calibration import image_metadata
from napari_pinpoint.plugin.layers import Placement, points_layer_data
from napari_pinpoint.scenes import SCENES

#: Small enough to be there at once, large enough to see the filaments in the points of all frames.
_FRAMES, _SIDE = 200, 128


def filaments() -> list[tuple[Any, dict[str, Any], str]]:
    """A movie of molecules that blink on filaments, with pixel size and camera, and where they really are."""
    scene = SCENES["emitters"](
        shape=(_SIDE, _SIDE),
        structures={"filaments": 1.0},
        density=(0.004, 0.004),
        photons=(1500.0, 1500.0),
        background=(20.0, 20.0),
        on_time_frames=2.0,
    )
    stack, truth = scene.sample(_FRAMES, np.random.default_rng(20201130))
    micrometres = stack.pixel_size_nm / 1000
    transform = {
        "scale": (1.0, micrometres, micrometres),
        "units": ("pixel", "um", "um"),
        "axis_labels": ("t", "y", "x"),
    }
    # One very bright molecule must not leave the others in the dark.
    limits = [float(value) for value in np.percentile(stack.data, (0.1, 99.9))]
    movie = {**transform, "name": "filaments", "metadata": image_metadata(stack), "contrast_limits": limits}
    points, attributes, kind = points_layer_data(truth, Placement(transform=transform), name="truth")
    # Small crosses, not rings: both can be seen where a localization lies on its molecule.
    attributes |= {"symbol": "cross", "size": 1.5, "border_color": "#00e5ff", "face_color": "#00e5ff", "visible": False}
    return [(stack.data, movie, "image"), (points, attributes, kind)]
