"""How many localizations lie in each object of a labels image, how densely, and how bright."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations

Array = np.ndarray[Any, Any]


def count_objects(table: Localizations, labels: Array, *, image: Array | None = None) -> dict[str, Array]:
    """Count localizations per object, and per channel and class where the table has them.

    A localization belongs to the pixel that its centre lies in (just beyond the border: to the nearest), and so to
    that pixel's object. Objects without any are there with 0, for every channel and class that occurs in the table.

    Parameters
    ----------
    table
        The localizations.
    labels
        Whole numbers of shape (Y, X), the same in all frames, or (T, Y, X), one image for each frame; 0 is outside.
    image
        Pixels of the same shape (Y, X) or (T, Y, X), of which each object's mean is wanted.

    Returns
    -------
    dict
        Columns of the same length, in the order of frames, objects, channels and classes: `frame` (only for labels of
        frames), `object`, `channel` and `label` (only if the table has them; "" for rows without a class),
        `localizations`, `area_px`, `area_um2` and `density_per_um2` (NaN where the size of a pixel is not known),
        `density_per_px`, `photons` and `photons_mean` (sum and mean of its localizations, only if the table has
        photons; the mean of none is NaN), and `image_mean` (only with an image).

    Raises
    ------
    PinpointError
        If the labels are not images of whole numbers, of other frames than the table, or of other size than the image.

    Examples
    --------
    >>> labels = np.array([[1, 1, 0, 2], [1, 1, 0, 2]])
    >>> table = Localizations({"frame": [0, 3], "y": [0.2, 1.0], "x": [1.0, 0.4]}, pixel_size_nm=500)
    >>> counts = count_objects(table, labels)
    >>> counts["object"], counts["localizations"], counts["density_per_um2"]
    (array([1, 2]), array([2, 0]), array([2., 0.]))
    """
    labels, image = _checked(table, labels, image)
    n_frames = len(labels)
    group, channels, classes = _groups(table)
    n_groups = max(len(channels), 1) * max(len(classes), 1)

    # Every object of every frame has a number, from 0; 0 is no object.
    key = labels.reshape(n_frames, -1).astype(np.int64)
    size = int(key.max(initial=0)) + 1
    key = key + np.arange(n_frames)[:, None] * size
    objects, pixel_object = np.unique(key, return_inverse=True)
    pixel_object = pixel_object.reshape(labels.shape)
    area = np.bincount(pixel_object.ravel(), minlength=len(objects))

    frame = table["frame"] if n_frames > 1 else np.zeros(len(table), np.int64)
    row, column = (
        np.clip(np.floor(table[axis] + 0.5), 0, n - 1).astype(np.int64)
        for axis, n in zip("yx", labels.shape[1:], strict=True)
    )
    place = pixel_object[frame, row, column] * n_groups + group
    n = np.bincount(place, minlength=len(objects) * n_groups)

    real = objects % size != 0
    keep = np.repeat(real, n_groups)
    area = np.repeat(area, n_groups)
    counts: dict[str, Array] = {}
    if n_frames > 1:
        counts["frame"] = np.repeat(objects // size, n_groups)
    counts["object"] = np.repeat(objects % size, n_groups)
    if len(channels):
        counts["channel"] = np.tile(np.repeat(channels, max(len(classes), 1)), len(objects))
    if len(classes):
        counts["label"] = np.tile(classes, len(objects) * max(len(channels), 1))
    pixel_um2 = np.nan if table.pixel_size_nm is None else (table.pixel_size_nm / 1000) ** 2
    counts |= {"localizations": n, "area_px": area, "area_um2": area * pixel_um2}
    counts |= {"density_per_um2": n / (area * pixel_um2), "density_per_px": n / area}
    if "photons" in table:
        counts["photons"], counts["photons_mean"] = _light(table["photons"], place, len(n))
    if image is not None:
        light = np.bincount(pixel_object.ravel(), image.ravel().astype(float), minlength=len(objects))
        counts["image_mean"] = np.repeat(light, n_groups) / area
    return {name: values[keep] for name, values in counts.items()}


def _light(photons: Array, place: Array, n: int) -> tuple[Array, Array]:
    """Sum and mean of the photons at each of n places; what is not known is left out, the mean of none is NaN."""
    known = np.isfinite(photons)
    total = np.bincount(place[known], photons[known].astype(float), minlength=n)
    n_known = np.bincount(place[known], minlength=n)
    return total, np.divide(total, n_known, out=np.full(n, np.nan), where=n_known > 0)


def _checked(table: Localizations, labels: Array, image: Array | None) -> tuple[Array, Array | None]:
    """Labels and image, both (T, Y, X); T is 1 where the same labels hold in all frames."""
    labels = np.asarray(labels)
    if labels.ndim not in (2, 3) or labels.dtype.kind not in "bui" or (labels.size and labels.min() < 0):
        raise PinpointError(
            "Labels are whole numbers of at least 0, of shape (rows, columns) or (frames, rows, columns); these have "
            f"shape {labels.shape} and type {labels.dtype}."
        )
    last = int(table["frame"].max(initial=-1))
    if labels.ndim == 3 and len(labels) > 1 and last >= len(labels):
        raise PinpointError(f"There are localizations in frame {last}, but labels for {len(labels)} frames only.")
    if image is not None:
        image = np.asarray(image)
        if image.shape != labels.shape:
            raise PinpointError(f"The image must have the shape of the labels, {labels.shape}, not {image.shape}.")
    rows, columns = labels.shape[-2:]
    return labels.reshape(-1, rows, columns), None if image is None else image.reshape(-1, rows, columns)


def _groups(table: Localizations) -> tuple[Array, Array, Array]:
    """A number for each row's channel and class, and the channels and classes there are (none: no such column)."""
    group = np.zeros(len(table), dtype=np.int64)
    channels, classes = np.empty(0, np.int64), np.empty(0, object)
    if "channel" in table:
        channels, group = np.unique(table["channel"], return_inverse=True)
    if "label" in table:
        names, of_row = np.unique(np.array([label or "" for label in table["label"]], str), return_inverse=True)
        classes, group = names.astype(object), group * len(names) + of_row
    return group, channels, classes
