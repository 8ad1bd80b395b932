"""The record of a run: how a table came to be, as plain JSON values."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_pinpoint import __version__
from napari_pinpoint.io.provenance import hash_of_sample
from napari_pinpoint.model import Localizer
from napari_pinpoint.region import Region
from napari_pinpoint.stack import StackView

if TYPE_CHECKING:
    from napari_pinpoint.inference.planning import LocalizeSettings, Plan


def record_of(
    view: StackView, model: Localizer, settings: LocalizeSettings, region: Region | None, device: torch.device
) -> dict[str, Any]:
    """How the table came to be, as plain JSON values; `pinpoint rerun` reads it."""
    stack = view.stack
    return {
        "format": 1,
        "input": {
            "path": stack.path,
            "sha256_of_sample": hash_of_sample(stack.path),
            "shape": list(stack.shape),
            "dtype": str(stack.dtype),
            **view.describe(),
        },
        "pixel_size_nm": stack.pixel_size_nm,
        "z_step_nm": stack.z_step_nm,
        "sources": dict(stack.sources),
        "camera": stack.camera.to_record(),
        "model": {
            "name": model.spec.name,
            "version": model.spec.version,
            "fingerprint": model.fingerprint(),
            "path": model.path,
        },
        "settings": settings.model_dump(mode="json"),
        "region": None if region is None else region.to_record(),
        "device": str(device),
        "versions": {
            "napari-pinpoint": __version__,
            "python": platform.python_version(),
            "torch": str(torch.__version__),
            "numpy": np.__version__,
        },
        "steps": [{"step": "localize"}],
    }


def fingerprint_of(plan: Plan) -> dict[str, Any]:
    """What must agree for the parts of a killed run to be used."""
    kept = ("input", "pixel_size_nm", "camera", "model", "settings")
    region = plan.record["region"]
    return {
        **{name: plan.record[name] for name in kept},
        "region": region and region["sha256"],
        "chunk_frames": plan.chunk_frames,
    }
