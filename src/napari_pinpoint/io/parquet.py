"""Parquet: our own complete format. Every column with its unit, the calibration and the record.

Columns are in pixels under our names, so that pandas, polars or DuckDB read the file as it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.io import provenance
from napari_pinpoint.io.conventions import Convention, Given
from napari_pinpoint.localizations import COLUMNS, Localizations, read_only

#: Rows in a group: few groups are read faster, for a column of one group needs no copy.
_ROWS = 1 << 24


class Parquet:
    """The format; see the module."""

    name = "parquet"
    suffixes: tuple[str, ...] = (".parquet",)
    needs_pixel_size = False
    convention = Convention("px", "centre", 0)

    def recognizes(self, path: Path) -> bool:
        with path.open("rb") as file:
            return file.read(4) == b"PAR1"

    def cannot_hold(self, table: Localizations) -> list[str]:
        return []

    def read(self, path: Path, given: Given) -> Localizations:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            data = pq.read_table(path, partitioning=None)  # a folder named a=b adds no column a
        except (pa.ArrowException, OSError) as error:
            raise PinpointError(f"{path} is not a Parquet file, or damaged: {error}.") from error
        metadata = data.schema.metadata or {}
        stored = provenance.from_json(metadata.get(provenance.KEY.encode(), b""), path)
        if stored is None:
            foreign = [name for name in data.column_names if name not in COLUMNS]
            if foreign:
                raise PinpointError(
                    f"{path} was not written by napari-pinpoint, and what {', '.join(foreign)} mean is not known. "
                    "Rename what has a name of ours and drop the rest (positions in pixels, the centre of the first "
                    f"one at 0, frames from 0); there are {', '.join(COLUMNS)}."
                )
        columns = {name: read_only(data.column(name).to_numpy()) for name in data.column_names}
        try:
            return Localizations(columns, **provenance.calibration(path, stored, given.pixel_size_nm))
        except PinpointError as error:
            raise PinpointError(f"{path}: {error}") from None

    def write(self, table: Localizations, path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        arrays = {name: _as_arrow(name, values) for name, values in table.columns.items()}
        fields = [pa.field(name, array.type, metadata=_described(name)) for name, array in arrays.items()]
        schema = pa.schema(fields, metadata={provenance.KEY: provenance.to_json(table)})
        # Positions never repeat: splitting their bytes, not collecting them in a dictionary, makes them small.
        floats = [name for name, array in arrays.items() if pa.types.is_floating(array.type)]
        pq.write_table(
            pa.Table.from_arrays(list(arrays.values()), schema=schema),
            path,
            compression="zstd",
            use_dictionary=[name for name in arrays if name not in floats],
            use_byte_stream_split=floats,
            row_group_size=_ROWS,
        )


def is_ours(path: Path) -> bool:
    """Whether a file is a Parquet table that napari-pinpoint wrote; only its end is read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        metadata = pq.read_schema(path).metadata or {}
    except (pa.ArrowException, OSError):
        return False
    return provenance.KEY.encode() in metadata


def _as_arrow(name: str, values: np.ndarray[Any, Any]) -> Any:
    import pyarrow as pa

    try:
        return pa.array(values)  # not from_pandas: a NaN stays a NaN
    except pa.ArrowException as error:
        raise PinpointError(f"Column {name!r} cannot be written, its values are of several kinds: {error}.") from error


def _described(name: str) -> dict[str, str]:
    column = COLUMNS.get(name)
    return {} if column is None else {"unit": column.unit, "meaning": column.meaning}


FORMAT = Parquet()
