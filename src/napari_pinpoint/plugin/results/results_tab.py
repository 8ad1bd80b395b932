"""The tab Results: look at what was found, go to any point, filter, work on it, export."""

from __future__ import annotations

from functools import partial
from typing import Any

from napari.layers import Points
from napari.utils.notifications import show_error
from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QHideEvent, QKeySequence, QShortcut, QShowEvent  # type: ignore[attr-defined]
from qtpy.QtWidgets import QWidget

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.files.export import ask_and_export, problem_with, told_of
from napari_pinpoint.plugin.layers.result_layers import (
    add_layer,
    filtered_layer_data,
    newest_result,
    placement_of,
    table_layers,
)
from napari_pinpoint.plugin.results.looking import Look, Looker, Question
from napari_pinpoint.plugin.results.navigation import go_to
from napari_pinpoint.plugin.results.results_form import ResultsForm
from napari_pinpoint.plugin.results.sessions import Session, Work, session_of, start_step
from napari_pinpoint.plugin.results.working import Filter
from napari_pinpoint.plugin.widgets.layer_choice import LayerChoice
from napari_pinpoint.plugin.work.background import Answer, Background
from napari_pinpoint.plugin.work.pictures import follow_pictures
from napari_pinpoint.plugin.work.tasks import tasks_of

#: Milliseconds without a change of the layer, after which it is read again.
_PATIENCE_MS = 150


