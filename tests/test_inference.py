"""The one path from a stack to points: what must not change the table, and what must stop with a message."""

from __future__ import annotations

import warnings
from threading import Event

import numpy as np
import pytest
import torch

from napari_pinpoint.camera import Camera
from napari_pinpoint.errors import PinpointError, PinpointWarning
from napari_pinpoint.inference import (
    LocalizeSettings,
    choose_device,
    localize,
    localize_iter,
    plan,
)
from napari_pinpoint.inference.planning import CHUNK_PIXELS
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.model import Localizer, ModelSpec, load_model
from napari_pinpoint.registry import Part
from napari_pinpoint.scenes.emitters import EmitterScene
from napari_pinpoint.stack import Stack


@pytest.fixture(scope="module")
def model() -> Localizer:
    return load_model("smlm-2d")


def movie(shape: tuple[int, int], n_frames: int, density: float = 0.02) -> tuple[Stack, Localizations]:
    scene = EmitterScene(shape=shape, density=(density, density), background=(10, 10), independent_frames=True)
    return scene.sample(n_frames, np.random.default_rng(5))


def assert_same_rows(a: Localizations, b: Localizations, *, pixels: float, threshold: float = 0.5) -> None:
    """Equal rows, but for those so near the threshold that the last digit decides whether they are there."""

    def certain(table: Localizations) -> Localizations:
        return table.select(table["probability"] > threshold + 1e-3)

    a, b = certain(a), certain(b)
    assert len(a) == len(b) > 0
    np.testing.assert_array_equal(a["frame"], b["frame"])
    for axis in "yx":
        np.testing.assert_allclose(a[axis], b[axis], atol=pixels, rtol=0)


@pytest.mark.parametrize("shape", [(96, 132), (101, 75)])
def test_tiled_equals_untiled(model: Localizer, shape: tuple[int, int]) -> None:
    stack, _ = movie(shape, 2, density=0.05)
    whole = localize(stack, model)
    assert len(plan(stack, model).windows) == 1
    for tile in (32, 48):
        settings = LocalizeSettings(tile=tile)
        assert len(plan(stack, model, settings=settings).windows) > 4
        assert_same_rows(localize(stack, model, settings=settings), whole, pixels=1e-4)


@pytest.mark.parametrize("n", [1, 3, 4, 5, 30, 61, 64, 101, 513, 600])
@pytest.mark.parametrize("tile", [16, 64, 512])
def test_windows_cover_every_pixel_once_with_all_the_context_there_is(model: Localizer, n: int, tile: int) -> None:
    camera = Camera(offset_adu=100, electrons_per_adu=0.5)
    stack = Stack(np.zeros((1, n, 8), np.uint16), "TYX", camera)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PinpointWarning)  # there is no noise in it
        windows = plan(stack, model, settings=LocalizeSettings(tile=tile)).windows
    covered = sorted({(window.core[0], window.outer[0]) for window in windows})
    assert [core[0] for core, _ in covered] == [0, *(core[1] for core, _ in covered[:-1])]
    assert covered[-1][0][1] == n
    for (start, stop), (first, last) in covered:
        assert first % model.grid == last % model.grid == 0
        assert start - first >= min(model.halo, start)
        assert last - stop >= min(model.halo, n - stop)
        assert last < n + model.grid


def test_batches_change_nothing(model: Localizer) -> None:
    stack, _ = movie((48, 48), 7)
    assert_same_rows(
        localize(stack, model, settings=LocalizeSettings(batch=3)),
        localize(stack, model, settings=LocalizeSettings(batch=1)),
        pixels=1e-4,
    )


def test_points_are_where_the_emitters_are(model: Localizer) -> None:
    """Rows and columns are not swapped, nothing is half a pixel off, and sizes off the grid lose no border."""
    truth = {"y": [10.3, 40.8, 56.6], "x": [20.1, 70.4, 6.2]}
    rng = np.random.default_rng(0)
    from napari_pinpoint.psf import render_emitters

    image = render_emitters(
        np.zeros(3, np.int64),
        *(np.array(truth[a]) for a in "yx"),
        np.full(3, 4000.0),
        np.full(3, 1.2),
        np.full(3, 1.2),
        1,
        (61, 83),
    )
    camera = Camera(offset_adu=100, electrons_per_adu=0.5, read_noise_e=1.0)
    stack = Stack(camera.expose(image + 5, rng), "TYX", camera, pixel_size_nm=100)
    found = localize(stack, model)
    assert len(found) == 3
    np.testing.assert_allclose(found["y"], truth["y"], atol=0.12)
    np.testing.assert_allclose(found["x"], truth["x"], atol=0.12)


