"""A stack of 20 GB: how soon it is open, and whether memory stays where it was while it is localized.

The files are sparse: they take 20 GB of offsets, not of disk.
"""

from __future__ import annotations

import json
import struct
import subprocess
import sys

import numpy as np
import pytest
import tifffile

from napari_pinpoint.model import Localizer, ModelSpec, save_model
from napari_pinpoint.registry import Part
from napari_pinpoint.scenes.emitters import EmitterScene

pytestmark = pytest.mark.timeout(1800)

_BYTES = 20_000_000_000
_CAMERA = ("--offset-adu", 100, "--electrons-per-adu", 0.5, "--read-noise-e", 1.5, "--pixel-size-nm", 100)

OPEN = """
import json, sys, time
import psutil
from napari_pinpoint.io.images import read_stack
from napari_pinpoint.stack import Stack

process = psutil.Process()
before, began = process.memory_info().rss, time.perf_counter()
view = read_stack(sys.argv[1]).view()
opened = time.perf_counter()
view.read(view.n_frames - 1, view.n_frames)
read = time.perf_counter()
added = process.memory_info().rss - before
print(json.dumps({"frames": view.n_frames, "open": opened - began, "last": read - opened, "added": added / 1e6}))
"""


def write_block(path, shape):
    """As ImageJ writes: one directory, then all pixels. Returns where these begin."""
    n_frames = _BYTES // (2 * shape[0] * shape[1])
    with pytest.warns(UserWarning, match="truncating ImageJ file"):
        tifffile.imwrite(path, shape=(n_frames, *shape), dtype="uint16", imagej=True, metadata={"axes": "TYX"})
    return path.stat().st_size - n_frames * 2 * shape[0] * shape[1]


def write_pages(path, shape):
    """As microscopes write: a BigTIFF in which every frame follows its directory."""
    n_bytes = 2 * shape[0] * shape[1]
    size = 8 + 9 * 20 + 8  # of a directory of nine entries
    with path.open("wb") as file:
        file.write(struct.pack("<2sHHHQ", b"II", 43, 8, 0, 16))
        offsets = range(16, 16 + _BYTES, size + n_bytes)
        for offset in offsets:
            following = offset + size + n_bytes
            entries = (
                (256, 4, shape[1]), (257, 4, shape[0]), (258, 3, 16), (259, 3, 1), (262, 3, 1),
                (273, 16, offset + size), (277, 3, 1), (278, 4, shape[0]), (279, 16, n_bytes),
            )  # fmt: skip
            packed = b"".join(struct.pack("<HHQQ", tag, kind, 1, value) for tag, kind, value in entries)
            file.seek(offset)
            file.write(struct.pack("<Q", 9) + packed + struct.pack("<Q", following if offset != offsets[-1] else 0))
        file.truncate(offsets[-1] + size + n_bytes)


@pytest.mark.parametrize(
    ("layout", "write", "shape"),
    [("one block", write_block, (256, 256)), ("page by page", write_pages, (512, 512))],
    ids=["block", "pages"],
)
def test_opening(report, tmp_path, layout, write, shape):
    path = tmp_path / "long.tif"
    write(path, shape)
    done = subprocess.run([sys.executable, "-c", OPEN, path], capture_output=True, check=True)
    seen = json.loads(done.stdout)
    name = f"20 GB, {layout} ({seen['frames']:,} frames)"
    report.figure(f"{name}: opening", f"{1000 * seen['open']:.0f} ms")
    report.figure(f"{name}: reading the last frame", f"{1000 * seen['last']:.1f} ms")
    report.figure(f"{name}: memory added by both", f"{seen['added']:.1f} MB")
    assert seen["added"] < 50


@pytest.fixture
def long_stack(tmp_path, share):
    """A stack with emitters in its first frames and nothing in the others, and the number of the former."""
    path, shape = tmp_path / "long.tif", (256, 256)
    start = write_block(path, shape)
    density = 40 / (256 * 256)
    scene = EmitterScene(shape=shape, density=(density, density), independent_frames=True)
    stack, _ = scene.sample(64, np.random.default_rng(1))
    n_frames = 64 * int(12 * share)
    with path.open("r+b") as file:
        file.seek(start)
        for _ in range(n_frames // 64):
            file.write(stack.data.tobytes())
    return path, n_frames


def localize(pinpoint, path, n_frames, model, device):
    work = ("--frames", f"0:{n_frames}", "--model", model, "--device", device)
    return pinpoint("localize", path, "-o", path.with_suffix(".parquet"), *work, *_CAMERA)


def test_localizing(long_stack, pinpoint, pytestconfig, device, report):
    """The model's speed, and what it means for all of the stack."""
    path, n_frames = long_stack
    ended = localize(pinpoint, path, n_frames, pytestconfig.getoption("--model"), device)
    (outcome,) = ended.result["results"]
    assert outcome["localizations"] > 20 * n_frames
    whole = _BYTES // (2 * 256 * 256)
    report.speed("20 GB, 256 x 256, 40 emitters", "together", n_frames, (256, 256), outcome["seconds"])
    report.figure("20 GB: all of it would take", f"{whole / n_frames * outcome['seconds'] / 3600:.1f} hours")
    report_memory(report, f"20 GB, frames 0:{n_frames}", ended, device)


def test_memory_does_not_grow(long_stack, pinpoint, tmp_path, share, device, report):
    """Over a gigabyte, which only a network that does next to nothing gets through in a minute."""
    nothing = Part(name="plain", options={"widths": [1], "kernels": [1]})
    silent = Part(name="pooled_mass", options={"least": 0.99})
    save_model(Localizer(ModelSpec(name="idle", backbone=nothing, decoder=silent)), tmp_path / "idle.safetensors")
    path, n_frames = long_stack[0], int(8192 * share)
    ended = localize(pinpoint, path, n_frames, tmp_path / "idle.safetensors", device)
    report_memory(report, f"20 GB, frames 0:{n_frames}, idle network", ended, device)
    assert ended.growth < 100


def report_memory(report, what, ended, device):
    report.figure(f"{what}: peak memory", f"{ended.peak:,.0f} MB")
    report.figure(f"{what}: growth of memory", f"{ended.growth:,.0f} MB")
    if device == "cpu":  # elsewhere the device's own libraries count, too
        assert ended.peak < 1500
