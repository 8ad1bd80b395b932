"""Images, each with a CSV of its points (or boxes) of the same name, beside it or in a folder of their own.

As napari writes points (`index`, `axis-0`, `axis-1`, ...) and shapes, and other programs positions: `y`, `x`; `row`,
`col`; `z` first in volumes; without a header (Piscis); with a class. A CSV without rows says that nothing is there.
"""

from __future__ import annotations

from pathlib import Path

from napari_pinpoint.datasets.columns import read_csv, table_of
from napari_pinpoint.datasets.dataset import Sample
from napari_pinpoint.datasets.files import annotated, files_in, folder_named, images_in

#: Where the CSV files lie, unless beside the images.
FOLDERS = ("points", "spots", "csv", "annotations", "labels", "coordinates")


class ImageCsv:
    """The format; see the module."""

    layout = (
        "NAME.tif (.png, .jpg, ...) and NAME.csv with the columns y and x, or axis-0, axis-1, ... as napari writes."
    )

    def recognizes(self, path: Path) -> bool:
        return path.is_dir() and bool(set(_images(path)) & set(_tables(path)))

    def read(self, path: Path) -> list[Sample]:
        pairs = annotated(_images(path), _tables(path), path, what="tables of points (.csv)")
        return [Sample(image, table_of(read_csv(table), str(table)), name) for name, image, table in pairs]


def _images(path: Path) -> dict[str, Path]:
    return images_in(path) or images_in(folder_named(path, ("images", "imgs")))


def _tables(path: Path) -> dict[str, Path]:
    return files_in(path, ".csv") or files_in(folder_named(path, FOLDERS), ".csv")


FORMAT = ImageCsv()
