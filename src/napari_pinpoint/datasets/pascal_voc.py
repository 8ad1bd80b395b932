"""Pascal VOC: images, each with an XML file of its boxes, beside it or as Annotations/ and JPEGImages/.

Boxes count pixels from 1 and include both ends: 1 to 3 are the first three pixels. Here that box has its centre at 1
and a width of 3. A box whose maximum is not above its minimum is none, for that is how annotation programs write a
stray click. ImageSets/Main/train.txt, val.txt and test.txt say which images are which part.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, parse

from napari_pinpoint.datasets.columns import box_columns
from napari_pinpoint.datasets.dataset import Sample
from napari_pinpoint.datasets.files import annotated, files_in, folder_named, images_in
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations

_EDGES = ("ymin", "xmin", "ymax", "xmax")


class PascalVoc:
    """The format; see the module."""

    layout = "Annotations/NAME.xml and JPEGImages/NAME.jpg, or NAME.xml beside NAME.jpg: boxes as Pascal VOC has them."

    def recognizes(self, path: Path) -> bool:
        if not path.is_dir():
            return False
        first = next(iter(_annotations(path).values()), None)
        return first is not None and "<annotation" in first.read_text(encoding="utf-8", errors="replace")[:2000]

    def read(self, path: Path) -> list[Sample]:
        images = images_in(folder_named(path, ("jpegimages", "images"))) or images_in(path)
        parts = _parts(path)
        found = annotated(images, _annotations(path), path, what="files of boxes (.xml)")
        return [Sample(image, _boxes(xml), name, parts.get(name)) for name, image, xml in found]


def _annotations(path: Path) -> dict[str, Path]:
    return files_in(folder_named(path, ("annotations", "labels")), ".xml") or files_in(path, ".xml")


def _parts(path: Path) -> dict[str, str]:
    """Name of an image to the part that ImageSets/Main lists it in."""
    lists = {part: path / "ImageSets" / "Main" / f"{part}.txt" for part in ("train", "val", "test")}
    texts = {part: file.read_text(encoding="utf-8").split("\n") for part, file in lists.items() if file.is_file()}
    return {line.split()[0]: part for part, lines in texts.items() for line in lines if line.strip()}


def _boxes(file: Path) -> Localizations:
    try:
        root = parse(file).getroot()
    except (ParseError, DefusedXmlException) as error:
        raise PinpointError(f"{file} cannot be read as XML: {error}.") from None
    objects = root.findall("object")
    names = [(item.findtext("name") or "").strip() or None for item in objects]
    edges = np.array([_edges(item, file, number) for number, item in enumerate(objects, start=1)]).reshape(-1, 4)
    ymin, xmin, ymax, xmax = edges.T
    columns = box_columns(ymin - 1, xmin - 1, ymax, xmax)
    columns["height"] = np.where(ymax > ymin, columns["height"], 0)
    columns["width"] = np.where(xmax > xmin, columns["width"], 0)
    labels = {"label": names} if any(names) else {}
    return Localizations({"frame": np.zeros(len(edges), np.int64), **columns, **labels})


def _edges(item: Any, file: Path, number: int) -> list[float]:
    texts = [item.findtext(f"bndbox/{edge}") for edge in _EDGES]
    try:
        return [float(text) for text in texts]
    except (TypeError, ValueError):
        raise PinpointError(
            f"{file}: object {number} has no box of four numbers ({', '.join(_EDGES)} in bndbox), but {texts}."
        ) from None


FORMAT = PascalVoc()
