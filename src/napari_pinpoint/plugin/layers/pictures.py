"""Tables as one rendered picture, for more points than markers serve. No Qt and no napari in here."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.layers.calibration import KEY
from napari_pinpoint.plugin.layers.tables import Placement, metadata_of
from napari_pinpoint.rendering import contrast_limits, render


def picture_layer_data(
    table: Localizations,
    placement: Placement,
    shape: tuple[int, int],
    *,
    name: str = "localizations",
    most_pixels: float = 2.5e7,
) -> tuple[np.ndarray[Any, Any], dict[str, Any], str]:
    """The points of all frames as one rendered picture that lies over the image, for more of them than markers serve.

    Parameters
    ----------
    table, placement
        What to show, and where.
    shape
        (rows, columns) of the image.
    name
        Name of the layer.
    most_pixels
        A pixel of the image becomes 10 x 10 of the picture, or fewer where the picture would get larger than this.

    Returns
    -------
    Localizations per pixel of the picture, float32, of shape (rows * n, columns * n); attributes, with the table
    itself, placement and shape among the metadata; and "image".
    """
    n = int(np.clip(np.sqrt(most_pixels / (shape[0] * shape[1])), 1, 10))
    picture = render(table, shape=shape, magnification=n)
    transform = placement.transform
    attributes: dict[str, Any] = {
        "name": name,
        "metadata": metadata_of(table, placement),
        "colormap": "inferno",
        "blending": "additive",
        "contrast_limits": contrast_limits(picture),
    }
    attributes["metadata"][KEY] |= {"table": table, "placement": placement, "shape": shape}
    # The corners of both coincide; napari counts from the centre of the first pixel.
    scale, rotate = np.ones(2), np.eye(2)
    translate, shear = np.zeros(2), np.zeros(1)
    if transform:
        scale, translate = np.array(transform["scale"][-2:]), np.array(transform["translate"][-2:])
        rotate, shear = np.array(transform["rotate"])[-2:, -2:], np.array(transform["shear"])[-1:]
        affine = np.delete(np.delete(transform["affine"], np.s_[:-3], axis=0), np.s_[:-3], axis=1)
        attributes |= {"affine": affine, "units": transform["units"][-2:], "axis_labels": transform["axis_labels"][-2:]}
    linear = rotate @ np.array([[1, shear[0]], [0, 1]]) @ np.diag(scale)
    attributes |= {
        "scale": scale / n,
        "translate": translate + linear @ np.full(2, (1 / n - 1) / 2),
        "rotate": rotate,
        "shear": shear,
    }
    return picture, attributes, "image"
