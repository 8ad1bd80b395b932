"""Localizations: the one table. Truth, prediction, file and layer are all this.

Coordinates are pixels; **the centre of the first pixel is (0, 0)**; y points down, x to the right; frames count from
0. Whatever another program means by its numbers is converted where its files are read and written, nowhere else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_pinpoint.errors import PinpointError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Column:
    """What a column of the table means: its dtype, unit and one line."""

    dtype: str
    unit: str
    meaning: str


#: Every column that has a meaning of its own. Other columns are kept under their own names.
COLUMNS: dict[str, Column] = {
    "frame": Column("int64", "frames", "time point in the stack, from 0"),
    "y": Column("float64", "px", "row; the centre of the first pixel is 0"),
    "x": Column("float64", "px", "column; the centre of the first pixel is 0"),
    "z": Column("float64", "px", "plane, in steps of the stack (z_step_nm)"),
    "t": Column("float64", "frames", "absolute time; then frame = floor(t + 0.5)"),
    "trace": Column("int64", "", "index of the trace an event belongs to"),
    "height": Column("float32", "px", "height of the object's box"),
    "width": Column("float32", "px", "width of the object's box"),
    "label": Column("str", "", "class"),
    "channel": Column("int64", "", "channel of the stack"),
    "position": Column("int64", "", "stage position of the stack"),
    "plane": Column("int64", "", "plane that was looked at"),
    "region": Column("int64", "", "region (of Shapes or Labels) the point lies in"),
    "photons": Column("float32", "photoelectrons", "detected photoelectrons of the emitter"),
    "background": Column("float32", "photoelectrons/px", "background under the emitter"),
    "psf_sigma_y": Column("float32", "px", "standard deviation of the PSF along y"),
    "psf_sigma_x": Column("float32", "px", "standard deviation of the PSF along x"),
    "uncertainty_y": Column("float32", "px", "standard error of y (1 sigma)"),
    "uncertainty_x": Column("float32", "px", "standard error of x (1 sigma)"),
    "uncertainty_z": Column("float32", "px", "standard error of z (1 sigma), in steps of the stack"),
    "uncertainty_t": Column("float32", "frames", "standard error of t (1 sigma)"),
    "uncertainty_photons": Column("float32", "photoelectrons", "standard error of photons (1 sigma)"),
    "uncertainty_background": Column("float32", "photoelectrons/px", "standard error of background (1 sigma)"),
    "log_likelihood": Column("float32", "", "log likelihood of the fit"),
    "probability": Column("float32", "", "probability that there is an emitter"),
    "contrast": Column("float32", "", "contrast-to-noise: how far the spot stands out of its frame"),
    "blob": Column("int64", "", "number of the point's blob in the labels of its frame, from 1"),
    "particle": Column("int64", "", "the same emitter over frames"),
    "n_frames": Column("int64", "frames", "frames merged into this row"),
    "row": Column("int64", "", "row of a board's corner grid"),
    "column": Column("int64", "", "column of a board's corner grid"),
    "source": Column("str", "", "who made the point: a model, 'manual', 'truth'"),
    "moved_by": Column("float32", "px", "how far a click was moved when it was snapped"),
    "flags": Column("int64", "", "sum of the values in FLAGS that apply"),
}
REQUIRED = ("frame", "y", "x")

#: Bits of the column `flags`.
FLAGS = {
    "ignore": 1,  # truth too faint to be seen: neither expected nor punished
    "edge": 2,
    "not_converged": 4,
    "overlapping": 8,
    "saturated": 16,
}


class Localizations:
    """Columns of equal length, and the calibration they were measured with. Never changed once made.

    Parameters
    ----------
    columns
        Name to values. `frame`, `y` and `x` are required; known names (COLUMNS) are converted to their dtype.
        A column that is not known stays away: it is never filled with zeros. Single values that are not known are
        NaN in columns of floats and None in columns of text; columns of whole numbers have a value in every row.
        Writable arrays are copied, so that nobody changes the table from outside; read-only ones are taken as they
        are, which spares memory in large tables.
    pixel_size_nm, z_step_nm
        Size of a pixel and distance of planes in nanometres, None where unknown.
    record
        How the table came to be, as plain JSON values: input, model, camera, settings, versions and the list `steps`.

    Raises
    ------
    PinpointError
        Where a column is missing, of another length or kind, not finite or below frame 0, where `t` and `frame`
        contradict each other, a size is not above 0, or the record is not plain JSON.

    Examples
    --------
    >>> table = Localizations({"frame": [0, 0, 1], "y": [1.5, 2.0, 3.25], "x": [4.0, 5.0, 6.0]}, pixel_size_nm=100)
    >>> len(table), float(table["y"].mean())
    (3, 2.25)
    >>> table.select(table["frame"] == 1)["x"]
    array([6.])
    """

    def __init__(
        self,
        columns: Mapping[str, Any],
        *,
        pixel_size_nm: float | None = None,
        z_step_nm: float | None = None,
        record: Mapping[str, Any] | None = None,
    ) -> None:
        missing = [name for name in REQUIRED if name not in columns]
        if missing:
            raise PinpointError(
                f"A localization table needs the columns frame, y and x; {', '.join(missing)} is missing "
                f"(it has {', '.join(map(str, columns)) or 'none'})."
            )
        self._columns = {str(name): _as_column(str(name), values) for name, values in columns.items()}
        lengths = {name: len(values) for name, values in self._columns.items()}
        if len(set(lengths.values())) > 1:
            raise PinpointError(f"The columns of a table must be equally long, not {lengths}.")
        for name in REQUIRED:
            _check_values(name, self._columns[name])
        if "t" in self._columns:
            _check_times(self._columns["t"], self._columns["frame"])
        self._pixel_size_nm = _as_size("pixel_size_nm", pixel_size_nm)
        self._z_step_nm = _as_size("z_step_nm", z_step_nm)
        self._record = _as_json(record) if record else {}

    @classmethod
    def empty(cls, names: Iterable[str] = (), **calibration: Any) -> Localizations:
        """A table without rows that has the required columns and `names`."""
        return cls({name: np.empty(0) for name in (*REQUIRED, *names)}, **calibration)

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, **calibration: Any) -> Localizations:
        """A table from a pandas data frame that uses our names and conventions."""
        return cls({str(name): frame[name].to_numpy() for name in frame.columns}, **calibration)

    @classmethod
    def concatenate(cls, tables: Iterable[Localizations]) -> Localizations:
        """One table from several, in order, with the record of the first.

        Columns that not all of them have are left out, and so never invented; a table without rows takes no part in
        this. All must have been measured with the same pixels.
        """
        tables = list(tables)
        if not tables:
            return cls.empty()
        with_rows = [table for table in tables if len(table)] or tables[:1]
        shared = [name for name in with_rows[0] if all(name in table for table in with_rows)]
        return cls(
            {name: _joined([table[name] for table in with_rows]) for name in shared},
            pixel_size_nm=_common_size("pixel_size_nm", tables),
            z_step_nm=_common_size("z_step_nm", tables),
            record=tables[0].record,
        )

    def __len__(self) -> int:
        return len(self._columns["frame"])

    def __contains__(self, name: object) -> bool:
        return name in self._columns

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __getitem__(self, name: str) -> np.ndarray[Any, Any]:
        try:
            return self._columns[name]
        except KeyError:
            raise PinpointError(f"The table has no column {name!r}; it has {', '.join(self._columns)}.") from None

    def __repr__(self) -> str:
        return f"<Localizations: {len(self)} rows, columns {', '.join(self._columns)}>"

    @property
    def pixel_size_nm(self) -> float | None:
        """Size of a pixel in nanometres, None where it is unknown."""
        return self._pixel_size_nm

    @property
    def z_step_nm(self) -> float | None:
        """Distance of planes in nanometres, None where it is unknown."""
        return self._z_step_nm

    @property
    def record(self) -> dict[str, Any]:
        """How the table came to be; `with_record` and `with_step` give tables with another one."""
        return self._record

    @property
    def columns(self) -> dict[str, np.ndarray[Any, Any]]:
        """All columns by name."""
        return dict(self._columns)

    def positions(self) -> np.ndarray[Any, Any]:
        """Positions of shape (n, 2) as (y, x), or (n, 3) as (z, y, x) where the table has a z, in pixels."""
        return np.stack([self._columns[name] for name in ("z", "y", "x") if name in self._columns], axis=1)

    def select(self, rows: Any) -> Localizations:
        """The rows that a mask, an index array or a slice picks."""
        return self._replace({name: read_only(values[rows]) for name, values in self._columns.items()})

    def with_columns(self, **columns: Any) -> Localizations:
        """The table with columns added or replaced."""
        return self._replace({**self._columns, **columns})

    def without_columns(self, *names: str) -> Localizations:
        """The table without the named columns; names that it lacks are fine."""
        return self._replace({name: values for name, values in self._columns.items() if name not in names})

    def with_step(self, step: str, **settings: Any) -> Localizations:
        """The table with one more step in its record."""
        steps = [*self.record.get("steps", []), {"step": step, **settings}]
        return self._replace(self._columns, record={**self.record, "steps": steps})

    def with_calibration(self, *, pixel_size_nm: float | None = None, z_step_nm: float | None = None) -> Localizations:
        """The table with other calibration; what is None stays as it was."""
        return Localizations(
            self._columns,
            pixel_size_nm=self.pixel_size_nm if pixel_size_nm is None else pixel_size_nm,
            z_step_nm=self.z_step_nm if z_step_nm is None else z_step_nm,
            record=self.record,
        )

    def with_record(self, record: Mapping[str, Any]) -> Localizations:
        """The table with another record."""
        return self._replace(self._columns, record=record)

    def to_frame(self) -> pd.DataFrame:
        """The columns as a pandas data frame; calibration and record stay behind."""
        import pandas as pd

        return pd.DataFrame(self._columns)

    def _replace(self, columns: Mapping[str, Any], record: Mapping[str, Any] | None = None) -> Localizations:
        return Localizations(
            columns,
            pixel_size_nm=self.pixel_size_nm,
            z_step_nm=self.z_step_nm,
            record=self.record if record is None else record,
        )


def recorded_field(record: Mapping[str, Any]) -> tuple[int, int] | None:
    """(rows, columns) of the images that a table was made from, or simulated with, as far as its record says.

    Examples
    --------
    >>> recorded_field({"input": {"shape": [10, 64, 80]}})
    (64, 80)
    """
    shape = record.get("input", {}).get("shape") or record.get("scene", {}).get("options", {}).get("shape")
    return (int(shape[-2]), int(shape[-1])) if isinstance(shape, list) and len(shape) >= 2 else None


def field_of(table: Localizations) -> tuple[int, int]:
    """(rows, columns) of the images that a table was made from; where its record does not say, what holds its points.

    Examples
    --------
    >>> field_of(Localizations({"frame": [0], "y": [3.2], "x": [7.6]}))
    (4, 9)
    """
    recorded = recorded_field(table.record)
    if recorded:
        return recorded
    rows, columns = (int(np.floor(table[axis].max(initial=0) + 0.5)) + 1 for axis in ("y", "x"))
    return max(rows, 1), max(columns, 1)


def read_only(array: Any) -> Any:
    """The array, from now on not to be written to; a table takes such arrays without a copy."""
    if isinstance(array, np.ndarray):
        array.flags.writeable = False
    return array


def _joined(parts: list[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    """One column from those of several tables; columns never change, so that a single one needs no copy."""
    return parts[0] if len(parts) == 1 else read_only(np.concatenate(parts))


def _as_column(name: str, values: Any) -> np.ndarray[Any, Any]:
    """Values as a read-only 1-D array, in the dtype of a known column."""
    array = np.asarray(values)
    if array.ndim != 1:
        raise PinpointError(f"Column {name!r} must have one dimension, not the shape {array.shape}.")
    known = COLUMNS.get(name)
    if array.dtype.kind in "US":
        array = array.astype(object)
    if known is not None:
        array = _as_text(array) if known.dtype == "str" else _as_numbers(name, array, known.dtype)
    if array.flags.writeable and (array is values or not array.flags.owndata):
        array = array.copy()
    return read_only(array)  # type: ignore[no-any-return]


def _as_numbers(name: str, array: np.ndarray[Any, Any], dtype: str) -> np.ndarray[Any, Any]:
    """The array in the dtype of a known column of numbers."""
    try:
        if array.dtype.kind not in "biufO" or (array.dtype.kind == "O" and str in map(type, array)):
            raise TypeError
        with np.errstate(invalid="ignore"):
            converted = array.astype(dtype, copy=False)
    except (TypeError, ValueError, OverflowError):
        kind = "text or mixed" if array.dtype.kind == "O" else array.dtype
        raise PinpointError(f"Column {name!r} must hold numbers, not {kind} values.") from None
    if dtype == "int64" and array.dtype.kind in "ufO" and not np.array_equal(converted, array):
        raise PinpointError(f"Column {name!r} must hold whole numbers; NaN, infinity and fractions do not fit.")
    return converted


def _as_text(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """An object array of str, with None for what is missing (NaN, as pandas has it)."""
    if set(map(type, array)) <= {str, type(None)}:
        return array.astype(object, copy=False)
    words = [None if value is None or value != value else str(value) for value in array.tolist()]
    return np.array([*words, None], dtype=object)[:-1]  # the None keeps numpy from looking for another dtype


def _as_size(name: str, size: float | None) -> float | None:
    if size is not None and not (np.isfinite(size) and size > 0):
        raise PinpointError(f"{name} must be above 0, not {size}.")
    return None if size is None else float(size)


def _as_json(record: Mapping[str, Any]) -> dict[str, Any]:
    """A deep copy of the record in plain JSON values: it must fit into a file at the end of a long run."""

    def plain(value: Any) -> Any:
        if isinstance(value, np.generic | np.ndarray):
            return value.tolist()
        if isinstance(value, Path):
            return str(value)
        raise TypeError(f"{value!r} is a {type(value).__name__}")

    try:
        copied: dict[str, Any] = json.loads(json.dumps(dict(record), default=plain))
    except (TypeError, ValueError) as error:
        raise PinpointError(f"The record of a table must be plain JSON values: {error}.") from None
    return copied


def _check_values(name: str, values: np.ndarray[Any, Any]) -> None:
    """Required columns are finite and frames are not negative; the message gives the first row that is wrong."""
    wrong = values < 0 if name == "frame" else ~np.isfinite(values)
    if wrong.any():
        row = int(np.argmax(wrong))
        wanted = "at least 0" if name == "frame" else "a finite number"
        raise PinpointError(f"Column {name!r} must be {wanted} in every row; row {row} has {values[row]}.")


def _check_times(t: np.ndarray[Any, Any], frame: np.ndarray[Any, Any]) -> None:
    """Where a table has times, its frames are the nearest ones."""
    wrong = np.floor(t + 0.5) != frame
    if wrong.any():
        row = int(np.argmax(wrong))
        raise PinpointError(
            f"Columns 't' and 'frame' contradict each other: frame must be floor(t + 0.5) in every row; "
            f"row {row} has t = {t[row]} and frame = {frame[row]}."
        )


def _common_size(name: str, tables: list[Localizations]) -> float | None:
    sizes = {size for table in tables if (size := getattr(table, name)) is not None}
    if len(sizes) > 1:
        raise PinpointError(
            f"Tables of different {name} ({', '.join(map(str, sorted(sizes)))}) cannot be joined: "
            "their positions count in different pixels."
        )
    return next(iter(sizes), None)
