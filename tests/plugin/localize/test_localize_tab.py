"""The tab Localize through its real buttons, in a real viewer, with the model that ships."""

from __future__ import annotations

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
from napari_pinpoint.plugin.layers.calibration import image_metadata
from napari_pinpoint.plugin.layers.tables import table_from_points
from napari_pinpoint.stack import Stack

pytestmark = pytest.mark.gui


def table_of(layer: Any) -> Localizations:
    return table_from_points(*layer.as_layer_data_tuple()[:2])


def test_table_is_that_of_localize_row_for_row(
    open_tab: Callable[..., Any],
    movie: Stack,
    add_movie: Callable[..., Any],
    ready: Callable[..., Any],
    run_tab: Callable[..., None],
    same_rows: Callable[..., None],
) -> None:
    tab = open_tab()
    add_movie(tab.viewer)
    ready(tab)
    run_tab(tab)
    layer = tab.viewer.layers["movie localizations"]
    expected = localize(movie, "smlm-2d")
    same_rows(table_of(layer), expected)
    record, same = table_of(layer).record, ("model", "settings", "pixel_size_nm", "device", "versions")
    assert {name: record[name] for name in same} == {name: expected.record[name] for name in same}
    assert table_of(layer).pixel_size_nm == 100
    assert layer.units == tab.viewer.layers["movie"].units
    assert f"{len(expected):,} localizations in 12 frames" in tab.messages.toPlainText()
    assert tab.progress.value() == tab.progress.maximum() > 0
    assert tab.run_button.isEnabled()


def test_threshold_and_offsets_are_taken_from_the_form(
    open_tab: Callable[..., Any],
    movie: Stack,
    add_movie: Callable[..., Any],
    ready: Callable[..., Any],
    run_tab: Callable[..., None],
    same_rows: Callable[..., None],
) -> None:
    from napari_pinpoint.inference import LocalizeSettings

    tab = open_tab()
    add_movie(tab.viewer)
    ready(tab)
    tab.form.sensitivity.set_value(0.9)
    tab.form.advanced.offsets.setChecked(True)
    run_tab(tab)
    expected = localize(movie, "smlm-2d", settings=LocalizeSettings(threshold=0.9))
    same_rows(table_of(tab.viewer.layers["movie localizations"]), expected)
    offsets = tab.viewer.layers["movie offsets"].data
    np.testing.assert_allclose(offsets.sum(axis=1)[:, 1:], expected.positions(), atol=1e-5)
    assert np.abs(offsets[:, 1, 1:]).max() <= 0.5
    assert [layer.name for layer in tab.viewer.layers.selection] == ["movie localizations"]


def test_points_are_fitted_where_the_box_is_ticked(
    open_tab: Callable[..., Any],
    movie: Stack,
    add_movie: Callable[..., Any],
    ready: Callable[..., Any],
    run_tab: Callable[..., None],
    same_rows: Callable[..., None],
) -> None:
    from napari_pinpoint.inference import LocalizeSettings

    tab = open_tab()
    add_movie(tab.viewer)
    ready(tab)
    tab.form.advanced.fit.setChecked(True)
    run_tab(tab)
    expected = localize(movie, "smlm-2d", settings=LocalizeSettings(refine="mle"))
    assert "log_likelihood" in expected
    same_rows(table_of(tab.viewer.layers["movie localizations"]), expected)


def test_a_run_waits_until_the_form_is_that_of_the_model(
    qtbot: Any, open_tab: Callable[..., Any], add_movie: Callable[..., Any], ready: Callable[..., Any]
) -> None:
    tab = open_tab()
    add_movie(tab.viewer)
    ready(tab)
    buttons = (tab.run_button, tab.form.folder.run_button)
    assert all(button.isEnabled() for button in buttons)
    tab.form.model.choice.setCurrentText("spots")
    assert tab.form.sensitivity.control.column == "probability"  # still what the model before is controlled by
    assert not any(button.isEnabled() for button in buttons)
    qtbot.waitUntil(lambda: all(button.isEnabled() for button in buttons), timeout=60_000)
    assert tab.form.sensitivity.control.column == "contrast"


