"""What is found out for the user: the images' calibration, a model that fits them, and what there is to know of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, QTimer, Signal  # type: ignore[attr-defined]

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.plugin.layers.calibration import Calibration, layer_calibration
from napari_pinpoint.plugin.layers.views import check_is_grey
from napari_pinpoint.plugin.localize.localize_form import LocalizeForm
from napari_pinpoint.plugin.localize.model_facts import ModelFacts, facts_of
from napari_pinpoint.plugin.work.background import Answer, Background

if TYPE_CHECKING:
    from napari_pinpoint.proposal import Proposal
    from napari_pinpoint.stack import StackView

#: Milliseconds after the last key press, after which other numbers of the camera lead to another proposal.
_PATIENCE_MS = 600


class Assistant(QObject):
    """Fills in the form, in this order: calibration, proposal, model; all is found out in the thread of `background`.

    `changed` says that the model or the calibration is another, or that the form is ready for the first time.
    """

    changed = Signal()

    def __init__(self, form: LocalizeForm, background: Background) -> None:
        super().__init__(form)
        self.facts: ModelFacts | None = None
        self.proposal: Proposal | None = None
        self._form, self._background = form, background
        self._source: Any = None  # the layer and its time axis that were last looked at
        self._is_ready = False
        self._given = False  # whether the user has chosen the model, and so no proposal changes it
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_PATIENCE_MS)
        self._soon.timeout.connect(self._propose)
        form.proposal_box.taken.connect(self._take_proposed_model)
        form.model.choice.currentIndexChanged.connect(self._choose_model)
        form.advanced.device.currentIndexChanged.connect(self.read_model)
        form.advanced.decoding.changed.connect(self._show_control)
        form.camera.changed.connect(self._calibrate)

    @property
    def is_ready(self) -> bool:
        """Whether all that could be found out about images and model stands in the form."""
        return self._is_ready and self.knows_model

    @property
    def knows_model(self) -> bool:
        """Whether the form asks what the chosen model can do; until then its fields are those of the one before."""
        return not self._background.is_asked("model")

    def stop(self) -> None:
        """Find out nothing more; `read_source` begins anew."""
        self._soon.stop()
        self._source = None

    def read_source(self) -> None:
        """The layer or its time axis may be others: read the calibration, and propose a model."""
        layer, before = self._form.layer, self._source
        self._source = (layer, self._form.source.time_axis)
        if before == self._source:
            return
        self.proposal = None
        self._is_ready = False
        self._background.drop("proposal")
        if layer is None:
            self._background.drop("calibration")
            self._form.camera.show_calibration(*Calibration())
            self._form.proposal_box.show_words("")
        elif before is not None and before[0] == layer:
            if not self._background.is_asked("calibration"):  # else the proposal follows it
                self._propose()
        else:
            self._given = False
            self._form.proposal_box.show_words("Looking at the images...")
            self._background.ask("calibration", lambda: layer_calibration(layer), self._take_calibration)
        self.changed.emit()

    def read_model(self) -> None:
        """Another model or device: find out what it is."""
        try:
            model, device = self._form.model.value(), self._form.device
        except PinpointError:
            return
        if self._source is not None:  # else nobody looks
            self._background.ask("model", lambda: facts_of(model, device), self._take_facts)
        self.changed.emit()

    def _take_calibration(self, answer: Answer) -> None:
        self._form.camera.show_calibration(*(answer.value or Calibration()))
        self.changed.emit()
        self._propose()

    def _calibrate(self) -> None:
        """The user has changed a number."""
        self._soon.start()
        self.changed.emit()

    def _propose(self) -> None:
        if self._form.layer is None:
            return
        try:
            view = self._form.view()
            check_is_grey(view, name=self._form.layer.name)
        except PinpointError as error:
            self._take_proposal(Answer(problem=str(error)))
        else:
            self._background.ask("proposal", lambda: _proposal_for(view), self._take_proposal)

    def _take_proposal(self, answer: Answer) -> None:
        self.proposal = answer.value
        if self.proposal is None:
            self._form.proposal_box.show_words("No model can be proposed", answer.problem)
        elif not self._given:
            self._take_proposed_model()
        self._show_proposal()
        if not self._is_ready:
            self._is_ready = True
            self.changed.emit()

    def _take_proposed_model(self) -> None:
        if self.proposal is not None:
            self._form.model.choice.setCurrentIndex(self._form.model.choice.findText(self.proposal.model))
            self._given = False
            self._show_proposal()

    def _choose_model(self) -> None:
        self._given = True
        self._show_proposal()
        self.read_model()

    def _show_proposal(self) -> None:
        if self.proposal is not None:
            self._form.proposal_box.show_proposal(self.proposal, self._form.model.choice.currentText())

    def _take_facts(self, answer: Answer) -> None:
        self.facts = answer.value
        if self.facts is None:
            self._form.advanced.show_problem(answer.problem)
        else:
            self._form.advanced.show_facts(self.facts)
            self._show_control()
            self._form.model.choice.setToolTip(self.facts.summary)
        self.changed.emit()

    def _show_control(self) -> None:
        """What the sensitivity is, and its usual value: a decoder brings its own threshold."""
        facts, decoder = self.facts, self._form.advanced.decoding.chosen
        if facts is not None and decoder is not None:
            own = decoder.threshold if facts.min_contrast is None else facts.min_contrast
            self._form.sensitivity.set_control(facts.control, own)


def _proposal_for(view: StackView) -> Proposal:
    from napari_pinpoint.proposal import propose  # scipy, for which opening the dock does not wait

    return propose(view)
