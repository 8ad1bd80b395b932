"""ModelSpec, Localizer, save and load. Models are data, never code: one safetensors file, nothing is unpickled."""

from __future__ import annotations

import copy
import hashlib
import json
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, Field, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from napari_pinpoint.decoders import DECODERS, Decoded
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.io.atomic import complete_file
from napari_pinpoint.methods import METHODS
from napari_pinpoint.networks import BACKBONES
from napari_pinpoint.normalization import NORMALIZATIONS
from napari_pinpoint.recalibration import Recalibration
from napari_pinpoint.registry import Part
from napari_pinpoint.zoo import ZOO

FORMAT = "napari-pinpoint model"
FORMAT_VERSION = 1


class Domain(BaseModel, extra="forbid", frozen=True):
    """What a model was trained for, as (low, high); None where it does not matter."""

    pixel_size_nm: tuple[float, float] | None = None
    psf_sigma_px: tuple[float, float] | None = None
    photons: tuple[float, float] | None = None
    background: tuple[float, float] | None = None
    density_per_px: tuple[float, float] | None = None


class ModelSpec(BaseModel, extra="forbid", frozen=True):
    """Everything that makes a model besides its weights: it is the form, the file's header and the record."""

    name: str = Field(description="What users call the model.")
    summary: str = Field(default="", description="One line for menus.")
    backbone: Part = Part(name="unet")
    method: Part = Part(name="matching")
    decoder: Part | None = Field(default=None, description="The method's own decoder where none is given.")
    normalization: Part = Part(name="photons")
    dims: Literal[1, 2, 3] = Field(default=2, description="Spatial axes.")
    channels: int = Field(default=1, ge=1)
    classes: tuple[str, ...] = Field(default=(), description="Names of what it tells apart; one kind has no name.")
    context_frames: Literal[1] = Field(default=1, description="Frames seen at a time.")
    min_contrast: float | None = Field(
        default=None,
        ge=0,
        description="Least contrast-to-noise of what is kept; where it is set, it is the control of sensitivity.",
    )
    recalibration: Recalibration | None = Field(
        default=None, description="Brings probabilities and uncertainties in line with what was seen."
    )
    domain: Domain = Domain()
    version: int = Field(default=1, ge=1, description="Counts up when the same model is trained anew.")


