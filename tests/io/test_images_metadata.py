"""Pixel size, plane distance and frame times: only what a file really says, and with where it says it."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
import tifffile

from napari_pinpoint.errors import PinpointError, PinpointWarning
from napari_pinpoint.io.images import read_stack
from napari_pinpoint.io.stack_info import describe

IMAGES = np.ones((3, 8, 9), np.uint16)


def read(folder, *, images=IMAGES, name="a.tif", given=None, **kwargs):
    tifffile.imwrite(folder / name, images, photometric="minisblack", **kwargs)
    return read_stack(folder / name, **(given or {}))


@pytest.mark.parametrize(
    ("unit", "per_unit", "nm"),
    [
        ("micron", 10, 100),
        ("um", 9.259, 108),
        (r"\u00B5m", 10, 100),
        ("nm", 0.01, 100),
        ("mm", 1e4, 100),
        ("cm", 1e5, 100),
        ("pixel", 1, None),
        ("", 1, None),
        ("inch", 72, None),
    ],
)
def test_pixel_size_of_imagej(tmp_path, unit, per_unit, nm):
    stack = read(tmp_path, imagej=True, resolution=(per_unit, per_unit), metadata={"axes": "TYX", "unit": unit})
    assert stack.pixel_size_nm == (None if nm is None else pytest.approx(nm, rel=1e-3))
    assert stack.sources.get("pixel_size_nm") == (None if nm is None else "ImageJ metadata")


def test_z_step_and_times_of_imagej(tmp_path):
    meta = {"axes": "TZYX", "unit": "um", "spacing": 0.25, "finterval": 20, "tunit": "ms"}
    stack = read(tmp_path, images=np.ones((3, 4, 8, 9), np.uint16), imagej=True, resolution=(10, 10), metadata=meta)
    assert stack.z_step_nm == pytest.approx(250)
    np.testing.assert_allclose(stack.frame_times_s, [0, 0.02, 0.04])


@pytest.mark.parametrize(
    ("unit", "per_unit", "nm"),
    [("CENTIMETER", 1e5, 100), ("INCH", 254e3, 100), ("INCH", 72, None), ("INCH", 300, None), ("NONE", 1, None)],
)
def test_a_resolution_for_printing_is_no_pixel_size(tmp_path, unit, per_unit, nm):
    stack = read(tmp_path, resolution=(per_unit, per_unit), resolutionunit=unit)
    assert stack.pixel_size_nm == (None if nm is None else pytest.approx(nm, rel=1e-3))


def test_ome_units_are_converted(tmp_path):
    meta = {
        "axes": "TZYX",
        "PhysicalSizeX": 0.1,
        "PhysicalSizeXUnit": "µm",
        "PhysicalSizeY": 100,
        "PhysicalSizeYUnit": "nm",
        "PhysicalSizeZ": 0.00025,
        "PhysicalSizeZUnit": "mm",
        "TimeIncrement": 50,
        "TimeIncrementUnit": "ms",
    }
    stack = read(tmp_path, images=np.ones((3, 4, 8, 9), np.uint16), name="a.ome.tif", ome=True, metadata=meta)
    assert (stack.pixel_size_nm, stack.z_step_nm) == (pytest.approx(100), pytest.approx(250))
    assert stack.frame_times_s[2] == pytest.approx(0.1)
    assert stack.sources["frame_times_s"] == "OME metadata (TimeIncrement)"


def test_ome_times_of_every_frame_and_detector_settings(tmp_path):
    meta = {
        "axes": "TYX",
        "Plane": {"DeltaT": [0.0, 0.031, 0.059], "DeltaTUnit": ["s"] * 3},
    }
    stack = read(tmp_path, name="a.ome.tif", ome=True, metadata=meta)
    np.testing.assert_allclose(stack.frame_times_s, [0, 0.031, 0.059])
    assert stack.sources["frame_times_s"] == "OME metadata (DeltaT)"


def test_detector_gain_of_ome_has_no_unit_and_is_not_used(tmp_path):
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, IMAGES, ome=True)
    with tifffile.TiffFile(path) as tif:
        text = tif.ome_metadata
    settings = '<DetectorSettings ID="Detector:0" Gain="300.0" Offset="100.0"/>'
    text = text.replace('SamplesPerPixel="1"/>', f'SamplesPerPixel="1">{settings}</Channel>')
    text = text.replace('SamplesPerPixel="1"><LightPath/>', f'SamplesPerPixel="1">{settings}<LightPath/>')
    detector = (
        '<Instrument ID="Instrument:0"><Detector ID="Detector:0" Manufacturer="Andor" Model="iXon"/></Instrument>'
    )
    text = text.replace("<Image ", f"{detector}<Image ", 1)
    assert "DetectorSettings" in text
    tifffile.tiffcomment(path, text.encode())
    stack = read_stack(path)
    assert stack.metadata["detector"] == {"Model": "iXon", "Gain": "300.0", "Offset": "100.0"}
    assert stack.metadata["camera_name"] == "Andor iXon"
    assert not stack.camera.is_calibrated


def test_pixels_that_are_not_square_have_no_size(tmp_path):
    with pytest.warns(PinpointWarning, match=r"not square \(100 nm wide, 200 nm high"):
        stack = read(tmp_path, imagej=True, resolution=(10, 5), metadata={"axes": "TYX", "unit": "um"})
    assert stack.pixel_size_nm is None


def test_what_is_given_wins_and_says_so(tmp_path):
    given = {"pixel_size_nm": 65, "offset_adu": 100, "electrons_per_adu": 0.46, "frame_times_s": [0, 1, 3]}
    stack = read(tmp_path, imagej=True, resolution=(10, 10), metadata={"axes": "TYX", "unit": "um"}, given=given)
    assert (stack.pixel_size_nm, stack.sources["pixel_size_nm"]) == (65, "given")
    assert stack.camera.is_calibrated
    assert stack.camera.sources["offset_adu"] == "given"
    assert stack.frame_times_s[2] == 3


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"pixel_size_nm": -100}, "pixel_size_nm must be above 0, not -100"),
        ({"electrons_per_adu": 0}, "electrons per count must be above 0"),
        ({"gain": 2}, "A camera has no gain"),
        ({"frame_times_s": [0, 1]}, "3 times, but frame_times_s has 2 values"),
        ({"offset_adu": np.full((8, 8), 100.0)}, r"map offset_adu has shape \(8, 8\), the images .* have \(8, 9\)"),
    ],
)
def test_given_numbers_that_cannot_be(tmp_path, given, message):
    with pytest.raises(PinpointError, match=message):
        read(tmp_path, given=given)


def test_metadata_of_an_axis_that_was_renamed_are_dropped(tmp_path):
    stack = read(tmp_path, imagej=True, metadata={"axes": "TYX", "finterval": 0.1}, given={"axes": "ZYX"})
    assert stack.frame_times_s is None
    assert "frame_times_s" not in stack.sources


def test_no_warning_on_a_plain_file(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read(tmp_path)


def test_everything_known_is_described_in_json(tmp_path):
    meta = {"axes": "TYX", "unit": "um", "finterval": 0.1}
    stack = read(tmp_path, imagej=True, resolution=(10, 10), metadata=meta, given={"offset_adu": 100})
    known = json.loads(json.dumps(describe(stack)))
    assert known["path"].endswith("a.tif")
    assert (known["axes"], known["shape"], known["dtype"], known["bytes"]) == ("TYX", [3, 8, 9], "uint16", 432)
    assert known["sizes"] == {"time": 3, "row": 8, "column": 9}
    assert known["pixel_size_nm"] == {"value": pytest.approx(100), "source": "ImageJ metadata"}
    assert known["z_step_nm"] is None
    assert known["frame_interval_s"]["value"] == pytest.approx(0.1)
    assert known["camera"]["offset_adu"] == {"value": 100, "source": "given"}
    assert known["camera"]["em_gain"] == {"value": 1.0, "source": "assumed"}
    assert known["missing_for_photons"] == ["electrons per count"]
    assert known["hints"] == []


def test_an_em_gain_setting_becomes_a_hint(tmp_path):
    stack = read(tmp_path)
    stack.metadata["camera"] = {"Evolve-MultiplierGain": "300", "Evolve-Offset": "12"}
    hints = describe(stack)["hints"]
    assert len(hints) == 1
    assert "Evolve-MultiplierGain = 300" in hints[0]
    assert describe(stack.with_values(em_gain=300))["hints"] == []


@pytest.mark.data
def test_numbers_of_real_files(data_folder):
    demo = read_stack(data_folder / "smlm_high_density/ArtificialDataset_demo1.tif")
    assert demo.pixel_size_nm == pytest.approx(100)
    telomeres = read_stack(data_folder / "unlabelled/timelapse_telomeres_2d.tif")
    assert telomeres.pixel_size_nm == pytest.approx(110)
    assert telomeres.frame_times_s[-1] == pytest.approx(199 * 0.05)
    assert read_stack(data_folder / "tables/locan/images.tif").pixel_size_nm is None  # 100 pixels in a "pixel"
    assert read_stack(data_folder / "unlabelled/stuck.tif").pixel_size_nm is None
