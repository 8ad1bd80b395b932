"""History: a state that only actions change, each of which can be undone and done again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from napari_pinpoint.annotation.actions import PARTS, Action
from napari_pinpoint.errors import PinpointError


class History:
    """The state of an annotation as plain JSON values, and all actions that led to it, without limit.

    Parameters
    ----------
    keep
        Called with every entry (plain JSON values) before it is done; if that fails, nothing is done.
    """

    def __init__(self, keep: Callable[[Mapping[str, Any]], None]) -> None:
        self._keep = keep
        self._state: dict[str, dict[int, Any]] = {part: {} for part in PARTS}
        self._next = {"points": 0, "regions": 0}
        self._done: list[Action] = []
        self._undone: list[Action] = []

    @property
    def can_undo(self) -> str | None:
        """The name of the action that `undo` would undo, None where there is none."""
        return self._done[-1].name if self._done else None

    @property
    def can_redo(self) -> str | None:
        """The name of the action that `redo` would do, None where there is none."""
        return self._undone[-1].name if self._undone else None

    def snapshot(self) -> Action:
        """The action that makes all that is there from nothing."""
        parts = {part: {key: (None, of[key]) for key in sorted(of)} for part, of in self._state.items() if of}
        return Action("begin", parts)

    def undo(self) -> Action | None:
        """Undo the last action; gives what was done for it, or None where there is nothing to undo."""
        if not self._done:
            return None
        self._keep({"do": "undo"})
        return self._undo()

    def redo(self) -> Action | None:
        """Do again what was undone last; gives what was done, or None where there is nothing to do again."""
        if not self._undone:
            return None
        self._keep({"do": "redo"})
        return self._redo()

    def forget(self) -> None:
        """Forget the history: what is there stays, and cannot be undone."""
        self._done.clear()
        self._undone.clear()

    def replay(self, entry: Mapping[str, Any]) -> None:
        """Do what an entry that `keep` was given says, without keeping it again.

        Raises
        ------
        PinpointError
            If it does not fit to what is there.
        """
        name = entry.get("do")
        if name in ("undo", "redo"):
            if not (self._done if name == "undo" else self._undone):
                raise PinpointError(f"There is nothing to {name}.")
            self._undo() if name == "undo" else self._redo()
            return
        try:
            action = Action.from_json(entry)
        except (KeyError, TypeError, ValueError) as error:
            raise PinpointError(f"This is no action of an annotation ({type(error).__name__}: {error}).") from error
        self._check(action)
        self._apply(action)
        if action.name != "begin":
            self._remember(action)

    def _do(self, action: Action) -> Action:
        changes = {
            part: {key: (old, new) for key, (old, new) in of.items() if old != new}
            for part, of in action.changes.items()
        }
        action = Action(action.name, {part: of for part, of in changes.items() if of})
        if not action.changes:
            return action
        self._check(action)
        self._keep(action.to_json())
        self._apply(action)
        self._remember(action)
        return action

    def _remember(self, action: Action) -> None:
        self._done.append(action)
        self._undone.clear()

    def _undo(self) -> Action:
        action = self._done.pop()
        self._undone.append(action)
        return self._apply(action.inverted())

    def _redo(self) -> Action:
        action = self._undone.pop()
        self._done.append(action)
        return self._apply(action)

    def _check(self, action: Action) -> None:
        for part, changes in action.changes.items():
            for key, (before, _) in changes.items():
                if self._state[part].get(key) != before:
                    raise PinpointError(f"The action {action.name!r} does not fit to what is there ({part} {key}).")

    def _apply(self, action: Action) -> Action:
        for part, changes in action.changes.items():
            for key, (_, after) in changes.items():
                if after is None:
                    self._state[part].pop(key, None)
                else:
                    self._state[part][key] = after
                if part in self._next:  # a number is never given twice, or undoing would mix points up
                    self._next[part] = max(self._next[part], key + 1)
        return action
