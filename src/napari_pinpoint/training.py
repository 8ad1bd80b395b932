"""TrainingSpec, train_iter, train: from a scene or annotated images to a model."""

from __future__ import annotations

import json
import math
import os
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import yaml
from lightning_fabric import Fabric
from pydantic import BaseModel, Field, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from napari_pinpoint import __version__
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.evaluation.scores import evaluate
from napari_pinpoint.inference import choose_device, localize
from napari_pinpoint.io.atomic import complete_file
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.model import Localizer, ModelSpec, Part, save_model
from napari_pinpoint.sampling import Batch, SampleSource, SceneSource
from napari_pinpoint.scenes import SCENES
from napari_pinpoint.stack import Stack, StackView
from napari_pinpoint.zoo import RECIPES


class TrainingSpec(BaseModel, extra="forbid", frozen=True):
    """How long and how to train."""

    steps: int = Field(default=20_000, ge=1)
    batch: int = Field(default=16, ge=1, description="Windows per step.")
    learning_rate: float = Field(default=1e-3, gt=0, description="At the start; it follows a cosine down to 1 %.")
    warm_up: int = Field(default=200, ge=0, description="Steps over which the learning rate rises at first.")
    clip: float = Field(default=1.0, gt=0, description="Largest norm of the gradient.")
    averaging: float = Field(default=0.998, ge=0, lt=1, description="Decay of the moving average of the weights.")
    seed: int = 0
    report_every: int = Field(default=50, ge=1, description="Steps between two reports.")
    validate_every: int = Field(default=2_000, ge=1, description="Steps between two validations and checkpoints.")
    patience: int | None = Field(default=None, ge=1, description="Validations without gain after which to stop.")
    tolerance_px: float = Field(default=0.5, gt=0, description="Distance within which validation counts a match.")
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"


class Recipe(BaseModel, extra="forbid", frozen=True):
    """All that makes a model again: what it is, what it learns from, and how."""

    model: ModelSpec
    scene: Part
    validation: Part = Field(description="The scene that validation frames are drawn from, once.")
    validation_frames: int = Field(default=20, ge=1)
    training: TrainingSpec = TrainingSpec()


@dataclass(frozen=True)
class Progress:
    """How far a training is: reported every few steps, and with scores after a validation."""

    step: int
    steps: int
    loss: float
    terms: dict[str, float]
    seconds: float
    seconds_left: float
    validation: dict[str, float | None] = field(default_factory=dict)
    best: bool = False

    def to_dict(self) -> dict[str, Any]:
        return dict(self.__dict__)


def read_recipe(name: str | os.PathLike[str]) -> Recipe:
    """The recipe of a model that ships, or one from a YAML file."""
    path = RECIPES.get(str(name), Path(name))
    if not path.is_file():
        raise PinpointError(
            f"There is no recipe {str(name)!r}: neither a file nor one of {', '.join(RECIPES) or 'none'}."
        )
    try:
        return Recipe.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, ValidationError, UnicodeDecodeError) as error:
        raise PinpointError(f"{path}: the recipe cannot be used: {error}") from error


def scene_of(part: Part) -> Any:
    """The scene that a recipe names."""
    try:
        return SCENES[part.name](**part.options)
    except (TypeError, ValidationError) as error:
        raise PinpointError(f"The options of the scene {part.name} do not fit: {error}") from error


def train_recipe(
    recipe: Recipe, *, folder: str | os.PathLike[str] | None = None, device: str = "auto"
) -> Iterator[Progress | Localizer]:
    """Train what a recipe says; yields progress and, last, the model."""
    validation = scene_of(recipe.validation).sample(recipe.validation_frames, np.random.default_rng(20_251_121))
    yield from train_iter(
        recipe.model,
        recipe.training,
        source=SceneSource(scene_of(recipe.scene)),
        validation=validation,
        folder=folder,
        device=device,
        made_from=recipe.model_dump(mode="json"),
    )


def train(*args: Any, progress: Callable[[Progress], None] | None = None, **kwargs: Any) -> Localizer:
    """`train_iter` to its end: the trained model. `progress` is called with every report."""
    model: Localizer | None = None
    for report in train_iter(*args, **kwargs):
        if isinstance(report, Localizer):
            model = report
        elif progress is not None:
            progress(report)
    if model is None:
        raise RuntimeError("train_iter ended without a model")
    return model


