"""What the tests of the command share: a movie, a model that finds something everywhere, and ways to run it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from napari_pinpoint.cli import main
from napari_pinpoint.io.tables import write_localizations
from napari_pinpoint.io.write_images import write_stack
from napari_pinpoint.scenes.emitters import EmitterScene


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command in this process, on a wide terminal."""
    monkeypatch.setenv("COLUMNS", "200")

    def command(*arguments: Any) -> Ended:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        return Ended(code, *capsys.readouterr())

    return command


@pytest.fixture
def process() -> Run:
    """Run the installed command as a process of its own."""

    def command(*arguments: Any, **options: Any) -> Ended:
        words = [Path(sys.executable).with_name("pinpoint"), *map(str, arguments)]
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120, **options)
        return Ended(done.returncode, done.stdout, done.stderr)

    return command


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with movie.tif, 6 frames of 40 x 48 px, and truth.parquet."""
    folder = tmp_path_factory.mktemp("simulated")
    stack, truth = EmitterScene(shape=(40, 48), density=(0.01, 0.01)).sample(6, np.random.default_rng(2))
    write_stack(stack, folder / "movie.tif")
    write_localizations(truth, folder / "truth.parquet")
    return folder


@pytest.fixture(scope="session")
def movie(simulated: Path) -> Path:
    return simulated / "movie.tif"


@pytest.fixture(scope="session")
def camera() -> tuple[str, ...]:
    """The options that describe the camera of `movie`."""
    return ("--offset-adu", "100", "--electrons-per-adu", "0.5", "--read-noise-e", "1.5")


@pytest.fixture(scope="session")
def truth(simulated: Path) -> Path:
    return simulated / "truth.parquet"


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model that was never trained, and takes about half of all pixels for emitters."""
    import torch

    from napari_pinpoint.model import Domain, Localizer, ModelSpec, save_model
    from napari_pinpoint.registry import Part

    spec = ModelSpec(
        name="tiny", backbone=Part(name="unet", options={"widths": [4, 4]}), domain=Domain(pixel_size_nm=(50, 200))
    )

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        untrained = Localizer(spec)
    with torch.no_grad():
        untrained.head.layer.weight *= 100
        untrained.head.layer.bias[0] = 0.0
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_model(untrained, path)
    return path


@pytest.fixture(scope="session")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A label image with two cells for `movie`."""
    cells = np.zeros((40, 48), np.uint16)
    cells[:20, :20], cells[:25, 30:] = 1, 2
    path = tmp_path_factory.mktemp("labels") / "cells.tif"
    tifffile.imwrite(path, cells)
    return path


@pytest.fixture
def few_frames_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of two frames of `movie`, each written at once, so that a run has parts."""
    from napari_pinpoint.inference import to_files
    from napari_pinpoint.inference.planning import CHUNK_PIXELS

    monkeypatch.setitem(CHUNK_PIXELS, "cpu", 2 * 40 * 48)
    monkeypatch.setattr(to_files, "PART_SECONDS", 0.0)
