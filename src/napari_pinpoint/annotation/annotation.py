"""Annotation: points, proposals, complete regions and empty frames of a stack, with a history without end."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from napari_pinpoint.annotation.actions import Action, Change
from napari_pinpoint.annotation.coverage import CompleteRegion, Coverage
from napari_pinpoint.annotation.history import History
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import COLUMNS, REQUIRED, Localizations

#: What is kept of a point besides frame, y and x, where it is known.
KEPT = ("z", "height", "width", "label", "probability", "source", "moved_by")

Row = dict[str, Any]


class Annotation(History):
    """What a person says of a stack: every method that changes it is one action, which can be undone and done again.

    Points have numbers that they keep for ever, so that a layer can follow the actions without being made anew. A
    proposal is a point that nobody has accepted yet; it is no part of `points`. What is taken out of the annotation
    (`points`, `coverage`) is a value that later actions leave as it is.

    Parameters
    ----------
    pixel_size_nm, z_step_nm
        For the tables, None where unknown.
    keep
        Called with every entry (plain JSON values) before it is done; if that fails, nothing is done. A `Journal`
        writes it to the disk.

    Examples
    --------
    >>> annotation = Annotation()
    >>> table = Localizations({"frame": [0, 2], "y": [4.0, 5.0], "x": [1.0, 2.0]})
    >>> annotation.add(table).ids
    [0, 1]
    >>> annotation.move([1], [5.5], [2.5], moved_by=0.7).name
    'move'
    >>> annotation.points["y"].tolist(), annotation.points["source"].tolist()
    ([4.0, 5.5], ['manual', 'manual'])
    >>> _ = annotation.undo()
    >>> annotation.points["y"].tolist()
    [4.0, 5.0]
    """

    def __init__(
        self,
        *,
        pixel_size_nm: float | None = None,
        z_step_nm: float | None = None,
        keep: Callable[[Mapping[str, Any]], None] = lambda entry: None,
    ) -> None:
        super().__init__(keep)
        self._calibration: dict[str, Any] = {"pixel_size_nm": pixel_size_nm, "z_step_nm": z_step_nm}
        self._tables: dict[bool, Localizations] = {}

    def _apply(self, action: Action) -> Action:
        self._tables.clear()
        return super()._apply(action)

    # -- what is there ---------------------------------------------------------------------------------------------

    @property
    def points(self) -> Localizations:
        """The points, in the order of their numbers: frame, y, x, source, and what else is known of one at least."""
        return self._table(proposed=False)

    @property
    def proposals(self) -> Localizations:
        """The points that wait to be accepted or rejected."""
        return self._table(proposed=True)

    def ids(self, *, proposed: bool = False) -> list[int]:
        """The numbers of the rows of `points`, or of `proposals`."""
        rows = self._state["points"]
        return sorted(key for key, row in rows.items() if row.get("proposed", False) == proposed)

    @property
    def regions(self) -> dict[int, CompleteRegion]:
        """The regions in which the annotation is complete, by their numbers."""
        return {key: CompleteRegion.from_json(self._state["regions"][key]) for key in sorted(self._state["regions"])}

    @property
    def empty_frames(self) -> tuple[int, ...]:
        """The frames that are marked as truly empty; a mark does not count while a point is in the frame."""
        used = {row["frame"] for row in self._state["points"].values() if "proposed" not in row}
        return tuple(sorted(set(self._state["empty"]) - used))

    @property
    def coverage(self) -> Coverage:
        """Where the annotation is complete."""
        return Coverage(tuple(self.regions.values()), self.empty_frames)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of their keys."""
        return tuple(self._state["classes"].get(0, ()))

    # -- actions on points -----------------------------------------------------------------------------------------

    def add(self, table: Localizations, *, source: str = "manual") -> Action:
        """Add points; `source` is that of rows which do not say their own. Other columns than KEPT are not kept."""
        return self._add("add", _rows(table, source))

    def propose(self, table: Localizations, *, source: str) -> Action:
        """Add points that wait to be accepted; `source` says who found them."""
        return self._add("propose", [{**row, "proposed": True} for row in _rows(table, source)])

    def move(
        self, ids: Sequence[int], y: Sequence[float], x: Sequence[float], *, moved_by: float | None = None
    ) -> Action:
        """Move points to new positions in pixels; a proposal that a person moves is accepted.

        `moved_by` is how far the position was moved by snapping it, in pixels, None where it was not snapped.
        """
        if not all(map(math.isfinite, (*y, *x))):
            raise PinpointError("A point cannot be moved to a place that is not a number.")
        after = []
        for key, to_y, to_x in zip(ids, y, x, strict=True):
            row = {**_accepted(self._row(key)), "y": float(to_y), "x": float(to_x)}
            row.pop("moved_by", None)
            after.append(row if moved_by is None else {**row, "moved_by": float(np.float32(moved_by))})
        return self._change("move", ids, after)

    def relabel(self, ids: Sequence[int], label: str | None) -> Action:
        """Give points a class, or none."""
        rows = [{name: value for name, value in self._row(key).items() if name != "label"} for key in ids]
        return self._change("relabel", ids, [row if label is None else {**row, "label": str(label)} for row in rows])

    def delete(self, ids: Sequence[int]) -> Action:
        """Remove points."""
        return self._change("delete", ids, [None] * len(ids))

    def accept(self, ids: Iterable[int] | None = None, *, above: float = 0.0) -> Action:
        """Make proposals points: those given, or all of at least the probability `above` (and all that have none)."""
        if ids is None:
            rows = self._state["points"]
            ids = [key for key in self.ids(proposed=True) if rows[key].get("probability", 1.0) >= above]
        ids = list(ids)
        return self._change("accept", ids, [_accepted(self._proposal(key)) for key in ids])

    def reject(self, ids: Iterable[int] | None = None) -> Action:
        """Remove proposals: those given, or all."""
        ids = self.ids(proposed=True) if ids is None else list(ids)
        for key in ids:
            self._proposal(key)
        return self._change("reject", ids, [None] * len(ids))

    # -- actions on the rest ---------------------------------------------------------------------------------------

    def add_region(self, region: CompleteRegion) -> Action:
        """Say that the annotation is complete in a region."""
        return self._do(Action("add region", {"regions": {self._next["regions"]: (None, region.to_json())}}))

    def remove_region(self, number: int) -> Action:
        """Take a region back."""
        if number not in self._state["regions"]:
            raise PinpointError(f"There is no region {number}; there are {sorted(self._state['regions']) or 'none'}.")
        return self._do(Action("remove region", {"regions": {number: (self._state["regions"][number], None)}}))

    def mark_empty(self, frames: Iterable[int], *, empty: bool = True) -> Action:
        """Say that there is nothing in some frames, or take that back.

        Raises
        ------
        PinpointError
            If a frame that is to be marked holds points.
        """
        frames = {int(frame) for frame in frames}
        held = sorted(frames & {row["frame"] for row in self._state["points"].values() if "proposed" not in row})
        if empty and held:
            raise PinpointError(f"Frame {held[0]} has points, so it is not empty; delete them first.")
        marks = self._state["empty"]
        to = True if empty else None
        return self._do(Action("mark empty", {"empty": {f: (marks.get(f), to) for f in sorted(frames)}}))

    def set_classes(self, names: Iterable[str]) -> Action:
        """Say which classes there are; labels of points stay as they are."""
        return self._do(Action("classes", {"classes": {0: (self._state["classes"].get(0), list(names))}}))

    # -- rows ------------------------------------------------------------------------------------------------------

    def _add(self, name: str, rows: list[Row]) -> Action:
        return self._do(Action(name, {"points": {self._next["points"] + i: (None, row) for i, row in enumerate(rows)}}))

    def _change(self, name: str, ids: Sequence[int], after: Sequence[Row | None]) -> Action:
        changes: dict[int, Change] = {int(key): (self._row(key), row) for key, row in zip(ids, after, strict=True)}
        return self._do(Action(name, {"points": changes}))

    def _row(self, key: int) -> Row:
        try:
            row: Row = self._state["points"][int(key)]
        except KeyError:
            raise PinpointError(f"There is no point {key} in the annotation (any more).") from None
        return row

    def _proposal(self, key: int) -> Row:
        row = self._row(key)
        if "proposed" not in row:
            raise PinpointError(f"The point {key} is no proposal.")
        return row

    def _table(self, *, proposed: bool) -> Localizations:
        if proposed not in self._tables:
            rows = [self._state["points"][key] for key in self.ids(proposed=proposed)]
            known = [*REQUIRED, *(name for name in KEPT if any(name in row for row in rows))]
            columns = {name: [row.get(name, _missing(name)) for row in rows] for name in known}
            self._tables[proposed] = Localizations(columns, **self._calibration)
        return self._tables[proposed]


def _rows(table: Localizations, source: str) -> list[Row]:
    """The rows of a table as plain JSON values; what is not known is not there."""
    names = [*REQUIRED, *(name for name in KEPT if name in table)]
    columns = [table[name].tolist() for name in names]
    return [
        {"source": source, **{name: value for name, value in zip(names, row, strict=True) if _is_known(value)}}
        for row in zip(*columns, strict=True)
    ]


def _is_known(value: Any) -> bool:
    return math.isfinite(value) if isinstance(value, float) else value is not None


def _accepted(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != "proposed"}


def _missing(name: str) -> float | None:
    return None if COLUMNS[name].dtype == "str" else math.nan
