"""The form for the pixel size and the camera: what is known, what the user knows, what the data say, what was saved.

To embed it, give it a function that gives the frames which "Estimate from the data" looks at, and tell it of every
layer that is chosen::

    form = CameraForm(view=lambda: self.view())  # a StackView, None without a layer; PinpointError is shown
    form.changed.connect(self.refresh)  # the user, a saved camera or an estimate has changed a number
    form.show_calibration(*layer_calibration(layer))  # when a layer is chosen; emits nothing
    pixel_size_nm, camera, sources = form.calibration()  # when a run starts; PinpointError for nonsense
    form.remember()  # when a run has started: what it was trusted with is there next time

The estimate does not look at the camera that the frames of `view` come with. It runs in the form's own thread, or in
that of the `Background` that is given.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from qtpy.QtCore import Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import QFormLayout, QLabel, QPushButton, QWidget

from napari_pinpoint.camera import Camera
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.plugin.camera.camera_choice import CameraChoice
from napari_pinpoint.plugin.camera.camera_numbers import number_fields
from napari_pinpoint.plugin.camera.cameras import save_camera, saved_cameras
from napari_pinpoint.plugin.widgets.fields import Note
from napari_pinpoint.plugin.work.background import Answer, Background
from napari_pinpoint.stack import StackView

_ESTIMATED = ("offset_adu", "electrons_per_adu")
_QUESTION = "camera"
_GIVEN = "given"


class CameraForm(QWidget):
    """Pixel size and camera, in the user's words; see the module's docstring for how to embed it.

    Below each number stands where it came from. Numbers are remembered by the camera's name: the one that the file
    gives, or one that the user types.

    Parameters
    ----------
    view
        Gives the frames to estimate the camera from.
    background
        Where the estimate runs.
    """

    changed = Signal()

    def __init__(self, view: Callable[[], StackView | None], background: Background | None = None) -> None:
        super().__init__()
        self._view = view
        self._background = background or Background(self)
        self._base = Camera()  # what is known of the camera besides the form's numbers
        self._maps: dict[str, Any] = {}  # numbers that differ from pixel to pixel, for which a field has no room
        self._stack_sources: dict[str, str] = {}
        self._sources: dict[str, str] = {}
        self._exact: dict[str, tuple[str, float | None]] = {}  # what a field was filled with, as text and number
        self.numbers = number_fields()
        self._placeholders = {name: field.placeholderText() for name, field in self.numbers.items()}
        self.notes = {name: Note() for name in self.numbers}
        self.camera = CameraChoice()
        self.estimate_button = QPushButton("Estimate from the data")
        self.estimate_button.setToolTip(
            "Find the counts without light and the electrons per count in the noise of the images. Give EM gain and "
            "read noise first: neither can be seen there."
        )
        self.message = Note()
        self._lay_out()
        self._connect()

    def show_calibration(
        self, pixel_size_nm: float | None, camera: Camera, sources: dict[str, str], camera_name: str | None
    ) -> None:
        """Show what is known of a stack; what is not known is taken from the remembered camera of that name.

        `sources` say where the stack's numbers came from (`Stack.sources`); the camera's say it themselves.
        """
        self._background.drop(_QUESTION)  # an estimate that is under way is about another stack
        self._show_estimating(False)
        self._say("")
        known = {name: getattr(camera, name) for name in self.numbers if name in camera.sources}
        rest = {name: words for name, words in camera.sources.items() if name not in self.numbers}
        self._maps = {name: value for name, value in known.items() if np.ndim(value)}
        self._base = Camera(sources=rest, **{name: getattr(camera, name) for name in rest})
        self._stack_sources = {name: words for name, words in sources.items() if name != "pixel_size_nm"}
        self._sources = {name: camera.sources[name] for name in known}
        self._sources["pixel_size_nm"] = sources.get("pixel_size_nm", "the layer")
        for name, field in self.numbers.items():
            value = pixel_size_nm if name == "pixel_size_nm" else known.get(name)
            self._set(name, None if name in self._maps else value)
            field.setPlaceholderText("differs from pixel to pixel" if name in self._maps else self._placeholders[name])
        self.camera.show_name(camera_name or "")
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
        pixel_size = numbers.pop("pixel_size_nm", None)
        camera = self._base
        for name, value in {**self._maps, **numbers}.items():
            camera = camera.with_values(self._sources.get(name, _GIVEN), **{name: value})
        sources = dict(self._stack_sources)
        if pixel_size is not None:
            sources["pixel_size_nm"] = self._sources.get("pixel_size_nm", _GIVEN)
        return pixel_size, camera, sources

    def remember(self) -> None:
        """Remember the numbers under the camera's name, if it has one; what goes wrong is shown, and no more."""
        name = self.camera.name()
        if not name:
            return
        before = saved_cameras().get(name)
        known = before.sources if before is not None else {}
        try:
            numbers = self._values()
            sources = {n: self._sources.get(n, _GIVEN) for n in numbers}
            sources |= {n: known.get(n, _GIVEN) for n, words in sources.items() if words.startswith("remembered")}
            save_camera(name, numbers, {n: words for n, words in sources.items() if words != _GIVEN})
        except PinpointError as error:
            self._say(f"Error: {error}")
            return
        self.camera.show_name(name)

    def _values(self) -> dict[str, float]:
        """The numbers that are filled in."""
        values = {name: field.value() for name, field in self.numbers.items()}
        for name, (text, exact) in self._exact.items():
            if self.numbers[name].text() == text:
                values[name] = exact
        return {name: value for name, value in values.items() if value is not None}

    def _set(self, name: str, value: float | None) -> None:
        """Show a number; a field shows ten digits of it, and a run takes all."""
        self.numbers[name].set_value(value)
        self._exact[name] = (self.numbers[name].text(), value)

    def _connect(self) -> None:
        for field in self.numbers.values():
            field.textEdited.connect(self._edited)  # no partial: PySide would keep the form with it
            field.editingFinished.connect(self._show_sources)
        self.camera.chosen.connect(self._choose_camera)
        self.camera.remember_asked.connect(self._remember)
        self.camera.said.connect(self._say)
        self.estimate_button.clicked.connect(self._estimate)

    def _edited(self) -> None:
        name = next(name for name, field in self.numbers.items() if field is self.sender())
        self._sources[name] = _GIVEN
        self._show_sources(typing=name)
        self.changed.emit()

    def _show_sources(self, typing: str | None = None) -> None:
        """Below each field where its number came from, or what is wrong with it; not while it is being typed."""
        for name, field in self.numbers.items():
            words = ""
            try:
                if field.value() is not None or name in self._maps:
                    words = _worded(self._sources.get(name, _GIVEN))
            except PinpointError as error:
                words = "" if name == typing else f"Error: {error}"
            self.notes[name].setText(words)
            self.notes[name].setVisible(bool(words))

    def _choose_camera(self, name: str) -> None:
        self._take_saved(name, only_unknown=False)
        self._show_sources()
        self.changed.emit()

    def _take_saved(self, name: str, *, only_unknown: bool) -> None:
        """Fill in what is remembered of a camera."""
        saved = saved_cameras().get(name)
        if saved is None:
            return
        for number, value in saved.numbers.items():
            if only_unknown and (self.numbers[number].text() or number in self._maps):
                continue
            self._set(number, value)
            words = saved.sources.get(number)
            self._sources[number] = f"remembered for {name}" + (f" ({words})" if words else "")

    def _remember(self) -> None:
        self._say(f"Remembered: {self.camera.name()}.")
        self.remember()

    def _say(self, text: str) -> None:
        self.message.setText(text)
        self.message.setVisible(bool(text))

    def _estimate(self) -> None:
        """Start an estimate in the thread: it reads and filters millions of pixels."""
        try:
            values, view = self._values(), self._view()
        except PinpointError as error:
            self._say(f"Error: {error}")
            return
        if view is None:
            self._say("Open a stack first: there are no images to estimate the camera from.")
            return
        known = {"em_gain": values.get("em_gain", 1.0), "read_noise_e": values.get("read_noise_e", 0.0)}
        self._background.ask(_QUESTION, partial(_estimated, view, **known), self._take_estimate)
        self._show_estimating(True)
        self._say("Looking at the noise of the images.")

    def _show_estimating(self, busy: bool) -> None:
        self.estimate_button.setEnabled(not busy)
        self.estimate_button.setText("Estimating..." if busy else "Estimate from the data")

    def _take_estimate(self, answer: Answer) -> None:
        """Fill in what was found, but for numbers that somebody knows better."""
        self._show_estimating(False)
        if answer.problem:
            self._say(answer.problem)
            return
        estimate, kept = answer.value, []
        for name in _ESTIMATED:
            field, source = self.numbers[name], self._sources.get(name, _GIVEN)
            if field.text() and "estimated" not in source:
                kept.append(field.name)
                continue
            value, error = getattr(estimate, name), getattr(estimate, f"{name}_error")
            self._maps.pop(name, None)
            self._set(name, float(f"{value:.4g}"))
            self._sources[name] = f"estimated from the data (±{error:.2g})"
        words = f"The data say: {estimate}. {estimate.assumption}"
        if kept:
            words += f" Left as filled in: {' and '.join(kept)}. Empty the field to take the estimate."
        self._say(words)
        self._show_sources()
        self.changed.emit()

    def _lay_out(self) -> None:
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        self._add_number(form, "pixel_size_nm")
        label = QLabel("Camera")
        label.setBuddy(self.camera)
        form.addRow(label, self.camera)
        form.addRow(self.camera.buttons)
        for name in self.numbers:
            if name != "pixel_size_nm":
                self._add_number(form, name)
        form.addRow(self.estimate_button)
        form.addRow(self.message)
        self.message.hide()

    def _add_number(self, form: QFormLayout, name: str) -> None:
        """A row with the field, and below it where its number came from."""
        field, note = self.numbers[name], self.notes[name]
        field.setAccessibleName(field.name)
        label = QLabel(field.name)
        label.setBuddy(field)
        label.setToolTip(field.toolTip())
        note.setIndent(12)
        note.hide()
        form.addRow(label, field)
        form.addRow(note)


def _worded(source: str) -> str:
    """A source as a note."""
    if source == _GIVEN:
        return "given by you"
    own = source.startswith(("estimated", "remembered", "simulated"))
    return source if own else f"from {source}"


def _estimated(view: StackView, **known: float) -> Any:
    from napari_pinpoint.camera_estimation import estimate_camera  # brings scipy

    return estimate_camera(view, **known)