class Localizer(nn.Module):
    """A network with its normalization and decoder: frames in, localizations out.

    Parameters
    ----------
    spec
        What to build; parts that do not fit together are refused, with what would fit.
    record
        How the weights came to be, as plain JSON values.
    """

    def __init__(self, spec: ModelSpec, *, record: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self.spec, self.record = spec, dict(record or {})
        self.path: str | None = None  # the file it came from, unless it ships
        self.method = METHODS.make(spec.method, **self._classes())
        if spec.dims not in self.method.supported_dims:
            dims = ", ".join(map(str, sorted(self.method.supported_dims)))
            raise PinpointError(f"The method {spec.method.name} works on {dims} spatial axes, not on {spec.dims}.")
        channels = spec.channels * spec.context_frames
        self.backbone = BACKBONES.make(spec.backbone, channels=channels, dims=spec.dims)
        self.head = self.method.head(self.backbone.out_channels, dims=spec.dims, stride=self.backbone.stride)
        self.decoder = self.build_decoder(self.decoder_part)
        self.normalization = NORMALIZATIONS.make(spec.normalization)

    @property
    def decoder_part(self) -> Part:
        """Name and options of its decoder."""
        return self.spec.decoder or Part(name=self.method.default_decoder)

    @property
    def grid(self) -> int:
        """Spatial sizes of the input must be multiples of this."""
        return int(self.backbone.grid)

    @property
    def halo(self) -> int:
        """Pixels of context around a window, a multiple of `grid`, within which it can influence a point."""
        # A decoder of whole frames gets the maps of all windows together.
        reach = 0 if self.decoder.scope == "frame" else self.decoder.reach + self.recalibration.reach
        needed = self.backbone.radius + self.backbone.stride + reach
        return int(-(-needed // self.grid)) * self.grid

    def forward(self, inputs: Tensor) -> dict[str, Tensor]:
        """Normalized frames (B, channels, \\*spatial) to maps."""
        return self.head(self.backbone(inputs))  # type: ignore[no-any-return]

    def decode(self, maps: dict[str, Tensor], *, threshold: float | None = None) -> Decoded:
        """Points of a batch: `frame` is the index in the batch, positions are pixels of the input.

        Probabilities, their `threshold` among them, and uncertainties are those of the recalibration.
        """
        if threshold is not None and not 0 < threshold <= 1:
            raise PinpointError(f"The threshold is a probability above 0 and at most 1, not {threshold}.")
        least = self.decoder.threshold if threshold is None else threshold
        recalibration = self.recalibration
        decoder = self.decoder.model_copy(update={"threshold": recalibration.needed(least)})
        decoded = self._named(decoder(maps, stride=self.backbone.stride))
        if recalibration == Recalibration():
            return decoded
        table = recalibration(decoded.localizations)
        return Decoded(table.select(table["probability"] >= np.float32(least)), decoded.images)

    @property
    def recalibration(self) -> Recalibration:
        """What is made of the decoder's answers: nothing, where its rows cannot be selected by their probability."""
        selectable = self.decoder.selectable and not self.decoder.images
        return (self.spec.recalibration if selectable else None) or Recalibration()

    def fingerprint(self) -> str:
        """A short hash of spec and weights: the same model, the same string."""
        # What came after the first models counts only where it is set: theirs stay what tables already say.
        later = {"min_contrast": None, "classes": (), "recalibration": None}
        unset = {name for name, empty in later.items() if getattr(self.spec, name) == empty}
        digest = hashlib.sha256(self.spec.model_dump_json(exclude=unset).encode())
        for name, tensor in sorted(self.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]

    def build_decoder(self, part: Part) -> Any:
        """The decoder of that name; PinpointError where it needs maps that the method does not give."""
        decoder = DECODERS.make(part)
        lacking = set(decoder.needs) - set(self.method.outputs)
        if lacking:
            raise PinpointError(
                f"The decoder {part.name} needs {', '.join(sorted(lacking))}, which the method {self.spec.method.name} "
                f"does not give; decoders that fit: {', '.join(decoders_for(self.method.outputs))}."
            )
        return decoder

    def with_decoder(self, part: Part) -> Localizer:
        """The same network, sharing its weights, with another decoder.

        A recalibration goes only with the decoder that it was made for.
        """
        same = part.name == self.decoder_part.name
        return self._with(decoder=part, recalibration=self.spec.recalibration if same else None)

    def recalibrated(self, recalibration: Recalibration | None) -> Localizer:
        """The same network, sharing its weights, with another recalibration or none; its threshold keeps its place.

        Where probabilities move, the decoder's own threshold moves with them, so that it keeps the same points.
        """
        threshold = self.recalibration.said(self.decoder.threshold)
        other = self._with(recalibration=recalibration)
        moved = other.recalibration.seen(threshold)
        if moved == self.decoder.threshold:
            return other
        part = self.decoder_part
        options = {**part.options, "threshold": float(f"{moved:.3g}")}
        return other._with(decoder=part.model_copy(update={"options": options}))

    def _with(self, **changes: Any) -> Localizer:
        """The same network with another decoder or recalibration in its spec."""
        other = copy.copy(self)
        other.spec = self.spec.model_copy(update=changes)
        other.decoder = self.build_decoder(other.decoder_part)
        return other

    def _classes(self) -> dict[str, int]:
        """The option that tells the method how many classes there are, where they have names."""
        if not self.spec.classes:
            return {}
        if "classes" not in METHODS[self.spec.method.name].model_fields:
            raise PinpointError(
                f"The method {self.spec.method.name} does not tell classes apart ({', '.join(self.spec.classes)})."
            )
        return {"classes": len(self.spec.classes)}

    def _named(self, decoded: Decoded) -> Decoded:
        """With the names of the classes in the place of their indices."""
        table, names = decoded.localizations, self.spec.classes
        if not names:
            return decoded
        index = np.array(table["label"], dtype=int) if "label" in table else np.zeros(len(table), dtype=int)
        labels = np.array([*names, None], dtype=object)[index]
        return Decoded(table.with_columns(label=labels), decoded.images)


def decoders_for(outputs: Collection[str]) -> tuple[str, ...]:
    """Names of the decoders that can read a method's `outputs`."""
    return tuple(name for name in DECODERS if set(DECODERS[name].needs) <= set(outputs))


def save_model(model: Localizer, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write a model to one safetensors file whose header holds its spec and record."""
    header = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "spec": model.spec.model_dump(mode="json"),
        "record": model.record,
    }
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    data = save(weights, metadata={"pinpoint": json.dumps(header)})
    with complete_file(Path(path), overwrite=overwrite) as temporary:
        temporary.write_bytes(data)


def load_model(name: str | os.PathLike[str]) -> Localizer:
    """A model by the name it ships under, or from a file.

    Raises
    ------
    PinpointError
        If there is no such model, or the file is not a model, damaged, or from a newer version.
    """
    path = ZOO.get(str(name), Path(name))
    if not path.is_file():
        known = ", ".join(ZOO) or "none"
        raise PinpointError(
            f"There is no model {str(name)!r}: it is neither a file nor one of those that ship ({known})."
        )
    header, weights = _read(path)
    try:
        spec = ModelSpec.model_validate(header["spec"])
    except (KeyError, ValidationError) as error:
        raise PinpointError(f"{path}: the model's description cannot be understood: {error}") from error
    model = Localizer(spec, record=header.get("record"))
    expected = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    found = {key: tuple(value.shape) for key, value in weights.items()}
    if expected != found:
        odd = sorted(k for k in expected.keys() | found.keys() if expected.get(k) != found.get(k))
        raise PinpointError(f"{path}: weights and description of the model do not fit together (at {odd[0]}).")
    model.load_state_dict(weights)
    model.path = None if str(name) in ZOO else str(path)
    return model.eval()


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Header and weights of a model file; anything else than a model says what it is."""
    with path.open("rb") as file:
        start = file.read(4)
    if start[:2] in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        raise PinpointError(
            f"{path} is a pickle (as torch.save writes it), which can run any code when opened. Models of "
            "napari-pinpoint are .safetensors files; pickles are never read."
        )
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get("pinpoint")
            header = _header(path, text)
            return header, {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a mapping)
    except (SafetensorError, OSError) as error:
        raise PinpointError(f"{path} is not a model file, or it is truncated or damaged ({error}).") from error


def _header(path: Path, text: str | None) -> dict[str, Any]:
    if text is None:
        raise PinpointError(
            f"{path} holds weights, but not a model of napari-pinpoint (its header says nothing of one)."
        )
    try:
        header = json.loads(text)
        version = int(header["format_version"])
    except (ValueError, KeyError, TypeError) as error:
        raise PinpointError(f"{path}: the header of the model is damaged ({error}).") from error
    if header.get("format") != FORMAT:
        raise PinpointError(f"{path} is a {header.get('format')!r}, not a {FORMAT!r}.")
    if version > FORMAT_VERSION:
        raise PinpointError(
            f"{path} was written by a newer napari-pinpoint (format {version}; this one reads up to {FORMAT_VERSION}). "
            "Update napari-pinpoint to use it."
        )
    return dict(header)


def count_parameters(module: nn.Module) -> int:
    """Number of trained parameters."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)
