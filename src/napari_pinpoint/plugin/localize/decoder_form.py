"""Which decoder turns the network's answer into points, and which peaks count: for models that leave a choice."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QObject, Qt, Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import QFormLayout, QLabel

from napari_pinpoint.plugin.localize.model_facts import DecoderFacts, ModelFacts
from napari_pinpoint.plugin.widgets.fields import Choice

_TOOLTIP = Qt.ItemDataRole.ToolTipRole
_DECODER = "How the network's answer becomes points; those that do not fit this model are grey and say why"
_FUNCTION = "Which peaks of the network's answer count as points"


class DecoderForm(QObject):
    """Two menus of names, third parties' among them; `changed` when the user chooses.

    What there is comes with the facts of the model. What was chosen stays as long as it fits.
    """

    changed = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._facts: ModelFacts | None = None
        self.decoder, self.function = Choice(_DECODER), Choice(_FUNCTION)
        self.decoder_label, self.function_label = QLabel("Decoder"), QLabel("Threshold function")
        self.decoder.setAccessibleName("Decoder")
        self.function.setAccessibleName("Threshold function")
        self.decoder_label.setBuddy(self.decoder)
        self.function_label.setBuddy(self.function)
        self.decoder.currentIndexChanged.connect(self._choose_decoder)
        self.function.currentIndexChanged.connect(self.changed)
        self.show_facts(None)

    def add_to(self, form: QFormLayout) -> None:
        """Lay both out as rows of a form."""
        form.addRow(self.decoder_label, self.decoder)
        form.addRow(self.function_label, self.function)

    @property
    def chosen(self) -> DecoderFacts | None:
        """The decoder that is used, None while nothing is known of the model."""
        if self._facts is None:
            return None
        return self._facts.decoders[self.decoder.currentData() or self._facts.decoder]

    def value(self) -> dict[str, Any] | None:
        """The field `decoder` of `LocalizeSettings`."""
        name, function, chosen = self.decoder.currentData(), self.function.currentData(), self.chosen
        if self._facts is None or chosen is None or (name is None and function is None):
            return None
        options = dict(chosen.options) if name is None else {}
        if function is not None:
            options["function"] = function
        return {"name": name or self._facts.decoder, "options": options}

    def show_facts(self, facts: ModelFacts | None) -> None:
        """Offer what there is for a model."""
        before, self._facts = self.decoder.currentData(), facts
        self.decoder.blockSignals(True)
        self.decoder.clear()
        own = "" if facts is None else f" ({facts.decoder})"
        self.decoder.addItem(f"the model's own{own}", None)
        others = {} if facts is None else {n: d for n, d in facts.decoders.items() if n != facts.decoder}
        for name, decoder in others.items():
            self.decoder.addItem(name, name)
            self.decoder.setItemData(self.decoder.count() - 1, decoder.problem or decoder.summary, _TOOLTIP)
            if decoder.problem:
                items: Any = self.decoder.model()
                items.item(self.decoder.count() - 1).setEnabled(False)
            elif name == before:
                self.decoder.setCurrentIndex(self.decoder.count() - 1)
        self.decoder.blockSignals(False)
        self._show_functions()

    def _choose_decoder(self) -> None:
        self._show_functions()
        self.changed.emit()

    def _show_functions(self) -> None:
        """The threshold functions, where the decoder takes one."""
        before, chosen = self.function.currentData(), self.chosen
        takes_one = chosen is not None and chosen.function is not None
        self.function.blockSignals(True)
        self.function.clear()
        if self._facts is not None and chosen is not None and takes_one:
            self.function.addItem(f"the decoder's own ({chosen.function})", None)
            for name, summary in self._facts.functions.items():
                self.function.addItem(name, name)
                self.function.setItemData(self.function.count() - 1, summary, _TOOLTIP)
            self.function.setCurrentIndex(max(0, self.function.findData(before)) if before else 0)
        self.function.blockSignals(False)
        for widget in (self.function_label, self.function):
            widget.setVisible(takes_one)