@pytest.mark.parametrize("kind", ["dask", "single image", "channel of four axes"])
def test_any_image_layer(
    kind: str,
    open_tab: Callable[..., Any],
    movie: Stack,
    add_movie: Callable[..., Any],
    ready: Callable[..., Any],
    run_tab: Callable[..., None],
    same_rows: Callable[..., None],
) -> None:
    tab = open_tab()
    data, scale, units = movie.data, (1, 0.1, 0.1), ("pixel", "um", "um")
    if kind == "dask":
        add_movie(tab.viewer, da.from_array(data, chunks=(5, 16, 16)))
        ready(tab)
        expected = localize(movie, "smlm-2d")
    elif kind == "single image":
        add_movie(tab.viewer, data[3], scale=scale[1:], units=units[1:])
        ready(tab)
        expected = localize(Stack(data[3], "YX", movie.camera), "smlm-2d")
    else:
        both = np.stack([np.full_like(data, 100), data], axis=1)
        add_movie(tab.viewer, both, scale=(1, *scale), units=("pixel", *units), axis_labels=("t", "c", "y", "x"))
        ready(tab)
        tab.viewer.dims.set_current_step(1, 1)
        expected = localize(movie, "smlm-2d")
        assert "c: taken where its slider stands" in tab.form.source.axes_note.text()
    run_tab(tab)
    layer = tab.viewer.layers["movie localizations"]
    assert layer.ndim == tab.viewer.layers["movie"].ndim
    same_rows(table_of(layer), expected)
    if layer.ndim == 4:
        assert (layer.data[:, 1] == 1).all()
        assert table_of(layer).record["input"]["chosen"] == {"channel": 1}


def test_what_the_layer_knows_is_filled_in_and_what_it_does_not_know_stays_empty(
    open_tab: Callable[..., Any], add_movie: Callable[..., Any], ready: Callable[..., Any]
) -> None:
    tab = open_tab()
    texts = lambda: {name: field.text() for name, field in tab.form.camera.numbers.items() if field.text()}  # noqa: E731
    assert texts() == {}
    assert not tab.run_button.isEnabled()
    add_movie(tab.viewer)
    ready(tab)
    assert texts() == {
        "pixel_size_nm": "100", "offset_adu": "100", "electrons_per_adu": "0.5", "em_gain": "1", "read_noise_e": "1.5"
    }  # fmt: skip
    plain = tab.viewer.add_image(np.zeros((4, 3, 8, 9)), axis_labels=("z", "t", "y", "x"), name="plain")
    assert tab.form.layer == plain  # a new layer is selected, and the form follows
    tab.form.source.choose_layer(tab.viewer.layers["movie"])
    tab.form.source.choose_layer(plain)
    ready(tab)
    assert texts() == {}
    assert tab.form.source.time_choice.currentText() == "t (3 frames)"
    plain.name = "renamed"
    assert "renamed" in [tab.form.source.layer_choice.itemText(n) for n in range(tab.form.source.layer_choice.count())]
    tab.viewer.layers.remove(plain)
    ready(tab)
    assert tab.form.layer == tab.viewer.layers["movie"]
    assert texts()["pixel_size_nm"] == "100"


def test_the_calibration_is_found_although_the_time_axis_is_changed_meanwhile(
    open_tab: Callable[..., Any], add_movie: Callable[..., Any], ready: Callable[..., Any]
) -> None:
    tab = open_tab()
    add_movie(tab.viewer)
    tab.form.source.time_choice.setCurrentIndex(0)
    ready(tab)
    assert tab.form.camera.numbers["pixel_size_nm"].text() == "100"


def test_what_napari_s_reader_drops_is_found_in_the_file(
    open_tab: Callable[..., Any], ready: Callable[..., Any], movie: Stack, tmp_path: Path
) -> None:
    tifffile.imwrite(
        tmp_path / "movie.tif", movie.data, imagej=True, resolution=(1 / 0.117, 1 / 0.117),
        metadata={"axes": "TYX", "unit": "um"},
    )  # fmt: skip
    tab = open_tab()
    (layer,) = tab.viewer.open(tmp_path / "movie.tif", plugin="napari")
    ready(tab)
    assert layer.units[-1] == layer.units[0]  # napari says nothing of it
    assert float(tab.form.camera.numbers["pixel_size_nm"].text()) == pytest.approx(117)
    assert tab.form.camera.numbers["offset_adu"].text() == ""


