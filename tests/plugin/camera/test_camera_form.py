"""The form for pixel size and camera, with real keys and clicks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_pinpoint.camera import Camera
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.plugin.camera.camera_form import CameraForm
from napari_pinpoint.plugin.camera.cameras import save_camera, saved_cameras
from napari_pinpoint.plugin.work.background import Background
from napari_pinpoint.scenes.emitters import EmitterScene
from napari_pinpoint.stack import Stack

pytestmark = pytest.mark.gui

KNOWN = Camera(electrons_per_adu=0.46, sources={"electrons_per_adu": "Micro-Manager metadata"})
Press = Callable[[Any], None]


@pytest.fixture
def background(qapp: Any) -> Iterator[Background]:
    shared = Background()
    yield shared
    shared.close()


@pytest.fixture
def form(qtbot: Any, background: Background) -> CameraForm:
    stack, _ = EmitterScene(shape=(96, 96)).sample(8, np.random.default_rng(1))
    made = CameraForm(lambda: Stack(stack.data, "TYX").view(), background)
    qtbot.addWidget(made)
    made.show()
    return made


def fill(qtbot: Any, field: Any, text: str) -> None:
    """Type a number, and leave the field."""
    field.setFocus()
    field.selectAll()
    qtbot.keyClicks(field, text) if text else qtbot.keyClick(field, Qt.Key.Key_Delete)
    field.editingFinished.emit()


def texts(form: CameraForm) -> dict[str, str]:
    return {name: field.text() for name, field in form.numbers.items() if field.text()}


def test_what_is_known_comes_with_its_source_and_goes_back_unchanged(form: CameraForm) -> None:
    form.show_calibration(108.0, KNOWN, {"pixel_size_nm": "ImageJ metadata", "axes": "given as TYX"}, None)
    assert texts(form) == {"pixel_size_nm": "108", "electrons_per_adu": "0.46"}
    assert form.notes["pixel_size_nm"].text() == "from ImageJ metadata"
    assert not form.notes["offset_adu"].isVisible()
    pixel_size, camera, sources = form.calibration()
    assert (pixel_size, sources) == (108.0, {"pixel_size_nm": "ImageJ metadata", "axes": "given as TYX"})
    assert (camera.to_record(), camera.sources) == (KNOWN.to_record(), KNOWN.sources)


def test_no_digit_is_lost_on_the_way_through_the_form(form: CameraForm, qtbot: Any) -> None:
    form.show_calibration(325 / 3, Camera(offset_adu=100 / 3, sources={"offset_adu": "given"}), {}, None)
    assert form.calibration()[0] == 325 / 3
    assert form.calibration()[1].offset_adu == 100 / 3
    fill(qtbot, form.numbers["pixel_size_nm"], "108.3333333")
    assert form.calibration()[2]["pixel_size_nm"] == "given"


def test_what_the_user_types_is_given_and_what_is_emptied_unknown(form: CameraForm, qtbot: Any) -> None:
    form.show_calibration(108.0, KNOWN, {"pixel_size_nm": "ImageJ metadata"}, None)
    with qtbot.waitSignal(form.changed):
        fill(qtbot, form.numbers["offset_adu"], "101")
    fill(qtbot, form.numbers["pixel_size_nm"], "")
    assert form.notes["offset_adu"].text() == "given by you"
    pixel_size, camera, sources = form.calibration()
    assert (pixel_size, sources) == (None, {})
    assert (camera.offset_adu, camera.sources["offset_adu"]) == (101, "given")
    assert camera.is_calibrated


@pytest.mark.parametrize(
    ("name", "text", "part"),
    [
        ("pixel_size_nm", "-3", "above 0"),
        ("electrons_per_adu", "0", "above 0"),
        ("em_gain", "0.5", "at least 1"),
        ("offset_adu", "about 100", "must be a number"),
        ("read_noise_e", "nan", "must be a number"),
    ],
)
def test_nonsense_is_told_and_refused(form: CameraForm, qtbot: Any, name: str, text: str, part: str) -> None:
    fill(qtbot, form.numbers[name], text)
    assert part in form.notes[name].text()
    with pytest.raises(PinpointError, match=part):
        form.calibration()


def test_what_the_form_does_not_show_is_kept(form: CameraForm) -> None:
    gains = np.full((4, 5), 0.5)
    known = Camera(
        electrons_per_adu=gains, saturation_adu=4095, sources={"electrons_per_adu": "a map", "saturation_adu": "given"}
    )
    form.show_calibration(None, known, {}, None)
    assert form.numbers["electrons_per_adu"].placeholderText() == "differs from pixel to pixel"
    _, camera, _ = form.calibration()
    assert camera.electrons_per_adu is gains
    assert camera.saturation_adu == 4095
    form.show_calibration(None, Camera(), {}, None)
    assert form.calibration()[1].to_record() == Camera().to_record()
    assert form.numbers["electrons_per_adu"].placeholderText() == "unknown"


def test_a_camera_is_remembered_by_the_name_in_the_metadata(form: CameraForm, qtbot: Any) -> None:
    form.show_calibration(108.0, KNOWN, {"pixel_size_nm": "ImageJ metadata"}, "C13440 S/N 301")
    fill(qtbot, form.numbers["offset_adu"], "101")
    form.remember()
    form.show_calibration(None, Camera(), {}, None)
    assert texts(form) == {}
    known = Camera(electrons_per_adu=0.2, sources={"electrons_per_adu": "Micro-Manager metadata"})
    form.show_calibration(None, known, {}, "C13440 S/N 301")
    assert texts(form) == {"pixel_size_nm": "108", "offset_adu": "101", "electrons_per_adu": "0.2"}
    assert form.notes["offset_adu"].text() == "remembered for C13440 S/N 301"
    assert form.notes["pixel_size_nm"].text() == "remembered for C13440 S/N 301 (ImageJ metadata)"
    form.remember()
    form.show_calibration(None, Camera(), {}, "C13440 S/N 301")
    assert form.notes["pixel_size_nm"].text() == "remembered for C13440 S/N 301 (ImageJ metadata)"


def test_a_camera_is_remembered_by_the_name_that_is_typed(form: CameraForm, qtbot: Any, press: Press) -> None:
    fill(qtbot, form.numbers["offset_adu"], "101")
    assert not form.camera.remember_button.isEnabled()
    qtbot.keyClicks(form.camera, "Zyla")
    press(form.camera.remember_button)
    assert saved_cameras()["Zyla"].numbers == {"offset_adu": 101.0}
    assert form.message.text() == "Remembered: Zyla."
    save_camera("Andor", {"offset_adu": 99.0, "em_gain": 300.0}, {})
    form.show_calibration(None, Camera(), {}, None)
    with qtbot.waitSignal(form.changed):
        form.camera.setFocus()
        qtbot.keyClick(form.camera, Qt.Key.Key_Down)
    assert texts(form) == {"offset_adu": "99", "em_gain": "300"}
    press(form.camera.forget_button)
    assert list(saved_cameras()) == ["Zyla"]
    assert texts(form) == {"offset_adu": "99", "em_gain": "300"}


def test_estimate_fills_in_what_is_not_known(form: CameraForm, qtbot: Any, press: Press) -> None:
    form.numbers["read_noise_e"].setText("1.5")
    press(form.estimate_button)
    assert not form.estimate_button.isEnabled()
    qtbot.waitUntil(form.estimate_button.isEnabled, timeout=30_000)
    _, camera, _ = form.calibration()
    assert camera.electrons_per_adu == pytest.approx(0.5, rel=0.3)
    assert camera.sources["electrons_per_adu"].startswith("estimated from the data (±")
    assert "electrons per count, offset" in form.message.text()


def test_estimate_leaves_what_was_given(form: CameraForm, qtbot: Any, press: Press) -> None:
    form.show_calibration(None, KNOWN, {}, None)
    press(form.estimate_button)
    qtbot.waitUntil(form.estimate_button.isEnabled, timeout=30_000)
    assert form.numbers["electrons_per_adu"].text() == "0.46"
    assert form.numbers["offset_adu"].text() != ""
    assert "Left as filled in: Electrons per count" in form.message.text()


def test_estimate_of_another_stack_is_dropped(form: CameraForm, qtbot: Any, press: Press) -> None:
    press(form.estimate_button)
    form.show_calibration(None, Camera(), {}, None)
    assert form.estimate_button.isEnabled()
    qtbot.wait(1500)
    assert texts(form) == {}
    assert form.message.text() == ""


@pytest.mark.parametrize(
    ("view", "part"),
    [
        (lambda: None, "Open a stack first"),
        (lambda: Stack(np.zeros((4, 64, 64)), "TYX").view(), "noise"),
        (lambda: Stack(np.full((4, 64, 64), np.nan), "TYX").view(), "NaN"),
    ],
    ids=["no layer", "dark", "nan"],
)
def test_no_estimate_says_why(view: Any, part: str, background: Background, qtbot: Any, press: Press) -> None:
    form = CameraForm(view, background)
    qtbot.addWidget(form)
    form.show()
    press(form.estimate_button)
    qtbot.waitUntil(form.estimate_button.isEnabled, timeout=30_000)
    assert part in form.message.text()
    assert texts(form) == {}


def test_every_field_can_be_reached_and_read_out(form: CameraForm) -> None:
    fields = [*form.numbers.values(), form.camera, form.estimate_button, form.camera.remember_button]
    assert all(field.toolTip() for field in fields)
    assert all(field.accessibleName() for field in form.numbers.values())
    assert form.minimumSizeHint().width() <= 280
