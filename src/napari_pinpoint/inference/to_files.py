"""localize_to_file: a plan carried out into files that are complete or not there, and that can be gone on with."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path
from threading import Event

import numpy as np

from napari_pinpoint.decoders import DECODERS
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.inference.chunks import Chunk
from napari_pinpoint.inference.planning import Plan
from napari_pinpoint.inference.record import fingerprint_of
from napari_pinpoint.inference.running import finish, localize_iter
from napari_pinpoint.io.atomic import check_free
from napari_pinpoint.io.parts import PartFolder
from napari_pinpoint.io.tables import check_target, write_localizations
from napari_pinpoint.io.write_images import check_suffix, write_stack
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.model import Localizer
from napari_pinpoint.stack import Stack

#: Chunks that are finished are written after so many seconds, rows or bytes of images: few files, and little is lost.
PART_SECONDS, PART_ROWS, PART_BYTES = 5.0, 2**20, 2**27


def localize_to_file(
    plan: Plan,
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    labels: str | os.PathLike[str] | None = None,
    resume: bool = False,
    overwrite: bool = False,
    cancel: Event | None = None,
    progress: Callable[[float], None] | None = None,
) -> Generator[Chunk, None, Localizations | None]:
    """Localize into a table file; yields the chunks, and returns the table once it is complete (None if cancelled).

    While it runs, finished chunks lie in a folder beside `path`, where they are written every few seconds and when
    the run ends, however it ends; the table appears under its name when it is complete, and so does the TIFF file
    `labels` with the labels image of every frame, where one is wanted. With `resume` the chunks of a killed run are
    kept, if it was the same run. What the table's format or place would refuse, or a decoder that makes no labels, is
    refused before the work begins.
    """
    path, labels = Path(path), None if labels is None else Path(labels)
    check_target(path, format=format, pixel_size_nm=plan.view.stack.pixel_size_nm, overwrite=overwrite)
    if labels is not None:
        check_gives_labels(plan.model)
        check_suffix(labels)
        check_free(labels, overwrite=overwrite)
    parts = PartFolder(path, images=() if labels is None else ("labels",))
    fingerprint = fingerprint_of(plan) | ({} if labels is None else {"labels": True})
    parts.start(fingerprint, resume=resume, overwrite=overwrite)
    unwritten: list[Chunk] = []
    began = time.monotonic()
    try:
        for chunk in localize_iter(plan, skip=parts.finished(), cancel=cancel, progress=progress):
            if unwritten and unwritten[-1].index + 1 != chunk.index:  # what lies between is there already
                _write_part(parts, unwritten)
            unwritten.append(chunk if parts.images else replace(chunk, images={}))
            if time.monotonic() - began >= PART_SECONDS or _is_much(unwritten):
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
    if labels is not None:
        _write_labels(plan, parts, table, labels, overwrite=overwrite)
    write_localizations(table, path, format=format, overwrite=overwrite)
    parts.remove()
    return table


def check_gives_labels(model: Localizer) -> None:
    """PinpointError unless the model's decoder makes a labels image of every frame."""
    if "labels" not in model.decoder.images:
        give = ", ".join(name for name in DECODERS if "labels" in DECODERS[name].images)
        raise PinpointError(
            f"The model {model.spec.name} gives points, but no labels: its decoder {model.decoder_part.name} finds no "
            f"outlines. Labels come from the decoders {give}; choose one that fits, another model, or no labels."
        )


def _is_much(chunks: list[Chunk]) -> bool:
    """Whether chunks should be written before their time."""
    rows = sum(len(chunk.localizations) for chunk in chunks)
    size = sum(image.nbytes for chunk in chunks for image in chunk.images.values())
    return rows >= PART_ROWS or size >= PART_BYTES


def _write_part(parts: PartFolder, chunks: list[Chunk]) -> None:
    """Write consecutive chunks as one part, and forget them."""
    if chunks:
        table = Localizations.concatenate(chunk.localizations for chunk in chunks)
        images = {name: np.concatenate([chunk.images[name] for chunk in chunks]) for name in parts.images}
        parts.write(range(chunks[0].index, chunks[-1].index + 1), table, images)
        chunks.clear()


def _write_labels(plan: Plan, parts: PartFolder, table: Localizations, path: Path, *, overwrite: bool) -> None:
    """Write the labels of all frames as a TIFF file, 16 bits wide where that is enough."""
    dtype = "uint16" if table["blob"].max(initial=0) < 2**16 else "int32"
    data = parts.collect_image("labels", (plan.n_frames, *plan.view.spatial_shape), dtype)
    seen = plan.view.stack
    stack = Stack(data, "T" + plan.view.spatial_axes, pixel_size_nm=seen.pixel_size_nm, z_step_nm=seen.z_step_nm)
    write_stack(stack, path, overwrite=overwrite, compress=True)
