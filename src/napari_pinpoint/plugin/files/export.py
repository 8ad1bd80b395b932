"""Tables to files: what fits which format is said before anything is written. Knows Qt's file dialog, nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari.utils.notifications import show_info
from qtpy.QtWidgets import QApplication, QFileDialog, QWidget

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.io.tables import FORMATS, write_localizations
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.files.writer import target_of
from napari_pinpoint.plugin.work.tasks import tasks_of

#: Most columns that a sentence names.
_NAMED = 6


#: What users call the formats that do not just begin with a capital letter.
_TITLES = {
    "thunderstorm": "ThunderSTORM",
    "decode": "DECODE",
    "decode-csv": "DECODE",
    "smap": "SMAP",
    "smap-mat": "SMAP",
    "challenge": "SMLM challenge",
    "nanoimager": "ONI Nanoimager",
    "napari-points": "napari points",
    "rapidstorm": "rapidSTORM",
    "elyra": "Zeiss Elyra",
}
#: Formats that most want come first.
_FIRST = ("parquet", "thunderstorm", "picasso")


def format_names() -> list[str]:
    """All formats, the complete one first."""
    return [*_FIRST, *(name for name in FORMATS if name not in _FIRST)]


def title_of(name: str) -> str:
    """What users call a format: "Parquet (*.parquet)"."""
    words = _TITLES.get(name, name.capitalize())
    return f"{words} ({' '.join('*' + suffix for suffix in FORMATS[name].suffixes)})"


def problem_with(name: str, table: Localizations) -> str:
    """Why a table cannot be written in a format, in a sentence; empty where it can."""
    if FORMATS[name].needs_pixel_size and table.pixel_size_nm is None:
        return (
            f"{title_of(name)} is in nanometres, and the size of a pixel is not known: give it in the tab Localize "
            "before you localize, or set the layer's scale and units."
        )
    return ""


def told_of(name: str, table: Localizations) -> str:
    """What positions mean in a file of a format, and what it will not hold."""
    return f"Positions: {FORMATS[name].convention}. {losses(name, table)}"


def losses(name: str, table: Localizations) -> str:
    """What a file of a format will not hold, in a sentence."""
    lost = FORMATS[name].cannot_hold(table)
    if not lost:
        return "The file holds every column."
    named = ", ".join(lost[:_NAMED]) + (f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else "")
    return f"The file has no place for {named}; a Parquet file holds everything."


def ask_and_export(
    viewer: Any,
    table: Localizations,
    *,
    layer_name: str,
    name: str | None = None,
    parent: QWidget | None = None,
    select: Callable[[], Localizations] | None = None,
    n_rows: int | None = None,
) -> bool:
    """Ask for a file, and write the table to it in the background; returns whether the user chose one.

    Parameters
    ----------
    table, layer_name
        What to write, and what to call the file at first.
    name
        The format. By default the dialog offers all that fit, each with what it cannot hold.
    select, n_rows
        Where only some of the rows are to be written: what gives these, in the background, and how many they are.

    Raises
    ------
    PinpointError
        If the format cannot hold the table, there are no points, or another table is being read or written.
    """
    n_rows = len(table) if n_rows is None else n_rows
    if not n_rows:
        raise PinpointError("There are no points to export.")
    offered = {_filter(one, table): one for one in format_names() if name in (None, one)}
    offered = {words: one for words, one in offered.items() if not problem_with(one, table)}
    if not offered:
        raise PinpointError(problem_with(name or "thunderstorm", table))
    first = FORMATS[next(iter(offered.values()))].suffixes[0]
    parent = parent or QApplication.activeWindow()
    stem = layer_name.replace("/", "-").replace("\\", "-")
    path, chosen = QFileDialog.getSaveFileName(
        parent, f"Export {n_rows:,} points", stem + first, ";;".join(offered), next(iter(offered))
    )
    if not path:
        return False
    export(viewer, table, path, offered.get(chosen) or next(iter(offered.values())), select=select)
    return True


def export(
    viewer: Any,
    table: Localizations,
    path: str | Path,
    name: str,
    *,
    select: Callable[[], Localizations] | None = None,
) -> None:
    """Write a table, or what is selected of it, in the background; the viewer's tasks tell how (see `tasks_of`)."""
    problem = problem_with(name, table)
    if problem:
        raise PinpointError(problem)
    format = FORMATS[name]
    target, overwrite = target_of(path, format)

    def write(_: Any) -> tuple[Path, int]:
        chosen = table if select is None else select()
        held = chosen.without_columns(*format.cannot_hold(chosen))  # it was said before
        write_localizations(held, target, format=name, overwrite=overwrite)
        return target, len(held)

    def tell(_: Any, written: tuple[Path, int]) -> str:
        words = f"{written[1]:,} points were written to {written[0]}."
        show_info(words)
        return words

    tasks_of(viewer).start(write, tell)


def _filter(name: str, table: Localizations) -> str:
    """An entry of the file dialog: the format and, in short, what it leaves out."""
    lost = FORMATS[name].cannot_hold(table)
    title, _, suffixes = title_of(name).partition(" (")
    without = f", without {', '.join(lost[:_NAMED])}{' ...' if len(lost) > _NAMED else ''}" if lost else ", all columns"
    return f"{title}{without} ({suffixes}"
