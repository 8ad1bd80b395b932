"""What is known of an image layer, and who says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from napari.layers import Image

from napari_pinpoint.camera import Camera
from napari_pinpoint.plugin.layers.calibration import Calibration, image_metadata, layer_calibration
from napari_pinpoint.stack import Stack

pytestmark = pytest.mark.gui
FRAMES = np.zeros((3, 8, 9), np.uint16)


def test_a_layer_that_knows_nothing() -> None:
    assert layer_calibration(Image(FRAMES))[0::2] == (None, {})
    assert layer_calibration(Image(FRAMES)).camera_name is None


def test_scale_and_units_of_the_layer() -> None:
    known = layer_calibration(Image(FRAMES, scale=(1, 0.1, 0.1), units=("pixel", "um", "um")))
    assert (known.pixel_size_nm, known.sources) == (100.0, {"pixel_size_nm": "scale of the layer"})


def test_what_a_stack_knew_is_known_of_its_layer() -> None:
    camera = Camera(offset_adu=100, sources={"offset_adu": "given"})
    sources = {"pixel_size_nm": "OME metadata"}
    stack = Stack(FRAMES, "TYX", camera, 90.0, sources=sources, metadata={"camera_name": "Andor iXon"})
    known = layer_calibration(Image(FRAMES, metadata=image_metadata(stack)))
    assert (known.pixel_size_nm, known.sources, known.camera_name) == (90.0, sources, "Andor iXon")
    assert known.camera.offset_adu == 100


def test_what_napari_s_reader_drops_is_taken_from_the_file(
    tmp_path: Path, make_napari_viewer: Callable[..., Any]
) -> None:
    resolution = (1 / 0.117, 1 / 0.117)
    tifffile.imwrite(
        tmp_path / "a.tif", FRAMES, imagej=True, resolution=resolution, metadata={"axes": "TYX", "unit": "um"}
    )
    (layer,) = make_napari_viewer().open(tmp_path / "a.tif", plugin="napari")
    known = layer_calibration(layer)
    assert known.pixel_size_nm == pytest.approx(117)
    assert known.sources["pixel_size_nm"] == "ImageJ metadata"
    assert isinstance(known, Calibration)
