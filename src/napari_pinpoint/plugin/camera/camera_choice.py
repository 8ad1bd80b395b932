"""The name of a camera: chosen from those that are remembered, or typed."""

from __future__ import annotations

from qtpy.QtCore import Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QPushButton, QWidget

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.plugin.camera.cameras import forget_camera, saved_cameras
from napari_pinpoint.plugin.widgets.fields import Choice


class CameraChoice(Choice):
    """The list of remembered cameras, which also takes a new name; `buttons` remember and forget, and go below it.

    `chosen` is emitted with the name of a remembered camera that the user picks, `remember_asked` when its button is
    pressed, `said` with what to tell the user.
    """

    chosen = Signal(str)
    remember_asked = Signal()
    said = Signal(str)

    def __init__(self) -> None:
        super().__init__("The camera's name, under which its numbers are remembered: choose it, or type one")
        self.setEditable(True)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.setAccessibleName("Camera")
        self._line = self.lineEdit() or QLineEdit()
        self._line.setPlaceholderText("none: type a name")
        self.remember_button = QPushButton("Remember")
        self.remember_button.setToolTip("Keep the numbers of this form under the camera's name, for the next stack")
        self.forget_button = QPushButton("Forget")
        self.forget_button.setToolTip("Take the camera of this name from the list")
        self.buttons = QWidget()
        row = QHBoxLayout(self.buttons)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.remember_button)
        row.addWidget(self.forget_button)
        self.activated.connect(self._choose)
        self.editTextChanged.connect(self._enable_buttons)
        self.remember_button.clicked.connect(self.remember_asked)
        self.forget_button.clicked.connect(self._forget)
        self.show_name("")

    def name(self) -> str:
        """The name, empty where there is none."""
        return self.currentText().strip()

    def show_name(self, name: str) -> None:
        """Show a name, and offer all cameras that are remembered by now; emits nothing."""
        self.blockSignals(True)
        self.clear()
        self.addItems(list(saved_cameras()))
        self.setCurrentIndex(self.findText(name))
        self.setEditText(name)
        self.blockSignals(False)
        self._line.setCursorPosition(0)
        self._enable_buttons()

    def _choose(self) -> None:
        self._line.setCursorPosition(0)
        self.chosen.emit(self.name())

    def _enable_buttons(self) -> None:
        self.remember_button.setEnabled(bool(self.name()))
        self.forget_button.setEnabled(bool(self.name()) and self.findText(self.name()) >= 0)

    def _forget(self) -> None:
        name = self.name()
        try:
            forget_camera(name)
        except PinpointError as error:
            self.said.emit(f"Error: {error}")
            return
        self.show_name("")
        self.said.emit(f"Forgotten: {name}.")
