"""What the form says about a model, and about what it will compute on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.plugin.torch_loading import load_torch


@dataclass(frozen=True)
class ModelFacts:
    """What a user may want to know of a model.

    Parameters
    ----------
    control
        The column that its sensitivity is controlled by.
    threshold, min_contrast
        Its own least probability and contrast, None where contrast does not matter.
    summary, parts
        What it is for, and what it is made of.
    device
        What a run computes on, or why it cannot.
    """

    control: Literal["probability", "contrast"]
    threshold: float
    min_contrast: float | None
    summary: str
    parts: str
    device: str

    @property
    def own(self) -> float:
        """Its own value of what it is controlled by."""
        return self.threshold if self.min_contrast is None else self.min_contrast


def facts_of(model: str, device: str) -> ModelFacts:
    """Read a model; call it in a thread, for it brings torch."""
    load_torch()
    from napari_pinpoint.inference import describe_device
    from napari_pinpoint.model import count_parameters, load_model

    localizer = load_model(model)
    spec = localizer.spec
    decoder = type(localizer.decoder).__name__ if spec.decoder is None else spec.decoder.name
    try:
        words = describe_device(device)
    except PinpointError as error:
        words = f"Error: {error}"
    return ModelFacts(
        control="probability" if spec.min_contrast is None else "contrast",
        threshold=float(localizer.decoder.threshold),
        min_contrast=spec.min_contrast,
        summary=spec.summary,
        parts=(
            f"{spec.name}, version {spec.version}: backbone {spec.backbone.name}, method {spec.method.name}, "
            f"decoder {decoder}, normalization {spec.normalization.name}; {count_parameters(localizer):,} parameters."
        ),
        device=words,
    )
