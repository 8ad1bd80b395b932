"""Conditions on the rows of a table, as users write them: ``photons > 300 and uncertainty_x_nm < 20``.

Python's parser reads the text; what may stand in it is listed here, and nothing is ever run by Python itself: columns,
numbers and texts, ``+ - * /``, comparisons (chained, too), ``and``, ``or``, ``not`` and the functions in FUNCTIONS.

A value that is not known (NaN, or a missing text) fulfils no comparison, and what is negated is the comparison, not its
outcome: neither ``photons > 300`` nor ``not photons > 300`` nor ``photons != 300`` keeps a row without photons.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, NoReturn

import numpy as np

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import COLUMNS, Localizations

Array = np.ndarray[Any, Any]

#: What can be asked of a number.
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "abs": np.abs,
    "sqrt": np.sqrt,
    "log10": np.log10,
    "isfinite": np.isfinite,
}

_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}
#: What people of other languages write, and what it is here.
_HABITS = {
    "&&": "and",
    "||": "or",
    "&": "and",
    "|": "or",
    "!": "not",
    "~": "not",
    "=": "==",
    "^": "a product",
    "**": "a product",
}
#: Rows that are worked on at once: what is in between stays in the processor's cache, and little memory is needed.
_BLOCK = 1 << 16
_LONGEST = 10_000


def rows_that_pass(table: Localizations, expression: str) -> Array:
    """Which rows fulfil a condition.

    Parameters
    ----------
    table
        The localizations.
    expression
        The condition. Columns go by their names, in their own units; a length in pixels is in nanometres with ``_nm``
        behind its name (``uncertainty_x_nm``; ``x_nm`` counts from the centre of the first pixel), where the size of
        a pixel is known. Names that are no Python names stand between backticks.

    Returns
    -------
    numpy.ndarray
        Booleans of shape (n,).

    Raises
    ------
    PinpointError
        If it cannot be read, names a column that is not there, or is no condition; the message names the place.

    Examples
    --------
    >>> table = Localizations({"frame": [0, 1, 2], "y": [1, 2, 3], "x": [4, 5, 6], "photons": [250, 900, np.nan]})
    >>> rows_that_pass(table, "photons > 300 or frame == 0")
    array([ True,  True, False])
    >>> rows_that_pass(table, "not 200 <= photons <= 300")
    array([False,  True, False])
    """
    condition = _Condition(table, *_parsed(expression))
    passed = np.empty(len(table), dtype=bool)
    with np.errstate(all="ignore"):
        for start in range(0, max(len(table), 1), _BLOCK):  # once without rows, too: errors do not depend on them
            block = slice(start, start + _BLOCK)
            passed[block] = condition.holds(block)
    return passed


def _parsed(expression: str) -> tuple[str, dict[str, str], ast.expr]:
    """The expression, the columns that stand in it between backticks (by their stand-ins), and its tree."""
    quoted: dict[str, str] = {}

    def stand_in(found: re.Match[str]) -> str:  # as long as what it stands for, so that places stay what they were
        name = f"_{len(quoted)}".ljust(len(found[0]), "_")
        quoted[name] = found[1]
        return name

    if not expression.strip():
        raise PinpointError("The filter is empty; write a condition, for example photons > 300.")
    if len(expression) > _LONGEST:
        raise PinpointError(f"The filter is {len(expression):,} characters long; at most {_LONGEST:,} are read.")
    text = re.sub(r"[\r\n\t]", " ", expression)
    try:
        tree = ast.parse(re.sub(r"`([^`]+)`", stand_in, text.strip()), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        place = (getattr(error, "offset", None) or len(text) + 1) - 1  # the parser counts its end as 0
        raise PinpointError(f"The filter cannot be read {_at(text.strip(), place)}.{_habit(text)}") from None
    return text.strip(), quoted, tree


def _at(text: str, place: int) -> str:
    """Where something is wrong, with the words there."""
    if place >= len(text):
        return f"at its end, after {text[-20:]!r}"
    return f"at character {place + 1}, {text[place : place + 20]!r}"


def _habit(text: str) -> str:
    for written, meant in _HABITS.items():
        if re.search(rf"(?<![=!<>&|*]){re.escape(written)}(?![=&|*])", text):
            return f" Write {meant} in place of {written}."
    upper = re.search(r"\b(AND|OR|NOT)\b", text)
    return f" Write {upper[0].lower()} in place of {upper[0]}." if upper else ""


@dataclass(frozen=True)
class _Condition:
    """A parsed expression and the table that it is asked of."""

    table: Localizations
    text: str
    quoted: dict[str, str]
    tree: ast.expr

    def holds(self, block: slice) -> Any:
        """Whether it is fulfilled in each row of a block."""
        rows = len(range(*block.indices(len(self.table))))
        try:
            return np.broadcast_to(self._truth(self.tree, block, True), rows)
        except RecursionError:
            raise PinpointError("The filter is nested too deeply; split it into several.") from None
        except (ZeroDivisionError, OverflowError) as error:
            raise PinpointError(f"The filter computes what cannot be: {error}.") from None

    def _truth(self, node: ast.expr, block: slice, wanted: bool) -> Any:
        """Where the condition is known to be as `wanted`: negation goes inwards, to the comparisons."""
        if isinstance(node, ast.BoolOp):
            parts = (self._truth(part, block, wanted) for part in node.values)
            return _all(parts) if isinstance(node.op, ast.And) is wanted else _any(parts)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return self._truth(node.operand, block, not wanted)
        if isinstance(node, ast.Compare):
            sides = [self._value(side, block) for side in (node.left, *node.comparators)]
            pairs = [
                self._compare(node, op if wanted else _OPPOSITE.get(type(op), type(op))(), left, right)
                for op, left, right in zip(node.ops, sides, sides[1:], strict=False)
            ]
            return _all(pairs) if wanted else _any(pairs)
        value = self._value(node, block, truth=True)
        if not _is_truth(value):
            self._fail(node, "is a value, not a condition; compare it, for example {} > 0")
        return value if wanted else ~value

    def _compare(self, node: ast.Compare, op: ast.cmpop, left: Any, right: Any) -> Any:
        if type(op) not in _COMPARISONS:
            self._fail(node, "cannot be asked: there are < <= > >= == and !=")
        if _is_text(left) != _is_text(right):
            self._fail(node, "compares text with a number; texts stand between quotes")
        if _is_text(left) and not isinstance(op, ast.Eq | ast.NotEq):
            self._fail(node, "puts texts in order; they can only be equal (==) or not (!=)")
        result = _COMPARISONS[type(op)](left, right)
        if isinstance(op, ast.NotEq):
            result = result & _known(left) & _known(right)
        return np.asarray(result, dtype=bool)

    def _value(self, node: ast.expr, block: slice, *, truth: bool = False) -> Any:
        """Numbers or texts; conditions only where the `truth` is asked for."""
        value = self._any_value(node, block)
        if not truth and _is_truth(value):
            self._fail(node, "is a condition; it cannot be compared or computed with")
        return value

    def _any_value(self, node: ast.expr, block: slice) -> Any:
        if isinstance(node, ast.Name):
            return self._column(node, block)
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str):
                return node.value
            if isinstance(node.value, int | float) and not isinstance(node.value, bool):
                return node.value if abs(node.value) < 1 << 53 else float(node.value)
        elif isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
            left, right = (self._number(side, block) for side in (node.left, node.right))
            return _ARITHMETIC[type(node.op)](left, right)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            value = self._number(node.operand, block)
            return -value if isinstance(node.op, ast.USub) else value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS:
            if len(node.args) != 1 or node.keywords:
                self._fail(node, "needs exactly one value between its brackets")
            return FUNCTIONS[node.func.id](self._number(node.args[0], block))
        elif isinstance(node, ast.BoolOp | ast.Compare) or (
            isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
        ):
            return np.asarray(self._truth(node, block, True))
        return self._fail(
            node,
            "has no place in a filter: there are columns, numbers, texts, + - * /, comparisons, and, or, not, and the "
            f"functions {', '.join(FUNCTIONS)}",
        )

    def _number(self, node: ast.expr, block: slice) -> Any:
        value = self._value(node, block)
        if _is_text(value):
            self._fail(node, "is text; it cannot be computed with")
        return value

    def _column(self, node: ast.Name, block: slice) -> Any:
        """A column's values; lengths in nanometres by their suffix, unless the table has a column of that name."""
        name = self.quoted.get(node.id, node.id)
        if name in self.table:
            return self.table[name][block]
        base = name.removesuffix("_nm")
        if base != name and base in self.table and base in COLUMNS and COLUMNS[base].unit == "px":
            of_z = base in ("z", "uncertainty_z")
            size = self.table.z_step_nm if of_z else self.table.pixel_size_nm
            if size is None:
                what = "the distance of planes" if of_z else "the size of a pixel"
                raise PinpointError(
                    f"{name} needs {what} in nanometres, which the table does not know; give it "
                    f"({'z_step_nm' if of_z else '--pixel-size-nm, pixel_size_nm='}), or use {base}, in pixels."
                )
            return self.table[base][block] * size
        close = get_close_matches(name, self.table, n=1)
        hint = f" Did you mean {close[0]}?" if close else _habit(name)
        raise PinpointError(f"The table has no column {name!r}.{hint} It has: {', '.join(self.table)}.")

    def _fail(self, node: ast.expr, problem: str) -> NoReturn:
        start, stop = node.col_offset, node.end_col_offset  # in bytes
        encoded = self.text.encode()
        words = encoded[start:stop].decode(errors="replace")
        hint = _habit(self.text) if "no place" in problem else ""
        problem = problem.replace("{}", words)
        raise PinpointError(f"{words!r} (character {len(encoded[:start].decode()) + 1}) {problem}.{hint}")


def _all(parts: Any) -> Any:
    whole = True
    for part in parts:
        whole = whole & part
    return whole


def _any(parts: Any) -> Any:
    whole = False
    for part in parts:
        whole = whole | part
    return whole


def _is_truth(value: Any) -> bool:
    return isinstance(value, np.ndarray | np.generic) and value.dtype.kind == "b"


def _is_text(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, np.ndarray) and value.dtype.kind == "O")


def _known(value: Any) -> Any:
    """Where a value is known; None equals itself, NaN does not."""
    if isinstance(value, np.ndarray) and value.dtype == object:
        return value != np.array(None)
    return value == value
