"""Insight3 molecule lists (.bin): pixels, the centre of the first one is 1, frames from 1; widths and z in nanometres.

Every molecule is 18 numbers of four bytes. Positions are those that were corrected for drift (xc, yc, zc); where they
differ from the measured ones, these are kept as `x measured`, `y measured`, `z measured`. `a` is the area of the peak,
in whatever unit the program that wrote it counts light, and is kept as `area`: only of files that we wrote is it known
to be photons. Widths `w` and `ax` become standard deviations where the size of a pixel is known.

Source: ZhuangLab/storm-analysis (`sa_library/i3dtype.py`, `writeinsight3.py`, its documentation) and a real list.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.io import provenance
from napari_pinpoint.io.conventions import (
    BACKGROUND,
    CHANNEL,
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
from napari_pinpoint.localizations import Localizations

_FLOATS, _INTEGERS = "<f4", "<i4"
_NAMES = ["x", "y", "xc", "yc", "h", "a", "w", "phi", "ax", "bg", "i", "c", "fi", "fr", "tl", "lk", "z", "zc"]
MOLECULE = np.dtype([(name, _INTEGERS if name in ("c", "fi", "fr", "tl", "lk") else _FLOATS) for name in _NAMES])
_HEADER = np.dtype([("version", "S4"), ("frames", "<i4"), ("status", "<i4"), ("molecules", "<i4")])

_SIGMAS: dict[str, Field] = {
    "sigma y": Field(("psf_sigma_y",), "length", unit="nm"),
    "sigma x": Field(("psf_sigma_x",), "length", unit="nm"),
}
FIELDS: dict[str, Field] = {"xc": X, "yc": Y, "zc": Z, "fr": FRAME, "bg": BACKGROUND, "tl": N_FRAMES, "c": CHANNEL}
WRITTEN: dict[str, Field] = {**FIELDS, "a": PHOTONS, **_SIGMAS}
_CALLED = {"a": "area", "h": "height of the peak", "i": "intensity", "w": "width [nm]", "ax": "aspect ratio"}


class Insight3:
    """The format; see the module."""

    name = "insight3"
    suffixes: tuple[str, ...] = (".bin",)
    needs_pixel_size = False
    convention = Convention("px", "one", 1)

    def recognizes(self, path: Path) -> bool:
        with path.open("rb") as file:
            return file.read(4) == b"M425"

    def read(self, path: Path, given: Given) -> Localizations:
        stored = provenance.read_sidecar(path)
        molecules = _molecules(path)
        size = given.pixel_size_nm or (stored or {}).get("pixel_size_nm")
        columns = {name: molecules[name].copy() for name in FIELDS}
        fields = dict(FIELDS)
        for name in ("x", "y", "z"):
            if not np.array_equal(molecules[name], molecules[name + "c"]):
                columns[f"{name} measured"] = molecules[name].copy()
        known = molecules["w"] > 0
        if size is not None and known.all() and (molecules["ax"] > 0).all():
            width, aspect = molecules["w"].astype(float) / 2, np.sqrt(molecules["ax"].astype(float))
            columns |= {"sigma y": width * aspect, "sigma x": width / aspect}
            fields |= _SIGMAS
        else:
            columns |= {_CALLED[name]: molecules[name].copy() for name in ("w", "ax") if known.any()}
        if stored is not None:
            columns["a"] = molecules["a"].copy()
            fields["a"] = PHOTONS
        else:
            columns |= {_CALLED[name]: molecules[name].copy() for name in ("a", "h", "i")}
        for name in _unwritten(stored):
            columns.pop(name, None)
        return to_ours(path, columns, fields, self.convention, given=given, stored=stored)

    def cannot_hold(self, table: Localizations) -> list[str]:
        places = held(table, WRITTEN)
        if table.pixel_size_nm is None or not {"psf_sigma_y", "psf_sigma_x"} <= set(table):
            places -= {"psf_sigma_y", "psf_sigma_x"}
        return [name for name in table if name not in places]

    def write(self, table: Localizations, path: Path) -> None:
        columns = from_ours(table.without_columns(*self.cannot_hold(table)), WRITTEN, self.convention, exact=True)
        molecules = np.zeros(len(table), MOLECULE)
        molecules["ax"], molecules["tl"], molecules["lk"], molecules["c"] = 1, 1, -1, 1
        for name in [name for name in columns if name in FIELDS or name == "a"]:
            molecules[name] = columns[name]
        for name in ("x", "y", "z"):
            molecules[name] = molecules[name + "c"]
        if "a" in columns:
            molecules["i"] = columns["a"]
        if "sigma x" in columns:
            molecules["w"] = 2 * np.sqrt(columns["sigma y"] * columns["sigma x"])
            molecules["ax"] = columns["sigma y"] / columns["sigma x"]
        with path.open("wb") as file:
            file.write(np.array([(b"M425", 1, 6, len(table))], _HEADER).tobytes())
            file.write(molecules.tobytes())
            file.write(bytes(4))  # programs of the format expect the lists of single frames to follow: none do
        unwritten = [name for name in ("a", *FIELDS) if name not in columns]
        provenance.write_sidecar(table, path, unwritten=unwritten)


def _unwritten(stored: dict[str, Any] | None) -> list[str]:
    """Fields of the format that a table of ours did not have: they must hold something, which means nothing."""
    names = (stored or {}).get("unwritten")
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def _molecules(path: Path) -> Any:
    """All molecules of a list."""
    content = path.read_bytes()
    if len(content) < _HEADER.itemsize or content[:4] != b"M425":
        raise PinpointError(f"{path} is no molecule list of Insight3: it does not begin with M425.")
    number = int(np.frombuffer(content, _HEADER, count=1)["molecules"][0])
    there = (len(content) - _HEADER.itemsize) // MOLECULE.itemsize
    if number < 0 or number > there:
        raise PinpointError(f"{path} is truncated: it says that it has {number:,} molecules, and holds {there:,}.")
    return np.frombuffer(content, MOLECULE, count=number, offset=_HEADER.itemsize)


FORMAT = Insight3()
