"""The state of a training: what a checkpoint holds, and the operations on it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from napari_pinpoint import __version__
from napari_pinpoint.datasets import one_after_another
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.evaluation.scores import evaluate
from napari_pinpoint.inference import choose_device, localize
from napari_pinpoint.io.atomic import complete_file
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.model import Localizer, ModelSpec, save_model
from napari_pinpoint.region import Region
from napari_pinpoint.sampling import Batch
from napari_pinpoint.stack import Stack, StackView
from napari_pinpoint.training.spec import Progress, TrainingSpec

#: What to validate on: a stack and its truth, or several, of any sizes.
Pair = tuple[Stack | StackView, Localizations]
#: Of a pair that is annotated in a part only, that part goes with it.
Check = tuple[Stack | StackView, Localizations, Region | None]
Validation = Pair | Sequence[Pair | Check]


class Run:
    """The state of a training: what a checkpoint holds, and the operations on it."""

    def __init__(
        self,
        spec: ModelSpec,
        training: TrainingSpec,
        validation: Validation | None,
        folder: Path | None,
        start: Localizer | None,
        device: str,
        made_from: dict[str, Any],
    ) -> None:
        self.spec, self.training, self.validation, self.folder = spec, training, _as_checks(validation), folder
        self.made_from = json.loads(json.dumps(made_from))  # as a checkpoint gives it back
        if start is not None:
            self.made_from["start"] = start.fingerprint()
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
        self.curve: list[dict[str, float | None]] = []
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
        terms = self.method.loss(maps, target, batch.valid, progress=training.progress(self.step))
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
        _follow(self.average, self.model, 1 - min(training.averaging, self.step / (self.step + 10)))
        return {name: value.detach() for name, value in terms.items()}

    def validate(self) -> tuple[dict[str, float | None], bool]:
        """Localize what there is to validate on with the averaged weights; keep them if they are the best so far."""
        if not self.validation:
            return {}, False
        device = str(self.fabric.device)
        found = [localize(stack, self.average, region=part, device=device) for stack, _, part in self.validation]
        lengths = [stack.n_frames for stack, _, _ in self.validation]
        tables = (one_after_another(tables, lengths) for tables in (found, [truth for _, truth, _ in self.validation]))
        all_scores = evaluate(*tables, tolerance_px=self.training.tolerance_px).to_dict()
        scores = {name: all_scores[name] for name in ("jaccard", "precision", "recall", "rmse_px")}
        score = scores["jaccard"] if scores["jaccard"] is not None else -math.inf
        best = score > self.best_score
        if best:
            self.best_score, self.scores, self.stale = score, scores, 0
            self.best = {name: value.detach().cpu().clone() for name, value in self.average.state_dict().items()}
        else:
            self.stale += 1
        return scores, best

    def note(self, report: Progress) -> None:
        """Add a report to the curve: the step, the loss since the one before, and scores where it was validated."""
        scores = {name: value if value is None else round(value, 5) for name, value in report.validation.items()}
        self.curve.append({"step": report.step, "loss": float(f"{report.loss:.5g}"), **scores})

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
            "curve": self.curve,
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
            "curve": self.curve,
        }
        cpu = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        data = save(cpu, metadata={"checkpoint": json.dumps(header)})
        with complete_file(self.folder / "checkpoint.safetensors", overwrite=True) as temporary:
            temporary.write_bytes(data)
        save_model(self.result(), self.folder / "best.safetensors", overwrite=True)

    def _identity(self) -> dict[str, Any]:
        """What must agree for a checkpoint to be continued."""
        return {
            "spec": self.spec.model_dump(mode="json"),
            "training": self.training.model_dump(mode="json"),
            "made_from": self.made_from,
        }

    def _load(self, path: Path) -> None:
        try:
            with safe_open(path, framework="pt") as file:
                header = json.loads((file.metadata() or {})["checkpoint"])
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a mapping)
        except (SafetensorError, KeyError, ValueError, OSError) as error:
            raise PinpointError(
                f"{path} is not a checkpoint, or it is damaged ({error}). Remove it to start anew."
            ) from error
        identity = self._identity()
        different = [key for key, value in identity.items() if header.get(key, value) != value]
        if different:
            what = {"spec": "another model", "training": "other settings", "made_from": "other data"}
            of = " and ".join(what[key] for key in different)
            raise PinpointError(
                f"{path} belongs to another training, with {of}. Give another folder, or remove it to start anew."
            )

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
        self.curve = header.get("curve", [])  # checkpoints from before it was noted have none


def _as_checks(validation: Validation | None) -> list[Check]:
    if validation is None:
        return []
    if isinstance(validation, tuple) and len(validation) == 2 and isinstance(validation[1], Localizations):
        return [(validation[0], validation[1], None)]
    return [(given[0], given[1], given[2] if len(given) == 3 else None) for given in validation]  # type: ignore[misc]


def _copy_weights(source: Localizer, target: Localizer) -> None:
    try:
        target.load_state_dict(source.state_dict())
    except RuntimeError as error:
        raise PinpointError(
            f"The model {source.spec.name} cannot be continued as {target.spec.name}: their networks differ ({error})."
        ) from error


@torch.no_grad()
def _follow(average: nn.Module, model: nn.Module, share: float) -> None:
    """Move the average towards the model: its weights, and what its layers have measured (batch normalization)."""
    for slow, fast in zip(average.parameters(), model.parameters(), strict=True):
        slow.lerp_(fast, share)
    for kept, measured in zip(average.buffers(), model.buffers(), strict=True):
        if kept.is_floating_point():
            kept.lerp_(measured, share)
        else:
            kept.copy_(measured)


def _learning_rate(training: TrainingSpec, step: int) -> float:
    """Linear warm-up, then a cosine from the full rate to 1 % of it."""
    rise = min(1.0, (step + 1) / max(1, training.warm_up))
    fall = 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / training.steps))
    return training.learning_rate * rise * fall
