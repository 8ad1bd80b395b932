"""Batches from stacks and datasets whose points are known."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_pinpoint.datasets import Dataset
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.sampling.windows import AnnotatedFrame, WindowSource
from napari_pinpoint.stack import Stack, StackView


class StackSource(WindowSource):
    """Batches of windows cut from an annotated stack.

    Parameters
    ----------
    stack
        A stack with one channel and plane, or a view.
    points
        All points of the frames that are annotated; a frame without a row is not used.
    window
        Side of the windows in pixels.
    **options
        `classes`, `augmentation` and the others of `DatasetSource`.
    """

    def __init__(self, stack: Stack | StackView, points: Localizations, *, window: int = 40, **options: Any) -> None:
        view = stack.view() if isinstance(stack, Stack) else stack
        annotated = np.unique(points["frame"])
        if len(annotated) and annotated[-1] >= view.n_frames:
            raise PinpointError(
                f"The points reach to frame {annotated[-1]}; {view.stack.name} has {view.n_frames} frames."
            )
        frames = [AnnotatedFrame(lambda: view, int(i), points.select(points["frame"] == i)) for i in annotated]
        super().__init__(frames, window=window, dims=view.dims, **options)


class DatasetSource(WindowSource):
    """Batches of windows cut from the images of a dataset, whatever their sizes.

    Parameters
    ----------
    dataset
        Its images teach what is in them, and nothing where they are empty. Of an image with several frames, those with
        points are used.
    window
        Side of the windows in pixels, or (rows, columns); a multiple of the model's grid.
    channels
        Channels that the model sees; grey pictures are shown as colour where it sees three.
    augmentation
        What is drawn anew for every window; by default mirror images and quarter turns.
    on_points
        Share of the windows that hold a point for certain; the others lie anywhere.
    rim
        Pixels along a cut through the image that are not believed: of what lies there, the point may be cut off.
    memory
        Bytes of pixels that are kept, so that files are not read again.

    Raises
    ------
    PinpointError
        If there are no points at all, or points of classes that the dataset does not name.
    """

    def __init__(
        self, dataset: Dataset, *, window: int | tuple[int, ...] = 128, channels: int | None = None, **options: Any
    ) -> None:
        odd = sorted(dataset.labels - set(dataset.classes)) if dataset.classes else []
        if odd:
            where = next(s.name for s in dataset if "label" in s.table and odd[0] in s.table["label"])
            raise PinpointError(
                f"{where} has points of the class {odd[0]!r}; the model is to tell {', '.join(dataset.classes)}."
            )
        seen = dataset.channels if channels is None else channels
        frames = [
            AnnotatedFrame(lambda sample=sample: sample.view().with_channels(seen), int(i), table, sample.believed)  # type: ignore[misc]
            for sample in dataset
            for i, table in _by_frame(sample.table)
        ]
        dims = dataset[0].view().dims if len(dataset) else 2
        super().__init__(frames, window=window, dims=dims, classes=dataset.classes, **options)


def hold_out(
    stack: Stack | StackView, points: Localizations, *, every: int = 5
) -> tuple[Localizations, tuple[StackView, Localizations] | None]:
    """Points to learn from, and the `every`-th annotated frame with its points to validate on, read into memory.

    With fewer annotated frames than `every` all of them are learned from, and there is no validation.
    """
    view = stack.view() if isinstance(stack, Stack) else stack
    frames = np.unique(points["frame"])
    held = frames[every - 1 :: every]
    if not len(held):
        return points, None
    inside = np.isin(points["frame"], held)
    truth = points.select(inside)
    truth = truth.with_columns(frame=np.searchsorted(held, truth["frame"]))
    images = np.concatenate([view.read(int(frame), int(frame) + 1) for frame in held])
    shown = Stack(images, "TC" + view.spatial_axes, view.stack.camera, pixel_size_nm=view.stack.pixel_size_nm)
    return points.select(~inside), (shown.view(channel="all", plane="volume" if view.dims == 3 else None), truth)


def _by_frame(table: Localizations) -> list[tuple[int, Localizations]]:
    """The points of every frame that has some; frame 0 without points where none has."""
    numbers = np.unique(table["frame"])
    return [(int(i), table.select(table["frame"] == i)) for i in numbers] or [(0, table)]
