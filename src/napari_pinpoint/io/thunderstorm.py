"""ThunderSTORM CSV: nanometres, the first pixel spans 0 to one pixel size, frames count from 1.

A column is called ``name [unit]``; one of our columns fills it, or two that it does not tell apart. What ThunderSTORM
has and we have not (`bkgstd [photon]`, `chi2`, ...) is kept under its label. A CSV cannot say its pixel size nor how it
came to be: both lie beside it in ``NAME.csv.json``, and are read from there as long as it belongs to the CSV.

Other programs write this format in conventions of their own. ThunderSTORM counts rows and frames from 1: a file that
has a row or a frame 0 is not its own, and its origin is asked for (Picasso: the centre of the first pixel is 0).

Source: Ovesny et al., Bioinformatics 30, 2389 (2014), and tables that the program wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.io import delimited, provenance
from napari_pinpoint.io.conventions import (
    BACKGROUND,
    ERROR,
    ERROR_Z,
    FRAME,
    N_FRAMES,
    NANOMETRES,
    PHOTONS,
    SIGMA_X,
    SIGMA_Y,
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
from napari_pinpoint.localizations import REQUIRED, Localizations

_SIGMA = Field(("psf_sigma_y", "psf_sigma_x"), "length")
#: ThunderSTORM's names of lengths. An elliptic PSF has its first axis along x. Older versions call uncertainty_xy just
#: uncertainty.
LENGTHS: dict[str, Field] = {
    "x": X,
    "y": Y,
    "z": Z,
    "sigma": _SIGMA,
    "sigma1": SIGMA_X,
    "sigma2": SIGMA_Y,
    "uncertainty": ERROR,
    "uncertainty_xy": ERROR,
    "uncertainty_z": ERROR_Z,
}
INTENSITIES: dict[str, Field] = {"intensity": PHOTONS, "offset": BACKGROUND, "photons": PHOTONS}
COUNTS: dict[str, Field] = {"frame": FRAME, "detections": N_FRAMES}
#: Labels that ThunderSTORM knows and we have no name for.
KEPT = ("id", "bkgstd [photon]", "chi2", "gt_id", "gt_dist_xy [nm]", "gt_dist_z [nm]", "gt_dist_xyz [nm]")

#: What is written, in ThunderSTORM's order; `sigma` where both are equal.
WRITTEN: dict[str, Field] = {
    "frame": FRAME,
    "x [nm]": X,
    "y [nm]": Y,
    "z [nm]": Z,
    "sigma [nm]": _SIGMA,
    "intensity [photon]": PHOTONS,
    "offset [photon]": BACKGROUND,
    "uncertainty_xy [nm]": ERROR,
    "uncertainty_z [nm]": ERROR_Z,
    "detections": N_FRAMES,
}


class ThunderStorm:
    """The format; see the module."""

    name = "thunderstorm"
    suffixes: tuple[str, ...] = (".csv",)
    needs_pixel_size = True
    convention = Convention("nm", "corner", 1)

    def recognizes(self, path: Path) -> bool:
        try:
            labels = [_split(label) for label in delimited.read_header(path).labels]
        except (OSError, PinpointError):
            return False
        return {"frame", "x", "y"} <= {name for name, _ in labels} and any(unit for _, unit in labels)

    def read(self, path: Path, given: Given) -> Localizations:
        header = delimited.read_header(path)
        fields = {label: field for label in header.labels if label and (field := _field(path, label))}
        if not set(REQUIRED) <= {name for field in fields.values() for name in field.names}:
            missing = [name for name in REQUIRED if not any(name in field.names for field in fields.values())]
            raise PinpointError(
                f"{path} is no ThunderSTORM table: there is no column for {', '.join(missing)}. "
                f"Expected at least 'frame', 'x [nm]' and 'y [nm]', and found {', '.join(map(repr, header.labels))}."
            )
        numbers, single = numeric(fields)
        columns = delimited.read_columns(path, header, numbers=numbers, single=single)
        stored = provenance.read_sidecar(path)
        return to_ours(
            path,
            columns,
            fields,
            self.convention if stored or _is_its_own(columns, fields) else Convention(None, None, None),
            given=given,
            stored=stored,
            where=lambda row: f"line {delimited.line_of(path, header, row)}",
        )

    def cannot_hold(self, table: Localizations) -> list[str]:
        places = held(table, WRITTEN)
        places |= {label for label in KEPT if label in table and table[label].dtype.kind in "biuf"}
        return [name for name in table if name not in places]

    def write(self, table: Localizations, path: Path) -> None:
        lost = self.cannot_hold(table)
        delimited.write_columns(path, _labelled(table.without_columns(*lost)))
        provenance.write_sidecar(table, path)


def _split(label: str) -> tuple[str, str]:
    """The name in lower case and the unit of a label such as ``x [nm]``."""
    name, _, unit = label.partition("[")
    return name.strip().lower(), unit.rstrip("] ").strip()


def _field(path: Path, label: str) -> Field | None:
    """What a label means; None where it is kept as it is."""
    name, unit = _split(label)
    if name in LENGTHS:
        if unit and unit != "px" and unit not in NANOMETRES:
            raise PinpointError(f"{path}: the unit of {label!r} is not known; expected '{name} [nm]', [um] or [px].")
        length = LENGTHS[name]
        return Field(length.names, length.kind, unit=unit or None)
    if name in INTENSITIES:
        if unit not in ("photon", "photons", "ADU", ""):
            raise PinpointError(f"{path}: the unit of {label!r} is not known; expected '{name} [photon]' or [ADU].")
        # Counts are not photons: they are kept under their own name.
        return INTENSITIES[name] if unit.startswith("photon") or name == "photons" else None
    return COUNTS.get(name)


def _is_its_own(columns: Mapping[str, Any], fields: Mapping[str, Field]) -> bool:
    """Whether ThunderSTORM can have written the columns: with units, and with rows and frames counted from 1."""
    zero = [label for label in columns if label == "id" or fields.get(label) is FRAME]
    counted = not any(np.any(columns[label] == 0) for label in zero if columns[label].dtype.kind in "iuf")
    return counted and all(field.unit for field in fields.values() if field.kind == "position")


def _labelled(table: Localizations) -> dict[str, np.ndarray[Any, Any]]:
    """The columns of the file, in ThunderSTORM's order."""
    convention = ThunderStorm.convention
    columns = {"id": table["id"] if "id" in table else np.arange(1, len(table) + 1)}
    for label, values in from_ours(table, WRITTEN, convention).items():
        if label.startswith("uncertainty_xy"):
            columns |= {kept: table[kept] for kept in KEPT[1:] if kept in table}
        if label == "sigma [nm]" and not np.array_equal(table["psf_sigma_x"], table["psf_sigma_y"], equal_nan=True):
            columns |= from_ours(table, {"sigma1 [nm]": SIGMA_X, "sigma2 [nm]": SIGMA_Y}, convention)
        else:
            columns[label] = values
    return columns | {kept: table[kept] for kept in KEPT[1:] if kept in table}


FORMAT = ThunderStorm()
