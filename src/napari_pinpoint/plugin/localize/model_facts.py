"""What the form says about a model, and about what it will compute on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.plugin.work.torch_loading import load_torch
from napari_pinpoint.registry import Part

if TYPE_CHECKING:
    from napari_pinpoint.model import Localizer


@dataclass(frozen=True)
class DecoderFacts:
    """What a user may want to know of a decoder.

    Parameters
    ----------
    summary
        One line.
    problem
        Why it does not fit the model, empty where it does.
    threshold
        Its own least probability.
    options
        Those that the model gives it.
    function
        Name of its own threshold function, None where it takes none.
    """

    summary: str
    problem: str = ""
    threshold: float = 0.5
    options: Mapping[str, Any] = field(default_factory=dict)
    function: str | None = None


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
    decoder, decoders
        The name of its own decoder, and all decoders by name; its own has the model's options.
    functions
        Threshold functions by name, with one line each.
    """

    control: Literal["probability", "contrast"]
    threshold: float
    min_contrast: float | None
    summary: str
    parts: str
    device: str
    decoder: str
    decoders: Mapping[str, DecoderFacts]
    functions: Mapping[str, str]


def facts_of(model: str, device: str) -> ModelFacts:
    """Read a model; call it in a thread, for it brings torch."""
    load_torch()
    from napari_pinpoint.decoders import DECODERS
    from napari_pinpoint.decoders.thresholds import THRESHOLDS
    from napari_pinpoint.inference import describe_device
    from napari_pinpoint.model import count_parameters, load_model

    localizer = load_model(model)
    spec = localizer.spec
    own = localizer.decoder_part
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
            f"decoder {own.name}, normalization {spec.normalization.name}; {count_parameters(localizer):,} parameters."
        ),
        device=words,
        decoder=own.name,
        decoders={name: _decoder_facts(localizer, own if name == own.name else Part(name=name)) for name in DECODERS},
        functions={name: entry.summary for name, entry in THRESHOLDS.entries.items()},
    )


def _decoder_facts(localizer: Localizer, part: Part) -> DecoderFacts:
    from napari_pinpoint.decoders import DECODERS

    summary = DECODERS.entry(part.name).summary
    try:
        decoder = localizer.build_decoder(part)
    except PinpointError as error:  # it needs other maps, or its package is broken
        return DecoderFacts(summary, str(error))
    function = getattr(decoder, "function", None)
    return DecoderFacts(
        summary,
        threshold=float(decoder.threshold),
        options=part.options,
        function=function.name if isinstance(function, Part) else None,
    )