def train_iter(
    spec: ModelSpec,
    training: TrainingSpec,
    *,
    source: SampleSource,
    validation: tuple[Stack | StackView, Localizations] | None = None,
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
        A stack and its truth. It is localized as users do it; the weights (their moving average) with the best
        Jaccard index are kept. Without it the last ones are.
    folder
        Where checkpoints go. If one of the same training lies there, it goes on from it and ends with the same
        weights as a run that was never interrupted (on a CPU).
    start
        A model whose weights to begin with, instead of random ones.
    made_from
        Goes into the model's record, beside versions and scores.
    """
    run = _Run(spec, training, validation, Path(folder) if folder else None, start, device, made_from or {})
    began = time.monotonic() - run.seconds
    with closing(_prefetched(source, run)) as batches:
        yield from _steps(run, batches, began)
    yield run.result()


def _steps(run: _Run, batches: Iterator[Batch], began: float) -> Iterator[Progress]:
    """Learn until the last step, or until validation no longer gains; reports on the way."""
    training = run.training
    sums: dict[str, Tensor] = {}
    for step in range(run.step, training.steps):
        terms = run.learn(next(batches).to(run.fabric.device))
        for name, value in terms.items():
            sums[name] = sums.get(name, torch.zeros(())) + value.cpu()
        done = step + 1
        checked = done % training.validate_every == 0 or done == training.steps
        if not checked and done % training.report_every:
            continue
        since = (done - 1) % training.report_every + 1
        means = {name: float(value) / since for name, value in sums.items()}
        sums = {}
        run.seconds = time.monotonic() - began
        scores, best = run.validate() if checked else ({}, False)
        if checked:
            run.seconds = time.monotonic() - began
            run.save()
        left = run.seconds / done * (training.steps - done)
        yield Progress(done, training.steps, sum(means.values()), means, run.seconds, left, scores, best)
        if not math.isfinite(sum(means.values())):
            raise PinpointError(f"The loss became {sum(means.values())} at step {done}; try a smaller learning rate.")
        if checked and training.patience is not None and run.stale >= training.patience:
            return


class _Run:
    """The state of a training: what a checkpoint holds, and the operations on it."""

    def __init__(
        self,
        spec: ModelSpec,
        training: TrainingSpec,
        validation: tuple[Stack | StackView, Localizations] | None,
        folder: Path | None,
        start: Localizer | None,
        device: str,
        made_from: dict[str, Any],
    ) -> None:
        self.spec, self.training, self.validation, self.folder = spec, training, validation, folder
        self.made_from = made_from
        chosen = choose_device(device)
        devices = [chosen.index] if chosen.index is not None else 1
        self.fabric = Fabric(accelerator=chosen.type, devices=devices, precision=training.precision)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(training.seed)
            model = Localizer(spec)
        if start is not None:
            _copy_weights(start, model)
        if spec.dims == 2:
            model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = deepcopy(model).to(chosen).eval()
        self.best: dict[str, Tensor] | None = None
        self.method = model.method
        self.normalization = model.normalization
        optimizer = torch.optim.Adam(model.parameters(), lr=training.learning_rate)
        self.model, self.optimizer = self.fabric.setup(model, optimizer)
        self.step, self.seconds, self.stale = 0, 0.0, 0
        self.best_score = -math.inf
        self.scores: dict[str, float | None] = {}
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            if (folder / "checkpoint.safetensors").is_file():
                self._load(folder / "checkpoint.safetensors")

    def learn(self, batch: Batch) -> dict[str, Tensor]:
        """One step; returns the terms of the loss."""
        training = self.training
        for group in self.optimizer.param_groups:
            group["lr"] = _learning_rate(training, self.step)
        inputs = batch.inputs
        if inputs.dim() == 4:
            inputs = inputs.contiguous(memory_format=torch.channels_last)
        maps = self.model(inputs)
        target = self.method.target(batch.points, tuple(batch.valid.shape[1:]))
        terms = self.method.loss(maps, target, batch.valid, progress=self.step / training.steps)
        self.optimizer.zero_grad(set_to_none=True)
        self.fabric.backward(sum(terms.values()))
        self.fabric.clip_gradients(
            self.model,
            self.optimizer,
            max_norm=training.clip,
            error_if_nonfinite=False,  # reported with advice
        )
        self.optimizer.step()
        self.step += 1
        # A young average forgets faster, or it would remember the random start.
        decay = min(training.averaging, self.step / (self.step + 10))
        with torch.no_grad():
            for slow, fast in zip(self.average.parameters(), self.model.parameters(), strict=True):
                slow.lerp_(fast, 1 - decay)
        return {name: value.detach() for name, value in terms.items()}

    def validate(self) -> tuple[dict[str, float | None], bool]:
        """Localize the validation stack with the averaged weights; keep them if they are the best so far."""
        if self.validation is None:
            return {}, False
        stack, truth = self.validation
        found = localize(stack, self.average, device=str(self.fabric.device))
        all_scores = evaluate(found, truth, tolerance_px=self.training.tolerance_px).to_dict()
        scores = {name: all_scores[name] for name in ("jaccard", "precision", "recall", "rmse_px")}
        score = scores["jaccard"] if scores["jaccard"] is not None else -math.inf
        best = score > self.best_score
        if best:
            self.best_score, self.scores, self.stale = score, scores, 0
            self.best = {name: value.detach().cpu().clone() for name, value in self.average.state_dict().items()}
        else:
            self.stale += 1
        return scores, best

    def result(self) -> Localizer:
        """The best model, on the CPU, with the record of its making."""
        record = {
            **self.made_from,
            "training": self.training.model_dump(mode="json"),
            "steps_done": self.step,
            "seconds": round(self.seconds, 1),
            "device": str(self.fabric.device),
            "threads": torch.get_num_threads(),
            "validation": self.scores,
            "versions": {"napari-pinpoint": __version__, "torch": str(torch.__version__)},
        }
        model = Localizer(self.spec, record=record)
        model.load_state_dict(self.best or {k: v.cpu() for k, v in self.average.state_dict().items()})
        return model.eval()

    def save(self) -> None:
        """Write a checkpoint, and the best model so far as a model that can be used."""
        if self.folder is None:
            return
        tensors = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        tensors |= {f"average.{k}": v for k, v in self.average.state_dict().items()}
        tensors |= {f"best.{k}": v for k, v in (self.best or {}).items()}
        for index, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{k}": torch.as_tensor(v) for k, v in state.items()}
        header = self._identity() | {
            "step": self.step,
            "seconds": self.seconds,
            "stale": self.stale,
            "best_score": self.best_score if math.isfinite(self.best_score) else None,
            "scores": self.scores,
        }
        cpu = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        data = save(cpu, metadata={"checkpoint": json.dumps(header)})
        with complete_file(self.folder / "checkpoint.safetensors", overwrite=True) as temporary:
            temporary.write_bytes(data)
        save_model(self.result(), self.folder / "best.safetensors", overwrite=True)

    def _identity(self) -> dict[str, Any]:
        """What must agree for a checkpoint to be continued."""
        return {"spec": self.spec.model_dump(mode="json"), "training": self.training.model_dump(mode="json")}

    def _load(self, path: Path) -> None:
        try:
            with safe_open(path, framework="pt") as file:
                header = json.loads((file.metadata() or {})["checkpoint"])
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a mapping)
        except (SafetensorError, KeyError, ValueError, OSError) as error:
            raise PinpointError(
                f"{path} is not a checkpoint, or it is damaged ({error}). Remove it to start anew."
            ) from error
        if {key: header.get(key) for key in self._identity()} != self._identity():
            raise PinpointError(f"{path} belongs to another training. Give another folder, or remove it to start anew.")

        def group(prefix: str) -> dict[str, Tensor]:
            return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}

        self.model.load_state_dict(group("model."))
        self.average.load_state_dict(group("average."))
        self.best = group("best.") or None
        state = self.optimizer.state_dict()
        state["state"] = {}
        for key, value in group("optimizer.").items():
            index, _, name = key.partition(".")
            state["state"].setdefault(int(index), {})[name] = value
        self.optimizer.load_state_dict(state)
        self.step, self.seconds, self.stale = header["step"], header["seconds"], header["stale"]
        self.best_score = -math.inf if header["best_score"] is None else header["best_score"]
        self.scores = header["scores"]


def _learning_rate(training: TrainingSpec, step: int) -> float:
    """Linear warm-up, then a cosine from the full rate to 1 % of it."""
    rise = min(1.0, (step + 1) / max(1, training.warm_up))
    fall = 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / training.steps))
    return training.learning_rate * rise * fall


def _prefetched(source: SampleSource, run: _Run) -> Generator[Batch]:
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


def _copy_weights(source: Localizer, target: Localizer) -> None:
    try:
        target.load_state_dict(source.state_dict())
    except RuntimeError as error:
        raise PinpointError(
            f"The model {source.spec.name} cannot be continued as {target.spec.name}: their networks differ ({error})."
        ) from error
