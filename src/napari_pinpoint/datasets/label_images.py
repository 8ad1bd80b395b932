"""Label images: images/NAME and labels/NAME, in which every object's pixels have a number of their own, 0 is none.

A point is the centroid of its object; its box is the smallest around it, whose centre is kept as `box_y` and `box_x`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from skimage.measure import regionprops_table

from napari_pinpoint.datasets.columns import box_columns
from napari_pinpoint.datasets.dataset import Sample
from napari_pinpoint.datasets.files import annotated, folder_named, images_in
from napari_pinpoint.io.regions import read_labels
from napari_pinpoint.localizations import Localizations

IMAGES = ("images", "image", "imgs", "raw")
LABELS = ("labels", "label", "masks", "mask")


class LabelImages:
    """The format; see the module."""

    layout = "images/NAME.tif and labels/NAME.tif (or masks/), where every object has a number of its own."

    def recognizes(self, path: Path) -> bool:
        return path.is_dir() and bool(set(_in(path, IMAGES)) & set(_in(path, LABELS)))

    def read(self, path: Path) -> list[Sample]:
        pairs = annotated(_in(path, IMAGES), _in(path, LABELS), path, what="label images")
        return [Sample(image, objects_of(read_labels(labels)), name) for name, image, labels in pairs]


def _in(path: Path, names: tuple[str, ...]) -> dict[str, Path]:
    folder = folder_named(path, names)
    return {} if folder == path else images_in(folder)


def objects_of(labels: np.ndarray[tuple[int, int], np.dtype[np.integer]]) -> Localizations:
    """Centroid and box of every object of a label image (Y, X)."""
    found = regionprops_table(labels, properties=("centroid", "bbox"))  # type: ignore[no-untyped-call]
    box = box_columns(*(found[f"bbox-{i}"] for i in range(4)))
    columns = {"y": found["centroid-0"], "x": found["centroid-1"], "height": box["height"], "width": box["width"]}
    frame = np.zeros(len(columns["y"]), np.int64)
    return Localizations({"frame": frame, **columns, "box_y": box["y"], "box_x": box["x"]})


FORMAT = LabelImages()
