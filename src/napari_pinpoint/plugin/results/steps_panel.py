"""What was done with the table: listed, saved, and done again with another."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QHeaderView, QPushButton

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.results.panel import Panel
from napari_pinpoint.plugin.results.sessions import Outcome, Work
from napari_pinpoint.plugin.results.working import State
from napari_pinpoint.plugin.widgets.small_table import SmallTable
from napari_pinpoint.plugin.work.jobs import Reporter
from napari_pinpoint.postprocessing import STEPS


class StepsPanel(Panel):
    """Lists the steps; the recipe that it saves is what `pinpoint replay` takes."""

    title = "Steps"
    summary = "All that was done with the table. Save it, and do the same with another table, here or by a command."
    button_text = "Apply from file..."
    running_text = "Doing the steps again"

    def __init__(self) -> None:
        super().__init__()
        self.list = SmallTable("Steps", {"Step": "What was done, in order", "How": "With which settings"})
        header: Any = self.list.horizontalHeader()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        self.save_button = QPushButton("Save steps...")
        self.save_button.setToolTip("Write the steps to a file; pinpoint replay TABLE --steps FILE does them, too")
        self.button.setToolTip("Do the steps of a file with this table")
        self.body.insertWidget(1, self.list)
        row = QHBoxLayout()
        self.body.removeWidget(self.button)
        row.addWidget(self.save_button)
        row.addWidget(self.button)
        self.body.addLayout(row)
        self.save_button.clicked.connect(self._save)
        self._steps: list[dict[str, Any]] = []

    def show_state(self, state: State) -> None:
        """The steps of a state, its filter too."""
        steps = list(state.table.record.get("steps", []))
        if state.filter.expression:
            steps.append({"step": "filter", "expression": state.filter.expression})
        self.list.show_rows([(str(step.get("step")), _settings(step)) for step in steps])
        self._steps = [step for step in steps if step.get("step") in STEPS]
        self.save_button.setEnabled(bool(self._steps))

    def work(self) -> Work:
        """Ask for a file, and do its steps."""
        path, _ = QFileDialog.getOpenFileName(self, "Apply steps", "", "Steps (*.json);;All files (*)")
        if not path:
            raise PinpointError("No file was chosen: nothing was done.")
        from napari_pinpoint.io.steps import read_steps

        steps = read_steps(Path(path))

        def do(table: Localizations, reporter: Reporter) -> Outcome:
            from napari_pinpoint.postprocessing import replay

            done = replay(table, steps)
            return Outcome(f"{len(table):,} points became {len(done):,} by the steps of {Path(path).name}.", done)

        return do

    def _save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Save steps", "steps.json", "Steps (*.json)")
        if not path:
            return
        target = Path(path)
        target = target if target.suffix else target.with_suffix(".json")
        from napari_pinpoint.io.steps import write_steps

        try:
            write_steps(self._steps, target, overwrite=True)  # the dialog has asked
        except PinpointError as error:
            self.failed.emit(str(error))


def _settings(step: Mapping[str, Any]) -> str:
    """The settings of a step in a line; what nobody can read is left out."""
    if step.get("step") == "drift":
        nested = step.get("settings") if isinstance(step.get("settings"), Mapping) else {}
        step = {"method": step.get("method"), **nested}  # type: ignore[dict-item]
    settings = {name: value for name, value in step.items() if name != "step" and value is not None}
    if list(settings) == ["expression"]:
        return str(settings["expression"])
    return ", ".join(_in_words(name, value) for name, value in settings.items())


def _in_words(name: str, value: Any) -> str:
    """A setting with its unit behind the number: `radius_nm=60.0` is "radius 60 nm"."""
    words, number = name.split("_"), f"{value:g}" if isinstance(value, float) else str(value)
    unit = words.pop() if words[-1] in ("nm", "px") else ""
    return " ".join([*words, number, *([unit] if unit else [])])
