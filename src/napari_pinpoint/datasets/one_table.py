"""Images, and one CSV of all their points or boxes.

The columns tell: which image (`image`, `filename`, ...: a name with or without folder and suffix), the place (`y`, `x`,
and `z`) or the box (`ymin`, `xmin`, `ymax`, `xmax`: first pixel, and the one behind the last), and if they are there
the class (`class`, `label`, ...) and the part of the dataset (`split`). The table speaks of all images: one that it
does not name is empty, unless the table has parts, and so cannot say which of them the image belongs to.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from napari_pinpoint.datasets.columns import EDGES, IMAGE, NAMES, SPLIT, labels_of, read_csv, table_of
from napari_pinpoint.datasets.dataset import Sample
from napari_pinpoint.datasets.files import SPLITS, files_in, folder_named, images_in, stem_of
from napari_pinpoint.errors import PinpointError, PinpointWarning
from napari_pinpoint.localizations import Localizations


class OneTable:
    """The format; see the module."""

    layout = "images in FOLDER or FOLDER/images, and FOLDER/ANY.csv with the columns image, y, x (or ymin, xmin, ...)."

    def recognizes(self, path: Path) -> bool:
        return any(_speaks_of_images(file) for file in _tables(path))

    def read(self, path: Path) -> list[Sample]:
        tables = [file for file in _tables(path) if _speaks_of_images(file)]
        if not tables:
            return []
        if len(tables) > 1:
            names = ", ".join(file.name for file in tables)
            raise PinpointError(f"{path} has several tables of all images: {names}. Name the one to read.")
        columns = read_csv(tables[0])
        name, split = (next((label for label in labels if label in columns), None) for labels in (IMAGE, SPLIT))
        of_row = np.array([stem_of(str(value)) for value in columns[str(name)].tolist()])
        table = table_of(columns, str(tables[0]))
        folder = tables[0].parent
        images = images_in(folder_named(folder, ("images", "imgs", "jpegimages"))) or images_in(folder)
        _name_missing(tables[0], set(of_row.tolist()) - set(images))
        empty = Localizations.empty(table)
        samples = []
        for stem, image in images.items():
            rows = np.flatnonzero(of_row == stem)
            if split is not None and not len(rows):
                continue
            part = None if split is None else str(columns[split][rows[0]])
            part = part and SPLITS.get(part.lower(), part)
            samples.append(Sample(image, table.select(rows) if len(rows) else empty, stem, part))
        return samples


def _tables(path: Path) -> list[Path]:
    return [path] if path.is_file() else list(files_in(path, ".csv").values())


def _speaks_of_images(file: Path) -> bool:
    if file.suffix.lower() != ".csv":
        return False
    labels = set(labels_of(file))
    places = ({*NAMES["y"]}, {*NAMES["x"]}), ({*EDGES["ymin"]}, {*EDGES["xmax"]})
    return bool(labels & set(IMAGE)) and any(labels & first and labels & second for first, second in places)


def _name_missing(table: Path, missing: set[str]) -> None:
    if missing:
        warnings.warn(
            f"{table}: {len(missing)} images that it names are not there, and are left out: "
            f"{', '.join(sorted(missing)[:4])}.",
            PinpointWarning,
            stacklevel=4,
        )


FORMAT = OneTable()
