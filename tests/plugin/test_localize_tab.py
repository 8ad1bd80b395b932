"""The tab Localize through its real buttons, in a real viewer, with the model that ships."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
import tifffile
from napari.utils.notifications import notification_manager

from napari_pinpoint.camera import Camera
from napari_pinpoint.inference import localize
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.calibration import image_metadata
from napari_pinpoint.plugin.layers import table_from_points
from napari_pinpoint.stack import Stack

pytestmark = pytest.mark.gui


def add_movie(viewer: Any, movie: Stack, data: Any = None, **more: Any) -> Any:
    """The movie as a layer that knows pixel size and camera."""
    attributes: dict[str, Any] = {"scale": (1, 0.1, 0.1), "units": ("pixel", "um", "um")}
    attributes |= {"name": "movie", "metadata": image_metadata(movie)} | more
    return viewer.add_image(movie.data if data is None else data, **attributes)


def press(qtbot: Any, button: Any) -> None:
    from qtpy.QtCore import Qt

    assert button.isEnabled()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def run(qtbot: Any, tab: Any) -> None:
    """Press Localize and wait for the end."""
    press(qtbot, tab.run_button)
    qtbot.waitUntil(lambda: not tab.jobs.is_running, timeout=60_000)


def table_of(layer: Any) -> Localizations:
    return table_from_points(*layer.as_layer_data_tuple()[:2])


def assert_same_rows(a: Localizations, b: Localizations) -> None:
    assert set(a) == set(b)
    assert len(a) > 0
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], strict=True, err_msg=name)


def assert_usable(tab: Any) -> None:
    """No job runs, nothing moves to and fro, and Localize can be pressed."""
    assert tab.run_button.isEnabled()
    assert not tab.cancel_button.isEnabled()
    assert tab.progress.maximum() > 0


def test_table_is_that_of_localize_row_for_row(qtbot: Any, open_tab: Callable[..., Any], movie: Stack) -> None:
    tab = open_tab()
    add_movie(tab.viewer, movie)
    run(qtbot, tab)
    layer = tab.viewer.layers["movie localizations"]
    expected = localize(movie, "smlm-2d")
    assert_same_rows(table_of(layer), expected)
    record, same = table_of(layer).record, ("model", "settings", "pixel_size_nm", "device", "versions")
    assert {name: record[name] for name in same} == {name: expected.record[name] for name in same}
    assert table_of(layer).pixel_size_nm == 100
    assert layer.units == tab.viewer.layers["movie"].units
    assert f"{len(expected):,} localizations in 12 frames" in tab.messages.toPlainText()
    assert tab.progress.value() == tab.progress.maximum() == 12
    assert_usable(tab)


def test_threshold_and_offsets_are_taken_from_the_form(qtbot: Any, open_tab: Callable[..., Any], movie: Stack) -> None:
    from napari_pinpoint.inference import LocalizeSettings

    tab = open_tab()
    add_movie(tab.viewer, movie)
    tab.numbers["threshold"].setText("0.9")
    tab.offsets.setChecked(True)
    run(qtbot, tab)
    expected = localize(movie, "smlm-2d", settings=LocalizeSettings(threshold=0.9))
    assert_same_rows(table_of(tab.viewer.layers["movie localizations"]), expected)
    offsets = tab.viewer.layers["movie offsets"].data
    np.testing.assert_allclose(offsets.sum(axis=1)[:, 1:], expected.positions(), atol=1e-5)
    assert np.abs(offsets[:, 1, 1:]).max() <= 0.5
    assert [layer.name for layer in tab.viewer.layers.selection] == ["movie localizations"]


@pytest.mark.parametrize("kind", ["dask", "single image", "channel of four axes"])
def test_any_image_layer(kind: str, qtbot: Any, open_tab: Callable[..., Any], movie: Stack) -> None:
    tab = open_tab()
    data, scale, units = movie.data, (1, 0.1, 0.1), ("pixel", "um", "um")
    if kind == "dask":
        add_movie(tab.viewer, movie, da.from_array(data, chunks=(5, 16, 16)))
        expected = localize(movie, "smlm-2d")
    elif kind == "single image":
        add_movie(tab.viewer, movie, data[3], scale=scale[1:], units=units[1:])
        expected = localize(Stack(data[3], "YX", movie.camera), "smlm-2d")
    else:
        both = np.stack([np.full_like(data, 100), data], axis=1)
        add_movie(tab.viewer, movie, both, scale=(1, *scale), units=("pixel", *units), axis_labels=("t", "c", "y", "x"))
        tab.viewer.dims.set_current_step(1, 1)
        expected = localize(movie, "smlm-2d")
        assert "c: taken where its slider stands" in tab.axes_note.text()
    run(qtbot, tab)
    layer = tab.viewer.layers["movie localizations"]
    assert layer.ndim == tab.viewer.layers["movie"].ndim
    assert_same_rows(table_of(layer), expected)
    if layer.ndim == 4:
        assert (layer.data[:, 1] == 1).all()
        assert table_of(layer).record["input"]["chosen"] == {"channel": 1}


def test_what_the_layer_knows_is_filled_in_and_what_it_does_not_know_stays_empty(
    open_tab: Callable[..., Any], movie: Stack
) -> None:
    tab = open_tab()
    texts = lambda: {name: field.text() for name, field in tab.numbers.items() if field.text()}  # noqa: E731
    assert texts() == {}
    assert not tab.run_button.isEnabled()
    add_movie(tab.viewer, movie)
    assert texts() == {
        "pixel_size_nm": "100", "offset_adu": "100", "electrons_per_adu": "0.5", "em_gain": "1", "read_noise_e": "1.5"
    }  # fmt: skip
    plain = tab.viewer.add_image(np.zeros((4, 3, 8, 9)), axis_labels=("z", "t", "y", "x"), name="plain")
    assert tab.layer == tab.viewer.layers["movie"]  # a new layer does not change what is being filled in
    tab.choose_layer(plain)
    assert texts() == {}
    assert tab.time_choice.currentText() == "t (3 frames)"
    plain.name = "renamed"
    assert "renamed" in [tab.layer_choice.itemText(n) for n in range(tab.layer_choice.count())]
    tab.viewer.layers.remove(plain)
    assert tab.layer == tab.viewer.layers["movie"]
    assert texts()["pixel_size_nm"] == "100"


def test_what_napari_s_reader_drops_is_found_in_the_file(
    open_tab: Callable[..., Any], movie: Stack, tmp_path: Path
) -> None:
    tifffile.imwrite(
        tmp_path / "movie.tif", movie.data, imagej=True, resolution=(1 / 0.117, 1 / 0.117),
        metadata={"axes": "TYX", "unit": "um"},
    )  # fmt: skip
    tab = open_tab()
    (layer,) = tab.viewer.open(tmp_path / "movie.tif", plugin="napari")
    assert layer.units[-1] == layer.units[0]  # napari says nothing of it
    assert float(tab.numbers["pixel_size_nm"].text()) == pytest.approx(117)
    assert tab.numbers["offset_adu"].text() == ""


def test_what_is_emptied_in_the_form_is_unknown(qtbot: Any, open_tab: Callable[..., Any], movie: Stack) -> None:
    tab = open_tab()
    add_movie(tab.viewer, movie)
    for name in ("pixel_size_nm", "offset_adu"):
        tab.numbers[name].clear()
    tab.numbers["read_noise_e"].setText("2")
    run(qtbot, tab)
    record = table_of(tab.viewer.layers["movie localizations"]).record
    assert (record["pixel_size_nm"], record["camera"]["offset_adu"]) == (None, None)
    assert (record["camera"]["read_noise_e"], record["camera"]["sources"]["read_noise_e"]) == (2.0, "given")
    assert record["camera"]["sources"]["electrons_per_adu"] == "metadata of the layer"


def test_doubts_are_shown_each_time(qtbot: Any, open_tab: Callable[..., Any], movie: Stack) -> None:
    tab = open_tab()
    add_movie(tab.viewer, movie)
    tab.numbers["pixel_size_nm"].setText("5000")
    for _ in range(2):
        before = len(notification_manager.records)
        run(qtbot, tab)
        shown = [str(n.message) for n in notification_manager.records[before:] if str(n.severity) == "warning"]
        assert any("pixel size" in text and "5000 nm" in text for text in shown)
        assert "Warning: The pixel size" in tab.messages.toPlainText()
    assert_usable(tab)


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("pixel_size_nm", "-100", "Pixel size (nm) must be above 0, not -100"),
        ("pixel_size_nm", "0,1", "must be a number like 0.46, not '0,1'"),
        ("threshold", "1.5", "Threshold must be above 0 and at most 1, not 1.5"),
        ("em_gain", "0.5", "EM gain must be at least 1, not 0.5"),
        ("offset_adu", "nan", "Offset (counts) must be a number"),
    ],
)
def test_a_wrong_number_is_named(
    field: str, text: str, said: str, qtbot: Any, open_tab: Callable[..., Any], movie: Stack
) -> None:
    tab = open_tab()
    add_movie(tab.viewer, movie)
    tab.numbers[field].setText(text)
    before = len(notification_manager.records)
    run(qtbot, tab)
    assert said in tab.messages.toPlainText()
    assert said in notification_manager.records[before].message
    assert len(tab.viewer.layers) == 1
    assert_usable(tab)


class Remote:
    """Counts in an array that is asked over a network: `on_read(first frame)` is called where a job reads them."""

    def __init__(self, counts: np.ndarray, on_read: Callable[[int], None]) -> None:
        self.counts, self.on_read = counts, on_read
        self.shape, self.dtype, self.ndim = counts.shape, counts.dtype, counts.ndim

    def __getitem__(self, index: Any) -> np.ndarray:
        if threading.current_thread() is not threading.main_thread():
            self.on_read(index[0].start)
        return self.counts[index]


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("model", "not a model file"),
        (RuntimeError("the server does not answer"), "RuntimeError: the server does not answer"),
        (MemoryError(), "Not enough memory"),
    ],
)
def test_an_error_in_the_thread_ends_in_a_message_and_a_usable_form(
    what: Any, said: str, qtbot: Any, open_tab: Callable[..., Any], movie: Stack, tmp_path: Path
) -> None:
    tab = open_tab()
    add_movie(tab.viewer, movie)
    if what == "model":
        (tmp_path / "cut.safetensors").write_bytes(b"\x10\0\0\0")
        tab.model.add_file(tmp_path / "cut.safetensors")
    else:

        def fail(frame: int) -> None:
            raise what

        tab.choose_layer(add_movie(tab.viewer, movie, Remote(movie.data, fail), name="remote"))
    before = len(notification_manager.records)
    run(qtbot, tab)
    assert said in tab.messages.toPlainText()
    assert [said in n.message for n in notification_manager.records[before:]] == [True]
    assert_usable(tab)
    tab.model.choice.setCurrentIndex(0)
    tab.choose_layer(tab.viewer.layers["movie"])
    run(qtbot, tab)
    assert "movie localizations" in tab.viewer.layers


class Gate(Remote):
    """Frames past the first chunk are localized when the gate is opened; looking at them before is free."""

    def __init__(self, counts: np.ndarray) -> None:
        super().__init__(counts, self._wait)
        self.open = threading.Event()

    def _wait(self, frame: int) -> None:
        if threading.current_thread().name.startswith("pinpoint-read") and frame >= 2:
            assert self.open.wait(60)


@pytest.fixture
def gate(movie: Stack) -> Any:
    gate = Gate(movie.data)
    yield gate
    gate.open.set()


@pytest.mark.usefixtures("small_chunks")
def test_cancel_keeps_what_is_done(qtbot: Any, open_tab: Callable[..., Any], movie: Stack, gate: Gate) -> None:
    tab = open_tab()
    add_movie(tab.viewer, movie, gate)
    press(qtbot, tab.run_button)
    qtbot.waitUntil(lambda: tab.jobs.status.total == 12, timeout=60_000)
    assert not tab.run_button.isEnabled()
    press(qtbot, tab.cancel_button)
    assert not tab.cancel_button.isEnabled()
    gate.open.set()
    qtbot.waitUntil(lambda: not tab.jobs.is_running, timeout=60_000)
    assert_usable(tab)
    assert "Cancelled" in tab.messages.toPlainText()
    done = tab.jobs.status.done
    assert done < 12
    if done:  # the table is that of the frames that were done, and its record says so
        table = table_of(tab.viewer.layers["movie localizations"])
        expected = localize(movie, "smlm-2d")
        assert_same_rows(table, expected.select(expected["frame"] < done))
        assert table.record["settings"]["frames"] == [0, done]


@pytest.mark.usefixtures("small_chunks")
def test_a_job_survives_the_dock_and_shows_in_the_next_one(
    qtbot: Any, open_tab: Callable[..., Any], movie: Stack, gate: Gate
) -> None:
    tab = open_tab()
    viewer = tab.viewer
    add_movie(viewer, movie, gate)
    press(qtbot, tab.run_button)
    jobs = tab.jobs
    qtbot.waitUntil(lambda: jobs.status.total == 12, timeout=60_000)
    viewer.window.remove_dock_widget(tab)
    viewer.layers.remove("movie")
    tab.deleteLater()
    del tab
    qtbot.wait(50)
    again = open_tab(viewer)
    assert again.cancel_button.isEnabled()
    assert "of 12 frames" in again.messages.toPlainText()
    gate.open.set()
    qtbot.waitUntil(lambda: not again.jobs.is_running, timeout=60_000)
    assert_same_rows(table_of(viewer.layers["movie localizations"]), localize(movie, "smlm-2d"))
    assert "localizations in 12 frames" in again.messages.toPlainText()


@pytest.mark.usefixtures("small_chunks")
def test_closing_the_viewer_ends_the_thread(qtbot: Any, open_tab: Callable[..., Any], movie: Stack, gate: Gate) -> None:
    tab = open_tab()
    add_movie(tab.viewer, movie, gate)
    press(qtbot, tab.run_button)
    qtbot.waitUntil(lambda: tab.jobs.status.total == 12, timeout=60_000)
    jobs = tab.jobs
    tab.viewer.close()
    qtbot.waitUntil(lambda: not jobs.is_running)
    gate.open.set()
    qtbot.waitUntil(lambda: not any(t.name == "pinpoint-job" for t in threading.enumerate()), timeout=20_000)
    assert jobs.status.done < 12


def test_nothing_private_is_touched_and_nothing_from_the_thread(
    qtbot: Any, make_napari_viewer_proxy: Any, open_tab: Callable[..., Any], movie: Stack
) -> None:
    """Behind napari's proxy for plugins, private access warns (an error here) and other threads are refused."""
    tab = open_tab(make_napari_viewer_proxy())
    add_movie(tab.viewer, movie)
    assert tab.layer is not None
    run(qtbot, tab)
    assert "localizations in 12 frames" in tab.messages.toPlainText()


