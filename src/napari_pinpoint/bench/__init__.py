"""Published studies, made again by one command each: train, score, and say in a report what came out.

A *task* is one row of the side-by-side comparison `pinpoint bench methods`: data, the methods that are meant for it,
a baseline, and the figures to reach. What was tuned is tuned on training data; test data are only scored.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from napari_pinpoint.registry import Registry

if TYPE_CHECKING:
    from napari_pinpoint.reports.writing import Section

#: Called with words, and the part that is done of how much.
Tell = Callable[[str, float, float], None]


def tell_nobody(text: str, done: float, total: float) -> None:
    """A `Tell` for whoever does not watch."""


class Task(Protocol):
    """What a task of the comparison is made of; an instance is made without arguments."""

    #: What it is called on the command line.
    name: ClassVar[str]
    #: What it is called in the report.
    title: ClassVar[str]
    #: Whether it scores real data, which are to be given.
    needs_data: ClassVar[bool]

    def run(self, folder: Path, data: Path | None, *, quick: bool = False, progress: Tell = tell_nobody) -> Section:
        """Train what is not there yet, score it, and say what came out.

        Parameters
        ----------
        folder
            The folder of the whole comparison: `bench.cache` keeps trained models in it. The task itself writes
            nothing there; figures go into the section.
        data
            The folder of the development data; never None where the task `needs_data`.
        quick
            Train for seconds, on little, only to see that everything works; the scores then mean nothing.
        progress
            Told what is done; `bench.cache` tells it of trainings.
        """


TASKS: Registry[type[Any]] = Registry(
    "task",
    (
        "dense",
        "Dense emitters: every method that gives points, trained on simulation only.",
        "napari_pinpoint.bench.dense:DenseEmitters",
    ),
    (
        "nuclei",
        "Nuclei counted by LCFCN, trained on points only.",
        "napari_pinpoint.bench.nuclei:Nuclei",
    ),
    (
        "cells",
        "Blood cells in boxes by CenterNet.",
        "napari_pinpoint.bench.cells:BloodCells",
    ),
    (
        "spots",
        "Spots of RNA: every method that gives points, trained on two images and tested on a third.",
        "napari_pinpoint.bench.spots:Spots",
    ),
    (
        "pixel",
        "One bright pixel among noise and clutter, beside an ideal estimator.",
        "napari_pinpoint.bench.pixel:BrightPixel",
    ),
)
