"""rapidSTORM text: nanometres, the centre of the first pixel is 0, frames from 0; the first line is a header in XML.

The header names every field with its unit. Amplitudes and backgrounds in counts (A/D) are no photons: they are kept
under rapidSTORM's names. Widths are full widths at half maximum. Of a file of tracks the track itself is read, with the
number of its localizations; these follow it in the same line.

Source: rapidSTORM's manual, and real files with their images (Locan's fixtures): the field is said to reach from 0 to
127 pixels for 128 columns, and the light lies there.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.io import delimited, provenance
from napari_pinpoint.io.conventions import (
    BACKGROUND,
    ERROR_X,
    ERROR_Y,
    ERROR_Z,
    FRAME,
    N_FRAMES,
    PHOTONS,
    Convention,
    Field,
    Given,
    X,
    Y,
    Z,
    from_ours,
    held,
    to_ours,
)
from napari_pinpoint.io.text_tables import numeric
from napari_pinpoint.localizations import Localizations

Array = np.ndarray[Any, Any]

#: Standard deviations in a full width at half maximum.
_SIGMA_PER_FWHM = 1 / (2 * math.sqrt(2 * math.log(2)))

FIELDS: dict[str, Field] = {
    "Position-0-0": X,
    "Position-0-0-uncertainty": ERROR_X,
    "Position-1-0": Y,
    "Position-1-0-uncertainty": ERROR_Y,
    "Position-2-0": Z,
    "Position-2-0-uncertainty": ERROR_Z,
    "ImageNumber-0-0": FRAME,
    "Amplitude-0-0": PHOTONS,
    "PSFWidth-0-0": Field(("psf_sigma_x",), "length", factor=_SIGMA_PER_FWHM),
    "PSFWidth-1-0": Field(("psf_sigma_y",), "length", factor=_SIGMA_PER_FWHM),
    "LocalBackground-0-0": BACKGROUND,
}
#: What the header says of the fields that we write: meaning and unit.
_SAID = {
    "Position-0-0": ("position in sample space in X", "nanometer"),
    "Position-1-0": ("position in sample space in Y", "nanometer"),
    "Position-2-0": ("position in sample space in Z", "nanometer"),
    "Position-0-0-uncertainty": ("position uncertainty in sample space in X", "nanometer"),
    "Position-1-0-uncertainty": ("position uncertainty in sample space in Y", "nanometer"),
    "Position-2-0-uncertainty": ("position uncertainty in sample space in Z", "nanometer"),
    "ImageNumber-0-0": ("frame number", "frame"),
    "Amplitude-0-0": ("emission strength", "photon"),
    "PSFWidth-0-0": ("PSF FWHM in X", "nanometer"),
    "PSFWidth-1-0": ("PSF FWHM in Y", "nanometer"),
    "LocalBackground-0-0": ("local background", "photon"),
}
_UNITS = {"nanometer": "nm", "micrometer": "um", "pixel": "px"}
_FLOAT = "floating point with . for decimals and optional scientific e-notation"


class RapidStorm:
    """The format; see the module."""

    name = "rapidstorm"
    suffixes: tuple[str, ...] = (".txt",)
    needs_pixel_size = True
    convention = Convention("nm", "centre", 0)

    def recognizes(self, path: Path) -> bool:
        with path.open("rb") as file:
            return file.readline(64).startswith(b"# <localizations")

    def read(self, path: Path, given: Given) -> Localizations:
        identifiers, units, tracks = _header(path)
        fields: dict[str, Field] = {}
        for name, unit in zip(identifiers, units, strict=True):
            field = FIELDS.get(name)
            if field in (PHOTONS, BACKGROUND) and not unit.startswith("photon"):
                continue
            if field is not None:
                fields[name] = Field(field.names, field.kind, field.factor, unit=_unit(path, name, unit, field))
        if tracks:
            columns = _read_tracks(path, identifiers)
            fields["localizations"] = N_FRAMES
        else:
            header = delimited.Header(identifiers, " ", ".")
            numbers, single = numeric(fields)
            columns = delimited.read_columns(path, header, numbers=numbers, single=single)
        stored = provenance.read_sidecar(path)
        return to_ours(
            path,
            columns,
            fields,
            self.convention,
            given=given,
            stored=stored,
            where=lambda row: f"line {row + 2}",
        )

    def cannot_hold(self, table: Localizations) -> list[str]:
        return [name for name in table if name not in held(table, FIELDS)]

    def write(self, table: Localizations, path: Path) -> None:
        columns = from_ours(table.without_columns(*self.cannot_hold(table)), FIELDS, self.convention)
        described = "".join(
            f'<field identifier="{name}" syntax="{"integer" if name.startswith("Image") else _FLOAT}" '
            f'semantic="{_SAID[name][0]}" unit="{_SAID[name][1]}" />'
            for name in columns
        )
        header = f'# <localizations insequence="true" repetitions="variable">{described}</localizations>'
        delimited.write_columns(path, columns, delimiter=" ", header=header)
        provenance.write_sidecar(table, path)


def _header(path: Path) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    """Identifiers and units of the fields, and whether rows are tracks, with their localizations behind them."""
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException, ElementTree

    with path.open(encoding="utf-8", errors="replace") as file:
        line = file.readline()
    try:
        root = ElementTree.fromstring(line.strip().lstrip("# "))
    except (ParseError, DefusedXmlException) as error:
        raise PinpointError(f"{path}: the first line is not rapidSTORM's header in XML: {error}.") from None
    fields = root.findall("field")
    identifiers = tuple(field.get("identifier", "") for field in fields)
    return identifiers, tuple(field.get("unit", "") for field in fields), root.find("localizations") is not None


def _unit(path: Path, name: str, unit: str, field: Field) -> str | None:
    if field.kind not in ("position", "length", "depth"):
        return None
    if unit not in _UNITS:
        raise PinpointError(f"{path}: the unit {unit!r} of {name} is not known; expected {', '.join(_UNITS)}.")
    return _UNITS[unit]


def _read_tracks(path: Path, identifiers: tuple[str, ...]) -> dict[str, Array]:
    """The leading fields of every line, and the number of localizations, which follows them."""
    names = [*identifiers, "localizations"]
    rows = []
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            values = line.split(maxsplit=len(names))[: len(names)] if number > 1 else []
            if not values:
                continue
            try:
                rows.append([float(value) for value in values])
            except ValueError:
                raise PinpointError(f"{path}, line {number}: expected numbers, not {line[:60]!r}.") from None
            if len(values) < len(names):
                raise PinpointError(f"{path}, line {number}: {len(values)} values, where {len(names)} begin a track.")
    table = np.array(rows, float).reshape(-1, len(names))
    return {name: table[:, index].copy() for index, name in enumerate(names)}


FORMAT = RapidStorm()
