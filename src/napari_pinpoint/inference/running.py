"""localize_iter, localize and candidates: a plan carried out."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import Any

import numpy as np

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.fitting import MEASURED
from napari_pinpoint.inference.chunks import Cancelled, Chunk, Network, Read, read_chunk
from napari_pinpoint.inference.decoding import Decoding, decoding_of
from napari_pinpoint.inference.planning import LocalizeSettings, Plan, plan
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.model import Localizer
from napari_pinpoint.region import Region
from napari_pinpoint.stack import Stack, StackView

#: Maps of batches that may wait to be decoded.
_WAITING = 4
#: A threshold below every probability that a decoder may find worth a point.
_LOWEST = float(np.finfo(np.float32).tiny)


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
                decoding, adding = decoding_of(plan, read), deque[Future[None]]()
                try:
                    for window, first, maps in network(read):
                        adding.append(decoder.submit(decoding.add, window, first, maps))
                        if len(adding) > _WAITING:  # maps are large: they do not pile up where decoding is slow
                            adding.popleft().result()
                except Cancelled:
                    break
                finishing.append(decoder.submit(_finish_chunk, decoding, adding))
                while finishing and (finishing[0].done() or len(finishing) > 1):
                    yield finishing.popleft().result()
            while finishing:
                yield finishing.popleft().result()
        finally:
            for waiting in reading:
                waiting.cancel()


def _finish_chunk(decoding: Decoding, adding: Iterable[Future[None]]) -> Chunk:
    """The chunk when its maps were added, or the error of that."""
    for added in adding:
        added.result()
    return decoding.finish()


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
    Localizations with frame, y, x (pixels) and probability, `region` where one is given, `contrast` where the model
    or the settings ask for it, and what a fit measures (`fitting.MEASURED`, `flags`) where the settings have
    ``refine="mle"``; and the record of the run.

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

    Each row has its probability and, in images, its contrast; with the plan's region only what lies inside. Where a
    decoder is not `selectable`, these are the candidates at the plan's threshold only. They are never refined: a fit
    depends on which neighbours are kept, and only moves what a run keeps.
    """
    plan = plan.without_fit()
    asked: dict[str, Any] = {"min_contrast": 0.0 if plan.view.dims == 2 else None}
    if plan.model.decoder.selectable:
        asked["threshold"] = _LOWEST
    one = plan.with_frames(frame, frame + 1).with_settings(**asked)
    return finish(one, [chunk.localizations for chunk in localize_iter(one)])


def keep(table: Localizations, settings: LocalizeSettings, model: Localizer) -> Localizations:
    """The rows of a table of `candidates` that a run with these settings finds, with its columns and record.

    The run may refine them; here they are as the model sees them.

    Raises
    ------
    PinpointError
        If the decoder is not `selectable` and the candidates are those of another threshold.
    """
    chosen = settings.resolved(model)
    used = {"threshold": chosen.threshold, "min_contrast": chosen.min_contrast}
    record = {**table.record, "settings": {**table.record.get("settings", {}), **used}}
    if settings.decoder_for(model).selectable:
        kept = table["probability"] >= np.float32(chosen.threshold or 0)
    elif table.record["settings"]["threshold"] == chosen.threshold:
        kept = np.ones(len(table), dtype=bool)
    else:
        raise PinpointError(
            f"These candidates were found with the threshold {table.record['settings']['threshold']:g}; what is there "
            f"with {chosen.threshold:g} cannot be told from them with this decoder: find them anew."
        )
    if chosen.min_contrast is None:
        table = table.without_columns("contrast")
    else:
        kept &= table["contrast"] >= np.float32(chosen.min_contrast)
    return table.select(kept).with_record(record)


def finish(plan: Plan, tables: list[Localizations]) -> Localizations:
    """The table of a plan from those of its chunks in order, with calibration and record."""
    labels = "labels" in plan.model.decoder.images
    columns = {
        "probability": True,
        "blob": labels,
        "region": plan.region is not None,
        "contrast": plan.settings.min_contrast is not None,
        **dict.fromkeys((*MEASURED, "flags"), plan.psf_sigma is not None),
    }
    empty = Localizations.empty(name for name, asked in columns.items() if asked)
    table = Localizations.concatenate(tables or [empty])
    return Localizations(
        table.columns,
        pixel_size_nm=plan.view.stack.pixel_size_nm,
        z_step_nm=plan.view.stack.z_step_nm,
        record=plan.record,
    )
