"""The proposal: which model, why, and what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import QFrame, QLabel, QPushButton, QVBoxLayout

from napari_pinpoint.plugin.widgets.fields import Note

if TYPE_CHECKING:
    from napari_pinpoint.proposal import Proposal


class ProposalBox(QFrame):
    """Words on what was seen in the images; `taken` when the user wants the proposed model after all."""

    taken = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAccessibleName("Proposal")
        self.title, self.reasons, self.missing = QLabel(), Note(), Note()
        self.title.setStyleSheet("font-weight: bold")
        self.title.setWordWrap(True)
        self.take_button = QPushButton("Take the proposed model")
        self.take_button.setToolTip("Choose the model that was proposed for these images")
        self.take_button.clicked.connect(self.taken)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 6, 8, 6)
        column.setSpacing(4)
        for widget in (self.title, self.reasons, self.missing, self.take_button):
            column.addWidget(widget)
        for note in (self.reasons, self.missing):
            note.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.show_words("")

    def show_words(self, title: str, text: str = "") -> None:
        """Something else than a proposal: that the images are looked at, or cannot be."""
        self._show(title, text, "")

    def show_proposal(self, proposal: Proposal, model: str) -> None:
        """The proposal; `model` is the one that is chosen, which may be another."""
        missing = [f"! {sentence}" for sentence in proposal.missing]
        self._show(
            f"Proposed model: {proposal.model}",
            "\n".join(f"• {sentence}" for sentence in proposal.reasons),
            "\n".join(["Missing or to check:", *missing] if missing else []),
        )
        self.take_button.setVisible(model != proposal.model)

    def _show(self, title: str, reasons: str, missing: str) -> None:
        for label, text in ((self.title, title), (self.reasons, reasons), (self.missing, missing)):
            label.setText(text)
            label.setVisible(bool(text))
        self.take_button.hide()
        self.setVisible(bool(title))