def test_a_single_dark_image_gives_an_empty_layer(qtbot: Any, open_tab: Callable[..., Any]) -> None:
    tab = open_tab()
    dark = Stack(np.full((32, 32), 100, np.uint16), "YX", Camera(offset_adu=100, electrons_per_adu=1))
    tab.viewer.add_image(dark.data, name="dark", metadata=image_metadata(dark))
    run(qtbot, tab)
    layer = tab.viewer.layers["dark localizations"]
    assert layer.data.shape == (0, 2)
    assert list(layer.features) == ["probability"]
    assert "Nothing reached the threshold" in tab.messages.toPlainText()


def test_the_form_fits_a_small_window(open_tab: Callable[..., Any], movie: Stack) -> None:
    """At 1280 x 720 napari leaves some 600 px to a dock, and some 900 px are to remain for the picture and lists."""
    tab = open_tab()
    add_movie(tab.viewer, movie, name="a name that is far too long for any drop-down list " * 3)
    hint = tab.minimumSizeHint()
    assert hint.width() <= 380
    assert hint.height() <= 500


def test_points_are_drawn_on_their_spots(qtbot: Any, make_napari_viewer: Any) -> None:
    """Not half a pixel off: the coloured pixels of the canvas around a point are centred on the spot's."""
    from napari_pinpoint.plugin.layers import Placement, points_layer_data

    viewer = make_napari_viewer(show=True)
    viewer.window.resize(900, 700)
    image = np.zeros((3, 9, 9))
    image[1, 5, 2] = 1
    layer = viewer.add_image(image, scale=(1, 0.1, 0.1), units=("pixel", "um", "um"), contrast_limits=(0, 1))
    table = Localizations({"frame": [1], "y": [5.0], "x": [2.0]})
    data, attributes, _ = points_layer_data(table, Placement.in_layer(layer, time_axis=0, at=(0, 0, 0)))
    points = viewer.add_points(data, **attributes | {"face_color": "red", "border_color": "red", "size": 3})
    viewer.reset_view()
    viewer.dims.set_current_step(0, 1)

    def centre(shown: Any, hidden: Any, channel: int) -> np.ndarray:
        shown.visible, hidden.visible = True, False
        qtbot.wait(100)
        picture = viewer.screenshot(canvas_only=True, flash=False)
        found = np.argwhere(picture[..., channel] > 200)
        assert len(found) > 50
        return found.mean(axis=0)

    pixel = np.sqrt((viewer.screenshot(canvas_only=True, flash=False)[..., 2] > 200).sum() + 1)
    spot = centre(layer, points, 2)
    assert np.abs(centre(points, layer, 0) - spot).max() < max(3.0, 0.1 * pixel)
    viewer.dims.set_current_step(0, 2)
    qtbot.wait(100)
    assert (viewer.screenshot(canvas_only=True, flash=False)[..., 0] > 200).sum() == 0
