"""Action: one thing that a user did to an annotation, as plain JSON that can be done, undone and written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

#: What something was, and what it is then; None where it was not there, or is there no longer.
Change: TypeAlias = tuple[Any, Any]

#: What of an annotation changes; the keys are numbers of points and regions, frames, and the one list of classes.
PARTS = ("points", "regions", "empty", "classes")


@dataclass(frozen=True)
class Action:
    """What was done, and of everything that it changed the state before and after, as plain JSON values.

    An action holds both states, so it is undone by exchanging them, and a file of actions needs nothing else to be
    read; that the state before is the expected one is checked whenever an action is done.

    Parameters
    ----------
    name
        What was done, for the menu: "add", "move", "delete", ...
    changes
        For each of PARTS that changes: key to (before, after).

    Examples
    --------
    >>> action = Action("move", {"points": {4: ({"y": 1.0}, {"y": 2.0})}})
    >>> action.inverted().changes["points"][4]
    ({'y': 2.0}, {'y': 1.0})
    >>> Action.from_json(action.to_json()) == action
    True
    """

    name: str
    changes: Mapping[str, Mapping[int, Change]] = field(default_factory=dict)

    @property
    def ids(self) -> list[int]:
        """The numbers of the points that it changes."""
        return list(self.changes.get("points", {}))

    def inverted(self) -> Action:
        """The action that undoes this one."""
        return Action(
            self.name,
            {part: {key: (after, before) for key, (before, after) in of.items()} for part, of in self.changes.items()},
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "do": self.name,
            **{part: [[key, *change] for key, change in of.items()] for part, of in self.changes.items()},
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Action:
        """What `to_json` gave; raises KeyError, TypeError or ValueError where it is something else."""
        changes = {part: {int(k): (old, new) for k, old, new in stored[part]} for part in PARTS if part in stored}
        return cls(str(stored["do"]), changes)
