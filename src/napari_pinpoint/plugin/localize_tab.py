"""The tab Localize: choose an image layer, press Localize, see the points."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Image
from napari.utils.notifications import show_error
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QMainWindow,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from napari_pinpoint.camera import Camera
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.plugin.axes import guess_time_axis
from napari_pinpoint.plugin.calibration import calibration_of
from napari_pinpoint.plugin.fields import Choice, Messages, ModelChoice, Note, NumberField
from napari_pinpoint.plugin.jobs import Jobs
from napari_pinpoint.plugin.layers import Placement
from napari_pinpoint.plugin.localizing import Localizing
from napari_pinpoint.plugin.views import view_from_layer
from napari_pinpoint.zoo import ZOO

_CAMERA = ("offset_adu", "electrons_per_adu", "em_gain", "read_noise_e")


def _number_fields() -> dict[str, NumberField]:
    """The form's numbers; the camera's are named as in `Camera`."""
    infinity = float("inf")
    return {
        "threshold": NumberField(
            "Threshold",
            "the model's own",
            "Least probability of a localization. A lower one finds more, and more that is not there.",
            limits=(0, 1),
            above=True,
        ),
        "pixel_size_nm": NumberField(
            "Pixel size (nm)",
            "unknown",
            "Size of a pixel in the sample. Without it the points have no physical size, and cannot be saved as a "
            "ThunderSTORM table.",
            limits=(0, infinity),
            above=True,
        ),
        "offset_adu": NumberField(
            "Offset (counts)",
            "unknown",
            "Mean counts of a camera pixel without any light, often about 100. Without it the table has no photons.",
        ),
        "electrons_per_adu": NumberField(
            "Electrons per count",
            "unknown",
            "How many electrons make one count, from the camera's data sheet. Without it the table has no photons.",
            limits=(0, infinity),
            above=True,
        ),
        "em_gain": NumberField(
            "EM gain",
            "1 (none)",
            "Mean multiplication of an EMCCD camera. Leave it empty for sCMOS and CCD cameras.",
            limits=(1, infinity),
        ),
        "read_noise_e": NumberField(
            "Read noise (e⁻)",
            "0",
            "Standard deviation of the camera's read-out, in electrons ahead of EM gain.",
            limits=(0, infinity),
        ),
    }


class LocalizeTab(QWidget):
    """Asks for what `localize` needs, and shows how the viewer's job is doing.

    Neither the job nor its result hang on this widget: it may be closed and opened again while the job runs.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.viewer = napari_viewer
        self.jobs = Jobs.of(napari_viewer)
        self._layers: list[Any] = []
        self._read: Any = None  # the layer that the fields were filled from, and what it knew
        self._known: tuple[float | None, Camera] = (None, Camera())
        self.layer_choice = Choice("The image layer to look for points in")
        self.time_choice = Choice("The axis along which every image is localized, and which becomes `frame`")
        self.axes_note = Note()
        self.model = ModelChoice(list(ZOO))
        self.numbers = _number_fields()
        self.offsets = QCheckBox("Offsets as vectors")
        self.offsets.setToolTip("Also add a layer of lines from the centre of each point's pixel to the point")
        self.run_button = QPushButton("Localize")
        self.run_button.setToolTip("Find the points of every frame, and add them as a layer")
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setToolTip("Stop after the frames under way; their points are kept")
        self.progress = QProgressBar()
        self.progress.setAccessibleName("Progress")
        self.messages = Messages(lines=6)
        self._lay_out()
        self.layer_choice.currentIndexChanged.connect(self._read_layer)
        self.time_choice.currentIndexChanged.connect(self._describe_axes)
        self.run_button.clicked.connect(self._start)
        self.cancel_button.clicked.connect(self.jobs.cancel)
        self.jobs.changed.connect(self._show_status)
        self.reset_choices()
        self._show_status()

    @property
    def layer(self) -> Any:
        """The chosen image layer, None if there is none."""
        index = self.layer_choice.currentIndex()
        return self._layers[index] if index >= 0 else None

    def choose_layer(self, layer: Any) -> None:
        """Choose an image layer of the viewer."""
        self.layer_choice.setCurrentIndex(self._layers.index(layer))

    def reset_choices(self, event: Any = None) -> None:
        """Offer the image layers there are; napari calls this when layers come, go or are renamed."""
        chosen = self.layer
        self._layers = [layer for layer in self.viewer.layers if isinstance(layer, Image)]
        if chosen not in self._layers:
            active = self.viewer.layers.selection.active
            chosen = active if active in self._layers else (self._layers or [None])[-1]
        self.layer_choice.blockSignals(True)
        self.layer_choice.clear()
        self.layer_choice.addItems([layer.name for layer in self._layers])
        self.layer_choice.setCurrentIndex(self._layers.index(chosen) if self._layers else -1)
        self.layer_choice.blockSignals(False)
        if chosen is None or chosen is not self._read:
            self._read_layer()

    def _read_layer(self) -> None:
        """Fill in what the chosen layer knows of itself; what it does not know is asked for."""
        layer = self._read = self.layer
        self.time_choice.clear()
        self.time_choice.addItem("none: only the image that is shown", None)
        self._known = (None, Camera())
        if layer is not None:
            shape = _shape(layer)
            for axis, name in enumerate(_axis_names(layer)):
                self.time_choice.addItem(f"{name} ({shape[axis]} frames)", axis)
            guess = guess_time_axis(layer.axis_labels, shape)
            self.time_choice.setCurrentIndex(0 if guess is None else guess + 1)
            self._known = calibration_of(layer)
        self.time_choice.setEnabled(self.time_choice.count() > 1)
        pixel_size, camera = self._known
        self.numbers["pixel_size_nm"].set_value(pixel_size)
        for name in _CAMERA:
            value = getattr(camera, name) if name in camera.sources else None
            self.numbers[name].set_value(value if isinstance(value, int | float) else None)
        self._describe_axes()
        self._show_status()

    def _describe_axes(self) -> None:
        """Say what becomes of the axes that are neither time, y nor x."""
        names = [] if self.layer is None else _axis_names(self.layer)
        others = [name for axis, name in enumerate(names) if axis != self.time_choice.currentData()]
        where = "its slider stands" if len(others) == 1 else "their sliders stand"
        self.axes_note.setText(
            f"{' and '.join(others)}: taken where {where} when you press Localize." if others else ""
        )
        self.axes_note.setVisible(bool(others))

    def _start(self) -> None:
        try:
            localizing = self._asked()
            self.jobs.start(localizing.work, localizing.add_layers, window=self._main_window())
        except PinpointError as error:
            show_error(str(error))
            self.messages.show_text(f"Error: {error}")

    def _asked(self) -> Localizing:
        """What the form asks for; PinpointError where it cannot be."""
        layer, values = self.layer, {name: field.value() for name, field in self.numbers.items()}
        if layer is None:
            raise PinpointError("There is no image layer to localize: open a stack first.")
        placement = Placement.in_layer(layer, time_axis=self.time_choice.currentData(), at=self._sliders(layer))
        pixel_size, camera = self._known
        given = values["pixel_size_nm"]
        view = view_from_layer(
            layer,
            placement,
            pixel_size_nm=given,
            camera=_camera(camera, {name: values[name] for name in _CAMERA}),
            sources={} if given is None else {"pixel_size_nm": "the layer" if given == pixel_size else "given"},
        )
        return Localizing(
            view, placement, layer.name, self.model.value(), values["threshold"], self.offsets.isChecked()
        )

    def _sliders(self, layer: Any) -> list[int]:
        """The index along each axis of the layer at which the viewer shows it."""
        place = np.rint(layer.world_to_data(self.viewer.dims.point[-layer.ndim :]))
        return [int(index) for index in np.clip(place, 0, np.array(_shape(layer)) - 1)]

    def _main_window(self) -> QWidget | None:
        widget: QWidget | None = self
        while widget is not None and not isinstance(widget, QMainWindow):
            widget = widget.parentWidget()
        return widget

    def _show_status(self) -> None:
        status, running = self.jobs.status, self.jobs.is_running
        self.run_button.setEnabled(not running and self.layer is not None)
        self.cancel_button.setEnabled(status.state == "running")
        # Without a total the bar moves to and fro, but only as long as the job runs.
        self.progress.setRange(0, status.total if running or status.total else 1)
        self.progress.setValue(status.done)
        texts = [f"Error: {status.text}" if status.state == "failed" else status.text]
        texts += [f"Warning: {text}" for text in status.warnings]
        if status.state == "idle" and self.layer is None:
            texts = ["Open a stack, or File > Open Sample > Blinking filaments."]
        self.messages.show_text("\n".join(texts))

    def _lay_out(self) -> None:
        """The form in a scroll area; what tells how it goes stays in sight below it."""
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        form.addRow("Image", self.layer_choice)
        form.addRow("Time axis", self.time_choice)
        form.addRow(self.axes_note)
        form.addRow("Model", self.model)
        for field in self.numbers.values():
            form.addRow(field.name, field)
        form.addRow(self.offsets)
        inside = QWidget()
        inside.setLayout(form)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidget(inside)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setMinimumWidth(inside.minimumSizeHint().width() + 20)  # and the other scroll bar
        buttons = QHBoxLayout()
        buttons.addWidget(self.run_button, stretch=2)
        buttons.addWidget(self.cancel_button, stretch=1)
        column = QVBoxLayout(self)
        column.addWidget(scroll, stretch=1)
        column.addLayout(buttons)
        column.addWidget(self.progress)
        column.addWidget(self.messages)


def _camera(known: Camera, fields: dict[str, float | None]) -> Camera:
    """The camera of the fields; what was known keeps its source, and what was emptied is unknown."""
    kept = [name for name in known.sources if name not in fields or fields[name] == getattr(known, name)]
    camera = Camera(
        **{name: getattr(known, name) for name in kept}, sources={name: known.sources[name] for name in kept}
    )
    return camera.with_values("given", **{name: value for name, value in fields.items() if name not in kept})


def _shape(layer: Any) -> tuple[int, ...]:
    """Shape of the data at full resolution."""
    return tuple(layer.data[0].shape if layer.multiscale else layer.data.shape)[: layer.ndim]


def _axis_names(layer: Any) -> list[str]:
    """What to call the axes ahead of y and x; napari's own labels ("-3") tell users nothing."""
    labels = enumerate(layer.axis_labels[:-2])
    return [f"axis {axis}" if label.lstrip("-").isdigit() else label for axis, label in labels]
