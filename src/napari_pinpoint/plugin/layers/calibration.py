"""What is known of an image layer: the size of its pixels and its camera."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from napari_pinpoint.camera import CAMERA_FIELDS, Camera
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.plugin.layers.axes import full_shape
from napari_pinpoint.stack import Stack

#: Where a layer's metadata hold what napari has no place for.
KEY = "pinpoint"


def own_metadata(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    """Our part of a layer's metadata, empty where there is none."""
    own = metadata.get(KEY)
    return own if isinstance(own, Mapping) else {}


class Calibration(NamedTuple):
    """What is known of a layer, in the order in which `CameraForm.show_calibration` takes it.

    `sources` say where the pixel size came from; those of the camera's numbers are `camera.sources`.
    """

    pixel_size_nm: float | None = None
    camera: Camera = Camera()
    sources: dict[str, str] = {}  # noqa: RUF012 (a field of a tuple, replaced and never changed)
    camera_name: str | None = None


def image_metadata(stack: Stack) -> dict[str, Any]:
    """Metadata for an image layer, from which its pixel size and camera are found again."""
    return {
        KEY: {
            "pixel_size_nm": stack.pixel_size_nm,
            "camera": stack.camera.to_record(),
            "sources": dict(stack.sources),
            "camera_name": stack.metadata.get("camera_name"),
        }
    }


def layer_calibration(layer: Any) -> Calibration:
    """Pixel size, camera and the camera's name of an image layer, as far as they are known, and who says so.

    The layer itself comes first: our metadata, scale and units. What it does not say is taken from the TIFF that it
    was opened from, for napari's own reader drops all of that.
    """
    own = own_metadata(layer.metadata)
    pixel_size, camera = pixel_size_of(layer.scale, layer.units, layer.metadata), camera_of(layer.metadata)
    of_stack = own.get("sources") if own.get("pixel_size_nm") is not None else None
    known = Calibration(
        pixel_size,
        camera,
        {"pixel_size_nm": "scale of the layer", **(of_stack or {})} if pixel_size is not None else {},
        own.get("camera_name"),
    )
    path = layer.source.path
    if (pixel_size is not None and camera.sources) or path is None or not Path(path).is_file():
        return known
    from napari_pinpoint.io.images import read_stack  # opening the dock does not wait for the readers

    try:
        stack = read_stack(path)
    except (PinpointError, OSError):  # napari opens more than TIFF
        return known
    if stack.shape[-2:] != full_shape(layer)[-2:]:
        return known
    if pixel_size is None and stack.pixel_size_nm is not None:
        known = known._replace(pixel_size_nm=stack.pixel_size_nm, sources=dict(stack.sources))
    return known._replace(
        camera=camera if camera.sources else stack.camera,
        camera_name=known.camera_name or stack.metadata.get("camera_name"),
    )


def pixel_size_of(scale: Sequence[float], units: Sequence[Any], metadata: Mapping[str, Any]) -> float | None:
    """Size of a pixel in nanometres: what our metadata say, else scale and units along y and x; None if unknown.

    Pixels that are not square have no one size, and so none is known.
    """
    known = own_metadata(metadata).get("pixel_size_nm")
    if known is not None:
        return float(known)
    if len(units) < 2 or not all(unit.is_compatible_with("nm") for unit in units[-2:]):
        return None
    y, x = (abs(float((size * unit).to("nm").magnitude)) for size, unit in zip(scale[-2:], units[-2:], strict=True))
    # Twelve digits hide what the change of units adds: 0.1 um are 100 nm and not 99.99999999999999.
    return float(f"{x:.12g}") if x > 0 and abs(y / x - 1) < 0.01 else None


def camera_of(metadata: Mapping[str, Any]) -> Camera:
    """The camera that a layer's metadata describe, as far as they do (see `Camera.to_record`)."""
    record = own_metadata(metadata).get("camera") or {}
    numbers = {name: record[name] for name in CAMERA_FIELDS if isinstance(record.get(name), int | float)}
    return Camera().with_values("metadata of the layer", **numbers)
