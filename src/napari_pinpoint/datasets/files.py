"""Which files of a folder are images, and which annotation belongs to which image."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from napari_pinpoint.errors import PinpointWarning
from napari_pinpoint.io.file_series import SUFFIXES
from napari_pinpoint.io.single_images import SINGLE

T = TypeVar("T")

IMAGES = (*SUFFIXES, *SINGLE)
#: Folders of a dataset that are its parts.
SPLITS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


def split_folders(place: Path) -> dict[str, Path]:
    """The subfolders that are parts of a dataset (train, val, test), if it has any, by the name of the part."""
    if not place.is_dir():
        return {}
    children = sorted(child for child in place.iterdir() if child.is_dir() and child.name.lower() in SPLITS)
    return {SPLITS[child.name.lower()]: child for child in sorted(children, key=lambda child: _rank(child.name))}


def _rank(name: str) -> int:
    return list(SPLITS).index(name.lower())


def stem_of(name: str) -> str:
    """A file's name without folders and without what says its format: a for a.tif and for a.ome.tif."""
    path = Path(name.replace("\\", "/"))
    return re.sub(r"\.ome$", "", path.stem, flags=re.IGNORECASE) if path.suffix.lower() in IMAGES else path.name


def images_in(folder: Path) -> dict[str, Path]:
    """Images right in a folder by stem, in the order of their names; hidden files are none."""
    return _by_stem(folder, IMAGES)


def files_in(folder: Path, suffix: str) -> dict[str, Path]:
    """Files of that suffix right in a folder by stem, in the order of their names."""
    return _by_stem(folder, (suffix,))


def _by_stem(folder: Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
    files = (file for file in folder.iterdir() if file.suffix.lower() in suffixes and not file.name.startswith("."))
    found: dict[str, Path] = {}
    for file in sorted(file for file in files if file.is_file()):
        found.setdefault(stem_of(file.name) if file.suffix.lower() in IMAGES else file.stem, file)
    return found


def folder_named(place: Path, names: Iterable[str]) -> Path:
    """The subfolder that has one of these names in any case, or the folder itself."""
    children = {child.name.lower(): child for child in place.iterdir() if child.is_dir()}
    return next((children[name] for name in names if name in children), place)


def annotated(
    images: Mapping[str, Path], annotations: Mapping[str, T], place: Path, *, what: str
) -> list[tuple[str, Path, T]]:
    """Name, image and annotation of every image that has one; what lacks the other is named in a warning.

    An image without an annotation was not looked at yet, so it cannot teach that nothing is there; one whose
    annotation is empty does.
    """
    for left, text in (
        ([image.name for stem, image in images.items() if stem not in annotations], f"images have no {what}"),
        ([stem for stem in annotations if stem not in images], f"{what} have no image"),
    ):
        if left and len(left) < len(images) + len(annotations):
            more = f" and {len(left) - 4} more" if len(left) > 4 else ""
            warnings.warn(
                f"{place}: {len(left)} {text}, and are left out: {', '.join(left[:4])}{more}.",
                PinpointWarning,
                stacklevel=5,
            )
    return [(stem, image, annotations[stem]) for stem, image in images.items() if stem in annotations]
