"""A dataset as one movie: its images become frames, so that what scores movies scores datasets."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
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
    return AsFrames(
        one_after_another([found[sample.name] for sample in samples], lengths),
        one_after_another([sample.table for sample in samples], lengths),
        np.repeat([sample.shape for sample in samples], lengths, axis=0),
    )


def one_after_another(tables: Sequence[Localizations], lengths: Sequence[int]) -> Localizations:
    """One table of several stacks of those lengths, in which the frames of each come after those before.

    Their records are left behind, and so are sizes of pixels that differ.
    """
    starts = np.cumsum([0, *lengths[:-1]])
    joined = Localizations.concatenate(
        Localizations({**table.columns, "frame": table["frame"] + start})
        for table, start in zip(tables, starts, strict=True)
    )
    sizes = {name: {getattr(table, name) for table in tables} - {None} for name in ("pixel_size_nm", "z_step_nm")}
    return joined.with_calibration(**{name: found.pop() for name, found in sizes.items() if len(found) == 1})


def _some(names: Iterable[str]) -> str:
    first = list(names)
    return ", ".join(first[:3]) + (", ..." if len(first) > 3 else "")


def _warn(names: list[str], what: str) -> None:
    if names:
        warnings.warn(f"{len(names)} {what}, and are left out: {_some(names)}.", PinpointWarning, stacklevel=3)