def test_frames_are_counted_in_the_stack(model: Localizer) -> None:
    stack, _ = movie((40, 40), 6)
    everything = localize(stack, model)
    part = localize(stack, model, settings=LocalizeSettings(frames=(2, 5)))
    chosen = everything.select((everything["frame"] >= 2) & (everything["frame"] < 5))
    assert_same_rows(part, chosen, pixels=1e-4)


def test_the_threshold_selects(model: Localizer) -> None:
    stack, _ = movie((48, 48), 3, density=0.06)
    strict = localize(stack, model, settings=LocalizeSettings(threshold=0.9))
    loose = localize(stack, model, settings=LocalizeSettings(threshold=0.3))
    assert 0 < len(strict) < len(loose)
    assert strict["probability"].min() >= 0.9
    assert strict.record["settings"]["threshold"] == 0.9


def test_chunks_arrive_in_order_and_can_be_skipped(model: Localizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CHUNK_PIXELS, "cpu", 2 * 40 * 40)
    stack, _ = movie((40, 40), 7)
    decided = plan(stack, model, device="cpu")
    chunks = list(localize_iter(decided))
    assert [(c.index, c.start, c.stop) for c in chunks] == [(0, 0, 2), (1, 2, 4), (2, 4, 6), (3, 6, 7)]
    assert [c.index for c in localize_iter(decided, skip={0, 2})] == [1, 3]
    cancel, seen = Event(), []
    for chunk in localize_iter(decided, cancel=cancel):
        seen.append(chunk.index)
        cancel.set()
    assert seen in ([0], [0, 1])  # the one under way is finished, too


def test_progress_counts_parts_of_a_large_frame_and_cancel_does_not_wait_for_its_end(model: Localizer) -> None:
    stack, _ = movie((64, 64), 2)
    decided = plan(stack, model, settings=LocalizeSettings(tile=32), device="cpu").with_frames(1, 2)
    assert len(decided.windows) == 4
    told: list[float] = []
    assert len(list(localize_iter(decided, progress=told.append))) == 1
    assert told == [0.25, 0.5, 0.75, 1.0]

    cancel, told = Event(), []

    def press_cancel(frames: float) -> None:
        told.append(frames)
        cancel.set()

    assert list(localize_iter(decided, cancel=cancel, progress=press_cancel)) == []
    assert told == [0.25]


def test_a_plan_for_other_frames(model: Localizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CHUNK_PIXELS, "cpu", 2 * 40 * 40)
    stack, _ = movie((40, 40), 7)
    everything = plan(stack, model, device="cpu")
    part = everything.with_frames(2, 5)
    assert part.chunks == ((2, 4), (4, 5))
    assert part.n_frames == 3
    assert part.record == plan(stack, model, settings=LocalizeSettings(frames=(2, 5)), device="cpu").record
    assert everything.chunks == ((0, 2), (2, 4), (4, 6), (6, 7))
    assert everything.record["settings"]["frames"] == [0, 7]
    with pytest.raises(PinpointError, match="7 frames"):
        everything.with_frames(5, 8)