class ResultsTab(QWidget):
    """Shows the table of a layer, and puts everything that is done with it through its history (see `Working`)."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.viewer = napari_viewer
        self.tasks = tasks_of(napari_viewer)
        follow_pictures(napari_viewer)
        self.background = Background(self)
        self._looker = Looker()
        self._asked_again = False
        self.look: Look | None = None
        self._watched: Any = None
        self._running = ""  # what this tab has started
        self.layer_choice = LayerChoice(
            napari_viewer,
            table_layers,
            "The layer whose points are listed: any Points layer, or a rendered picture",
            prefer=newest_result,
            proposes_again=True,
        )
        self.form = ResultsForm(self, napari_viewer, self.layer_choice)
        self.view, self.filters, self.messages = self.form.view, self.form.filters, self.form.messages
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_PATIENCE_MS)
        self._connect()
        self.layer_choice.follow()
        self.form.follow()
        self.refresh()

    @property
    def layer(self) -> Any:
        """The layer whose table is shown, None if there is none."""
        return self.layer_choice.layer

    @property
    def session(self) -> Session | None:
        """What is kept for the layer."""
        return None if self.layer is None else session_of(self.layer)

    def refresh(self) -> None:
        """Read the chosen layer again, and show what passes the filter."""
        self._watch(self.layer)
        self.messages.setText("")
        try:
            if self.session is not None:
                self.session.read(self.layer)
        except PinpointError as error:
            self.messages.setText(f"Error: {error}")
            self.look = None
            self.form.show_layer(self.layer, None, Localizations.empty())
            self._show(None)
            return
        self._show_state()

    def _show_state(self) -> None:
        """Show the state that the history is at: the form at once, what has to be found out when it is there."""
        session = self.session
        state = None if session is None else session.working.state
        table = Localizations.empty() if state is None else state.table
        for panel in self.form.panels:
            panel.show_layer(*((None, "") if self.layer is None else (placement_of(self.layer), self.layer.name)))
        self.form.show_layer(self.layer, session, table)
        self.filters.show(table, Filter() if state is None else state.filter)
        self._ask()

    def _ask(self) -> None:
        """Have what is shown found out; while that is under way, only the last wish is remembered."""
        session = self.session
        if session is None:
            self.background.drop("look")
            self._show(None)
            return
        if self.background.is_asked("look"):
            self._asked_again = True
            return
        self._asked_again = False
        sorted_by, descending = self.view.sorting
        state = session.working.state
        question = Question(state, self.filters.counted, sorted_by, descending, self.view.chosen)
        looker, shown = self._looker, session.shown  # no widget may come to its end in the thread

        def work() -> Any:
            return looker.look(question), shown.make(state.table)

        self.background.ask("look", work, partial(self._take, session))

    def _take(self, session: Session, answer: Answer) -> None:
        """Show what was found out, and ask again if something was changed meanwhile."""
        if answer.problem:
            self._fail(answer.problem)
        elif session is self.session:
            look, made = answer.value
            if look.state.table is session.working.state.table:
                session.apply(self.layer, look, made)
                self._show(look)
        if self._asked_again or session is not self.session:
            self._ask()

    def _show(self, look: Look | None) -> None:
        self.look = look
        self.form.show_look(look)
        self._describe()

    def _describe(self) -> None:
        """What can be done now, and what the chosen format cannot hold, ahead of any writing."""
        look, form, running = self.look, self.form, self.tasks.is_running
        shown = 0 if look is None else len(look.rows)
        name = form.format_choice.currentData()
        problem = problem_with(name, look.state.table) if look is not None and shown else ""
        form.format_note.setText((problem or told_of(name, look.state.table)) if look is not None and shown else "")
        form.format_note.setVisible(bool(shown))
        form.export_button.setText(f"Export {shown:,} point{'s' if shown != 1 else ''}..." if shown else "Export...")
        form.export_button.setEnabled(bool(shown) and not problem and not running)
        working = None if self.session is None else self.session.working
        form.keep_button.setEnabled(look is not None and 0 < shown < len(look.state.table))
        form.undo_button.setEnabled(working is not None and working.can_undo and not running)
        form.redo_button.setEnabled(working is not None and working.can_redo and not running)
        form.reset_button.setEnabled(working is not None and not working.is_original and not running)
        for panel in form.panels:
            panel.set_busy(running or not shown)

    def _filter(self) -> None:
        """Another filter holds."""
        if self.session is not None:
            self.layer_choice.choose(self.layer)
            self.session.working.filter(self.filters.filter)
            self._ask()

    def _settle(self) -> None:
        if self.session is not None:
            self.session.working.settle()

    def undo(self) -> None:
        """One step back."""
        self._go("undo")

    def redo(self) -> None:
        """One step forth."""
        self._go("redo")

    def reset(self) -> None:
        """Back to all points, as they were first."""
        self._go("reset")

    def _go(self, way: str) -> None:
        if self.session is not None and not self.tasks.is_running:
            getattr(self.session.working, way)()
            self.messages.setText("")
            self._show_state()

    def start(self, words: str, work: Work) -> None:
        """Do a step with what passes."""
        try:
            self.layer_choice.choose(self.layer)  # whatever layers the step adds
            start_step(self.viewer, self.layer, work)
        except PinpointError as error:
            self._fail(str(error))
            return
        self._running = words
        self._show_task()

    def _fail(self, text: str) -> None:
        self.messages.setText(f"Error: {text}")

    def _keep(self) -> None:
        """Make a layer of what is listed, and go on with that; the present one has all its points again."""
        layer, look, session = self.layer, self.look, self.session
        if look is None or session is None or look.passing is None:
            return
        name = f"{layer.name}, {look.state.filter.expression}"
        data = filtered_layer_data(self.viewer, layer, look.state.result(), look.passing, name=name)
        session.working.filter(Filter())
        session.working.settle()
        session.show(layer, look.state.table, None, "", None)
        layer.visible = False
        kept = add_layer(self.viewer, data)
        self.layer_choice.choose(kept)
        self.messages.setText(f"{layer.name!r} is still there with all its points; it is only hidden.")

    def _export(self) -> None:
        look = self.look
        if look is None:
            return
        try:
            asked = ask_and_export(
                self.viewer,
                look.state.table,
                layer_name=self.layer.name,
                name=self.form.format_choice.currentData(),
                parent=self,
                select=look.state.result,
                n_rows=len(look.rows),
            )
        except PinpointError as error:
            show_error(str(error))
            self._fail(str(error))
            return
        if asked:
            self._running = "Writing"
            self._show_task()

    def _show_task(self) -> None:
        """Tell how a step goes; the tasks of other tabs are none of this one's."""
        status, running = self.tasks.status, self.tasks.is_running
        if self._running:
            text = {"failed": f"Error: {status.text}", "cancelling": "Cancelling: what is under way ends first"}.get(
                status.state, f"{self._running}..." if running else status.text
            )
            self.messages.setText("\n".join([text, *(f"Warning: {warning}" for warning in status.warnings)]))
            if not running:
                self._running = ""
                self._show_state()
        self.form.show_running(running and bool(self._running))
        self._describe()

    def _jump(self, row: int) -> None:
        if self.layer is not None and row < len(self.view.table):
            go_to(self.viewer, self.layer, self.view.table, row)

    def _watch(self, layer: Any) -> None:
        """Follow what the user does to the points of a layer, and of no other."""
        for watched, act in ((self._watched, "disconnect"), (layer, "connect")):
            if isinstance(watched, Points):
                for event in (watched.events.data, watched.events.features):
                    getattr(event, act)(self._wait)
        self._watched = layer

    def _wait(self, event: Any = None) -> None:
        if self.session is not None and not self.session.is_applying:
            self._timer.start()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Take up what happened while nobody looked."""
        super().showEvent(event)
        self.layer_choice.follow()
        self.form.follow()
        self.refresh()

    def hideEvent(self, event: QHideEvent | None) -> None:
        """A dock that is closed only hides its widget: no layer's events may go on reaching it."""
        super().hideEvent(event)
        self.layer_choice.unfollow()
        self.form.unfollow()
        self._watch(None)
        self._timer.stop()

    def _connect(self) -> None:
        form = self.form
        self.layer_choice.chosen.connect(self.refresh)
        self._timer.timeout.connect(self.refresh)
        self.filters.changed.connect(self._filter)
        self.filters.settled.connect(self._settle)
        self.filters.columns_changed.connect(self._ask)
        self.view.sorting_changed.connect(self._ask)
        self.view.jumped.connect(self._jump)
        form.keep_button.clicked.connect(self._keep)
        form.undo_button.clicked.connect(self.undo)
        form.redo_button.clicked.connect(self.redo)
        form.reset_button.clicked.connect(self.reset)
        form.drift.undo_button.clicked.connect(self.undo)
        form.cancel_button.clicked.connect(self.tasks.cancel)
        form.format_choice.currentIndexChanged.connect(self._describe)
        form.export_button.clicked.connect(self._export)
        for panel in form.panels:
            panel.started.connect(self.start)
            panel.failed.connect(self._fail)
        self.tasks.changed.connect(self._show_task)
        for keys, act in ((QKeySequence.StandardKey.Undo, self.undo), (QKeySequence.StandardKey.Redo, self.redo)):
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(act)
