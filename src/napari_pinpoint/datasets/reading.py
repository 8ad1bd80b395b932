"""read_dataset: a folder in, a Dataset out; what is wrong with it is said once, by name."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace
from os import PathLike, fspath
from pathlib import Path
from typing import Protocol

from napari_pinpoint.datasets.checking import apart, checked, only
from napari_pinpoint.datasets.dataset import Dataset, Sample
from napari_pinpoint.datasets.files import split_folders
from napari_pinpoint.errors import PinpointError, PinpointWarning
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.registry import Registry


class DatasetFormat(Protocol):
    """What a third party writes to add a dataset format.

    It turns the format's convention (unit, origin, order of axes, what a box holds) into ours, and nothing else: boxes
    without area and points outside of their image are dealt with by whoever calls it. A format that can be written has
    ``write(dataset, folder, *, overwrite)``, too.
    """

    #: One line on how files are laid out, for the message that no format fits.
    layout: str

    def recognizes(self, path: Path) -> bool:
        """Whether a folder or file is of this format; quick, from names and first lines."""

    def read(self, path: Path) -> list[Sample]:
        """All samples, in the order of their names."""


DATASETS: Registry[DatasetFormat] = Registry(
    "dataset format",
    ("one-table", "Images, and one CSV of the points or boxes of all.", "napari_pinpoint.datasets.one_table:FORMAT"),
    ("voc", "Images, each with boxes in an XML file (Pascal VOC).", "napari_pinpoint.datasets.pascal_voc:FORMAT"),
    ("coco", "Images, and one COCO JSON of the boxes of all.", "napari_pinpoint.datasets.coco:FORMAT"),
    ("labels", "Images, each with a label image of its objects.", "napari_pinpoint.datasets.label_images:FORMAT"),
    ("csv", "Images, each with a CSV of its points.", "napari_pinpoint.datasets.image_csv:FORMAT"),
    (
        "fractions",
        "Images, each with a text file of x,y as fractions of width and height (locating-centers).",
        "napari_pinpoint.datasets.fractions:FORMAT",
    ),
)


def read_dataset(
    path: str | PathLike[str],
    *,
    format: str | DatasetFormat | None = None,
    classes: Sequence[str] | None = None,
    split: str | None = None,
    channel: int | str | None = None,
    plane: int | str | None = None,
    axes: str | None = None,
) -> Dataset:
    """Open a folder of annotated images; pixels are read when they are asked for.

    A folder with the subfolders train, val, test is read as these parts. Files that do not belong to the format are
    passed over.

    Parameters
    ----------
    path
        A folder, or the file that a format begins with.
    format
        Name of the format (see DATASETS); else the first that recognizes the folder.
    classes
        The classes and their order; points of others are left out. By default those of the part "train", or of all
        where there are no parts, in alphabetical order.
    split
        The part of the dataset, where it has parts ("train", "val", ...); all of it by default.
    channel, plane, axes
        What to look at, as for `Stack.view` and `read_stack`; `axes` is heeded by the images that have as many. Where
        points have a channel, only those of a channel that is chosen by its number are kept.

    Raises
    ------
    PinpointError
        If there is no such folder, no format fits, nothing in it is annotated, or there is no such part.

    Warns
    -----
    PinpointWarning
        Names what is left out: boxes without area, points outside of their image, images without annotation and
        annotations without image; and classes that only other parts have than the one that is learnt from.
    """
    place = Path(fspath(path)).expanduser()
    if not place.exists():
        raise PinpointError(f"{place} does not exist; a dataset is a folder of annotated images.")
    seen = {"channel": channel, "plane": plane, "axes": axes}
    seen = {name: value for name, value in seen.items() if value is not None}
    chosen = _format_of(place) if format is None else DATASETS[format] if isinstance(format, str) else format
    samples = [replace(sample, seen=seen) for sample in _samples(place, chosen)]
    if isinstance(channel, int):
        samples = [replace(sample, table=_of_channel(sample.table, channel)) for sample in samples]
    everything = Dataset(tuple(samples))
    wanted = (everything if split is None else everything.part(split)).samples
    if classes:
        wanted = tuple(only(wanted, classes, place))
    names = tuple(classes) if classes else _classes(everything, place)
    return Dataset(tuple(checked(apart(wanted), names, place)), names)


def write_dataset(
    dataset: Dataset, folder: str | PathLike[str], *, format: str = "fractions", overwrite: bool = False
) -> None:
    """Write the points of a dataset into a folder, with copies of its images.

    Raises
    ------
    PinpointError
        If the format is only read, or files are there already and must not be replaced.
    """
    chosen = DATASETS[format]
    write = getattr(chosen, "write", None)
    if write is None:
        able = ", ".join(name for name in DATASETS if hasattr(DATASETS[name], "write"))
        raise PinpointError(f"Datasets of the format {format} are only read; formats that are written: {able}.")
    place = Path(fspath(folder)).expanduser()
    place.mkdir(parents=True, exist_ok=True)
    write(dataset, place, overwrite=overwrite)


def _samples(place: Path, format: DatasetFormat) -> list[Sample]:
    """All samples of a folder, or of the parts in it.

    Folders train and val that hold images only are none, where what lies beside them speaks of these (COCO).
    """
    parts = split_folders(place)
    own = not any(map(format.recognizes, parts.values())) and format.recognizes(place)
    if own or not parts:
        samples = format.read(place)
    else:
        samples = [replace(s, split=s.split or part) for part, folder in parts.items() for s in format.read(folder)]
    if not samples:
        raise PinpointError(f"{place}: there are no annotated images. Expected: {format.layout}{_what_is_there(place)}")
    return samples


def _format_of(place: Path) -> DatasetFormat:
    """The first format that recognizes the parts of a folder, or it itself."""
    parts = split_folders(place)
    for folder in (next(iter(parts.values())), place) if parts else (place,):
        for name in DATASETS:
            if DATASETS[name].recognizes(folder):
                return DATASETS[name]
    layouts = "\n".join(f"  {name}: {DATASETS[name].layout}" for name in DATASETS)
    raise PinpointError(f"{place} is no dataset of a known format{_what_is_there(place)} There are:\n{layouts}")


def _what_is_there(place: Path) -> str:
    """The first files of a folder, in words."""
    if not place.is_dir():
        return "."
    names = sorted(child.name + ("/" if child.is_dir() else "") for child in place.iterdir())
    if not names:
        return "; it is empty."
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"; it has {', '.join(names[:5])}{more}."


def _of_channel(table: Localizations, channel: int) -> Localizations:
    return table.select(table["channel"] == channel) if "channel" in table else table


def _classes(everything: Dataset, place: Path) -> tuple[str, ...]:
    """The classes of the part to learn from; those that only other parts have are named, and stay in these."""
    parts = {split: everything.part(split).labels for split in everything.splits}
    known = parts.get("train", everything.labels)
    odd = everything.labels - known
    if odd and known:
        where = ", ".join(split for split, labels in parts.items() if labels & odd)
        warnings.warn(
            f"{place}: {_words(odd, 'class', 'classes')} in {where}, but not among those that are learnt "
            f"({', '.join(sorted(known))}); no model can find what it was never shown.",
            PinpointWarning,
            stacklevel=3,
        )
    return tuple(sorted(known))


def _words(names: Iterable[str], one: str, many: str) -> str:
    listed = sorted(names)
    return f"the {one} {listed[0]} is" if len(listed) == 1 else f"the {many} {', '.join(listed)} are"
