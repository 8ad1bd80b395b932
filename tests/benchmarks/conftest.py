"""What the benchmarks share: options, movies of known truth, the command as a process of its own, and the report.

Run by name, `tox run -e bench` or `pytest tests/benchmarks`. Times are printed, never asserted; memory is asserted.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import tifffile
import torch

from napari_pinpoint import __version__
from napari_pinpoint.inference import choose_device
from napari_pinpoint.model import Localizer, load_model
from napari_pinpoint.scenes.emitters import EmitterScene
from napari_pinpoint.stack import Stack


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("benchmarks")
    group.addoption("--quick", action="store_true", help="a quarter of the frames: rougher figures, sooner")
    group.addoption("--model", default="smlm-2d", help="the model to measure, a name or a file (default: smlm-2d)")
    group.addoption("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps (default: auto)")


@dataclass
class Report:
    """The figures, in the order in which they were measured."""

    speeds: list[tuple[str, str, str, str]] = field(default_factory=list)
    figures: list[tuple[str, str]] = field(default_factory=list)

    def speed(self, stack: str, step: str, n_frames: int, shape: tuple[int, ...], seconds: float) -> None:
        """How many frames and pixels a second a step does."""
        per_second = n_frames / seconds
        self.speeds.append((stack, step, _digits(per_second), _digits(per_second * np.prod(shape) / 1e6)))

    def figure(self, what: str, value: str) -> None:
        """Anything else, with its unit."""
        self.figures.append((what, value))

    def markdown(self, title: str) -> str:
        """The figures as docs/benchmarks.md shows them."""
        tables = (
            _table(("stack", "step", "frames/s", "megapixels/s"), self.speeds),
            _table(("what", "figure"), self.figures),
        )
        return "\n\n".join([title, *filter(None, tables)])


def _digits(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _table(columns: tuple[str, ...], rows: list[Any]) -> str:
    lines = [columns, ("---",) * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) if rows else ""


_REPORT = pytest.StashKey[Report]()
_BEGAN = pytest.StashKey[tuple[float, float]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_REPORT] = Report()
    config.stash[_BEGAN] = (time.perf_counter(), _seconds_of_others())


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the report at the end, where no other output runs into it."""
    terminalreporter.section("benchmarks")
    terminalreporter.write_line(config.stash[_REPORT].markdown(_machine(config)))


def _machine(config: pytest.Config) -> str:
    """What was measured, on which machine, how busy with other things that was, and when."""
    device = choose_device(config.getoption("--device"))
    gpu = f", {torch.cuda.get_device_name(device)}" if device.type == "cuda" else ""
    began, others = config.stash[_BEGAN]
    busy = (_seconds_of_others() - others) / (time.perf_counter() - began)
    machine = f"{_processor()}, {os.cpu_count()} cores{gpu}, {psutil.virtual_memory().total / 1e9:.0f} GB"
    torch_is = f"Python {platform.python_version()}, torch {torch.__version__} on {device.type}"
    pinpoint_is = f"napari-pinpoint {__version__}, model {Path(config.getoption('--model')).stem}"
    others_are = f"{max(busy, 0):.1f} cores busy with other things"
    return f"{machine}, {platform.system()}; {torch_is}; {pinpoint_is}; {datetime.date.today()}; {others_are}"


def _seconds_of_others() -> float:
    """What processes other than this one and its children have computed."""
    everyone, we = psutil.cpu_times(), psutil.Process().cpu_times()
    idle = everyone.idle + getattr(everyone, "iowait", 0.0)
    return sum(everyone) - idle - (we.user + we.system + we.children_user + we.children_system)


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


@pytest.fixture(scope="session")
def report(pytestconfig: pytest.Config) -> Report:
    return pytestconfig.stash[_REPORT]


@pytest.fixture(scope="session")
def share(pytestconfig: pytest.Config) -> float:
    """The part of all frames that is worked on."""
    return 0.25 if pytestconfig.getoption("--quick") else 1.0


@pytest.fixture(scope="session")
def device(pytestconfig: pytest.Config) -> str:
    return str(choose_device(pytestconfig.getoption("--device")))


@pytest.fixture(scope="session")
def model(pytestconfig: pytest.Config) -> Localizer:
    return load_model(pytestconfig.getoption("--model"))


@dataclass(frozen=True)
class Movie:
    """A simulated stack, and the file that holds it, as it is and compressed."""

    name: str
    stack: Stack
    plain: Path
    compressed: Path

    @property
    def shape(self) -> tuple[int, ...]:
        return self.stack.shape[1:]

    @property
    def camera(self) -> dict[str, float]:
        """What the file does not say, as `read_stack` takes it."""
        fields = ("offset_adu", "electrons_per_adu", "read_noise_e")
        return {name: getattr(self.stack.camera, name) for name in fields} | {"pixel_size_nm": 100.0}


@pytest.fixture(scope="session", params=[((256, 256), 40, 256), ((64, 64), 250, 2048)], ids=["sparse", "dense"])
def movie(request: pytest.FixtureRequest, share: float, tmp_path_factory: pytest.TempPathFactory) -> Movie:
    """A movie in which every frame is a scene of its own."""
    shape, n_emitters, n_frames = request.param
    density = n_emitters / (shape[0] * shape[1])
    scene = EmitterScene(shape=shape, density=(density, density), independent_frames=True)
    stack, _ = scene.sample(int(n_frames * share), np.random.default_rng(20201130))
    folder = tmp_path_factory.mktemp("movie")
    made = Movie(f"{shape[0]} x {shape[1]}, {n_emitters} emitters", stack, folder / "plain.tif", folder / "deflate.tif")
    tifffile.imwrite(made.plain, stack.data, imagej=True, metadata={"axes": "TYX"})
    tifffile.imwrite(made.compressed, stack.data, imagej=True, metadata={"axes": "TYX"}, compression="zlib")
    return made


@dataclass(frozen=True)
class Ended:
    """What a run of the command gave: its JSON, its seconds, and its resident memory in MB every 20 ms."""

    result: dict[str, Any]
    seconds: float
    resident: np.ndarray

    @property
    def peak(self) -> float:
        return float(self.resident.max())

    @property
    def growth(self) -> float:
        """By how much memory rises from the second to the last fifth of the run, in MB."""
        fifth = max(1, len(self.resident) // 5)
        return float(np.median(self.resident[-fifth:]) - np.median(self.resident[fifth : 2 * fifth]))


@pytest.fixture(scope="session")
def pinpoint(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Run the installed command and watch its memory."""
    log = tmp_path_factory.mktemp("pinpoint")

    def run(*arguments: Any) -> Ended:
        words = [str(Path(sys.executable).with_name("pinpoint")), *map(str, arguments), "--json"]
        began, resident = time.perf_counter(), []
        with (log / "out").open("w+") as out, (log / "err").open("w+") as err:
            process = psutil.Popen(words, stdout=out, stderr=err)
            while process.poll() is None:
                with suppress(psutil.Error):  # it may end just now
                    resident.append(process.memory_info().rss / 1e6)
                time.sleep(0.02)
            seconds = time.perf_counter() - began
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, words, stderr=(log / "err").read_text())
        return Ended(json.loads((log / "out").read_text()), seconds, np.array(resident))

    return run
