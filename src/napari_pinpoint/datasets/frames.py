"""A dataset as one movie: its images become frames, so that what scores movies scores datasets."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from napari_pinpoint.datasets.dataset import Dataset
from napari_pinpoint.errors import PinpointError, PinpointWarning
from napari_pinpoint.localizations import Localizations


class AsFrames(NamedTuple):
    """Found and true points of several images with a frame number for each; `shapes` (n_frames, 2) are their sizes."""

    found: Localizations
    truth: Localizations
    shapes: np.ndarray[tuple[int, int], np.dtype[np.int64]]


def as_frames(dataset: Dataset, found: Mapping[str, Localizations]) -> AsFrames:
    """Number the images of a dataset as frames, in their order.

    Parameters
    ----------
    dataset
        Images with their truth. An image with several frames takes as many numbers.
    found
        What was found in each of them, by the names of the samples.

    Raises
    ------
    PinpointError
        If no table has the name of an image.

    Warns
    -----
    PinpointWarning
        Names the images that have no table: they were not looked at, and are left out; and tables of other images.

    Examples
    --------
    >>> from napari_pinpoint.datasets import Sample
    >>> dot = Localizations({"frame": [0], "y": [2.0], "x": [5.0]})
    >>> images = Dataset(tuple(Sample(np.zeros((8, 9), np.uint8), dot, name) for name in "ab"))
    >>> frames = as_frames(images, {"a": dot, "b": Localizations.empty()})
    >>> frames.found["frame"], frames.truth["frame"], frames.shapes.tolist()
    (array([0]), array([0, 1]), [[8, 9], [8, 9]])
    """
    samples = [sample for sample in dataset if sample.name in found]
    if not samples:
        raise PinpointError(
            f"None of the tables ({_some(found)}) has the name of one of the {len(dataset)} images "
            f"({_some(sample.name for sample in dataset)}): the table of IMAGE.tif must be called IMAGE."
        )
    _warn([sample.name for sample in dataset if sample.name not in found], "images have no table")
    _warn(sorted(set(found) - {sample.name for sample in samples}), "tables belong to no image")
    lengths = [sample.size[0] for sample in samples]
    starts = np.cumsum([0, *lengths[:-1]])
    parts = [
        (found[sample.name].with_record({}), sample.table.with_record({}), start)
        for sample, start in zip(samples, starts, strict=True)
    ]
    tables = [
        Localizations.concatenate(part[i].with_columns(frame=part[i]["frame"] + part[2]) for part in parts)
        for i in (0, 1)
    ]
    return AsFrames(tables[0], tables[1], np.repeat([sample.shape for sample in samples], lengths, axis=0))


def _some(names: Iterable[str]) -> str:
    first = list(names)
    return ", ".join(first[:3]) + (", ..." if len(first) > 3 else "")


def _warn(names: list[str], what: str) -> None:
    if names:
        warnings.warn(f"{len(names)} {what}, and are left out: {_some(names)}.", PinpointWarning, stacklevel=3)
