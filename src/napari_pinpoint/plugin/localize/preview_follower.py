"""The preview follows the viewer: its frame slider, its layers, and what the form asks for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from qtpy.QtCore import QObject, QTimer

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.plugin.localize.assistant import Assistant
from napari_pinpoint.plugin.localize.localize_form import LocalizeForm
from napari_pinpoint.plugin.localize.localizing import Request
from napari_pinpoint.plugin.localize.preview import Preview
from napari_pinpoint.plugin.work.background import Background
from napari_pinpoint.plugin.work.jobs import Jobs

#: Milliseconds without a change, after which the frame on screen is looked at.
_PATIENCE_MS = 80


class PreviewFollower(QObject):
    """Shows the preview while it is wanted and no job runs, from `follow` to `unfollow`."""

    def __init__(self, viewer: Any, form: LocalizeForm, assistant: Assistant, background: Background) -> None:
        super().__init__(form)
        self.preview = Preview(viewer, background, self)  # its child: at exit, Qt hides the tab before it deletes this
        self._viewer, self._form, self._assistant = viewer, form, assistant
        self._jobs = Jobs.of(viewer)
        self._box = form.sensitivity.preview_box
        self._version = 0  # of all that the points depend on, but for frame and threshold
        self._following = False
        self._watched: list[tuple[Any, Any]] = []  # emitters of the chosen layers, and what they call
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_PATIENCE_MS)
        self._soon.timeout.connect(self._look)
        self.preview.changed.connect(self._show)
        self.preview.removed.connect(self._switch_off)
        self._box.toggled.connect(self._switch)
        form.sensitivity.changed.connect(self._move_cut)
        form.source.changed.connect(self._watch_layers)
        form.source.cut.connect(self._watch_layers)
        form.advanced.changed.connect(self._change)
        assistant.changed.connect(self._change)

    def follow(self) -> None:
        """Watch the viewer from now on."""
        if not self._following:
            self._following = True
            self._viewer.dims.events.current_step.connect(self._look_soon)
            self._viewer.layers.events.removed.connect(self._on_removed)
            self._watch_layers()

    def unfollow(self) -> None:
        """Watch nothing any longer, and take the preview away."""
        if self._following:
            self._following = False
            self._viewer.dims.events.current_step.disconnect(self._look_soon)
            self._viewer.layers.events.removed.disconnect(self._on_removed)
            self._watch_layers()
            self._soon.stop()
            self.preview.clear()

    def _change(self, event: Any = None) -> None:
        """Something that the points depend on is another."""
        self._version += 1
        self._look_soon()

    def _look_soon(self, event: Any = None) -> None:
        if self._following and self._box.isChecked():
            self._soon.start()

    def _look(self) -> None:
        """Show the points of the frame on screen."""
        if not self._following or not self._box.isChecked():
            return
        if self._form.layer is None or self._jobs.is_running or not self._assistant.is_ready:
            self.preview.clear()
            return
        source = self._form.source
        source.follow_visible()
        try:
            self.preview.show((self._version, source.key()), source.frame(), self._request, self._form.settings())
        except PinpointError as error:
            self.preview.clear()
            self._form.sensitivity.show_points(None, words=str(error))

    def _request(self) -> Request:
        """What the form asks for, in whichever frame."""
        asked = self._form.request()
        return replace(asked, settings={**asked.settings, "frames": None})

    def _move_cut(self) -> None:
        """The threshold is another; moving it switches the preview on."""
        if self._form.layer is None or self._jobs.is_running:
            return
        if not self._box.isChecked():
            self._box.setChecked(True)
            return
        try:
            self.preview.update(self._form.settings())
        except PinpointError as error:
            self._form.sensitivity.show_points(None, words=str(error))

    def _switch(self, wanted: bool) -> None:
        if wanted:
            self._look()
        else:
            self.preview.clear()

    def _switch_off(self) -> None:
        self._box.setChecked(False)

    def _show(self) -> None:
        """Histogram and count of what the preview has found."""
        preview, sensitivity = self.preview, self._form.sensitivity
        if preview.candidates is None or preview.kept is None:
            sensitivity.show_points(None, words="looking at this frame..." if preview.is_busy else preview.problem)
        else:
            values = preview.candidates[sensitivity.control.column]
            sensitivity.show_points(values, len(preview.kept), warnings=preview.warnings)

    def _on_removed(self, event: Any) -> None:
        self.preview.on_layer_removed(event.value)

    def _watch_layers(self) -> None:
        """Watch the layers that are chosen now, and no others."""
        for emitter, function in self._watched:
            emitter.disconnect(function)
        self._watched.clear()
        layer, region = self._form.layer, self._form.source.region_layer
        if self._following:
            if layer is not None:
                self._watched += [(layer.events.data, self._change), (layer.events.visible, self._look_soon)]
            names = ("data", "paint", "labels_update")
            emitters = (getattr(region.events, name, None) for name in names) if region is not None else ()
            self._watched += [(emitter, self._change) for emitter in emitters if emitter is not None]
            for emitter, function in self._watched:
                emitter.connect(function)
        self._change()
