"""Text tables with a header line, as they are found in the wild: read fast, refused with the line that is wrong."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_pinpoint.errors import PinpointError

#: How missing values are written; the last two are what Java makes of them, in UTF-8 and in other encodings.
MISSING = ("", "NaN", "nan", "-nan", "NA", "N/A", "null", "\ufffd", "?")


@dataclass(frozen=True)
class Header:
    """The labels of a text table and how its fields are set apart. An empty label is a column of no interest."""

    labels: tuple[str, ...]
    delimiter: str
    decimal_point: str
    #: Lines before the first row, the header's own among them.
    skipped: int = 1


def read_header(path: Path, *, after: int = 0) -> Header:
    """The header line: quoted or not, or quoted as a whole; delimited by commas, semicolons or tabs.

    `after` lines stand before it.
    """
    with _text(path) as file:
        for _ in range(after):
            file.readline()
        first, second = file.readline(), file.readline()
    if not first.strip():
        raise PinpointError(f"{path}: the file is empty or begins with an empty line; expected the names of columns.")
    delimiter = max(",;\t", key=first.count)
    labels = next(csv.reader([first], delimiter=delimiter, skipinitialspace=True))
    if len(labels) == 1:  # some programs quote the line as if it were one field
        labels = next(csv.reader(labels, delimiter=delimiter, skipinitialspace=True))
    labels = [label.strip() for label in labels]
    double = sorted({label for label in labels if label and labels.count(label) > 1})
    if double:
        raise PinpointError(f"{path}: the name {double[0]!r} stands for several columns; rename or remove one.")
    decimal_comma = delimiter == ";" and "," in second and "." not in second
    return Header(tuple(labels), delimiter, "," if decimal_comma else ".", after + 1)


def read_columns(
    path: Path,
    header: Header,
    *,
    numbers: Collection[str],
    single: Collection[str] = (),
    content: bytes | None = None,
) -> dict[str, np.ndarray[Any, Any]]:
    """All columns by label: those in `numbers` as float64, or float32 if in `single`, too; others as they look.

    What is missing is NaN. `content` is what stands in the file, where not all of it is the table.
    """
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    wanted = {str(index): label for index, label in enumerate(header.labels) if label}
    try:
        data = arrow_csv.read_csv(
            path if content is None else pa.BufferReader(content),
            arrow_csv.ReadOptions(
                column_names=[str(index) for index in range(len(header.labels))],
                skip_rows=header.skipped,
                block_size=1 << 24,
            ),
            arrow_csv.ParseOptions(delimiter=header.delimiter),
            arrow_csv.ConvertOptions(
                column_types={
                    index: pa.float32() if label in single else pa.float64()
                    for index, label in wanted.items()
                    if label in numbers
                },
                include_columns=list(wanted),
                null_values=list(MISSING),
                decimal_point=header.decimal_point,
            ),
        )
    except pa.ArrowInvalid as error:
        raise PinpointError(f"{path}, {_first_problem(path, header, numbers) or error}.") from error
    return {label: data.column(index).to_numpy() for index, label in wanted.items()}


def line_of(path: Path, header: Header, row: int) -> int:
    """The line of the file in which a row of the table stands, from 1."""
    for index, (line, _) in enumerate(_rows(path, header)):
        if index == row:
            return line
    raise IndexError(row)


def write_columns(
    path: Path, columns: Mapping[str, np.ndarray[Any, Any]], *, delimiter: str = ",", header: str | None = None
) -> None:
    """Write columns of numbers; what is missing is NaN, as Java spells it.

    `header` is what stands before the first row, by default the quoted labels.
    """
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    table = pa.table({label: _spelled(values) for label, values in columns.items()})
    if header is None:
        header = delimiter.join(f'"{label}"' for label in columns)
    with path.open("wb") as file:
        file.write(f"{header}\n".encode())
        arrow_csv.write_csv(
            table, file, arrow_csv.WriteOptions(include_header=False, quoting_style="none", delimiter=delimiter)
        )


def _spelled(values: np.ndarray[Any, Any]) -> Any:
    import pyarrow as pa
    from pyarrow import compute

    array = pa.array(values)
    if values.dtype.kind != "f" or not np.isnan(values).any():
        return array
    return compute.if_else(compute.is_nan(array), "NaN", compute.cast(array, pa.string()))


def _text(path: Path) -> Any:
    return path.open(newline="", encoding="utf-8-sig", errors="replace")


def _rows(path: Path, header: Header) -> Iterator[tuple[int, list[str]]]:
    """Line number and fields of every row that is not empty. Slow: only for looking up what is wrong."""
    with _text(path) as file:
        for _ in range(header.skipped):
            file.readline()
        reader = csv.reader(file, delimiter=header.delimiter)
        for fields in reader:
            if fields:
                yield reader.line_num + header.skipped, fields


def _first_problem(path: Path, header: Header, numbers: Collection[str]) -> str | None:
    """The first line with too many or too few fields, or text where a number should be, in words."""
    for line, fields in _rows(path, header):
        if len(fields) != len(header.labels):
            return f"line {line}: {len(fields)} values, where the header names {len(header.labels)} columns"
        for label, field in zip(header.labels, fields, strict=True):
            if label in numbers and not _is_number(field.strip(), header.decimal_point):
                return f"line {line}: {field!r} is not a number ({label})"
    return None


def _is_number(field: str, decimal_point: str) -> bool:
    if field in MISSING:
        return True
    try:
        float(field.replace(decimal_point, "."))
    except ValueError:
        return False
    return True
