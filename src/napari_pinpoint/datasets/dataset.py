"""Dataset and Sample: images, each with all the points or objects that are in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, overload

import numpy as np

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.io.images import read_stack
from napari_pinpoint.io.single_images import SINGLE, size_of
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.stack import Stack, StackView

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Sample:
    """An image and everything that is in it; pixels are read when they are asked for.

    Parameters
    ----------
    image
        A file; pixels: (Y, X), or (C, Y, X) with a channel for each colour; or a view of a stack.
    table
        Its points: `frame` (0 for a single image), `y`, `x`; `height` and `width` of boxes in pixels, `label` and `z`
        where they are known. No rows mean that there is nothing in the image.
    name
        What messages call it.
    split
        The part of the dataset that it belongs to ("train", "val"), where the dataset says so.
    valid
        Where the annotation can be believed, as pixels (Y, X) or an image file in which 0 is "not there".
    seen
        The choice of what is looked at: `channel`, `plane` as for `Stack.view`, and `axes` as for `read_stack`, which
        is heeded where the image has as many.
    """

    image: Path | Array | StackView
    table: Localizations
    name: str
    split: str | None = None
    valid: Path | Array | None = None
    seen: Mapping[str, Any] = field(default_factory=dict)

    def open(self) -> Stack:
        """The image with its axes."""
        if isinstance(self.image, StackView):
            return self.image.stack
        if not isinstance(self.image, Path):
            return Stack(self.image, "CYX"[-self.image.ndim :], path=self.name)
        stack = read_stack(self.image)
        axes = self.seen.get("axes")
        return read_stack(self.image, axes=axes) if axes and len(axes) == len(stack.axes) else stack

    def view(self) -> StackView:
        """The channels and the plane that are looked at."""
        if isinstance(self.image, StackView):
            return self.image
        return self.open().view(channel=self.seen.get("channel"), plane=self.seen.get("plane"))

    @cached_property
    def size(self) -> tuple[int, int, int]:
        """Frames, rows and columns; pictures are not decoded for it."""
        if isinstance(self.image, Path) and self.image.suffix.lower() in SINGLE:
            return (1, *size_of(self.image))
        stack = self.open()
        return (stack.n_frames, *stack.shape[-2:])  # type: ignore[return-value]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.size[1:]

    def believed(self) -> Array | None:
        """Where the annotation can be believed, (Y, X) bool; None means everywhere."""
        if self.valid is None:
            return None
        pixels = read_stack(self.valid).view().read(0, 1)[0, 0] if isinstance(self.valid, Path) else self.valid
        if pixels.shape != self.shape:
            raise PinpointError(
                f"{self.name}: what says where the annotation is valid has {pixels.shape} pixels, the image "
                f"{self.shape}."
            )
        believed: Array = np.asarray(pixels) != 0
        return believed


@dataclass(frozen=True, eq=False)
class Dataset:
    """Annotated images; made by `read_dataset`, or from samples.

    Parameters
    ----------
    samples
        The images. They need not be of one size.
    classes
        Names of what is told apart, in the order of a model's classes; empty where there is one kind without a name.

    Examples
    --------
    >>> image = np.zeros((8, 8), np.uint8)
    >>> dot = Localizations({"frame": [0], "y": [2.0], "x": [5.0]})
    >>> dataset = Dataset(tuple(Sample(image, dot, name) for name in "abcde"))
    >>> learn, check = dataset.divided(every=5)
    >>> len(learn), [sample.name for sample in check]
    (4, ['e'])
    """

    samples: tuple[Sample, ...]
    classes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.samples)

    def __iter__(self) -> Iterator[Sample]:
        return iter(self.samples)

    @overload
    def __getitem__(self, index: int) -> Sample: ...

    @overload
    def __getitem__(self, index: slice) -> Dataset: ...

    def __getitem__(self, index: int | slice) -> Sample | Dataset:
        if isinstance(index, slice):
            return self.with_samples(self.samples[index])
        return self.samples[index]

    @property
    def splits(self) -> tuple[str, ...]:
        """The parts that the dataset says it has, in order of appearance."""
        return tuple(dict.fromkeys(sample.split for sample in self.samples if sample.split is not None))

    @property
    def n_points(self) -> int:
        return sum(len(sample.table) for sample in self.samples)

    @property
    def labels(self) -> set[str]:
        """All labels that its points have."""
        tables = (sample.table for sample in self.samples if "label" in sample.table)
        return {label for table in tables for label in table["label"] if label is not None}

    @property
    def has_sizes(self) -> bool:
        """Whether any of its objects has a box."""
        return any("height" in s.table and np.isfinite(s.table["height"]).any() for s in self.samples)

    @cached_property
    def channels(self) -> int:
        """Channels that a model needs to see all of the images: those of the first that has several."""
        several = (channels for sample in self.samples if (channels := sample.view().channels) > 1)
        return next(several, 1)

    def with_samples(self, samples: Iterable[Sample]) -> Dataset:
        """Other samples, and the same classes."""
        return replace(self, samples=tuple(samples))

    def centred_on_boxes(self) -> Dataset:
        """Points at the centres of their boxes, where these are known to lie elsewhere (`box_y`, `box_x`)."""

        def moved(table: Localizations) -> Localizations:
            if "box_y" not in table:
                return table
            centre = {axis: np.where(np.isnan(b := table[f"box_{axis}"]), table[axis], b) for axis in "yx"}
            return table.with_columns(**centre).without_columns("box_y", "box_x")

        return self.with_samples(replace(sample, table=moved(sample.table)) for sample in self.samples)

    def part(self, split: str) -> Dataset:
        """The samples of a part that the dataset names; the error lists what there is."""
        found = tuple(sample for sample in self.samples if sample.split == split)
        if not found:
            have = ", ".join(self.splits) or "no parts"
            raise PinpointError(f"The dataset has no part {split!r}; it has {have}.")
        return self.with_samples(found)

    def divided(
        self, *, every: int | None = None, fraction: float | None = None, rng: np.random.Generator | None = None
    ) -> tuple[Dataset, Dataset]:
        """Two datasets, to learn from and to check on: whole images, never a part of one.

        Parameters
        ----------
        every
            The second gets every so manieth image, in order.
        fraction, rng
            Or this share of the images by chance, at least one if there are two or more.
        """
        n = len(self.samples)
        if (every is None) == (fraction is None):
            raise ValueError("give every, or fraction and rng")
        if every is not None:
            held = set(range(every - 1, n, every))
        else:
            rng = rng if rng is not None else np.random.default_rng(0)
            count = min(max(1, round((fraction or 0) * n)), n - 1) if n > 1 else 0
            held = set(rng.choice(n, count, replace=False).tolist())
        learn = (sample for i, sample in enumerate(self.samples) if i not in held)
        check = (sample for i, sample in enumerate(self.samples) if i in held)
        return self.with_samples(learn), self.with_samples(check)

    def pairs(self, channels: int | None = None) -> list[tuple[StackView, Localizations]]:
        """View and truth of every image: what a training validates on. With `channels`, views for a model of so many.

        An image of one frame counts as that frame.
        """
        views = (sample.view() for sample in self.samples)
        return [
            (view if channels is None else view.with_channels(channels), sample.table)
            for view, sample in zip(views, self.samples, strict=True)
        ]
