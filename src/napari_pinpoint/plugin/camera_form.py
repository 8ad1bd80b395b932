"""The form for the pixel size and the camera: what is known, what the user knows, what the data say, what was saved.

To embed it, give it a function that gives the frames which "Estimate from the data" looks at, and tell it of every
layer that is chosen::

    form = CameraForm(view=lambda: self.view())  # a StackView, None without a layer; PinpointError is shown
    form.changed.connect(self.refresh)  # the user, a saved camera or an estimate has changed a number
    form.show_calibration(*layer_calibration(layer))  # when a layer is chosen; emits nothing
    pixel_size_nm, camera, sources = form.calibration()  # when a run starts; PinpointError for nonsense
    form.remember()  # when a run has started: what it was trusted with is there next time

`view` may use `calibration` itself: the estimate does not look at the camera that the frames come with.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np
from qtpy.QtCore import QTimer, Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import QComboBox, QFormLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_pinpoint.camera import Camera
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.plugin.cameras import forget_camera, save_camera, saved_cameras
from napari_pinpoint.plugin.fields import Choice, Note, NumberField
from napari_pinpoint.stack import StackView

_ESTIMATED = ("offset_adu", "electrons_per_adu")
_GIVEN = "given"
_INFINITY = float("inf")


def _number_fields() -> dict[str, NumberField]:
    """The form's numbers in the order of the form; the camera's are named as in `Camera`."""
    return {
        "pixel_size_nm": NumberField(
            "Pixel size (nm)",
            "unknown",
            "Size of a pixel in the sample: the camera's pixel over the magnification, often about 100 nm. Without it "
            "distances are in pixels only.",
            limits=(0, _INFINITY),
            above=True,
        ),
        "offset_adu": NumberField(
            "Counts without light",
            "unknown",
            "What a pixel of the camera reads in the dark (its offset), often about 100. Without it photons cannot be "
            "counted.",
        ),
        "electrons_per_adu": NumberField(
            "Electrons per count",
            "unknown",
            "How many electrons make one count, from the camera's data sheet (there also called gain or conversion "
            "factor), often 0.2 to 5. Without it photons cannot be counted.",
            limits=(0, _INFINITY),
            above=True,
        ),
        "em_gain": NumberField(
            "EM gain",
            "1 (none)",
            "How far an EMCCD camera multiplies its electrons, often 100 to 300. Leave it empty for other cameras.",
            limits=(1, _INFINITY),
        ),
        "read_noise_e": NumberField(
            "Read noise (electrons)",
            "0",
            "How much a pixel of the camera scatters in the dark, in electrons (standard deviation), from its data "
            "sheet: often 1 to 2 for sCMOS cameras.",
            limits=(0, _INFINITY),
        ),
    }


class CameraForm(QWidget):
    """Pixel size and camera, in the user's words; see the module's docstring for how to embed it.

    Below each number stands where it came from. Numbers are remembered by the camera's name: the one that the file
    gives, or one that the user types.

    Parameters
    ----------
    view
        Gives the frames to estimate the camera from.
    """

    changed = Signal()

    def __init__(self, view: Callable[[], StackView | None]) -> None:
        super().__init__()
        self._view = view
        self._base = Camera()  # what the file knows of the camera besides the form's numbers
        self._maps: dict[str, Any] = {}  # numbers that differ from pixel to pixel, for which a field has no room
        self._stack_sources: dict[str, str] = {}
        self._sources: dict[str, str] = {}
        self._answers: SimpleQueue[Any] | None = None
        self.numbers = _number_fields()
        self._placeholders = {name: field.placeholderText() for name, field in self.numbers.items()}
        self.notes = {name: Note() for name in self.numbers}
        self.camera_name = Choice("The camera's name, under which its numbers are remembered: choose it, or type one")
        self.camera_name.setEditable(True)
        self.camera_name.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.camera_name.setAccessibleName("Camera")
        self.remember_button = QPushButton("Remember")
        self.remember_button.setToolTip("Keep these numbers under the camera's name, for the next stack and session")
        self.forget_button = QPushButton("Forget")
        self.forget_button.setToolTip("Take the camera of this name from the list")
        self.estimate_button = QPushButton("Estimate from the data")
        self.estimate_button.setToolTip(
            "Find the counts without light and the electrons per count in the noise of the images. Give EM gain and "
            "read noise first: neither can be seen there."
        )
        self.message = Note()
        self._timer = QTimer(self)
        self._timer.setInterval(100)
        self._timer.timeout.connect(self._look_for_answer)
        self._lay_out()
        self._connect()
        self._list_cameras("")

    def show_calibration(
        self, pixel_size_nm: float | None, camera: Camera, sources: dict[str, str], camera_name: str | None
    ) -> None:
        """Show what is known of a stack; what is not known is taken from the remembered camera of that name.

        `sources` say where the stack's numbers came from (`Stack.sources`); the camera's say it themselves.
        """
        self._answers = None  # an estimate that is under way is about another stack
        self._show_estimating(False)
        self.message.setText("")
        self.message.hide()
        known = {name: getattr(camera, name) for name in self.numbers if name in camera.sources}
        self._maps = {name: value for name, value in known.items() if np.ndim(value)}
        rest = {n: s for n, s in camera.sources.items() if n not in self.numbers}
        self._base = Camera(sources=rest, **{name: getattr(camera, name) for name in rest})
        self._stack_sources = {name: words for name, words in sources.items() if name != "pixel_size_nm"}
        self._sources = {name: words for name, words in camera.sources.items() if name in self.numbers}
        self._sources["pixel_size_nm"] = sources.get("pixel_size_nm", "the layer")
        numbers = {"pixel_size_nm": pixel_size_nm, **{n: v for n, v in known.items() if n not in self._maps}}
        for name, field in self.numbers.items():
            field.set_value(numbers.get(name))
            field.setPlaceholderText("differs from pixel to pixel" if name in self._maps else self._placeholders[name])
        self._list_cameras(camera_name or "")
        self._take_saved(camera_name or "", only_unknown=True)
        self._show_sources()

    def calibration(self) -> tuple[float | None, Camera, dict[str, str]]:
        """Pixel size in nm (None if unknown), camera, and `Stack.sources`, as the form says them.

        Raises
        ------
        PinpointError
            If a field holds anything else than a number that makes sense.
        """
        numbers = self._values()
        camera = self._base
        for name, value in {**self._maps, **numbers}.items():
            if name != "pixel_size_nm":
                camera = camera.with_values(self._sources.get(name, _GIVEN), **{name: value})
        pixel_size = numbers.get("pixel_size_nm")
        sources = dict(self._stack_sources)
        if pixel_size is not None:
            sources["pixel_size_nm"] = self._sources.get("pixel_size_nm", _GIVEN)
        return pixel_size, camera, sources

    def remember(self) -> None:
        """Remember the numbers under the camera's name, if it has one; what goes wrong is shown, and no more."""
        if self.camera_name.currentText().strip():
            self._remember()

    def _values(self) -> dict[str, float]:
        """The numbers that are filled in."""
        values = {name: field.value() for name, field in self.numbers.items()}
        return {name: value for name, value in values.items() if value is not None}

    def _connect(self) -> None:
        for name, field in self.numbers.items():
            field.textEdited.connect(lambda _, name=name: self._edited(name))
            field.editingFinished.connect(self._show_sources)
        self.camera_name.activated.connect(self._choose_camera)
        self.camera_name.editTextChanged.connect(self._enable_buttons)
        self.remember_button.clicked.connect(self._remember)
        self.forget_button.clicked.connect(self._forget)
        self.estimate_button.clicked.connect(self._estimate)

    def _edited(self, name: str) -> None:
        self._sources[name] = _GIVEN
        self._show_sources(typing=name)
        self.changed.emit()

    def _show_sources(self, typing: str | None = None) -> None:
        """Below each field where its number came from, or what is wrong with it; not while it is being typed."""
        for name, field in self.numbers.items():
            words = ""
            try:
                if field.value() is not None or name in self._maps:
                    source = self._sources.get(name, _GIVEN)
                    words = "given by you" if source == _GIVEN else f"from: {source}"
            except PinpointError as error:
                words = "" if name == typing else f"Error: {error}"
            self.notes[name].setText(words)
            self.notes[name].setVisible(bool(words))

    def _list_cameras(self, name: str) -> None:
        """Offer the remembered cameras, and show a name."""
        self.camera_name.blockSignals(True)
        self.camera_name.clear()
        self.camera_name.addItems(list(saved_cameras()))
        self.camera_name.setCurrentIndex(self.camera_name.findText(name))
        self.camera_name.setEditText(name)
        self.camera_name.blockSignals(False)
        self._enable_buttons()

    def _enable_buttons(self) -> None:
        name = self.camera_name.currentText().strip()
        self.remember_button.setEnabled(bool(name))
        self.forget_button.setEnabled(self.camera_name.findText(name) >= 0 and bool(name))

    def _choose_camera(self) -> None:
        self._take_saved(self.camera_name.currentText(), only_unknown=False)
        self._show_sources()
        self._enable_buttons()
        self.changed.emit()

    def _take_saved(self, name: str, *, only_unknown: bool) -> None:
        """Fill in what is remembered of a camera."""
        saved = saved_cameras().get(name)
        for number, value in saved.numbers.items() if saved else ():
            field = self.numbers[number]
            if only_unknown and (field.text() or number in self._maps):
                continue
            field.set_value(value)
            words = saved.sources.get(number, _GIVEN) if saved else _GIVEN
            self._sources[number] = f"remembered for {name}" + (f" ({words})" if words != _GIVEN else "")

    def _remember(self) -> None:
        name = self.camera_name.currentText().strip()
        try:
            numbers = self._values()
            sources = {n: self._sources[n] for n in numbers if not self._sources[n].startswith("remembered")}
            save_camera(name, numbers, sources)
        except PinpointError as error:
            self._say(f"Error: {error}")
            return
        self._list_cameras(name)
        self._say(f"Remembered as {name}.")

    def _forget(self) -> None:
        name = self.camera_name.currentText().strip()
        try:
            forget_camera(name)
        except PinpointError as error:
            self._say(f"Error: {error}")
            return
        self._list_cameras("")
        self._say(f"{name} is forgotten.")

    def _say(self, text: str) -> None:
        self.message.setText(text)
        self.message.setVisible(bool(text))

    def _estimate(self) -> None:
        """Start an estimate in a thread: it reads and filters millions of pixels."""
        try:
            values, view = self._values(), self._view()
        except PinpointError as error:
            self._say(f"Error: {error}")
            return
        if view is None:
            self._say("Open a stack first: there are no images to estimate the camera from.")
            return
        answers = self._answers = SimpleQueue()
        given = (view, values.get("em_gain", 1.0), values.get("read_noise_e", 0.0))
        threading.Thread(target=_answer, args=(answers, *given), name="pinpoint-camera", daemon=True).start()
        self._show_estimating(True)

    def _show_estimating(self, busy: bool) -> None:
        self.estimate_button.setEnabled(not busy)
        self.estimate_button.setText("Estimating..." if busy else "Estimate from the data")
        if busy:
            self._say("Looking at the noise of the images.")
            self._timer.start()
        else:
            self._timer.stop()

    def _look_for_answer(self) -> None:
        try:
            answer = self._answers.get_nowait() if self._answers is not None else None
        except Empty:
            return
        self._show_estimating(False)
        self._answers = None
        if answer is None or isinstance(answer, str):
            self._say(answer or "")
            return
        self._take_estimate(answer)

    def _take_estimate(self, estimate: Any) -> None:
        """Fill in what was found, but for numbers that somebody knows better."""
        kept = []
        for name in _ESTIMATED:
            if self.numbers[name].text() and not self._sources.get(name, _GIVEN).startswith("estimated"):
                kept.append(self.numbers[name].name.lower())
                continue
            value, error = getattr(estimate, name), getattr(estimate, f"{name}_error")
            self._maps.pop(name, None)
            self.numbers[name].set_value(float(f"{value:.4g}"))
            self._sources[name] = f"estimated from the data (±{error:.2g})"
        words = f"The data say: {estimate}. {estimate.assumption}"
        if kept:
            words += f" Kept as filled in: {' and '.join(kept)}; empty the field to take the estimate."
        self._say(words)
        self._show_sources()
        self.changed.emit()

    def _lay_out(self) -> None:
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        self._add_number(form, "pixel_size_nm")
        names = QVBoxLayout()
        names.addWidget(self.camera_name)
        buttons = QHBoxLayout()
        buttons.addWidget(self.remember_button)
        buttons.addWidget(self.forget_button)
        names.addLayout(buttons)
        label = QLabel("Camera")
        label.setBuddy(self.camera_name)
        form.addRow(label, names)
        for name in self.numbers:
            if name != "pixel_size_nm":
                self._add_number(form, name)
        form.addRow(self.estimate_button)
        form.addRow(self.message)
        self.message.hide()

    def _add_number(self, form: QFormLayout, name: str) -> None:
        """A row: the field, and below it where its number came from."""
        field, note = self.numbers[name], self.notes[name]
        field.setAccessibleName(field.name)
        label = QLabel(field.name)
        label.setBuddy(field)
        label.setToolTip(field.toolTip())
        column = QVBoxLayout()
        column.setSpacing(1)
        column.addWidget(field)
        column.addWidget(note)
        note.hide()
        form.addRow(label, column)


def _answer(answers: SimpleQueue[Any], view: StackView, em_gain: float, read_noise_e: float) -> None:
    """The body of the thread: an estimate, or words about why there is none."""
    try:
        from napari_pinpoint.camera_estimation import estimate_camera

        answers.put(estimate_camera(view, em_gain=em_gain, read_noise_e=read_noise_e))
    except PinpointError as error:
        answers.put(str(error))
    except Exception as error:  # whatever the layer's array raises: the button must come back
        answers.put(f"Error: the images cannot be read: {type(error).__name__}: {error}")
