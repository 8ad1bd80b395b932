"""DECODE's emitters, HDF5 and CSV: usually pixels, the centre of the first one is 0, frames from 0; **x is the row**.

DECODE's x runs along the first axis of a frame, which is down in the image (its own plots transpose the frames, and
SMAP's loader exchanges the axes): it is our y. Lengths along z are in nanometres. What is NaN in every row was not
known.

Source: TuragaLab/DECODE (`decode/io/emitter_io.py`, `decode/plot`), jries/SMAP (`Loader_decode`), Locan (`decode_io`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.io import delimited, hdf5, provenance
from napari_pinpoint.io.conventions import (
    BACKGROUND,
    ERROR_BACKGROUND,
    ERROR_PHOTONS,
    ERROR_X,
    ERROR_Y,
    ERROR_Z,
    FRAME,
    PHOTONS,
    PROBABILITY,
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

#: DECODE's x is our y.
FIELDS: dict[str, Field] = {
    "x": Y,
    "y": X,
    "z": Z,
    "phot": PHOTONS,
    "frame_ix": FRAME,
    "prob": PROBABILITY,
    "bg": BACKGROUND,
    "phot_sig": ERROR_PHOTONS,
    "bg_sig": ERROR_BACKGROUND,
    "x_sig": ERROR_Y,
    "y_sig": ERROR_X,
    "z_sig": ERROR_Z,
}
#: Every column of DECODE's CSV, in its order.
CSV = (
    *("x", "y", "z", "phot", "frame_ix", "id", "prob", "bg", "phot_cr", "phot_sig", "bg_cr", "bg_sig"),
    *("x_cr", "y_cr", "z_cr", "x_sig", "y_sig", "z_sig"),
)
_KEPT = ("id", "phot_cr", "bg_cr", "x_cr", "y_cr", "z_cr")
_VERSION = json.dumps({"version": "napari-pinpoint"})


class _Decode:
    """What both kinds of file share."""

    needs_pixel_size = False
    convention = Convention("px", "centre", 0)

    def cannot_hold(self, table: Localizations) -> list[str]:
        places = held(table, FIELDS) | {name for name in _KEPT if name in table and table[name].dtype.kind in "biuf"}
        return [name for name in table if name not in places]

    def _ours(self, path: Path, columns: Mapping[str, Array], meta: Mapping[str, Any], given: Given) -> Localizations:
        """From DECODE's columns and what it says of them (`xy_unit`, `px_size` in nanometres)."""
        unit = meta.get("xy_unit")
        if unit not in (None, "px", "nm"):
            raise PinpointError(f"{path}: the unit {unit!r} of its positions is not known; expected px or nm.")
        sizes = np.ravel(np.asarray(meta.get("px_size") if meta.get("px_size") is not None else [], float))
        if len(sizes) and not np.allclose(sizes, sizes[0]):
            raise PinpointError(f"{path}: its pixels are not square ({sizes} nm); only square ones have a place here.")
        stored = provenance.read_sidecar(path) or {"pixel_size_nm": float(sizes[0]) if len(sizes) else None}
        known = {
            name: values
            for name, values in columns.items()
            if not (values.dtype.kind == "f" and len(values) and np.isnan(values).all())
        }
        return to_ours(path, known, FIELDS, Convention(unit, "centre", 0), given=given, stored=stored)

    def _theirs(self, table: Localizations, *, exact: bool = False) -> dict[str, Array]:
        """DECODE's columns, all of them; NaN is what is not known, and an image without depth lies at z = 0."""
        columns = from_ours(table.without_columns(*self.cannot_hold(table)), FIELDS, self.convention, exact=exact)
        columns |= {name: table[name] for name in _KEPT if name in table}
        columns.setdefault("z", np.zeros(len(table)))
        columns.setdefault("id", np.arange(len(table)))
        return {name: columns.get(name, np.full(len(table), np.nan, np.float32)) for name in CSV}

    @staticmethod
    def _meta(table: Localizations) -> dict[str, Any]:
        size = table.pixel_size_nm
        return {"xy_unit": "px"} | ({} if size is None else {"px_size": [size, size]})


