"""Trained once: models of the studies, kept under the hash of everything that decides their weights."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from napari_pinpoint.bench import Tell, tell_nobody
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.model import Localizer, ModelSpec, count_parameters, load_model, save_model
from napari_pinpoint.registry import Part
from napari_pinpoint.reports.writing import Table
from napari_pinpoint.sampling import SampleSource
from napari_pinpoint.training import Progress, Recipe, TrainingSpec, train_iter, train_recipe
from napari_pinpoint.training.state import Validation

#: Steps of a training that only shows that everything works.
QUICK_STEPS = 12


def trained(recipe: Recipe, folder: str | Path, *, device: str = "auto", progress: Tell = tell_nobody) -> Localizer:
    """The model that a recipe makes: from the cache in `folder`, or trained now and put there.

    Parameters
    ----------
    recipe
        What to train on what. Its hash, all of it, is the name in the cache; a training that was interrupted goes on.
        What it leaves at its default is not part of the hash: a study names what matters.
    folder
        Of the study; models lie in its subfolder `models`.
    """
    return _kept(
        recipe.model,
        model_path(recipe, folder),
        lambda checkpoints: train_recipe(recipe, folder=checkpoints, device=device),
        progress,
    )


def trained_on(
    model: ModelSpec,
    training: TrainingSpec,
    folder: str | Path,
    *,
    source: Callable[[], SampleSource],
    validation: Callable[[], Validation | None] = lambda: None,
    data: Mapping[str, Any],
    start: Callable[[], Localizer | None] = lambda: None,
    device: str = "auto",
    progress: Tell = tell_nobody,
) -> Localizer:
    """As `trained`, for what learns from images instead of a scene.

    Parameters
    ----------
    source, validation
        Make what `train_iter` takes; only called when there is something to train.
    data
        Plain values that tell these data from all others (names, options, `hash_of_files`); they go into the hash of
        the model's name and into its record.
    start
        Makes the model to begin with; `data` has to say which that is.
    """
    made_from = {"model": model.model_dump(mode="json"), "data": dict(data)}
    return _kept(
        model,
        _path(folder, model.name, {"model": _named(model), "training": _named(training), "data": dict(data)}),
        lambda checkpoints: train_iter(
            model,
            training,
            source=source(),
            validation=validation(),
            start=start(),
            folder=checkpoints,
            device=device,
            made_from=made_from,
        ),
        progress,
    )


def model_path(recipe: Recipe, folder: str | Path) -> Path:
    """Where the cache in `folder` keeps what a recipe makes."""
    return _path(folder, recipe.model.name, _named(recipe))


def hash_of_files(paths: Iterable[str | Path]) -> str:
    """A short hash of the names and contents of files, in the order in which they are given."""
    digest = hashlib.sha256()
    for path in map(Path, paths):
        digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def in_quick(training: TrainingSpec, *, batch: int = 4) -> TrainingSpec:
    """The same training, only long enough to see that everything works."""
    return training.model_copy(
        update={"steps": QUICK_STEPS, "batch": batch, "validate_every": QUICK_STEPS, "warm_up": 2, "report_every": 4}
    )


def training_table(models: Mapping[str, Localizer]) -> Table:
    """How each of some models was made: one row each, under the names that they are given."""
    columns = ("", "method", "network", "parameters", "steps x batch", "precision", "minutes", "on")
    rows = []
    for name, model in models.items():
        record, training = model.record, TrainingSpec.model_validate(model.record["training"])
        rows.append(
            (
                name,
                _said(model.spec.method),
                _said(model.spec.backbone),
                count_parameters(model),
                f"{record['steps_done']:,} x {training.batch}",
                training.precision,
                f"{record['seconds'] / 60:.1f}",
                f"{record['device']}, {record['threads']} thread{'s' if record['threads'] > 1 else ''}",
            )
        )
    return Table(columns, rows, "Trainings")


def _said(part: Part) -> str:
    """A part in words: its name, and its options where there are any."""
    options = ", ".join(f"{name} {json.dumps(value)}" for name, value in part.options.items())
    return f"{part.name} ({options.replace(chr(34), '')})" if options else part.name


def _named(options: BaseModel) -> dict[str, Any]:
    """What differs from the defaults: an option that is added some day does not make old models worthless."""
    return options.model_dump(mode="json", exclude_defaults=True)


def _path(folder: str | Path, name: str, identity: Mapping[str, Any]) -> Path:
    text = json.dumps(identity, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return Path(folder) / "models" / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}.safetensors"


def _kept(
    spec: ModelSpec, path: Path, train: Callable[[Path], Iterator[Progress | Localizer]], progress: Tell
) -> Localizer:
    """The model at `path`; trained first, with checkpoints beside it while that lasts, where there is none."""
    if path.is_file():
        model = load_model(path)
        if model.spec != spec:
            raise PinpointError(
                f"{path} is a model of another kind than its name promises; remove it to have it trained anew."
            )
        return model
    checkpoints = path.with_suffix(".training")
    checkpoints.mkdir(parents=True, exist_ok=True)
    for report in train(checkpoints):
        if isinstance(report, Localizer):
            save_model(report, path, overwrite=True)
            shutil.rmtree(checkpoints)
            return load_model(path)
        progress(f"training {spec.name}", report.step, report.steps)
    raise RuntimeError("a training ended without a model")
