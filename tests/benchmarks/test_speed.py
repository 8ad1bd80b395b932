"""Frames and megapixels a second of every step from a file to a table, apart and together."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from napari_pinpoint.inference import Plan, plan
from napari_pinpoint.inference.chunks import Network, read_chunk
from napari_pinpoint.inference.decoding import decoding_of
from napari_pinpoint.io.images import read_stack
from napari_pinpoint.scenes.emitters import EmitterScene

pytestmark = pytest.mark.timeout(1800)

#: Chunks that network and decoder are measured on.
_CHUNKS = 2


def fastest(work: Callable[[], Any], repeats: int = 3) -> float:
    """Seconds of the fastest of several runs: what slows the others down is not ours."""
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


@pytest.fixture
def planned(movie, model, device) -> Plan:
    return plan(read_stack(movie.plain, **movie.camera), model, device=device)


@pytest.mark.parametrize("kind", ["plain", "compressed"])
def test_reading(movie, planned, report, kind):
    view = read_stack(getattr(movie, kind)).view()

    def read_all():
        for start, stop in planned.chunks:
            view.read(start, stop)

    np.testing.assert_array_equal(view.read(0, 2)[:, 0], movie.stack.data[:2])
    report.speed(movie.name, f"reading, {kind} TIFF", planned.n_frames, movie.shape, fastest(read_all))


def test_network_and_decoding(movie, planned, report):
    chunks = [read_chunk(planned, index) for index in range(min(_CHUNKS, len(planned.chunks)))]
    n_frames = sum(len(chunk.frames) for chunk in chunks)
    network = Network(planned)
    answers: list[Any] = []

    def run_network():
        answers[:] = [list(network(chunk)) for chunk in chunks]

    def decode_all():
        done = []
        for chunk, of_chunk in zip(chunks, answers, strict=True):
            decoding = decoding_of(planned, chunk)
            for answer in of_chunk:
                decoding.add(*answer)
            done.append(decoding.finish())
        return done

    report.speed(movie.name, "normalization and network", n_frames, movie.shape, fastest(run_network))
    report.speed(movie.name, "decoding", n_frames, movie.shape, fastest(decode_all))
    assert sum(len(chunk.localizations) for chunk in decode_all()) > 0


@pytest.mark.parametrize("kind", ["plain", "compressed"])
def test_together(movie, pinpoint, pytestconfig, device, report, tmp_path, kind):
    """From TIFF to Parquet, by the command that users run."""
    camera = [word for name, value in movie.camera.items() for word in (f"--{name.replace('_', '-')}", value)]
    work = ("--model", pytestconfig.getoption("--model"), "--device", device, *camera)
    ended = pinpoint("localize", getattr(movie, kind), "-o", tmp_path / "found.parquet", *work)
    (outcome,) = ended.result["results"]
    assert outcome["localizations"] > 0
    report.speed(movie.name, f"together, {kind} TIFF to Parquet", outcome["frames"], movie.shape, outcome["seconds"])
    report.figure(f"{movie.name}, {kind}: peak memory", f"{ended.peak:,.0f} MB")


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_simulation(report, share, device, library):
    """The scene that feeds training on the fly."""
    shape, n_frames = (64, 64), int(1024 * share)
    scene = EmitterScene(shape=shape, density=(50 / 4096, 50 / 4096), independent_frames=True)
    rng = np.random.default_rng(1) if library == "numpy" else torch.Generator(device).manual_seed(1)
    seconds = fastest(lambda: scene.sample(n_frames, rng))
    report.speed("64 x 64, 50 emitters", f"simulation, {library}", n_frames, shape, seconds)
