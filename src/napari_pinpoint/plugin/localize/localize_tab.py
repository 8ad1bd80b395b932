"""The tab Localize: choose an image layer, press Localize, see the points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari.utils.notifications import show_error
from qtpy.QtCore import QSize
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import QHBoxLayout, QMainWindow, QProgressBar, QPushButton, QVBoxLayout, QWidget

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.plugin.localize.assistant import Assistant
from napari_pinpoint.plugin.localize.localize_form import LocalizeForm
from napari_pinpoint.plugin.localize.localizing import Localizing
from napari_pinpoint.plugin.localize.preview_follower import PreviewFollower
from napari_pinpoint.plugin.widgets.fields import Messages, Note
from napari_pinpoint.plugin.work.background import Background
from napari_pinpoint.plugin.work.jobs import Jobs

#: Steps of the progress bar.
_STEPS = 1000


class LocalizeTab(QWidget):
    """The form, with the buttons and the state of the viewer's job below it.

    Neither the job nor its result hang on this widget: it may be closed and opened again while the job runs. While it
    is hidden it watches nothing.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.viewer = napari_viewer
        self.jobs = Jobs.of(napari_viewer)
        self.background = Background(self)
        self.form = LocalizeForm(napari_viewer, self.background)
        self.assistant = Assistant(self.form, self.background)
        self.follower = PreviewFollower(napari_viewer, self.form, self.assistant, self.background)
        self.run_button = QPushButton("Localize")
        self.cancel_button = QPushButton("Cancel")
        self.progress = QProgressBar()
        self.device_note = Note()
        self.messages = Messages(lines=3)
        self._watches = False
        self._lay_out()
        self.form.source.changed.connect(self._read_source)
        self.form.folder.run_button.clicked.connect(self._start_folder)
        self.assistant.changed.connect(self._show_status)
        self.run_button.clicked.connect(self._start)
        self.cancel_button.clicked.connect(self.jobs.cancel)
        self.jobs.changed.connect(self._show_status)
        self._watch()
        self._show_status()

    def sizeHint(self) -> QSize:
        """As wide as the text is read with ease; napari may make it narrower."""
        return QSize(max(360, self.minimumSizeHint().width()), 600)

    def showEvent(self, event: QShowEvent | None) -> None:
        """Watch the viewer again."""
        super().showEvent(event)
        self._watch()

    def _watch(self) -> None:
        if not self._watches:
            self._watches = True
            self.form.source.follow()
            self.follower.follow()
            self.assistant.read_source()
            self.assistant.read_model()

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Watch nothing: napari closes a dock by hiding it, and forgets it."""
        super().hideEvent(event)
        if self._watches and event is not None and not event.spontaneous():
            self._watches = False
            self.assistant.stop()
            self.follower.unfollow()
            self.form.source.unfollow()
            self.background.close()

    def _read_source(self) -> None:
        if self._watches:
            self.assistant.read_source()

    def _start(self) -> None:
        self._begin(lambda: Localizing(self.form.request(), self.form.advanced.output()))

    def _start_folder(self) -> None:
        self._begin(self.form.folder_request)

    def _begin(self, make: Callable[[], Any]) -> None:
        """Start a job, or say why it cannot be."""
        try:
            job = make()
            self.jobs.start(
                job.work,
                job.finish,
                receive=getattr(job, "receive", None),
                failed=getattr(job, "failed", None),
                window=self._main_window(),
            )
        except PinpointError as error:
            show_error(str(error))
            self.messages.show_text(f"Error: {error}")
            return
        self.form.sensitivity.preview_box.setChecked(False)  # its points would lie on those of the run
        self.form.camera.remember()

    def _main_window(self) -> QWidget | None:
        widget: QWidget | None = self
        while widget is not None and not isinstance(widget, QMainWindow):
            widget = widget.parentWidget()
        return widget

    def _show_status(self) -> None:
        status, running, layer = self.jobs.status, self.jobs.is_running, self.form.layer
        self.run_button.setEnabled(not running and layer is not None and self.assistant.is_ready)
        self.form.folder.run_button.setEnabled(not running and self.assistant.knows_model)
        self.cancel_button.setEnabled(status.state == "running")
        # Without a total the bar moves to and fro, but only as long as the job runs.
        self.progress.setRange(0, _STEPS if status.total or not running else 0)
        self.progress.setValue(round(_STEPS * status.done / status.total) if status.total else 0)
        texts = [f"Error: {status.text}" if status.state == "failed" else status.text]
        texts += [f"Warning: {text}" for text in status.warnings]
        if status.state == "idle" and layer is None:
            texts = ["Open a stack, or File > Open Sample > Pinpoint."]
        self.messages.show_text("\n".join(texts))
        facts = self.assistant.facts
        self.device_note.setText("" if facts is None else facts.device)
        self.device_note.setVisible(facts is not None)

    def _lay_out(self) -> None:
        """What tells how it goes stays in sight below the form."""
        self.run_button.setToolTip("Find the points of every frame, and add them as a layer")
        self.cancel_button.setToolTip("Stop after the frames under way; their points are kept")
        self.progress.setAccessibleName("Progress")
        buttons = QHBoxLayout()
        buttons.addWidget(self.run_button, stretch=2)
        buttons.addWidget(self.cancel_button, stretch=1)
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 6, 6, 6)
        column.addWidget(self.form, stretch=1)
        column.addLayout(buttons)
        column.addWidget(self.progress)
        column.addWidget(self.device_note)
        column.addWidget(self.messages)
