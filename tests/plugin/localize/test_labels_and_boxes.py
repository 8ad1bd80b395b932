"""Blobs and boxes beside the points: what a run adds, what another one replaces, and what is too much to show."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_pinpoint.inference import LocalizeSettings, localize, localize_iter, plan
from napari_pinpoint.model import load_model
from napari_pinpoint.plugin.layers.tables import table_from_layer
from napari_pinpoint.plugin.localize import run_layers
from napari_pinpoint.stack import Stack

pytestmark = pytest.mark.gui


def untrained(path: Path, *, classes: tuple[str, ...] = (), channels: int = 1, **parts: Any) -> Path:
    """A tiny model of random weights, which finds things in noise."""
    import torch

    from napari_pinpoint.model import Localizer, ModelSpec, save_model

    backbone = {"name": "unet", "options": {"widths": [4, 4]}}
    spec = ModelSpec(name="tiny", backbone=backbone, classes=classes, channels=channels, normalization="local", **parts)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model = Localizer(spec)
    with torch.no_grad():
        for name, values in model.head.named_parameters():
            if name == "size.last.bias":
                values.fill_(6.0)
            elif values.ndim > 1:
                values.mul_(5)
            else:
                values.zero_()
    save_model(model, path)
    return path


@pytest.fixture(scope="module")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained(tmp_path_factory.mktemp("models") / "blobs.safetensors", method="lcfcn")


@pytest.fixture(scope="module")
def boxes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "boxes.safetensors"
    return untrained(path, method={"name": "centernet", "options": {"width": 4}}, classes=("RBC", "WBC"))


@pytest.fixture
def with_model(qtbot: Any, open_tab: Callable[..., Any], add_movie: Callable[..., Any]) -> Callable[..., Any]:
    """The tab with the movie and a model from a file, ready to run."""

    def make(model: Path, *layer: Any, **more: Any) -> Any:
        tab = open_tab()
        add_movie(tab.viewer, *layer, **more)
        qtbot.waitUntil(lambda: tab.assistant.is_ready, timeout=60_000)
        tab.form.model.add_file(model)
        qtbot.waitUntil(
            lambda: tab.assistant.facts is not None and not tab.background.is_asked("model"), timeout=60_000
        )
        return tab

    return make


def names(tab: Any) -> list[str]:
    return [layer.name for layer in tab.viewer.layers]


def test_blobs_become_labels_that_lie_on_the_image(
    with_model: Callable[..., Any], run_tab: Callable[..., None], movie: Stack, blobs: Path
) -> None:
    tab = with_model(blobs)
    run_tab(tab)
    assert names(tab) == ["movie", "movie labels", "movie localizations"]
    labels, image = tab.viewer.layers["movie labels"], tab.viewer.layers["movie"]
    expected = np.concatenate([c.images["labels"] for c in localize_iter(plan(movie, load_model(blobs)))])
    np.testing.assert_array_equal(labels.data, expected)
    assert labels.data.max() > 1
    np.testing.assert_array_equal(labels.scale, image.scale)
    assert labels.units == image.units
    np.testing.assert_array_equal(labels.data_to_world((3, 4, 5)), image.data_to_world((3, 4, 5)))
    points = tab.viewer.layers["movie localizations"]
    assert set(points.features["blob"][points.data[:, 0] == 2]) == set(np.unique(expected[2])) - {0}


def test_frames_of_one_channel_lie_where_they_were_looked_at(
    with_model: Callable[..., Any], qtbot: Any, run_tab: Callable[..., None], movie: Stack, blobs: Path
) -> None:
    both = {"scale": (2, 3, 0.1, 0.1), "units": ("s", "pixel", "um", "um"), "axis_labels": ("t", "c", "y", "x")}
    data = np.stack([np.zeros_like(movie.data), movie.data], axis=1)
    tab = with_model(blobs, data, translate=(10, 0, 1, 2), rotate=10, **both)
    tab.viewer.dims.set_current_step(1, 1)
    qtbot.keyClicks(tab.form.source.first, "4")
    qtbot.keyClicks(tab.form.source.last, "6")
    run_tab(tab)
    labels, image = tab.viewer.layers["movie labels"], tab.viewer.layers["movie"]
    assert labels.data.shape == (3, 1, 32, 40)
    np.testing.assert_allclose(labels.data_to_world((1, 0, 7, 9)), image.data_to_world((5, 1, 7, 9)))
    assert labels.data.any()


def test_running_again_replaces_labels_that_nobody_has_painted_on(
    with_model: Callable[..., Any], run_tab: Callable[..., None], blobs: Path
) -> None:
    tab = with_model(blobs)
    run_tab(tab)
    first = tab.viewer.layers["movie labels"]
    tab.form.sensitivity.set_value(0.7)
    run_tab(tab)
    assert names(tab) == ["movie", "movie labels", "movie localizations"]
    second = tab.viewer.layers["movie labels"]
    assert second != first
    assert np.count_nonzero(second.data) < np.count_nonzero(first.data)
    second.paint((0, 5, 5), 99)
    run_tab(tab)
    assert names(tab) == ["movie", "movie labels", "movie labels [1]", "movie localizations"]
    assert not second.visible
    assert second.data[0, 5, 5] == 99
    assert "You have changed movie labels" in tab.messages.toPlainText()


def test_labels_that_need_too_much_memory_are_not_shown(
    with_model: Callable[..., Any], run_tab: Callable[..., None], blobs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_layers, "MOST_LABEL_BYTES", 1000)
    tab = with_model(blobs)
    run_tab(tab)
    assert names(tab) == ["movie", "movie localizations"]
    assert "pinpoint localize --labels" in tab.messages.toPlainText()


def test_labels_of_many_blobs_take_more_bytes() -> None:
    labels = run_layers.RunLabels(3, (2, 2))
    labels.add(0, np.full((1, 2, 2), 7, np.int32))
    labels.add(1, np.full((1, 2, 2), 70_000, np.int32))
    found = labels.until(2)
    assert found is not None
    assert found[:, 0, 0].tolist() == [7, 70_000]


def test_boxes_become_shapes_by_class(
    qtbot: Any, with_model: Callable[..., Any], run_tab: Callable[..., None], same_rows: Callable[..., None],
    movie: Stack, boxes: Path,
) -> None:  # fmt: skip
    tab = with_model(boxes)
    for field in (tab.form.source.first, tab.form.source.last):
        qtbot.keyClicks(field, "3")
    run_tab(tab)
    assert names(tab) == ["movie", "movie boxes", "movie localizations"]
    expected = localize(movie, boxes, settings=LocalizeSettings(frames=(3, 4)))
    assert set(expected["label"]) == {"RBC", "WBC"}
    same_rows(table_from_layer(tab.viewer.layers["movie localizations"]), expected)
    shapes = tab.viewer.layers["movie boxes"]
    again = table_from_layer(shapes)
    for name in ("frame", "label", "probability"):
        np.testing.assert_array_equal(again[name], expected[name])
    for name in ("y", "x", "height", "width"):
        np.testing.assert_allclose(again[name], expected[name], atol=1e-4)
    assert again.record["settings"] == expected.record["settings"]
    of_class = [{tuple(color) for color in shapes.edge_color[expected["label"] == name]} for name in ("RBC", "WBC")]
    assert [len(colors) for colors in of_class] == [1, 1]
    assert of_class[0] != of_class[1]
    assert list(shapes.text.values[:3]) == list(expected["label"][:3])

    shapes.data = [*shapes.data[:-1], shapes.data[-1] + [0, 1, 1]]
    run_tab(tab)
    assert names(tab) == ["movie", "movie boxes", "movie boxes [1]", "movie localizations"]
    assert not shapes.visible


def test_too_many_boxes_are_not_drawn(
    with_model: Callable[..., Any], run_tab: Callable[..., None], boxes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_layers, "MOST_BOXES", 20)
    tab = with_model(boxes)
    run_tab(tab)
    assert names(tab) == ["movie", "movie localizations"]
    assert "Boxes are shown up to 20" in tab.messages.toPlainText()
    assert "height" in tab.viewer.layers["movie localizations"].features


def test_colour_images_are_seen_in_colour(
    with_model: Callable[..., Any], run_tab: Callable[..., None], same_rows: Callable[..., None], tmp_path: Path
) -> None:
    model = untrained(
        tmp_path / "colour.safetensors", method={"name": "centernet", "options": {"width": 4}}, channels=3
    )
    photo = np.random.default_rng(1).integers(0, 255, (40, 48, 4), dtype=np.uint8)
    tab = with_model(model, photo, rgb=True, scale=(0.1, 0.1), units=("um", "um"), metadata={}, name="photo")
    assert "photo is a colour image" in tab.form.proposal_box.reasons.text()
    run_tab(tab)
    expected = localize(Stack(np.moveaxis(photo[..., :3], -1, 0), "CYX", channel_names=("red", "green", "blue")), model)
    found = table_from_layer(tab.viewer.layers["photo localizations"])
    for name in ("y", "x", "height"):
        np.testing.assert_array_equal(found[name], expected[name])
    assert len(found) > 3
    tab.form.model.choice.setCurrentText("spots")
    run_tab(tab)
    assert "Split RGB" in tab.messages.toPlainText()


def test_a_cancelled_run_says_that_the_earlier_result_is_hidden(
    qtbot: Any, with_model: Callable[..., Any], run_tab: Callable[..., None], press: Callable[..., None],
    small_chunks: None, movie: Stack, blobs: Path,
) -> None:  # fmt: skip
    import threading
    import time

    class Slow:
        shape, dtype, ndim = movie.data.shape, movie.data.dtype, movie.data.ndim
        pause = 0.0

        def __getitem__(self, index: Any) -> np.ndarray:
            if threading.current_thread().name.startswith("pinpoint-read"):
                time.sleep(self.pause)
            return movie.data[index]

    slow = Slow()
    tab = with_model(blobs, slow)
    run_tab(tab)
    slow.pause = 0.3
    press(tab.run_button)
    qtbot.waitUntil(lambda: tab.jobs.status.done > 0, timeout=60_000)
    press(tab.cancel_button)
    qtbot.waitUntil(lambda: not tab.jobs.is_running, timeout=60_000)
    said = tab.messages.toPlainText()
    assert said.startswith("Cancelled:")
    assert "The earlier result is kept, hidden" in said
    assert len(names(tab)) == 5
    hidden = [layer.name for layer in tab.viewer.layers if not layer.visible]
    assert hidden == ["movie labels", "movie localizations"]
    assert len(tab.viewer.layers["movie labels [1]"].data) < 12
