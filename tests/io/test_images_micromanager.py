"""Micro-Manager's files, written here byte by byte as its own programs lay them out."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
import tifffile

from napari_pinpoint.errors import PinpointWarning
from napari_pinpoint.io.images import read_stack

HAMAMATSU = {
    "PixelSizeUm": 0.108,
    "Core-Camera": "HamamatsuHam_DCAM",
    "HamamatsuHam_DCAM-CONVERSION FACTOR COEFF": "0.46",
    "HamamatsuHam_DCAM-CONVERSION FACTOR OFFSET": "100.0",
    "HamamatsuHam_DCAM-Binning": "1x1",
}


def page_at(offset, image, text, last):
    """A directory, the pixels and the metadata of a page that lies at `offset` of a little-endian file."""
    rows, columns = image.shape
    pixels = offset + 2 + 9 * 12 + 4
    tags = [(256, 4, 1, columns), (257, 4, 1, rows), (258, 3, 1, 16), (259, 3, 1, 1), (262, 3, 1, 1)]
    tags += [(273, 4, 1, pixels), (277, 3, 1, 1), (279, 4, 1, image.nbytes)]
    tags += [(51123, 2, len(text), pixels + image.nbytes)]
    end = pixels + image.nbytes + len(text)
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return directory + struct.pack("<I", 0 if last else end + end % 2) + image.astype("<u2").tobytes() + text


def write_mmstack(path, planes, summary, page=None):
    """A multi-page file: `planes` maps (channel, slice, frame, position) to a uint16 image."""
    summary = json.dumps({"MicroManagerVersion": "2.0", **summary}).encode()
    body = bytearray(struct.pack("<2sHIIIIIIIII", b"II", 42, 0, 54773648, 0, 483765892, 0, 0, 0, 2355492, len(summary)))
    body += summary
    index = b""
    for i, (place, image) in enumerate(planes.items()):
        body += b"\0" * (len(body) % 2)
        if i == 0:
            struct.pack_into("<I", body, 4, len(body))
        index += struct.pack("<5I", *place, len(body))
        text = json.dumps({"ElapsedTime-ms": 50.5 * place[2], **(page or {})}).encode() + b"\0"
        body += page_at(len(body), image, text, i == len(planes) - 1)
    struct.pack_into("<I", body, 12, len(body))
    path.write_bytes(bytes(body) + struct.pack("<II", 3453623, len(planes)) + index)


def write_ndtiff(folder, images, page):
    """One file and its index, version 3 of the format."""
    name, summary, index = "run_NDTiffStack.tif", b"{}", b""
    body = bytearray(struct.pack("<2sHIIIIII", b"II", 42, 30, 483729, 3, 3, 2355492, len(summary)) + summary)
    for t, image in enumerate(images):
        body += b"\0" * (len(body) % 2)
        pixels = len(body) + 2 + 9 * 12 + 4
        axes = json.dumps({"time": t}).encode()
        index += struct.pack("<I", len(axes)) + axes + struct.pack("<I", len(name)) + name.encode()
        index += struct.pack("<IiiiiIii", pixels, image.shape[1], image.shape[0], 1, 0, 0, 0, 0)
        body += page_at(len(body), image, json.dumps(page).encode() + b"\0", t == len(images) - 1)
    (folder / name).write_bytes(bytes(body))
    (folder / "NDTiff.index").write_bytes(index)


@pytest.fixture
def dataset(tmp_path, rng):
    """A folder with two positions of 5 frames in 2 channels, the second split into two files; and the images."""
    images = rng.integers(0, 1000, (2, 5, 2, 6, 7), dtype=np.uint16)
    summary = {"Positions": 2, "Frames": 5, "Channels": 2, "Slices": 1, "ChNames": ["405", "561"], "Interval_ms": 0}
    parts = {"Pos0": (0, range(5)), "Pos1": (1, range(3)), "Pos1_1": (1, range(3, 5))}
    for name, (position, frames) in parts.items():
        planes = {(c, 0, t, position): images[position, t, c] for t in frames for c in range(2)}
        write_mmstack(tmp_path / f"run_MMStack_{name}.ome.tif", planes, summary, HAMAMATSU)
    return tmp_path, images


def test_a_folder_has_all_positions_of_the_data_set(dataset):
    folder, images = dataset
    stack = read_stack(folder)
    assert stack.axes == "PTCYX"
    assert stack.channel_names == ("405", "561")
    np.testing.assert_array_equal(stack.data, images)
    np.testing.assert_array_equal(stack.view(position=1, channel=1).read(2, 5), images[1, 2:5, 1][:, None])


@pytest.mark.parametrize(("name", "position"), [("Pos0", 0), ("Pos1", 1), ("Pos1_1", 1)])
def test_a_file_has_its_own_position_with_all_of_its_parts(dataset, name, position):
    folder, images = dataset
    stack = read_stack(folder / f"run_MMStack_{name}.ome.tif")
    assert stack.axes == "TCYX"
    np.testing.assert_array_equal(stack.data, images[position])


def test_pixel_size_times_and_camera_come_with_their_sources(dataset):
    stack = read_stack(dataset[0])
    assert stack.pixel_size_nm == pytest.approx(108)
    np.testing.assert_allclose(stack.frame_times_s, 0.0505 * np.arange(5))
    assert (stack.camera.offset_adu, stack.camera.electrons_per_adu) == (100, 0.46)
    assert stack.camera.sources["electrons_per_adu"] == "Micro-Manager metadata (CONVERSION FACTOR COEFF)"
    assert stack.sources["frame_times_s"] == "Micro-Manager metadata (ElapsedTime-ms)"


def test_an_em_gain_setting_is_told_but_not_believed(tmp_path):
    page = {"Evolve-Actual Gain e/ADU": "1.9", "Evolve-MultiplierGain": "300", "Evolve-ReadoutRate": "10MHz"}
    write_mmstack(tmp_path / "a_MMStack.ome.tif", {(0, 0, 0, 0): np.ones((6, 7), np.uint16)}, {"Frames": 1}, page)
    stack = read_stack(tmp_path / "a_MMStack.ome.tif")
    assert (stack.camera.electrons_per_adu, stack.camera.em_gain) == (1.9, 1.0)
    assert stack.metadata["camera"]["Evolve-MultiplierGain"] == "300"


@pytest.mark.parametrize(
    ("page", "name"),
    [
        (HAMAMATSU, "HamamatsuHam_DCAM"),
        ({"Core-Camera": "Cam", "Cam-CameraName": "C13440-20C", "Cam-CameraID": "S/N: 301"}, "C13440-20C S/N: 301"),
        ({"Camera": {"PropVal": "Andor"}}, "Andor"),
        ({}, None),
    ],
)
def test_name_of_the_camera(tmp_path, page, name):
    write_mmstack(tmp_path / "a_MMStack.ome.tif", {(0, 0, 0, 0): np.ones((6, 7), np.uint16)}, {"Frames": 1}, page)
    assert read_stack(tmp_path / "a_MMStack.ome.tif").metadata.get("camera_name") == name


def test_two_cameras_that_differ_leave_the_gain_open(tmp_path):
    page = {f"Cam{i}-CONVERSION FACTOR COEFF": str(0.4 + i / 10) for i in range(2)}
    write_mmstack(tmp_path / "a_MMStack.ome.tif", {(0, 0, 0, 0): np.ones((6, 7), np.uint16)}, {"Frames": 1}, page)
    assert read_stack(tmp_path / "a_MMStack.ome.tif").camera.electrons_per_adu is None


def test_an_acquisition_that_was_stopped_has_the_frames_that_it_has(tmp_path, rng):
    images = rng.integers(0, 1000, (4, 6, 7), dtype=np.uint16)
    planes = {(0, 0, t, 0): image for t, image in enumerate(images)}
    write_mmstack(tmp_path / "a_MMStack.ome.tif", planes, {"Frames": 100, "Channels": 1, "Slices": 1})
    with pytest.warns(PinpointWarning, match="announces 100 frames, but holds 4"):
        stack = read_stack(tmp_path / "a_MMStack.ome.tif")
    np.testing.assert_array_equal(stack.data, images)


def test_single_images_are_ordered_by_their_names(tmp_path, rng):
    """Version 2 of Micro-Manager, one folder a position, with the metadata in a text file."""
    images = rng.integers(0, 1000, (2, 3, 2, 6, 7), dtype=np.uint16)
    for p, t, c in np.ndindex(2, 3, 2):
        folder = tmp_path / f"Pos{p}"
        folder.mkdir(exist_ok=True)
        tifffile.imwrite(folder / f"img_channel{c:03}_position{p:03}_time{t:09}_z000.tif", images[p, t, c])
        summary = {"z-step_um": 0, "Interval_ms": 20, "ChNames": ["a", "b"]}
        (folder / "metadata.txt").write_text(json.dumps({"Summary": summary, "FrameKey-0-0-0": HAMAMATSU}))
    stack = read_stack(tmp_path)
    assert stack.axes == "PTCYX"
    np.testing.assert_array_equal(stack.data, images)
    assert stack.pixel_size_nm == pytest.approx(108)
    assert stack.frame_times_s[1] == pytest.approx(0.02)
    np.testing.assert_array_equal(read_stack(tmp_path / "Pos1").data, images[1])


def test_single_images_of_version_1(tmp_path, rng):
    images = rng.integers(0, 1000, (3, 2, 6, 7), dtype=np.uint16)
    for t, c in np.ndindex(3, 2):
        tifffile.imwrite(tmp_path / f"img_{t:09}_{('DAPI', 'Cy5')[c]}_000.tif", images[t, c])
    stack = read_stack(tmp_path)
    np.testing.assert_array_equal(stack.data, images[:, ::-1])  # Cy5 comes first by name


def test_ndtiff(tmp_path, rng):
    """The format of Pycro-Manager and of Micro-Manager's newest versions: an index beside the file."""
    images = rng.integers(0, 1000, (4, 6, 7), dtype=np.uint16)
    write_ndtiff(tmp_path, images, HAMAMATSU)
    stack = read_stack(tmp_path)
    assert stack.axes == "TYX"
    np.testing.assert_array_equal(stack.data, images)
    assert stack.pixel_size_nm == pytest.approx(108)
    assert stack.camera.offset_adu == 100