def test_memory_that_runs_out_halves_the_batch(model: Localizer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The device's own error, raised where the network would raise it, whenever more than two frames come at once."""
    stack, _ = movie((40, 40), 6)
    expected = localize(stack, model)
    forward, sizes = model.forward, []

    def small(inputs: torch.Tensor) -> dict[str, torch.Tensor]:
        sizes.append(len(inputs))
        if len(inputs) > 2:
            raise torch.OutOfMemoryError("out of memory")
        return forward(inputs)

    monkeypatch.setattr(model, "forward", small)
    with pytest.warns(PinpointWarning, match="out of memory"):
        found = localize(stack, model, settings=LocalizeSettings(batch=6))
    assert sizes == [6, 3, 1, 1, 1, 1, 1, 1]
    assert_same_rows(found, expected, pixels=1e-4)


def test_the_processor_says_otherwise_that_memory_ran_out(model: Localizer, monkeypatch: pytest.MonkeyPatch) -> None:
    stack, _ = movie((40, 40), 2)
    expected = localize(stack, model)
    forward = model.forward

    def small(inputs: torch.Tensor) -> dict[str, torch.Tensor]:
        if len(inputs) > 1:
            torch.empty(2**60, dtype=torch.uint8)
        return forward(inputs)

    monkeypatch.setattr(model, "forward", small)
    with pytest.warns(PinpointWarning, match="out of memory"):
        found = localize(stack, model, device="cpu")
    assert_same_rows(found, expected, pixels=1e-4)


def test_an_error_of_the_network_is_no_lack_of_memory(model: Localizer, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(inputs: torch.Tensor) -> dict[str, torch.Tensor]:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(model, "forward", broken)
    stack, _ = movie((40, 40), 2)
    with pytest.raises(RuntimeError, match="mat1"):
        localize(stack, model)


def test_memory_that_is_never_enough_ends_with_advice(model: Localizer, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(inputs: torch.Tensor) -> dict[str, torch.Tensor]:
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr(model, "forward", never)
    stack, _ = movie((40, 40), 2)
    with pytest.warns(PinpointWarning), pytest.raises(PinpointError, match="tile"):
        localize(stack, model)


def test_nothing_there_is_an_empty_table(model: Localizer) -> None:
    camera = Camera(offset_adu=100, electrons_per_adu=0.5)
    table = localize(Stack(np.full((2, 40, 40), 120, np.uint16), "TYX", camera), model)
    assert len(table) == 0
    assert "probability" in table
    assert table.pixel_size_nm is None


def test_an_unknown_camera_is_estimated_for_the_network_only(model: Localizer) -> None:
    stack, _ = movie((64, 64), 12)
    unknown = Stack(stack.data, "TYX", pixel_size_nm=100)
    with pytest.warns(PinpointWarning, match="not known"):
        found = localize(unknown, model)
    known = localize(stack, model)
    assert len(found) == pytest.approx(len(known), rel=0.1)
    assert "photons" not in found
    assert found.record["camera"]["electrons_per_adu"] is None


def test_photons_are_told_only_where_the_camera_is_known() -> None:
    """What a mixture says of light holds for photons: counts, or a camera that was guessed, would make it a lie."""
    torch.manual_seed(0)
    small = Part(name="unet", options={"widths": [4, 4]})
    mixture = Localizer(ModelSpec(name="m", backbone=small, method=Part(name="mixture", options={"bias": 3.0})))
    light = {"photons", "background", "uncertainty_photons"}
    stack, _ = movie((64, 64), 12)
    known = localize(stack, mixture)
    assert len(known)
    assert light | {"uncertainty_y", "uncertainty_x"} <= set(known)
    with pytest.warns(PinpointWarning, match="not known"):
        unknown = localize(Stack(stack.data, "TYX", pixel_size_nm=100), mixture)
    assert {"uncertainty_y", "uncertainty_x"} <= set(unknown)
    assert not light & set(unknown)


def test_a_pixel_size_far_from_the_domain_warns(model: Localizer) -> None:
    stack, _ = movie((40, 40), 1)
    with pytest.warns(PinpointWarning, match="2000 nm"):
        plan(stack.with_values(pixel_size_nm=2000.0), model)


@pytest.mark.parametrize("frames", [(0, 99), (3, 3), (-1, 2)])
def test_frames_out_of_range(model: Localizer, frames: tuple[int, int]) -> None:
    stack, _ = movie((40, 40), 4)
    with pytest.raises(PinpointError, match="4 frames"):
        plan(stack, model, settings=LocalizeSettings(frames=frames))


def test_a_volume_needs_another_model(model: Localizer) -> None:
    stack = Stack(np.zeros((2, 3, 40, 40), np.uint16), "TZYX")
    with pytest.raises(PinpointError, match="choose a plane"):
        plan(stack, model)
    with pytest.raises(PinpointError, match="2 spatial axes"):
        plan(stack.view(plane="volume"), model)


def test_an_error_while_reading_reaches_the_caller(model: Localizer) -> None:
    class Broken:
        shape, dtype = (3, 40, 40), np.dtype(np.uint16)

        def __getitem__(self, index: object) -> np.ndarray:
            raise OSError("the disk went away")

    camera = Camera(offset_adu=100, electrons_per_adu=0.5)
    with pytest.raises(OSError, match="went away"):
        localize(Stack(Broken(), "TYX", camera), model)


def test_devices_are_chosen_and_refused_in_words() -> None:
    assert choose_device("cpu").type == "cpu"
    assert choose_device("auto").type in ("cpu", "cuda", "mps")
    with pytest.raises(PinpointError, match="no device"):
        choose_device("toaster")
    if not torch.cuda.is_available():
        with pytest.raises(PinpointError, match="not available"):
            choose_device("cuda")


def test_the_record_says_how_the_table_came_to_be(model: Localizer) -> None:
    stack, _ = movie((40, 40), 2)
    record = localize(stack, model).record
    assert record["model"]["fingerprint"] == model.fingerprint()
    assert record["settings"]["frames"] == [0, 2]
    assert record["camera"]["offset_adu"] == stack.camera.offset_adu
    assert record["steps"] == [{"step": "localize"}]
