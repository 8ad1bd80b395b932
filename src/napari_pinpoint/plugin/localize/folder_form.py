"""Many files through the same form: the folder of images, and the one for the tables."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QFormLayout, QHBoxLayout, QLineEdit, QPushButton, QWidget

from napari_pinpoint.io.tables import FORMATS
from napari_pinpoint.plugin.widgets.fields import Choice, Note


class PathField(QWidget):
    """A folder: typed, or chosen in a dialog."""

    def __init__(self, name: str, tooltip: str) -> None:
        super().__init__()
        self._name = name
        self.line = QLineEdit()
        self.line.setToolTip(tooltip)
        self.line.setAccessibleName(name)
        self.line.setPlaceholderText("none")
        self.button = QPushButton("Choose...")
        self.button.setToolTip(f"Choose the folder: {tooltip[0].lower()}{tooltip[1:]}")
        self.button.clicked.connect(self._choose)
        self.setFocusProxy(self.line)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.line, stretch=1)
        row.addWidget(self.button)

    def value(self) -> str:
        """The path, empty if there is none."""
        return self.line.text().strip()

    def _choose(self) -> None:
        path = QFileDialog.getExistingDirectory(self, self._name, self.value())
        if path:
            self.line.setText(path)


class FolderForm(QWidget):
    """Where the images are and where their tables go; model, camera and sensitivity are those of the form around."""

    def __init__(self) -> None:
        super().__init__()
        self.source = PathField("Images in", "All image files right in this folder are localized")
        self.output = PathField("Tables to", "Every file gets a table of its name in this folder")
        self.axes = QLineEdit()
        self.axes.setPlaceholderText("as each file says")
        self.axes.setToolTip(
            "What the axes of the files are, where they do not say it, one letter each: T (time), C (channel), Z "
            "(plane), P (position), Y and X, for example TYX for movies"
        )
        self.format = Choice("The kind of table to write")
        for name in FORMATS:
            self.format.addItem(name)
        self.format.setCurrentText("parquet")
        self.note = Note()
        self.note.setText(
            "Model, sensitivity, frames and region are those above. Numbers of the camera that you typed hold for "
            "every file, others where a file says nothing. Tables that are there already are not made again."
        )
        self.run_button = QPushButton("Localize all files")
        self.run_button.setToolTip("Find the points in every file of the folder, and write them into tables")
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        form.addRow("Images in", self.source)
        form.addRow("Tables to", self.output)
        form.addRow("Axes", self.axes)
        form.addRow("Kind of table", self.format)
        form.addRow(self.note)
        form.addRow(self.run_button)
        self.source.line.textChanged.connect(self._propose_output)

    def _propose_output(self, folder: str) -> None:
        """Tables go into a folder within that of the images, unless the user says otherwise."""
        before = Path(self.output.value()) if self.output.value() else None
        if before is None or before.name == "localizations":
            self.output.line.setText(str(Path(folder) / "localizations") if folder.strip() else "")
