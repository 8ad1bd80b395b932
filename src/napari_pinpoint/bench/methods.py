"""Every method on the task it was made for, side by side, in one report."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from napari_pinpoint.bench import TASKS, Tell, tell_nobody
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.reports.writing import Report


def choose(only: Collection[str], data: str | Path | None) -> tuple[str, ...]:
    """Names of the tasks to run, in their order; all of them where none is named.

    Raises
    ------
    PinpointError
        If there is no task of a name, or a task needs data that are not there.
    """
    for name in only:
        TASKS[name]  # of a name that does not exist it says what does
    names = tuple(name for name in TASKS if not only or name in only)
    needing = [name for name in names if TASKS[name].needs_data]
    if needing and data is None:
        raise PinpointError(
            f"The tasks {', '.join(needing)} score real data: give the folder of the development data (--data, or the "
            "variable PINPOINT_DATA), or choose other tasks (--only)."
        )
    if needing and data is not None and not Path(data).is_dir():
        raise PinpointError(
            f"{data} is not a folder; the tasks {', '.join(needing)} need that of the development data."
        )
    return names


def run(
    folder: str | Path,
    *,
    data: str | Path | None = None,
    only: Collection[str] = (),
    quick: bool = False,
    progress: Tell = tell_nobody,
) -> Report:
    """Train what is not in the cache in `folder` yet, and score all that was chosen.

    Parameters
    ----------
    folder
        Of the comparison; models lie in its subfolder `models`.
    data
        The folder of the development data.
    only
        Names of tasks; all of them where there is none.
    quick
        Train for seconds, on little, only to see that everything works; the scores then mean nothing.
    """
    sections = []
    for name in choose(only, data):
        progress(f"task {name}", 0, 1)
        task = TASKS[name]()
        sections.append(task.run(Path(folder), None if data is None else Path(data), quick=quick, progress=progress))
    return Report("Five methods and a mixture, each on its own task", _summary(quick), sections)


def _summary(quick: bool) -> list[str]:
    said = [
        "Each task trains the methods that are meant for it through one and the same path, and scores them on data "
        "that nothing was tuned on, beside what is usual for the task. Networks are small, none uses weights from "
        "elsewhere, and each is trained for at most 40 minutes on two cores.",
        "Intervals are 95 % bootstrap intervals over the images of the test part; where two are compared, both are "
        "drawn from the same images.",
    ]
    if quick:
        said.insert(0, "A QUICK RUN: trained for seconds, only to see that everything works. The scores mean nothing.")
    return said
