"""Tables as pictures that are drawn anew at every zoom, for more points than markers serve. No Qt, no napari here."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.layers.calibration import KEY, own_metadata
from napari_pinpoint.plugin.layers.live_picture import FINEST, LivePicture
from napari_pinpoint.plugin.layers.tables import Placement, metadata_of
from napari_pinpoint.rendering import Coloring


def picture_layer_data(
    table: Localizations,
    placement: Placement,
    shape: tuple[int, int],
    *,
    name: str = "localizations",
    coloring: Coloring | None = None,
    deferred: bool = False,
) -> tuple[list[Any], dict[str, Any], str]:
    """The points of all frames as one picture that lies over the image, for more of them than markers serve.

    Parameters
    ----------
    table, placement
        What to show, and where.
    shape
        (rows, columns) of the image.
    name
        Name of the layer.
    coloring
        What its hues say; without it, it is shown in a colormap by how dense points are.
    deferred
        Whether it is drawn in the background, by `napari_pinpoint.plugin.work.pictures.follow_pictures`.

    Returns
    -------
    The resolutions of the picture; attributes, with the table itself, placement, shape and the `LivePicture` among the
    metadata; and "image".
    """
    live = LivePicture(table, shape, coloring=coloring, deferred=deferred)
    transform = placement.transform
    attributes: dict[str, Any] = {
        "name": name,
        "metadata": metadata_of(table, placement),
        "blending": "additive",
        "multiscale": True,
        "rgb": coloring is not None,
    }
    if coloring is None:
        attributes |= {"colormap": "inferno", "contrast_limits": (0.0, 1.0)}
    attributes["metadata"][KEY] |= {"table": table, "placement": placement, "shape": shape, "picture": live}
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
        "scale": scale / FINEST,
        "translate": translate + linear @ np.full(2, (1 / FINEST - 1) / 2),
        "rotate": rotate,
        "shear": shear,
    }
    return live.levels, attributes, "image"


def live_picture(layer: Any) -> LivePicture | None:
    """What a picture layer shows, None where a layer is none."""
    live = own_metadata(layer.metadata).get("picture")
    return live if isinstance(live, LivePicture) else None


def set_table(layer: Any, table: Localizations) -> None:
    """Let a picture layer show and hold another table of the same stack."""
    live = live_picture(layer)
    if live is None:
        raise ValueError(f"The layer {layer.name!r} is no picture of a table.")
    layer.metadata[KEY].update(table=table, record=table.record)
    live.set_table(table)
