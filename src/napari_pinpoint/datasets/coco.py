"""COCO JSON: one file of images, categories and boxes, and the images beside it or in a folder of their own.

A box is x, y, width, height from the upper left corner of the image: x = 0 is the left edge of the first pixel, whose
centre is 0 here. Annotations of crowds are passed over; an image without annotation is empty. Several JSON files
(instances_train2017.json, instances_val2017.json) are the parts that their names say.
"""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from napari_pinpoint.datasets.dataset import Sample
from napari_pinpoint.datasets.files import files_in, stem_of
from napari_pinpoint.errors import PinpointError, PinpointWarning
from napari_pinpoint.localizations import Localizations


class Coco:
    """The format; see the module."""

    layout = "FOLDER/ANY.json or FOLDER/annotations/ANY.json as COCO has it, and the images that it names."

    def recognizes(self, path: Path) -> bool:
        return bool(_files(path))

    def read(self, path: Path) -> list[Sample]:
        return [sample for file in _files(path) for sample in _samples(file)]


def _files(path: Path) -> list[Path]:
    """The COCO files that a path means."""
    if path.is_file():
        found = [path]
    else:
        folders = (path, path / "annotations")
        found = [file for folder in folders if folder.is_dir() for file in files_in(folder, ".json").values()]
    return [file for file in found if file.suffix.lower() == ".json" and _looks_like_coco(file)]


def _looks_like_coco(file: Path) -> bool:
    with file.open(encoding="utf-8", errors="replace") as text:
        head = text.read(2**16)
    return any(f'"{key}"' in head for key in ("images", "annotations")) and not file.name.startswith("captions")


def _samples(file: Path) -> list[Sample]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        names = {category["id"]: str(category["name"]) for category in content.get("categories", [])}
        boxes: dict[Any, list[tuple[list[float], str | None]]] = {image["id"]: [] for image in content["images"]}
        for number, annotation in enumerate(content["annotations"]):
            if annotation.get("iscrowd"):
                continue
            box, image = [float(value) for value in annotation["bbox"]], annotation["image_id"]
            if len(box) != 4 or image not in boxes:
                raise ValueError(f"annotation {number} has the box {box} in the image {image}")
            boxes[image].append((box, names.get(annotation.get("category_id"))))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PinpointError(f"{file} is not a COCO file of boxes, or it is damaged ({error!r}).") from None
    part = re.search(r"train|val|test", file.stem.lower())
    samples, missing = [], []
    for image in content["images"]:
        name = str(image["file_name"])
        place = _find(file, name)
        if place is None:
            missing.append(name)
            continue
        samples.append(Sample(place, _table(boxes[image["id"]]), stem_of(name), part.group() if part else None))
    if missing:
        warnings.warn(
            f"{file}: {len(missing)} images that it names are not there, and are left out: {', '.join(missing[:4])}.",
            PinpointWarning,
            stacklevel=5,
        )
    return samples


def _find(file: Path, name: str) -> Path | None:
    """The image of that name beside the JSON file, in a folder beside it, or beside its folder."""
    roots = [file.parent, file.parent.parent] if file.parent.name.lower() == "annotations" else [file.parent]
    places = [place for root in roots for place in (root, *(child for child in root.iterdir() if child.is_dir()))]
    return next((place / name for place in places if (place / name).is_file()), None)


def _table(boxes: list[tuple[list[float], str | None]]) -> Localizations:
    x, y, width, height = np.array([box for box, _ in boxes], np.float64).reshape(-1, 4).T
    labels = [label for _, label in boxes]
    columns = {"y": y + height / 2 - 0.5, "x": x + width / 2 - 0.5, "height": height, "width": width}
    return Localizations({"frame": np.zeros(len(x), np.int64), **columns, **({"label": labels} if any(labels) else {})})


FORMAT = Coco()
