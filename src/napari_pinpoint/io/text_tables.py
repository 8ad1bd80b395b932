"""Tables as text with a header line: a format of this kind is a declaration of what its columns mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.io import delimited, provenance
from napari_pinpoint.io.conventions import Convention, Field, Given, from_ours, held, to_ours
from napari_pinpoint.localizations import COLUMNS, Localizations


@dataclass(frozen=True)
class TextFormat:
    """A format of delimited text with one header line.

    Parameters
    ----------
    convention
        What its numbers mean.
    fields
        Label to meaning, in the order in which columns are written; of several that fill the same of our columns, the
        first one is. Case and blanks of labels do not matter when a file is read.
    required
        Labels by which a file is recognized.
    numbered
        Label of a column that counts the rows from 1, for programs that expect one.
    written_origin
        Where positions count from in the files that we write, if the convention leaves it open.
    """

    name: str
    suffixes: tuple[str, ...]
    convention: Convention
    fields: Mapping[str, Field]
    required: tuple[str, ...]
    delimiter: str = ","
    numbered: str = ""
    written_origin: str = "corner"

    @property
    def needs_pixel_size(self) -> bool:
        return self.convention.unit != "px"

    @property
    def writing(self) -> Convention:
        """The convention of the files that we write, which leaves nothing open."""
        origin, first = self.convention.origin, self.convention.first_frame
        return Convention(self.convention.unit, origin or self.written_origin, 0 if first is None else first)

    def header(self, path: Path) -> delimited.Header:
        """The header of a file."""
        return delimited.read_header(path)

    def recognizes(self, path: Path) -> bool:
        try:
            labels = {_key(label) for label in self.header(path).labels}
        except (OSError, PinpointError):
            return False
        return {_key(label) for label in self.required} <= labels

    def read(self, path: Path, given: Given) -> Localizations:
        header = self.header(path)
        by_key = {_key(label): field for label, field in self.fields.items()}
        fields = {label: by_key[_key(label)] for label in header.labels if _key(label) in by_key}
        stored = self.stored(path)
        numbers, single = numeric(fields)
        columns = delimited.read_columns(path, header, numbers=numbers, single=single, content=self.content(path))
        if "first_frame" in (stored or {}):  # numbers of rows that we made ourselves say nothing
            columns.pop(self.numbered, None)
        return to_ours(
            path,
            columns,
            preferred(fields),
            self.convention,
            given=given,
            stored=stored,
            where=lambda row: f"line {delimited.line_of(path, header, row)}",
        )

    def content(self, path: Path) -> bytes | None:
        """What of the file is the table, None for all of it."""
        return None

    def stored(self, path: Path) -> dict[str, Any] | None:
        """Calibration and record of the table, as far as they are known."""
        return provenance.read_sidecar(path)

    def cannot_hold(self, table: Localizations) -> list[str]:
        places = held(table, self.fields)
        return [name for name in table if name not in places]

    def write(self, table: Localizations, path: Path) -> None:
        columns: dict[str, Any] = {}
        if self.numbered:
            columns[self.numbered] = np.arange(1, len(table) + 1)
        columns |= from_ours(table, self.fields, self.writing)
        delimited.write_columns(path, columns, delimiter=self.delimiter, header=self.delimiter.join(columns))
        writing = self.writing
        provenance.write_sidecar(table, path, origin=writing.origin, first_frame=writing.first_frame)


def numeric(fields: Mapping[str, Field]) -> tuple[list[str], list[str]]:
    """The labels whose column must hold numbers, and those of them for which 32 bits will do."""
    dtypes = {label: COLUMNS[one.names[0]].dtype for label, one in fields.items()}
    numbers = [label for label, dtype in dtypes.items() if dtype != "str"]
    return numbers, [label for label in numbers if dtypes[label] == "float32"]


def preferred(fields: Mapping[str, Field]) -> dict[str, Field]:
    """Of fields that fill the same columns those that tell the axes apart; the others are kept as they are called.

    Some programs write a mean beside the values of each axis.
    """
    chosen: dict[str, Field] = {}
    filled: set[str] = set()
    for label, one in sorted(fields.items(), key=lambda item: len(item[1].names)):
        if not filled & set(one.names):
            chosen[label] = one
            filled |= set(one.names)
    return {label: one for label, one in fields.items() if label in chosen}


def _key(label: str) -> str:
    """What identifies a label: programs and their versions differ in case and blanks."""
    return "".join(label.lower().split())
