"""The form of the tab Localize: what is asked for, put together from its parts."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from napari_pinpoint.plugin.camera.camera_form import CameraForm
from napari_pinpoint.plugin.layers.views import view_from_layer
from napari_pinpoint.plugin.localize.advanced_form import AdvancedForm
from napari_pinpoint.plugin.localize.folder import Folder
from napari_pinpoint.plugin.localize.folder_form import FolderForm
from napari_pinpoint.plugin.localize.localizing import Request
from napari_pinpoint.plugin.localize.proposal_box import ProposalBox
from napari_pinpoint.plugin.localize.sensitivity import Sensitivity
from napari_pinpoint.plugin.localize.source_form import SourceForm
from napari_pinpoint.plugin.widgets.fields import ModelChoice, Section
from napari_pinpoint.plugin.work.background import Background
from napari_pinpoint.stack import StackView
from napari_pinpoint.zoo import ZOO

#: What a view calls the axes at one index of which it looks, and what `Stack.view` calls them.
_CHOICES = {"C": "channel", "Z": "plane", "P": "position"}


class LocalizeForm(QScrollArea):
    """Images, proposal, model and sensitivity; below them, closed at first, what most users need not open."""

    def __init__(self, viewer: Any, background: Background) -> None:
        super().__init__()
        self.source = SourceForm(viewer)
        self.proposal_box = ProposalBox()
        self.model = ModelChoice(list(ZOO))
        self.sensitivity = Sensitivity()
        self.camera = CameraForm(self.view, background)
        self.advanced = AdvancedForm()
        self.folder = FolderForm()
        self.camera_section = Section(
            "Camera and pixel size", "What turns counts into photons, and pixels into nanometres", self.camera
        )
        self.advanced_section = Section("Advanced", "What few users need", self.advanced)
        self.folder_section = Section("A folder of files", "The same for every file of a folder", self.folder)
        self._lay_out()

    @property
    def layer(self) -> Any:
        """The chosen image layer, None if there is none."""
        return self.source.layer

    @property
    def device(self) -> str:
        """What to compute on."""
        return str(self.advanced.device.currentData())

    def view(self) -> StackView:
        """The frames with the form's calibration; PinpointError where there are none."""
        placement = self.source.placement()
        pixel_size, camera, sources = self.camera.calibration()
        return view_from_layer(self.layer, placement, pixel_size_nm=pixel_size, camera=camera, sources=sources)

    def settings(self) -> dict[str, Any]:
        """Threshold, contrast and how the work is cut, as `LocalizeSettings` has them."""
        name = "min_contrast" if self.sensitivity.control.column == "contrast" else "threshold"
        return {**self.advanced.settings(), name: self.sensitivity.value()}

    def request(self) -> Request:
        """What is to be localized; PinpointError where it cannot be."""
        view = self.view()
        return Request(
            view=view,
            placement=self.source.placement(),
            name=self.layer.name,
            image=self.source.key(),
            model=self.model.value(),
            settings={**self.settings(), "frames": self.source.frames()},
            region=self.source.region(),
            device=self.device,
        )

    def folder_request(self) -> Folder:
        """The files that are to be localized; PinpointError where they cannot be."""
        pixel_size, camera, sources = self.camera.calibration()
        there = self.layer is not None
        fixed = self.view().fixed if there else {}
        folder = Folder(
            source=self.folder.source.value(),
            output=self.folder.output.value(),
            format=self.folder.format.currentText(),
            model=self.model.value(),
            settings={**self.settings(), "frames": self.source.frames() if there else None},
            region=self.source.region(),
            device=self.device,
            axes=self.folder.axes.text().strip().upper() or None,
            choice={_CHOICES[axis]: index for axis, index in fixed.items()},
            pixel_size_nm=pixel_size,
            camera=camera,
            sources=sources,
        )
        folder.check()
        return folder

    def _lay_out(self) -> None:
        model = QHBoxLayout()
        label = QLabel("Model")
        label.setBuddy(self.model)
        model.addWidget(label)
        model.addWidget(self.model, stretch=1)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(4, 4, 8, 4)
        column.setSpacing(8)
        column.addWidget(self.source)
        column.addWidget(self.proposal_box)
        column.addLayout(model)
        column.addWidget(self.sensitivity)
        for section in (self.camera_section, self.advanced_section, self.folder_section):
            column.addWidget(section)
        column.addStretch()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(inside)
        # Nothing is ever cut off at the right, with the bar for scrolling beside it.
        self.setMinimumWidth(inside.minimumSizeHint().width() + 20)
