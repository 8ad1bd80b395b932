"""Batches from stacks and datasets whose points are known."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Any

import numpy as np

from napari_pinpoint.annotation import Coverage
from napari_pinpoint.datasets import Dataset
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.region import Region
from napari_pinpoint.sampling.windows import AnnotatedFrame, WindowSource
from napari_pinpoint.stack import Stack, StackView


class StackSource(WindowSource):
    """Batches of windows cut from an annotated stack.

    Parameters
    ----------
    stack
        A stack with one channel and plane, or a view.
    points
        All points of the frames that are annotated; a frame without a row is not used, unless `coverage` says more.
    window
        Side of the windows in pixels.
    coverage
        Where the points are complete, if not in every frame that has some: nothing is taught of the rest.
    frames
        With `coverage`, those of its frames that are learnt from; by default all.
    **options
        `classes`, `augmentation` and the others of `DatasetSource`.

    Raises
    ------
    PinpointError
        If there are no points, none where they are complete, or some in frames that the stack does not have.
    """

    def __init__(
        self,
        stack: Stack | StackView,
        points: Localizations,
        *,
        window: int = 40,
        coverage: Coverage | None = None,
        frames: Collection[int] | None = None,
        **options: Any,
    ) -> None:
        view = stack.view() if isinstance(stack, Stack) else stack
        annotated = np.unique(points["frame"])
        if len(annotated) and annotated[-1] >= view.n_frames:
            raise PinpointError(
                f"The points reach to frame {annotated[-1]}; {view.stack.name} has {view.n_frames} frames."
            )
        if coverage is None:
            known = [AnnotatedFrame(lambda: view, int(i), points.select(points["frame"] == i)) for i in annotated]
        else:
            known = _covered(view, points, coverage, frames)
        super().__init__(known, window=window, dims=view.dims, **options)


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


def hold_out_covered(
    view: StackView, points: Localizations, coverage: Coverage, *, every: int = 5
) -> tuple[list[int], list[tuple[StackView, Localizations, Region]]]:
    """Frames to learn from, and the `every`-th of the frames with points, to validate on where these are complete.

    Returns
    -------
    The frames for `StackSource`, and for each frame that is held out its image in memory, its points and where they
    are complete. With fewer frames than `every`, none is held out.
    """
    shape = _rows_and_columns(view)
    frames = list(coverage.frames(view.n_frames))
    inside = {frame: coverage.within(points, frame, shape) for frame in frames}
    held = [frame for frame in frames if len(inside[frame])][every - 1 :: every]
    checks = []
    for frame in held:
        image = Stack(view.read(frame, frame + 1), "TC" + view.spatial_axes, view.stack.camera)
        image = image.with_values(pixel_size_nm=view.stack.pixel_size_nm)
        truth = inside[frame].with_columns(frame=np.zeros(len(inside[frame]), int))
        shown = image.view(channel="all", plane="volume" if view.dims == 3 else None)
        checks.append((shown, truth, Region(coverage.believed(frame, shape), name="complete annotation")))
    return [frame for frame in frames if frame not in held], checks


def _covered(
    view: StackView, points: Localizations, coverage: Coverage, frames: Collection[int] | None
) -> list[AnnotatedFrame]:
    """The frames of which something is known, each with the points that lie there."""
    shape = _rows_and_columns(view)
    wanted = [i for i in coverage.frames(view.n_frames) if frames is None or i in frames]
    known = [
        AnnotatedFrame(
            lambda: view, i, coverage.within(points, i, shape), partial(coverage.believed, i, shape), aimed=True
        )
        for i in wanted
    ]
    if len(points) and not any(len(frame.table) for frame in known):
        raise PinpointError(
            f"None of the {len(points)} points lies where the annotation is complete. Check that the regions and the "
            "points belong to the same stack, and that the regions hold in the frames of the points."
        )
    return known


def _rows_and_columns(view: StackView) -> tuple[int, int]:
    rows, columns = view.spatial_shape[-2:]
    return rows, columns


def _by_frame(table: Localizations) -> list[tuple[int, Localizations]]:
    """The points of every frame that has some; frame 0 without points where none has."""
    numbers = np.unique(table["frame"])
    return [(int(i), table.select(table["frame"] == i)) for i in numbers] or [(0, table)]