def test_what_is_emptied_in_the_form_is_unknown(
    qtbot: Any,
    open_tab: Callable[..., Any],
    add_movie: Callable[..., Any],
    ready: Callable[..., Any],
    run_tab: Callable[..., None],
) -> None:
    tab = open_tab()
    add_movie(tab.viewer)
    ready(tab)
    for name in ("pixel_size_nm", "offset_adu"):
        tab.form.camera.numbers[name].clear()
    read_noise = tab.form.camera.numbers["read_noise_e"]
    read_noise.clear()
    qtbot.keyClicks(read_noise, "2")
    run_tab(tab)
    record = table_of(tab.viewer.layers["movie localizations"]).record
    assert (record["pixel_size_nm"], record["camera"]["offset_adu"]) == (None, None)
    assert (record["camera"]["read_noise_e"], record["camera"]["sources"]["read_noise_e"]) == (2.0, "given")
    assert record["camera"]["sources"]["electrons_per_adu"] == "metadata of the layer"


def test_doubts_are_shown_each_time(
    open_tab: Callable[..., Any], add_movie: Callable[..., Any], ready: Callable[..., Any], run_tab: Callable[..., None]
) -> None:
    tab = open_tab()
    add_movie(tab.viewer)
    ready(tab)
    tab.form.camera.numbers["pixel_size_nm"].setText("5000")
    for _ in range(2):
        before = len(notification_manager.records)
        run_tab(tab)
        shown = [str(n.message) for n in notification_manager.records[before:] if str(n.severity) == "warning"]
        assert any("pixel size" in text and "5000 nm" in text for text in shown)
        assert "Warning: The pixel size" in tab.messages.toPlainText()
    assert tab.run_button.isEnabled()


def test_nothing_private_is_touched_and_nothing_from_the_thread(
    open_tab: Callable[..., Any],
    add_movie: Callable[..., Any],
    ready: Callable[..., Any],
    run_tab: Callable[..., None],
    make_napari_viewer_proxy: Any,
) -> None:
    """Behind napari's proxy for plugins, private access warns (an error here) and other threads are refused."""
    tab = open_tab(make_napari_viewer_proxy())
    add_movie(tab.viewer)
    ready(tab)
    assert tab.form.layer is not None
    run_tab(tab)
    assert "localizations in 12 frames" in tab.messages.toPlainText()


def test_a_single_dark_image_gives_an_empty_layer(
    open_tab: Callable[..., Any], ready: Callable[..., Any], run_tab: Callable[..., None]
) -> None:
    tab = open_tab()
    dark = Stack(np.full((32, 32), 100, np.uint16), "YX", Camera(offset_adu=100, electrons_per_adu=1))
    tab.viewer.add_image(dark.data, name="dark", metadata=image_metadata(dark))
    ready(tab)
    run_tab(tab)
    layer = tab.viewer.layers["dark localizations"]
    assert layer.data.shape == (0, 2)
    told = {"uncertainty_y", "uncertainty_x", "photons", "background", "uncertainty_photons"}
    assert set(layer.features) == {"probability"} | told
    assert "Nothing reached the threshold" in tab.messages.toPlainText()


def test_the_form_fits_a_small_window(
    open_tab: Callable[..., Any], add_movie: Callable[..., Any], ready: Callable[..., Any]
) -> None:
    """At 1280 x 720 napari leaves some 600 px to a dock, and some 900 px are to remain for the picture and lists."""
    tab = open_tab()
    add_movie(tab.viewer, name="a name that is far too long for any drop-down list " * 3)
    ready(tab)
    hint = tab.minimumSizeHint()
    assert hint.width() <= 380
    assert hint.height() <= 500


def test_points_are_drawn_on_their_spots(qtbot: Any, make_napari_viewer: Any) -> None:
    """Not half a pixel off: the coloured pixels of the canvas around a point are centred on the spot's."""
    from napari_pinpoint.plugin.layers.tables import Placement, points_layer_data

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
