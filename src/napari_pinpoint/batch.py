"""Localizing many files: one that fails does not stop the others, and what is finished is not done again."""

from __future__ import annotations

import glob
import os
import re
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any, Literal

from napari_pinpoint.errors import PinpointError, PinpointWarning
from napari_pinpoint.inference import Plan, localize_to_file
from napari_pinpoint.io.file_series import SUFFIXES, natural_key
from napari_pinpoint.io.tiff import open_tiff


@dataclass(frozen=True)
class Job:
    """A stack, the table that it is localized into, and the file for the labels of its frames where they are wanted."""

    source: str
    output: Path
    labels: Path | None = None

    @property
    def is_done(self) -> bool:
        """Whether all that it makes is there."""
        return self.output.exists() and (self.labels is None or self.labels.exists())


@dataclass(frozen=True)
class Outcome:
    """What became of a job; `reason` says why it failed. One that was cancelled can be gone on with."""

    source: str
    output: str
    status: Literal["done", "skipped", "failed", "cancelled"]
    localizations: int | None = None
    frames: int | None = None
    seconds: float | None = None
    reason: str | None = None
    labels: str | None = None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def is_folder(output: str) -> bool:
    """Whether an output is meant as a folder: it is one, or its name ends in a slash or has no suffix."""
    separators = tuple(filter(None, (os.sep, os.altsep)))
    return os.path.isdir(output) or output.endswith(separators) or not Path(output).suffix


def find_stacks(inputs: Sequence[str]) -> list[str]:
    """The stacks that `inputs` name: files, the images right in a folder, and what a glob matches (``**`` too).

    Files that belong to the data set of one before are not stacks of their own. A file that does not exist stays in
    the list: it is that job which fails, not all.
    """
    found: list[str] = []
    for name in inputs:
        if os.path.isdir(name):
            files = [str(file) for file in Path(name).iterdir() if file.suffix.lower() in SUFFIXES]
            missing = f"there are no images ({', '.join(SUFFIXES)}) in this folder"
        elif glob.has_magic(name) and not os.path.exists(name):
            files = [file for file in glob.glob(name, recursive=True) if not os.path.isdir(file)]
            missing = "no file matches"
        else:
            found.append(name)
            continue
        if not files:
            raise PinpointError(f"{name}: {missing}.")
        found += _first_of_data_sets(sorted(files, key=lambda file: natural_key(Path(file))))
    return list(dict.fromkeys(found))


def _first_of_data_sets(files: Sequence[str]) -> list[str]:
    """The files without those that an earlier one names as parts of its data set."""
    first, parts = [], set[Path]()
    for file in files:
        path = Path(file).absolute()
        if path in parts:
            continue
        first.append(file)
        with warnings.catch_warnings(), suppress(PinpointError):  # both come again when it is localized
            warnings.simplefilter("ignore", PinpointWarning)
            parts.update(open_tiff(path).files)
    return first


def plan_jobs(
    sources: Sequence[str], folder: str | Path, *, suffix: str, labels: str | Path | None = None
) -> list[Job]:
    """Jobs that write ``folder/NAME.suffix`` for every source, and ``labels/NAME-labels.tif`` where that is given.

    Two sources must not want the same table.
    """
    owner: dict[Path, str] = {}
    for source in sources:
        output = Path(folder) / (_stem(source) + suffix)
        if output in owner:
            raise PinpointError(
                f"{owner[output]} and {source} would both be written to {output}; localize them into two folders."
            )
        owner[output] = source
    images = {source: None if labels is None else Path(labels) / f"{_stem(source)}-labels.tif" for source in sources}
    return [Job(source, output, images[source]) for output, source in owner.items()]


def run_job(
    job: Job,
    plan: Plan,
    *,
    format: str | None = None,
    resume: bool = False,
    overwrite: bool = False,
    cancel: Event | None = None,
    progress: Callable[[Plan, float], None] | None = None,
) -> Outcome:
    """Localize one stack into its table.

    Parameters
    ----------
    job, plan
        The stack and the table, and how it is localized.
    format, resume, overwrite, cancel
        As for `localize_to_file`.
    progress
        Called with the plan and how many of its frames are done, a fraction where frames are large.
    """
    began = time.monotonic()
    work = localize_to_file(
        plan,
        job.output,
        format=format,
        labels=job.labels,
        resume=resume,
        overwrite=overwrite,
        cancel=cancel,
        progress=None if progress is None else partial(progress, plan),
    )
    table = None
    try:
        while True:
            next(work)
    except StopIteration as end:
        table = end.value
    if table is None:
        return Outcome(job.source, str(job.output), "cancelled")
    seconds = round(time.monotonic() - began, 2)
    labels = None if job.labels is None else str(job.labels)
    return Outcome(job.source, str(job.output), "done", len(table), plan.n_frames, seconds, labels=labels)


def run_jobs(
    jobs: Sequence[Job],
    prepare: Callable[[str], Plan],
    *,
    format: str | None = None,
    resume: bool = False,
    overwrite: bool = False,
    cancel: Event | None = None,
    progress: Callable[[Plan, float], None] | None = None,
) -> Iterator[Outcome]:
    """Localize stack after stack; yields what became of each, up to the one that is cancelled.

    `prepare` opens a stack and plans the work on it. A table that is there is not made again, and one that was
    interrupted is gone on with; with `overwrite` only if `resume` says so, too. The rest is as for `run_job`.
    """
    for job in jobs:
        if cancel is not None and cancel.is_set():
            return
        if job.is_done and not overwrite:
            yield Outcome(job.source, str(job.output), "skipped")
            continue
        try:
            plan = prepare(job.source)
            go_on = resume or not overwrite
            yield run_job(job, plan, format=format, resume=go_on, overwrite=overwrite, cancel=cancel, progress=progress)
        except (PinpointError, OSError) as error:
            yield Outcome(job.source, str(job.output), "failed", reason=str(error))
        except MemoryError:
            reason = "there is too little memory for it; work on smaller tiles"
            yield Outcome(job.source, str(job.output), "failed", reason=reason)


def _stem(source: str) -> str:
    """The file's name without what says its format: movie for movie.tif and for movie.ome.tif."""
    endings = "|".join(map(re.escape, SUFFIXES))
    return re.sub(rf"(\.ome)?({endings})$", "", Path(source).name, flags=re.IGNORECASE)
