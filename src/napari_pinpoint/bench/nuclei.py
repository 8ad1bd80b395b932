"""Nuclei: LCFCN learns to count them from one point in each, and nothing else.

The images (Data Science Bowl 2018, fluorescence) are of several kinds: nuclei of 8 to 50 pixels, alone and in heaps,
bright and dim ones in the same image. What LCFCN is given of the annotation are points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from napari_pinpoint.augmentation import Augmentation
from napari_pinpoint.bench import Tell, tell_nobody
from napari_pinpoint.bench.baselines import NucleiCounter, tuned_nuclei_counter
from napari_pinpoint.bench.cache import hash_of_files, in_quick, trained_on
from napari_pinpoint.bench.nuclei_figures import counts_figure, examples_figure
from napari_pinpoint.datasets import Dataset, read_dataset
from napari_pinpoint.evaluation import bootstrap, bootstrap_difference, game_per_frame
from napari_pinpoint.inference import localize_iter, plan
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.model import Localizer, ModelSpec
from napari_pinpoint.registry import Part
from napari_pinpoint.reports.writing import Goal, Picture, Section, Table
from napari_pinpoint.sampling import DatasetSource
from napari_pinpoint.training import TrainingSpec

Array = np.ndarray[Any, Any]

#: The last names, in order, are the test part. Network, steps and decoder were chosen with those before them held out;
#: the model that is scored learns from them as well.
N_TEST, N_CHOICE = 40, 30
#: Largest share of the baseline's error that LCFCN is to have.
TO_REACH = 0.7
LEVELS = (0, 1, 2, 3)

MODEL = ModelSpec(
    name="nuclei",
    summary="Counts nuclei in fluorescence images; learned from points (LCFCN).",
    backbone=Part(name="unet", options={"widths": [16, 32, 64], "stem": 2, "stride": 2, "batch_norm": True}),
    method=Part(name="lcfcn"),
    decoder=Part(name="blobs", options={"min_area_px": 8}),
    # One grid cell for the whole image: large nuclei are as wide as the cells of a finer grid. Dim nuclei beside bright
    # ones count as well, hence the strong compression.
    normalization=Part(name="local", options={"cell": 1024, "low": 10, "high": 99.5, "compress": 20}),
)
TRAINING = TrainingSpec(steps=4_000, batch=4, learning_rate=2e-3, warm_up=100, averaging=0.995, precision="bf16-mixed")
WINDOW = 256
#: A nucleus that a window cuts through may have its point outside: along cuts nothing is believed.
RIM = 2
AUGMENTATION = Augmentation(scale=(0.7, 1.4), contrast=0.25, brightness=0.1, noise=(0, 0.08))


@dataclass(frozen=True)
class Counted:
    """What a method found in the test images, and how wrong it is.

    `found` has one table for each image, in frame 0; `game` (n_images, levels) the grid average mean absolute errors.
    """

    found: Sequence[Localizations]
    game: Array

    def mean(self, images: Array, level: int = 0) -> float:
        """GAME(level) of some images; level 0 is the mean absolute error of the count."""
        return float(self.game[images, level].mean())


class Nuclei:
    """The task; see the module."""

    name: ClassVar[str] = "nuclei"
    title: ClassVar[str] = "Nuclei counted by LCFCN, learned from points only"
    needs_data: ClassVar[bool] = True

    def run(self, folder: Path, data: Path | None, *, quick: bool = False, progress: Tell = tell_nobody) -> Section:
        assert data is not None  # it needs data
        whole = read_dataset(data / "nuclei")
        training, test = whole[:-N_TEST], whole[-N_TEST:]
        if quick:
            training, test = training[:6], test[:4]
        model = trained_model(training, folder, quick=quick, progress=progress)
        progress("tuning Otsu and watershed", 0, 1)
        images = [_pixels(training, i) for i in range(len(training))]
        tried: dict[str, Any] = {"smoothings": (1,), "roundings": (1,)} if quick else {}
        counter = tuned_nuclei_counter(images, [len(sample.table) for sample in training], **tried)

        labels, found = zip(*(blobs_of(model, test, i) for i in range(len(test))), strict=True)
        ours = _counted(found, test)
        usual = _counted([counter(_pixels(test, i)) for i in range(len(test))], test)
        pictures = _pictures(test, labels, ours, usual)
        return _section(
            self.title, _said(model, len(training), counter), ours, usual, [len(s.table) for s in test], pictures
        )


def trained_model(learn: Dataset, folder: Path, *, quick: bool = False, progress: Tell = tell_nobody) -> Localizer:
    """The model that was trained on those images."""
    window = 64 if quick else WINDOW
    return trained_on(
        MODEL,
        in_quick(TRAINING) if quick else TRAINING,
        folder,
        source=lambda: DatasetSource(points_only(learn), window=window, augmentation=AUGMENTATION, rim=RIM),
        data={
            "images": hash_of_files(sample.image for sample in learn if isinstance(sample.image, Path)),
            "n_points": learn.n_points,
            "window": window,
            "rim": RIM,
            "augmentation": AUGMENTATION.model_dump(mode="json"),
        },
        progress=progress,
    )


def points_only(dataset: Dataset) -> Dataset:
    """The same images with nothing but one point in each object."""
    tables = (Localizations({name: sample.table[name] for name in ("frame", "y", "x")}) for sample in dataset)
    return dataset.with_samples(replace(sample, table=table) for sample, table in zip(dataset, tables, strict=True))


def blobs_of(model: Localizer, dataset: Dataset, index: int) -> tuple[Array, Localizations]:
    """The blobs (Y, X) and points of one image."""
    (chunk,) = localize_iter(plan(dataset[index].view(), model, device="cpu"))
    return chunk.images["labels"][0], chunk.localizations


def _pixels(dataset: Dataset, index: int) -> Array:
    """One image (Y, X) in counts."""
    pixels: Array = dataset[index].view().read(0, 1)[0, 0]
    return pixels


def _counted(found: Sequence[Localizations], dataset: Dataset) -> Counted:
    game = [
        [game_per_frame(table, sample.table, level=level, shape=sample.shape, frames=(0, 1))[0] for level in LEVELS]
        for table, sample in zip(found, dataset, strict=True)
    ]
    return Counted(found, np.array(game))


def _said(model: Localizer, n_learn: int, counter: NucleiCounter) -> str:
    """How LCFCN and the baseline came to be."""
    return (
        f"LCFCN learned from one point in each nucleus of {n_learn} other images, for "
        f"{model.record.get('seconds', 0) / 60:.0f} minutes ({model.record.get('threads', 1)} threads); nothing else "
        f"of the annotation was used. Network, steps and decoder were chosen with {N_CHOICE} of these held out, "
        f"nothing on the test images. The baseline is tuned on the same images: Gaussian blur {counter.smoothing:g} "
        f"px, distances smoothed by {counter.rounding:g} px, at least {counter.min_area} pixels, centres at least "
        f"{counter.min_distance} px apart."
    )


def _section(
    title: str, said: str, ours: Counted, usual: Counted, n_true: list[int], pictures: list[Picture]
) -> Section:
    """What came out: errors with intervals, and where they come from."""
    n = len(n_true)
    both = {"LCFCN": ours, "Otsu + distance watershed": usual}
    rows: list[list[str | float | None]] = []
    results = {}
    for name, counted in both.items():
        error = np.array([len(table) for table in counted.found]) - n_true
        intervals = [bootstrap(partial(counted.mean, level=level), n) for level in LEVELS]
        rows.append([name, *map(str, intervals), float(error.mean()), int((error == 0).sum())])
        results[name] = {
            "mae": intervals[0].to_dict(),
            "game": [interval.to_dict() for interval in intervals],
            "bias": float(error.mean()),
            "n_exact": int((error == 0).sum()),
        }
    images = np.arange(n)
    ratio = bootstrap(lambda some: ours.mean(some) / usual.mean(some) if usual.mean(some) else np.nan, n)
    less = bootstrap_difference(ours.mean, usual.mean, n)
    table = Table(
        ("method", "MAE = GAME(0)", *(f"GAME({level})" for level in LEVELS[1:]), "bias", f"exact, of {n}"),
        rows,
        f"Errors of the count per image, with 95 % intervals over the {n} test images; mean count "
        f"{np.mean(n_true):.1f}. GAME(L) sums errors over 4^L parts of an image.",
    )
    return Section(
        title,
        [
            said,
            table,
            f"LCFCN's error is {ratio} of the baseline's; the difference of the two is {less} nuclei an image.",
            *pictures,
        ],
        [
            Goal("MAE of LCFCN as a share of the baseline's", ours.mean(images) / usual.mean(images), at_most=TO_REACH),
        ],
        {"methods": results, "ratio": ratio.to_dict(), "difference": less.to_dict(), "n_true": n_true},
    )


def _pictures(test: Dataset, labels: Sequence[Array], ours: Counted, usual: Counted) -> list[Picture]:
    """Counts against truth, and images: the worst of each kind of error, and ordinary ones."""
    true = np.array([len(sample.table) for sample in test])
    counts = {
        "LCFCN": np.array([len(table) for table in ours.found]),
        "Otsu + watershed": np.array([len(table) for table in usual.found]),
    }
    order = np.argsort(-np.abs(counts["LCFCN"] - true), kind="stable")
    shown = [*order[:3], *order[len(order) // 2 :][:3]]
    examples = [(test[i].name, _pixels(test, i), labels[i], ours.found[i], test[i].table) for i in dict.fromkeys(shown)]
    return [
        Picture.of(
            counts_figure(true, counts),
            "nuclei-counts",
            "Nuclei found against those that are there, one mark for each test image; on the line all is right.",
        ),
        Picture.of(
            examples_figure(examples),
            "nuclei-examples",
            "Outlines of the blobs and their points (crosses) on test images, and the true points (circles). Upper "
            "row: where LCFCN errs most; lower row: ordinary images. What is shown is the square root of brightness.",
        ),
    ]
