"""What the panels of the tab have in common: a line that says what they do, a button, and what came of it."""

from __future__ import annotations

from qtpy.QtCore import Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import QFormLayout, QPushButton, QVBoxLayout, QWidget

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.layers.tables import Placement
from napari_pinpoint.plugin.results.sessions import Session, Work
from napari_pinpoint.plugin.widgets.fields import Note, Section


class Panel(QWidget):
    """One thing that can be done with the table.

    A kind of panel says its `title`, `summary` and `button_text`, fills the form, and gives the work that the button
    starts (`started`, with its name while it runs). Its `work` may raise a PinpointError for what does not fit.
    """

    title = ""
    summary = ""
    button_text = ""
    running_text = ""

    started = Signal(str, object)
    failed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.session: Session | None = None
        self.form = QFormLayout()
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        self.form.setContentsMargins(0, 0, 0, 0)
        about = Note()
        about.setText(self.summary)
        self.button = QPushButton(self.button_text)
        self.button.setToolTip(self.summary)
        self.button.clicked.connect(self.start)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(12, 0, 0, 6)
        self.body.addWidget(about)
        self.body.addLayout(self.form)
        self.body.addWidget(self.button)

    def section(self) -> Section:
        """The panel behind its title."""
        return Section(self.title, self.summary, self)

    def work(self) -> Work:
        """What the button does with the rows that pass; runs in a thread, and so holds no widget."""
        raise NotImplementedError

    def show_layer(self, placement: Placement | None, name: str) -> None:
        """Where the table lies in the viewer, and what its layer is called; None without a layer."""

    def show_session(self, session: Session | None, table: Localizations) -> None:
        """Show what is known of a layer, whose table is that."""
        self.session = session

    def set_busy(self, is_busy: bool) -> None:
        """Whether another step is under way, or there is nothing to work on."""
        self.button.setEnabled(not is_busy)

    def start(self) -> None:
        """Do it."""
        try:
            self.started.emit(self.running_text, self.work())
        except PinpointError as error:
            self.failed.emit(str(error))
