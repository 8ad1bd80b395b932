"""What to look at: the image layer, its time axis, the frames, and the region."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
from napari.layers import Image
from qtpy.QtCore import Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import QFormLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.plugin.layers.axes import axis_names, full_shape, guess_time_axis
from napari_pinpoint.plugin.layers.regions import can_be_region, region_from_layer
from napari_pinpoint.plugin.layers.tables import Placement, is_result
from napari_pinpoint.plugin.widgets.fields import Choice, Note, NumberField, Section
from napari_pinpoint.plugin.widgets.layer_choice import LayerChoice
from napari_pinpoint.region import Region


class _Everywhere:
    """Stands among the region's layers for none of them."""

    name = "all of the image"


_EVERYWHERE = _Everywhere()


def images(viewer: Any) -> list[Any]:
    """The image layers of a viewer that somebody may want points of, not the pictures that we made of points."""
    return [layer for layer in viewer.layers if isinstance(layer, Image) and not is_result(layer)]


def regions(viewer: Any) -> list[Any]:
    """What can say where to look: nothing, or a layer of the viewer."""
    return [_EVERYWHERE, *(layer for layer in viewer.layers if can_be_region(layer))]


class SourceForm(QWidget):
    """Choices of what is localized; `changed` says that another layer or axis is chosen, `cut` frames or region."""

    changed = Signal()
    cut = Signal()

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = viewer
        self._read: Any = None  # the layer that the axes were read from
        self.layer_choice = LayerChoice(viewer, images, "The image layer to look for points in", prefer=self._preferred)
        self.layer_choice.setPlaceholderText("no image is open")
        self.time_choice = Choice("The axis along which every image is localized, and which becomes `frame`")
        self.axes_note = Note()
        self.first = NumberField(
            "First frame", "first", "The first frame to localize, counted from 0", limits=(0, 1e15)
        )
        self.last = NumberField("Last frame", "last", "The last frame to localize, counted from 0", limits=(0, 1e15))
        self.region_choice = LayerChoice(
            viewer,
            regions,
            "Look for points inside of a Shapes or a Labels layer only. A point is inside if the pixel that its centre "
            "lies in is.",
            prefer=lambda layers: _EVERYWHERE,
        )
        self._lay_out()
        self.layer_choice.chosen.connect(self._read_layer)
        self.time_choice.currentIndexChanged.connect(self._choose_axis)
        for field in (self.first, self.last):
            field.editingFinished.connect(self.cut)
        self.region_choice.chosen.connect(self.cut)
        self._read_layer()

    @property
    def layer(self) -> Any:
        """The chosen image layer, None if there is none."""
        return self.layer_choice.layer

    @property
    def region_layer(self) -> Any:
        """The layer that says where to look, None for all of the image."""
        layer = self.region_choice.layer
        return None if layer is _EVERYWHERE else layer

    @property
    def time_axis(self) -> int | None:
        """The axis of the layer that frames are counted along."""
        axis: int | None = self.time_choice.currentData()
        return axis

    def choose_layer(self, layer: Any) -> None:
        """Choose an image layer of the viewer."""
        self.layer_choice.choose(layer)

    def follow(self) -> None:
        """Keep up with the viewer's layers."""
        self.layer_choice.follow()
        self.region_choice.follow()
        self._viewer.layers.selection.events.active.connect(self._follow_selection)

    def unfollow(self) -> None:
        """Keep up no longer."""
        self.layer_choice.unfollow()
        self.region_choice.unfollow()
        self._viewer.layers.selection.events.active.disconnect(self._follow_selection)

    def follow_visible(self) -> None:
        """Choose the image that is seen, where the chosen one has been hidden."""
        seen = [layer for layer in images(self._viewer) if layer.visible]
        if self.layer is not None and not self.layer.visible and seen:
            self.choose_layer(seen[-1])

    def placement(self) -> Placement:
        """Where the frames lie in the layer; PinpointError without a layer."""
        if self.layer is None:
            raise PinpointError("There is no image layer to localize: open a stack first.")
        return Placement.in_layer(self.layer, time_axis=self.time_axis, at=self.at())

    def at(self) -> tuple[int, ...]:
        """The index along each axis of the layer at which the viewer shows it."""
        shape = np.array(full_shape(self.layer))
        place = np.rint(self.layer.world_to_data(self._viewer.dims.point[-self.layer.ndim :]))
        return tuple(int(index) for index in np.clip(place, 0, shape - 1))

    def frame(self) -> int:
        """The frame that the viewer shows."""
        return 0 if self.time_axis is None else self.at()[self.time_axis]

    def key(self) -> Hashable:
        """Another one whenever other images are meant; the frame on screen does not count."""
        if self.layer is None:
            return None
        fixed = tuple(index for axis, index in enumerate(self.at()[:-2]) if axis != self.time_axis)
        return self.layer.unique_id, id(self.layer.data), self.time_axis, fixed

    def frames(self) -> tuple[int, int] | None:
        """First frame and the one after the last, None for all; PinpointError for what is no range of frames."""
        first, last = self.first.value(), self.last.value()
        if self.time_axis is None or (first is None and last is None):
            return None
        n = full_shape(self.layer)[self.time_axis]
        start, stop = int(first or 0), n if last is None else int(last) + 1
        if not 0 <= start < stop <= n:
            raise PinpointError(
                f"The frames of {self.layer.name} go from 0 to {n - 1}; {start} to {stop - 1} is not a part of them."
            )
        return start, stop

    def region(self) -> Region | None:
        """Where to look, None for all of the image."""
        layer = self.region_layer
        return None if layer is None or self.layer is None else region_from_layer(layer, self.layer, self.at())

    def _preferred(self, layers: list[Any]) -> Any:
        active = self._viewer.layers.selection.active
        return active if active in layers else layers[-1]

    def _follow_selection(self, event: Any = None) -> None:
        active = self._viewer.layers.selection.active
        if active is not None and active != self.layer and active in images(self._viewer):
            self.layer_choice.update_layers()
            self.choose_layer(active)

    def _read_layer(self) -> None:
        """Offer the axes of the chosen layer."""
        layer = self._read = self.layer
        self.time_choice.blockSignals(True)
        self.time_choice.clear()
        self.time_choice.addItem("none: only the image that is shown", None)
        if layer is not None:
            shape = full_shape(layer)
            for axis, name in enumerate(axis_names(layer)):
                self.time_choice.addItem(f"{name} ({shape[axis]} frame{'s' if shape[axis] > 1 else ''})", axis)
            guess = guess_time_axis(layer.axis_labels, shape)
            self.time_choice.setCurrentIndex(0 if guess is None else guess + 1)
        self.time_choice.blockSignals(False)
        for field in (self.first, self.last):
            field.clear()
        self._choose_axis()

    def _choose_axis(self) -> None:
        """Say what becomes of the axes that are neither time, y nor x."""
        several = self.time_choice.count() > 1
        self._part.setRowVisible(self.time_choice, several)
        self._part.setRowVisible(self._frames, self.time_axis is not None)
        names = [] if self.layer is None else axis_names(self.layer)
        others = [name for axis, name in enumerate(names) if axis != self.time_axis]
        where = "its slider stands" if len(others) == 1 else "their sliders stand"
        self.axes_note.setText(f"{' and '.join(others)}: taken where {where}." if others else "")
        self.axes_note.setVisible(bool(others))
        if self.time_axis is not None:
            self.last.setPlaceholderText(str(full_shape(self.layer)[self.time_axis] - 1))
        self.changed.emit()

    def _lay_out(self) -> None:
        self.first.setPlaceholderText("0")
        self._frames = QWidget()
        row = QHBoxLayout(self._frames)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.first)
        row.addWidget(QLabel("to"))
        row.addWidget(self.last)
        self._frames.setFocusProxy(self.first)
        for field in (self.first, self.last):
            field.setAccessibleName(field.name)
        image = QLabel("Image")
        image.setBuddy(self.layer_choice)
        first = QHBoxLayout()
        first.addWidget(image)
        first.addWidget(self.layer_choice, stretch=1)
        part = QWidget()
        self._part = QFormLayout(part)
        self._part.setContentsMargins(0, 0, 0, 0)
        self._part.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        self._part.addRow("Time axis", self.time_choice)
        self._part.addRow("Frames", self._frames)
        self._part.addRow("Region", self.region_choice)
        self.section = Section("Frames and region", "Look at a part of the images only", part)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(first)
        column.addWidget(self.axes_note)
        column.addWidget(self.section)
