"""How other programs count (unit, origin, first frame), and the way from there to here and back.

A format declares its `Convention` and what each column of its files means (`Field`); `to_ours` and `from_ours` do the
arithmetic, for every format alike. What a file does not say, and the format leaves open, is asked for: the error names
every option that is missing, and nothing is assumed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_pinpoint.errors import ConventionNeeded, PinpointError, PixelSizeNeeded
from napari_pinpoint.io import provenance
from napari_pinpoint.localizations import COLUMNS, REQUIRED, Localizations, read_only

Array = np.ndarray[Any, Any]

#: Where the centre of the first pixel lies, in pixels, and how users read it.
ORIGINS = {"centre": 0.0, "corner": 0.5, "one": 1.0}
ORIGIN_WORDS = {
    "centre": "0 is the centre of the first pixel",
    "corner": "0 is the outer corner of the first pixel",
    "one": "1 is the centre of the first pixel",
}
#: Nanometres in a unit; the micro sign, and the Greek letter.
NANOMETRES = {"nm": 1.0, "um": 1e3, "\u00b5m": 1e3, "\u03bcm": 1e3}
UNITS = ("px", "nm", "um")
FIRST_FRAMES = (0, 1)


@dataclass(frozen=True)
class Given:
    """What the user says of a file; None is not said, and the file or its format decides."""

    pixel_size_nm: float | None = None
    unit: str | None = None
    origin: str | None = None
    first_frame: int | None = None

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("unit", self.unit, UNITS),
            ("origin", self.origin, tuple(ORIGINS)),
            ("first_frame", self.first_frame, FIRST_FRAMES),
        ):
            if value is not None and value not in allowed:
                raise PinpointError(f"{name} must be one of {', '.join(map(str, allowed))}, not {value!r}.")


@dataclass(frozen=True)
class Convention:
    """What the numbers of a format mean; None is open: the file says it, or the user is asked.

    Parameters
    ----------
    unit
        Of positions and lateral lengths: px, nm or um. Depths are in nanometres, unless lengths are in micrometres.
    origin
        A name in ORIGINS.
    first_frame
        The number of the first frame, 0 or 1.
    """

    unit: str | None = "nm"
    origin: str | None = None
    first_frame: int | None = None

    def __str__(self) -> str:
        unit = {"px": "pixels", "nm": "nanometres", "um": "micrometres", None: "any unit"}[self.unit]
        origin = ORIGIN_WORDS.get(self.origin or "", "any origin")
        return f"{unit}; {origin}; frames from {'0 or 1' if self.first_frame is None else self.first_frame}"


@dataclass(frozen=True)
class Field:
    """A column of a file: the columns here that it fills, and how its numbers become theirs.

    Parameters
    ----------
    names
        Our columns. When written, two of them become one, as the root of their mean square.
    kind
        "position" (y or x), "length" (lateral), "depth" (along z), "frame" or "plain".
    factor, offset
        ours = theirs * factor + offset, before unit and origin.
    unit
        Of this column, where it is not that of the convention.
    """

    names: tuple[str, ...]
    kind: str = "plain"
    factor: float = 1.0
    offset: float = 0.0
    unit: str | None = None


FRAME = Field(("frame",), "frame")
X, Y, Z = Field(("x",), "position"), Field(("y",), "position"), Field(("z",), "depth")
SIGMA_X, SIGMA_Y = Field(("psf_sigma_x",), "length"), Field(("psf_sigma_y",), "length")
ERROR_X, ERROR_Y = Field(("uncertainty_x",), "length"), Field(("uncertainty_y",), "length")
ERROR_Z = Field(("uncertainty_z",), "depth")
ERROR = Field(("uncertainty_y", "uncertainty_x"), "length")
PHOTONS, BACKGROUND = Field(("photons",)), Field(("background",))
N_FRAMES, CHANNEL, PROBABILITY = Field(("n_frames",)), Field(("channel",)), Field(("probability",))
ERROR_PHOTONS, ERROR_BACKGROUND = Field(("uncertainty_photons",)), Field(("uncertainty_background",))

Where = Callable[[int], str]


def to_ours(
    path: Path,
    columns: Mapping[str, Array],
    fields: Mapping[str, Field],
    convention: Convention,
    *,
    given: Given,
    stored: dict[str, Any] | None = None,
    where: Where = lambda row: f"row {row}",
) -> Localizations:
    """The table that the columns of a file mean.

    Parameters
    ----------
    path
        For messages.
    columns
        What the file holds, by its own names. Those that `fields` does not know are kept under them. Arrays that can
        be written to are: they become the table's.
    given, stored
        What the user says, and what lies in or beside the file (`provenance`); the user wins.
    where
        Says which place in the file a row is.

    Raises
    ------
    ConventionNeeded, PixelSizeNeeded
        If something is open; the message names every option that settles it.
    PinpointError
        If a required column is missing, a value is not what it must be, or two columns say the same.
    """
    stored = stored or {}
    known = {label: fields[label] for label in columns if label in fields}
    known = {label: field for label, field in known.items() if not _is_flat(field, columns[label], stored)}
    _check_complete(path, columns, known)
    calibration = provenance.calibration(path, stored, given.pixel_size_nm)
    settled = _settled(path, columns, known, convention, given, stored, calibration["pixel_size_nm"])
    if calibration["z_step_nm"] is None and any(field.kind == "depth" for field in known.values()):
        calibration["z_step_nm"] = calibration["pixel_size_nm"]  # the file knows no planes: cubic voxels
    ours: dict[str, Array] = {}
    for label, values in columns.items():
        if label not in known:
            if label not in fields:
                ours[label] = read_only(values)
            continue
        field = known[label]
        if field.kind in ("frame", "position"):
            _check_required(path, label, field, values, settled, where)
        converted = read_only(_converted(values, field, settled, calibration))
        ours |= dict.fromkeys(field.names, converted)
    try:
        return Localizations(ours, **calibration)
    except PinpointError as error:
        raise PinpointError(f"{path}: {error}") from None


def held(table: Localizations, fields: Mapping[str, Field]) -> set[str]:
    """The columns of a table that fields have a place for."""
    return {
        name
        for field in fields.values()
        if all(other in table for other in field.names) and (field.kind != "depth" or table.z_step_nm is not None)
        for name in field.names
    }


def from_ours(
    table: Localizations, fields: Mapping[str, Field], convention: Convention, *, exact: bool = False
) -> dict[str, Array]:
    """The columns of a file, in the order of `fields`; what the table does not have is left out.

    Numbers are rounded to a ten thousandth of a pixel, or a thousandth of a photon, unless they are to be `exact`: in
    text every digit is a byte. The convention must leave nothing open.
    """
    lost = {name for name in table if name not in held(table, fields)}
    written: dict[str, Array] = {}
    done: set[str] = set()
    for label, field in fields.items():
        if any(name not in table or name in lost for name in field.names) or done & set(field.names):
            continue
        done |= set(field.names)
        parts = [table[name] for name in field.names]
        values = parts[0] if len(parts) == 1 else np.sqrt(sum(np.square(part) for part in parts) / len(parts))
        written[label] = _foreign(values, field, convention, table, exact)
    return written


def _foreign(values: Array, field: Field, convention: Convention, table: Localizations, exact: bool) -> Array:
    if field.kind == "frame":
        return values + (convention.first_frame or 0)
    size = _units_per_pixel(field, convention, table.pixel_size_nm, table.z_step_nm)
    if field.kind == "position":
        values = values + ORIGINS[convention.origin or "centre"]
    if field.kind == "plain" and field.factor == 1 and field.offset == 0:
        return np.round(values, 3) if field in (PHOTONS, BACKGROUND) and not exact else values
    theirs = (values.astype(float) * size - field.offset) / field.factor
    if field.kind == "plain" or exact:
        return theirs
    return np.round(theirs, max(2, math.ceil(-math.log10(1e-4 * size))))


def _converted(values: Array, field: Field, settled: Convention, calibration: Mapping[str, Any]) -> Array:
    """Ours of theirs: (theirs * factor + offset) / size - origin, in place where that is possible: tables are large."""
    if field.kind == "frame":
        divisor, shift = 1.0, -float(settled.first_frame or 0)
    else:
        size = _units_per_pixel(field, settled, calibration["pixel_size_nm"], calibration["z_step_nm"])
        origin = ORIGINS[settled.origin or "centre"] if field.kind == "position" else 0.0
        divisor, shift = size / field.factor, field.offset / size - origin
    if (divisor, shift) == (1.0, 0.0):
        return values
    dtype = np.dtype(np.float32 if COLUMNS[field.names[0]].dtype == "float32" else np.float64)
    if not values.flags.writeable or values.dtype != dtype:
        values = values.astype(dtype)
    values /= divisor
    values += shift
    return values


def _units_per_pixel(
    field: Field, convention: Convention, pixel_size_nm: float | None, z_step_nm: float | None
) -> float:
    """How many of its unit make a pixel, or for depths a step of planes."""
    unit = field.unit or convention.unit
    if field.kind == "depth":
        nanometres = NANOMETRES.get(unit or "nm", pixel_size_nm if field.unit == "px" else 1.0)
        return (z_step_nm or 1.0) / (nanometres or 1.0)
    if field.kind in ("position", "length") and unit != "px":
        return (pixel_size_nm or 1.0) / NANOMETRES[unit or "nm"]
    return 1.0


def _is_flat(field: Field, values: Array, stored: Mapping[str, Any]) -> bool:
    """Whether a depth is 0 in every row, as programs of two dimensions write; a table of ours that has it, means it."""
    return field.kind == "depth" and stored.get("z_step_nm") is None and not np.any(values)


def _check_complete(path: Path, columns: Mapping[str, Array], known: Mapping[str, Field]) -> None:
    filled: dict[str, str] = {}
    for label, field in known.items():
        for name in field.names:
            if name in filled:
                raise PinpointError(f"{path}: {filled[name]!r} and {label!r} both say {name}; remove one.")
            filled[name] = label
    missing = [name for name in REQUIRED if name not in filled]
    if missing:
        raise PinpointError(
            f"{path}: there is no column for {', '.join(missing)} among {', '.join(map(repr, columns))}."
        )


def _settled(
    path: Path,
    columns: Mapping[str, Array],
    known: Mapping[str, Field],
    convention: Convention,
    given: Given,
    stored: Mapping[str, Any],
    pixel_size_nm: float | None,
) -> Convention:
    """The convention with nothing open; one error asks for all that is."""
    lateral = {field.unit or given.unit or convention.unit for field in known.values() if field.kind == "position"}
    unit = given.unit or convention.unit
    first = _first_said(given.first_frame, stored.get("first_frame"), convention.first_frame)
    if first is None:
        label = next(label for label, field in known.items() if field.kind == "frame")
        first = 0 if (columns[label] == 0).any() or not len(columns[label]) else None
    origin = _first_said(given.origin, stored.get("origin"), convention.origin)
    lengths = [f for f in known.values() if f.kind in ("position", "length") and (f.unit or unit or "px") != "px"]
    depths = [f for f in known.values() if f.kind == "depth" and stored.get("z_step_nm") is None]
    needed = {
        "unit": None in lateral,
        "pixel_size_nm": bool(lengths or depths) and pixel_size_nm is None,
        "origin": origin is None,
        "first_frame": first is None,
    }
    missing = [name for name, open_ in needed.items() if open_]
    if missing == ["pixel_size_nm"]:
        raise PixelSizeNeeded(
            f"{path} has lengths in nanometres, and the size of a pixel is not known; "
            "give it (--pixel-size-nm, pixel_size_nm=) so that positions can be in pixels."
        )
    if missing:
        raise ConventionNeeded(
            f"{path} does not say {'; nor '.join(QUESTIONS[name] for name in missing)}. "
            f"Give {', '.join(OPTIONS[name] for name in missing)}; `pinpoint convert` takes them.",
            options=tuple(missing),
        )
    return replace(convention, unit=unit, origin=origin, first_frame=first)


#: What is asked when it is open, and what to give.
QUESTIONS = {
    "unit": "what the unit of its positions is",
    "pixel_size_nm": "how large a pixel is",
    "origin": "where positions count from (0 is the first pixel's centre, 0 is its outer corner, or 1 is its centre)",
    "first_frame": "whether its first frame is 0 or 1",
}
OPTIONS = {
    "unit": "--unit px|nm|um (unit=)",
    "pixel_size_nm": "--pixel-size-nm F (pixel_size_nm=)",
    "origin": "--origin centre|corner|one (origin=)",
    "first_frame": "--first-frame 0|1 (first_frame=)",
}


def _first_said(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _check_required(path: Path, label: str, field: Field, values: Array, settled: Convention, where: Where) -> None:
    if values.dtype.kind not in "biuf":
        raise PinpointError(f"{path}: {label!r} must hold numbers, not text.")
    wrong = ~np.isfinite(values) if values.dtype.kind == "f" else np.zeros(len(values), bool)
    wanted = "a finite number"
    if field.kind == "frame":
        wrong |= values < (settled.first_frame or 0)
        if values.dtype.kind == "f":
            wrong |= np.floor(values) != values
        wanted = f"a whole number from {settled.first_frame}"
    if wrong.any():
        row = int(np.argmax(wrong))
        raise PinpointError(f"{path}, {where(row)}: {label!r} must be {wanted}, not {values[row]}.")
