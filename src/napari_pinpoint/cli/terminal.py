"""What goes to the terminal: results and JSON to standard output; messages and progress to standard error."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn, TextIO

import typer

from napari_pinpoint.errors import PinpointWarning
from napari_pinpoint.json_values import plain

#: Exit codes.
SOME_FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130

_python_shows_warning = warnings.showwarning


def say(message: str) -> None:
    """A message for whoever is watching."""
    print(message, file=sys.stderr, flush=True)


def fail(message: str, *, code: int = BAD_INPUT) -> NoReturn:
    """Say what is wrong and end with that exit code."""
    say(f"pinpoint: error: {message}")
    raise typer.Exit(code)


def show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """In place of `warnings.showwarning`: ours without the line of code that gave it."""
    if issubclass(category, PinpointWarning):
        say(f"pinpoint: warning: {message}")
    else:
        _python_shows_warning(message, category, filename, lineno, file, line)


def emit(result: Any, *, one_line: bool = False, to: TextIO | None = None) -> None:
    """Write a result as JSON, by default as the one object on standard output; what is not finite becomes null."""
    text = json.dumps(plain(result), indent=None if one_line else 2, ensure_ascii=False, allow_nan=False)
    print(text, file=to or sys.stdout, flush=True)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, title: str | None = None) -> None:
    """A table on standard output; the first column is left-aligned, the others as their text asks for."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, title=title, title_justify="left")
    for row in rows:
        table.add_row(*(Text(cell, overflow="fold") for cell in row))
    Console(highlight=False).print(table)


@contextmanager
def progress_bar(total: float | None = None) -> Iterator[Callable[..., None]]:
    """A bar on standard error while the block runs, only where that is a terminal.

    What is given takes ``done``, ``total`` and ``text``, each where it changed.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total)

        def update(*, done: float | None = None, total: float | None = None, text: str | None = None) -> None:
            bar.update(task, completed=done, total=total, description=text)

        yield update
