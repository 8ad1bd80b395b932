"""train_iter and train: from a scene or annotated images to a model."""

from __future__ import annotations

import math
import os
import queue
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from napari_pinpoint.datasets import Dataset
from napari_pinpoint.errors import PinpointError, PinpointWarning
from napari_pinpoint.model import Localizer, ModelSpec
from napari_pinpoint.sampling import Batch, SampleSource
from napari_pinpoint.training.recalibrating import frames_of, recalibrated
from napari_pinpoint.training.sources import sources_of
from napari_pinpoint.training.spec import Progress, Recipe, TrainingSpec
from napari_pinpoint.training.state import Run, Validation


def train_recipe(
    recipe: Recipe,
    *,
    dataset: Dataset | str | os.PathLike[str] | None = None,
    folder: str | os.PathLike[str] | None = None,
    start: Localizer | None = None,
    device: str = "auto",
) -> Iterator[Progress | Localizer]:
    """Train what a recipe says; yields progress and, last, the model, recalibrated if the recipe has frames for it.

    Parameters
    ----------
    dataset
        The annotated images, or where they are; else the recipe says so.
    folder, start, device
        As for `train_iter`.
    """
    sources = sources_of(recipe, dataset)
    for report in train_iter(
        recipe.model,
        recipe.training,
        source=sources.source,
        validation=sources.validation,
        folder=folder,
        start=start,
        device=device,
        made_from={**recipe.model_dump(mode="json"), **sources.made_from},
    ):
        if isinstance(report, Localizer) and recipe.recalibration_frames:
            report = _recalibrated(report, recipe, device)
        yield report


def _recalibrated(model: Localizer, recipe: Recipe, device: str) -> Localizer:
    """The trained model, recalibrated; as it is, with a warning, where it finds too little for that."""
    try:
        return recalibrated(model, frames_of(recipe), device=device)
    except PinpointError as error:
        warnings.warn(f"The model is not recalibrated: {error}", PinpointWarning, stacklevel=2)
        return model


def train(
    what: ModelSpec | Recipe, *args: Any, progress: Callable[[Progress], None] | None = None, **kwargs: Any
) -> Localizer:
    """Train to the end: `train_recipe` for a recipe, else `train_iter`. `progress` is called with every report.

    Examples
    --------
    Ten pictures of a bright spot, as files would give them by ``read_dataset(folder)``:

    >>> import numpy as np
    >>> from napari_pinpoint import Localizations, train
    >>> from napari_pinpoint.datasets import Dataset, Sample
    >>> from napari_pinpoint.training import recipe_for
    >>> image = np.random.default_rng(0).normal(100, 5, (32, 32))
    >>> image[11:14, 19:22] += 200
    >>> spot = Localizations({"frame": [0], "y": [12], "x": [20]})
    >>> dataset = Dataset(tuple(Sample(image, spot, str(number)) for number in range(10)))
    >>> recipe = recipe_for(dataset, method="gaussian", steps=2)
    >>> train(recipe, dataset=dataset, device="cpu").spec.method.name
    'gaussian'
    """
    model: Localizer | None = None
    reports = train_recipe(what, *args, **kwargs) if isinstance(what, Recipe) else train_iter(what, *args, **kwargs)
    for report in reports:
        if isinstance(report, Localizer):
            model = report
        elif progress is not None:
            progress(report)
    if model is None:
        raise RuntimeError("the training ended without a model")
    return model


def train_iter(
    spec: ModelSpec,
    training: TrainingSpec,
    *,
    source: SampleSource,
    validation: Validation | None = None,
    folder: str | os.PathLike[str] | None = None,
    start: Localizer | None = None,
    device: str = "auto",
    made_from: dict[str, Any] | None = None,
) -> Iterator[Progress | Localizer]:
    """Train a model; yields progress and, last, the model.

    Parameters
    ----------
    spec, training
        What to build and how to train it.
    source
        Where batches come from. Batch n depends on the seed and n alone, so a run can be continued anywhere.
    validation
        A stack and its truth, or several such pairs (`Dataset.pairs`), whose images may differ in size; a third part
        of a pair is the `Region` in which its truth is complete. It is localized as users do it; the weights (their
        moving average) with the best Jaccard index are kept. Without it the last ones are.
    folder
        Where checkpoints go. If one of the same training lies there, it goes on from it and ends with the same
        weights as a run that was never interrupted (on a CPU).
    start
        A model whose weights to begin with, instead of random ones.
    made_from
        Goes into the model's record, beside versions and scores.
    """
    run = Run(spec, training, validation, Path(folder) if folder else None, start, device, made_from or {})
    began = time.monotonic() - run.seconds
    with closing(_prefetched(source, run)) as batches:
        yield from _steps(run, batches, began)
    yield run.result()


def _steps(run: Run, batches: Iterator[Batch], began: float) -> Iterator[Progress]:
    """Learn until the last step, or until validation no longer gains; reports on the way."""
    training = run.training
    sums: dict[str, Tensor] = {}
    reported = run.step
    for step in range(run.step, training.steps):
        terms = run.learn(next(batches).to(run.fabric.device))
        for name, value in terms.items():
            sums[name] = sums.get(name, torch.zeros(())) + value.cpu()
        done = step + 1
        checked = done % training.validate_every == 0 or done == training.steps
        if not checked and done % training.report_every:
            continue
        means = {name: float(value) / (done - reported) for name, value in sums.items()}
        sums, reported = {}, done
        loss = sum(means.values())
        if not math.isfinite(loss):  # before such weights become a checkpoint
            raise PinpointError(f"The loss became {loss} by step {done}; try a smaller learning rate.")
        run.seconds = time.monotonic() - began
        scores, best = run.validate() if checked else ({}, False)
        if checked:
            run.seconds = time.monotonic() - began
        left = run.seconds / done * (training.steps - done)
        report = Progress(done, training.steps, loss, means, run.seconds, left, scores, best)
        run.note(report)
        if checked:
            run.save()
        yield report
        if checked and training.patience is not None and run.stale >= training.patience:
            return


def _prefetched(source: SampleSource, run: Run) -> Generator[Batch]:
    """Batches from the run's step on, drawn in a thread while the network learns from the one before."""
    ready: queue.Queue[Batch | BaseException] = queue.Queue(maxsize=4)
    stop = threading.Event()
    first, seed, size = run.step, run.training.seed, run.training.batch

    def work() -> None:
        for step in range(first, run.training.steps):
            try:
                item: Batch | BaseException = source.draw(size, np.random.default_rng([seed, step]), run.normalization)
            except BaseException as error:
                item = error
            while not stop.is_set():
                try:
                    ready.put(item, timeout=0.1)
                    break
                except queue.Full:
                    continue
            if stop.is_set() or isinstance(item, BaseException):
                return

    thread = threading.Thread(target=work, name="pinpoint-batches", daemon=True)
    thread.start()
    try:
        while True:
            item = ready.get()
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        thread.join()
