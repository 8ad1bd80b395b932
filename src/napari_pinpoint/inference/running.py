"""localize_iter, localize, localize_to_file and candidates: a plan carried out."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event

import numpy as np

from napari_pinpoint.inference.chunks import Cancelled, Chunk, Network, Read, decode, finish_chunk, read_chunk
from napari_pinpoint.inference.planning import LocalizeSettings, Plan, plan
from napari_pinpoint.inference.record import fingerprint_of
from napari_pinpoint.io.parts import PartFolder
from napari_pinpoint.io.tables import check_target, write_localizations
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.model import Localizer
from napari_pinpoint.region import Region
from napari_pinpoint.stack import Stack, StackView

#: Maps of batches that may wait to be decoded.
_WAITING = 4
#: A threshold below every probability that a decoder may find worth a point.
_LOWEST = float(np.finfo(np.float32).tiny)
#: Chunks that are finished are written after this many seconds or rows: few files, and little is lost.
PART_SECONDS, PART_ROWS = 5.0, 2**20


def localize_iter(
    plan: Plan,
    *,
    skip: Collection[int] = (),
    cancel: Event | None = None,
    progress: Callable[[float], None] | None = None,
) -> Iterator[Chunk]:
    """Localize chunk by chunk, in order.

    Parameters
    ----------
    plan
        What `plan` decided.
    skip
        Indices of chunks that are there already.
    cancel
        When it is set, the iteration ends within about half a second; chunks that are finished are yielded first.
    progress
        Called with how many frames the network has seen, after every part of a frame where frames are large. It is
        ahead of the chunks.
    """
    todo = deque(index for index in range(len(plan.chunks)) if index not in skip)
    network = Network(plan, cancel, progress)
    with ThreadPoolExecutor(1, "pinpoint-read") as reader, ThreadPoolExecutor(1, "pinpoint-decode") as decoder:
        reading: deque[Future[Read]] = deque()
        finishing: deque[Future[Chunk]] = deque()
        try:
            while (todo or reading) and not network.cancel.is_set():
                while todo and len(reading) < 2:
                    reading.append(reader.submit(read_chunk, plan, todo.popleft()))
                read = reading.popleft().result()
                decoding: list[Future[Localizations]] = []
                try:
                    for window, first, maps in network(read):
                        decoding.append(decoder.submit(decode, plan, read, window, first, maps))
                        if len(decoding) > _WAITING:  # maps are large: they do not pile up where decoding is slow
                            decoding[-_WAITING - 1].result()
                except Cancelled:
                    break
                tables = (future.result() for future in decoding)
                finishing.append(decoder.submit(finish_chunk, plan, read, tables))
                while finishing and (finishing[0].done() or len(finishing) > 1):
                    yield finishing.popleft().result()
            while finishing:
                yield finishing.popleft().result()
        finally:
            for waiting in reading:
                waiting.cancel()


def localize(
    stack: Stack | StackView,
    model: Localizer | str | os.PathLike[str],
    *,
    settings: LocalizeSettings | None = None,
    region: Region | None = None,
    device: str = "auto",
    progress: Callable[[int, int], None] | None = None,
) -> Localizations:
    """Find every point of a stack.

    Parameters
    ----------
    stack
        A stack with one channel and one plane, or a view of any stack (`Stack.view`).
    model
        A model, the name of one that ships, or a file.
    settings
        Threshold, least contrast, frames and how to cut the work.
    region
        Where points are wanted; all of the image by default.
    device
        "auto", "cpu", "cuda", "cuda:1" or "mps".
    progress
        Called with (frames done, frames in all) after every chunk.

    Returns
    -------
    Localizations with frame, y, x (pixels) and probability, `region` where one is given and `contrast` where the model
    or the settings ask for it; and the record of the run.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_pinpoint import localize
    >>> from napari_pinpoint.scenes.emitters import EmitterScene
    >>> stack, truth = EmitterScene(density=(0.005, 0.005)).sample(10, np.random.default_rng(0))
    >>> table = localize(stack, "smlm-2d")
    >>> abs(len(table) / len(truth) - 1) < 0.1
    True
    """
    decided = plan(stack, model, settings=settings, region=region, device=device)
    tables = []
    for chunk in localize_iter(decided):
        tables.append(chunk.localizations)
        if progress is not None:
            progress(chunk.stop - decided.frames[0], decided.n_frames)
    return finish(decided, tables)


def candidates(plan: Plan, frame: int) -> Localizations:
    """Everything in one frame that could be kept at any setting; `keep` selects from it without the network.

    Each row has its probability and, in images, its contrast; with the plan's region only what lies inside.
    """
    least_contrast = 0.0 if plan.view.dims == 2 else None
    one = plan.with_frames(frame, frame + 1).with_settings(threshold=_LOWEST, min_contrast=least_contrast)
    return finish(one, [chunk.localizations for chunk in localize_iter(one)])


def keep(table: Localizations, settings: LocalizeSettings, model: Localizer) -> Localizations:
    """The rows of a table of `candidates` that a run with these settings finds, with its columns and record."""
    chosen = settings.resolved(model)
    kept = table["probability"] >= np.float32(chosen.threshold or 0)
    if chosen.min_contrast is None:
        table = table.without_columns("contrast")
    else:
        kept &= table["contrast"] >= np.float32(chosen.min_contrast)
    used = {"threshold": chosen.threshold, "min_contrast": chosen.min_contrast}
    record = table.record
    return table.select(kept).with_record({**record, "settings": {**record.get("settings", {}), **used}})


def localize_to_file(
    plan: Plan,
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    resume: bool = False,
    overwrite: bool = False,
    cancel: Event | None = None,
    progress: Callable[[float], None] | None = None,
) -> Generator[Chunk, None, Localizations | None]:
    """Localize into a table file; yields the chunks, and returns the table once it is complete (None if cancelled).

    While it runs, finished chunks lie in a folder beside `path`, where they are written every few seconds and when
    the run ends, however it ends; the table appears under its name when it is complete. With `resume` the chunks of a
    killed run are kept, if it was the same run. What the table's format or place would refuse is refused before the
    work begins.
    """
    path = Path(path)
    check_target(path, format=format, pixel_size_nm=plan.view.stack.pixel_size_nm, overwrite=overwrite)
    parts = PartFolder(path)
    parts.start(fingerprint_of(plan), resume=resume, overwrite=overwrite)
    unwritten: list[Chunk] = []
    began = time.monotonic()
    try:
        for chunk in localize_iter(plan, skip=parts.finished(), cancel=cancel, progress=progress):
            if unwritten and unwritten[-1].index + 1 != chunk.index:  # what lies between is there already
                _write_part(parts, unwritten)
            unwritten.append(chunk)
            rows = sum(len(chunk.localizations) for chunk in unwritten)
            if time.monotonic() - began >= PART_SECONDS or rows >= PART_ROWS:
                _write_part(parts, unwritten)
                began = time.monotonic()
            yield chunk
    finally:
        try:
            _write_part(parts, unwritten)
        finally:
            if not parts.finished():  # there is nothing to go on with
                parts.remove()
    if len(parts.finished()) < len(plan.chunks):
        return None
    table = finish(plan, [parts.collect()])
    write_localizations(table, path, format=format, overwrite=overwrite)
    parts.remove()
    return table


def _write_part(parts: PartFolder, chunks: list[Chunk]) -> None:
    """Write consecutive chunks as one part, and forget them."""
    if chunks:
        table = Localizations.concatenate(chunk.localizations for chunk in chunks)
        parts.write(range(chunks[0].index, chunks[-1].index + 1), table)
        chunks.clear()


def finish(plan: Plan, tables: list[Localizations]) -> Localizations:
    """The table of a plan from those of its chunks in order, with calibration and record."""
    columns = {"probability": True, "region": plan.region, "contrast": plan.settings.min_contrast}
    empty = Localizations.empty(name for name, asked in columns.items() if asked is not None)
    table = Localizations.concatenate(tables or [empty])
    return Localizations(
        table.columns,
        pixel_size_nm=plan.view.stack.pixel_size_nm,
        z_step_nm=plan.view.stack.z_step_nm,
        record=plan.record,
    )