class DecodeH5(_Decode):
    """HDF5, as DECODE saves by default."""

    name = "decode"
    suffixes: tuple[str, ...] = (".h5",)

    def recognizes(self, path: Path) -> bool:
        if not hdf5.is_hdf5(path):
            return False
        with hdf5.opened(path) as file:
            return all(hdf5.find(file, name) is not None for name in ("meta", "data/xyz", "data/frame_ix"))

    def read(self, path: Path, given: Given) -> Localizations:
        with hdf5.opened(path) as file:
            stored = dict(hdf5.arrays(file, "data"))
            meta = hdf5.find(file, "meta")
            about = dict(meta.attrs) if meta is not None else {}
        if not {"xyz", "frame_ix"} <= set(stored):
            raise PinpointError(f"{path} holds no emitters of DECODE; expected data/xyz and data/frame_ix.")
        columns: dict[str, Array] = {}
        for name, values in stored.items():
            if name.startswith("xyz"):
                columns |= {axis + name[3:]: values[:, index] for index, axis in enumerate("xyz")}
            else:
                columns[name] = values
        return self._ours(path, columns, about, given)

    def write(self, table: Localizations, path: Path) -> None:
        import h5py

        columns = self._theirs(table, exact=True)
        with h5py.File(path, "w") as file:
            file.create_group("meta").attrs.update(self._meta(table))
            file.create_group("decode").attrs.update(json.loads(_VERSION))
            data = file.create_group("data")
            for kind in ("", "_sig", "_cr"):
                xyz = np.stack([columns.pop(axis + kind) for axis in "xyz"], axis=1).astype(np.float32)
                _add(data, "xyz" + kind, xyz, always=not kind)
            for name, values in columns.items():
                whole = name in ("frame_ix", "id")
                _add(data, name, values.astype(np.int64 if whole else np.float32), always=name in _ALWAYS)
        provenance.write_sidecar(table, path)


#: Datasets that DECODE reads as numbers, known or not; others may be empty.
_ALWAYS = ("phot", "frame_ix", "id", "prob", "bg")


def _add(group: Any, name: str, values: Array, *, always: bool) -> None:
    """A dataset, empty as DECODE writes it where nothing is known."""
    import h5py

    known = always or not np.isnan(values).all()
    group.create_dataset(name, data=values if known else h5py.Empty("f"))


class DecodeCsv(_Decode):
    """CSV with three lines of comment before the header."""

    name = "decode-csv"
    suffixes: tuple[str, ...] = (".csv",)

    def recognizes(self, path: Path) -> bool:
        with path.open("rb") as file:
            return file.readline(200).startswith(b"# DECODE")

    def read(self, path: Path, given: Given) -> Localizations:
        with path.open(encoding="utf-8", errors="replace") as file:
            comments = [file.readline() for _ in range(3)]
        try:
            meta = json.loads(comments[2].strip().lstrip("# "))
        except ValueError:
            meta = {}
        header = delimited.read_header(path, after=3)
        fields = {label: FIELDS[label] for label in header.labels if label in FIELDS}
        numbers, single = numeric(fields)
        columns = delimited.read_columns(path, header, numbers=[*numbers, *_KEPT[1:]], single=single)
        return self._ours(path, columns, meta if isinstance(meta, dict) else {}, given)

    def write(self, table: Localizations, path: Path) -> None:
        header = f"# DECODE EmitterSet\n# {_VERSION}\n# {json.dumps(self._meta(table))}\n{','.join(CSV)}"
        delimited.write_columns(path, self._theirs(table), header=header)
        provenance.write_sidecar(table, path)


FORMAT = DecodeH5()
CSV_FORMAT = DecodeCsv()
