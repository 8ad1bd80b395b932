"""SMAP: nanometres, frames from 1, the centre of the first pixel is 1; as CSV or .mat (``NAME_sml.mat``).

SMAP counts pixels as MATLAB does, from 1, and multiplies by their size: the comparison with the challenge's truth,
whose first pixel is centred on 0.5, shifts by half a pixel for that reason. Positions count from the corner of the
camera's chip: a .mat file says which part of it was read (`roi`), which is subtracted; a CSV does not say it.

Source: jries/SMAP (its fitters, `fitloc2locdata`, exporters and loaders), Picasso's `export_smap`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.io import hdf5, provenance
from napari_pinpoint.io.conventions import (
    BACKGROUND,
    CHANNEL,
    ERROR,
    ERROR_BACKGROUND,
    ERROR_PHOTONS,
    ERROR_X,
    ERROR_Y,
    ERROR_Z,
    FRAME,
    N_FRAMES,
    PHOTONS,
    PROBABILITY,
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
from napari_pinpoint.io.text_tables import TextFormat, preferred
from napari_pinpoint.localizations import Localizations

Array = np.ndarray[Any, Any]

FIELDS: dict[str, Field] = {
    "xnm": X,
    "ynm": Y,
    "znm": Z,
    "frame": FRAME,
    "xnmerr": ERROR_X,
    "ynmerr": ERROR_Y,
    "locprecnm": ERROR,
    "locprecznm": ERROR_Z,
    "phot": PHOTONS,
    "bg": BACKGROUND,
    "photerr": ERROR_PHOTONS,
    "bgerr": ERROR_BACKGROUND,
    "PSFxnm": SIGMA_X,
    "PSFynm": SIGMA_Y,
    "logLikelihood": Field(("log_likelihood",)),
    "prob": PROBABILITY,
    "channel": CHANNEL,
    "numberInGroup": N_FRAMES,
}
CONVENTION = Convention("nm", "one", 1)


class SmapMat:
    """SMAP's own files: of MATLAB 7.3 (HDF5) and before when read, of MATLAB 5 when written."""

    name = "smap-mat"
    suffixes: tuple[str, ...] = (".mat",)
    needs_pixel_size = True
    convention = CONVENTION

    def recognizes(self, path: Path) -> bool:
        with path.open("rb") as file:
            if file.read(6) != b"MATLAB":
                return False
        try:
            return "xnm" in _columns(path)[0]
        except (OSError, PinpointError):
            return False

    def read(self, path: Path, given: Given) -> Localizations:
        columns, about = _columns(path)
        if not {"xnm", "ynm", "frame"} <= set(columns):
            raise PinpointError(f"{path} holds no localizations of SMAP; expected saveloc.loc with xnm, ynm and frame.")
        stored = provenance.read_sidecar(path) or {"pixel_size_nm": about.get("pixel_size_nm")}
        fields = preferred({label: field for label, field in FIELDS.items() if label in columns})
        size = given.pixel_size_nm or about.get("pixel_size_nm")
        for label, start in (("xnm", "roi_x"), ("ynm", "roi_y")):
            if about.get(start) and size:
                columns[label] = columns[label] - about[start] * size
        return to_ours(path, columns, fields, self.convention, given=given, stored=stored)

    def cannot_hold(self, table: Localizations) -> list[str]:
        return [name for name in table if name not in held(table, FIELDS)]

    def write(self, table: Localizations, path: Path) -> None:
        from scipy.io import savemat

        if table.pixel_size_nm is None:
            raise RuntimeError("check_target lets no table pass whose pixel size is not known")
        columns = from_ours(table.without_columns(*self.cannot_hold(table)), FIELDS, self.convention, exact=True)
        loc = {name: np.asarray(values, float)[:, None] for name, values in columns.items()}
        size = table.pixel_size_nm / 1000
        saved = {"loc": loc, "info": {"cam_pixelsize_um": np.array([[size, size]])}}
        savemat(path, {"saveloc": saved, "fileformat": {"name": "sml"}}, do_compression=True)
        provenance.write_sidecar(table, path)


def _columns(path: Path) -> tuple[dict[str, Array], dict[str, float]]:
    """The columns of equal length in `saveloc.loc`, and what is known of the camera."""
    if hdf5.is_hdf5(path):
        with hdf5.opened(path) as file:
            loc = dict(hdf5.arrays(file, "saveloc/loc"))
            about = dict(_about(dict(hdf5.arrays(file, "saveloc/file/info")) | dict(hdf5.arrays(file, "saveloc/info"))))
    else:
        loc, about = _old_mat(path)
    columns = {name: np.asarray(values).ravel() for name, values in loc.items()}
    length = len(columns.get("xnm", ()))
    return {name: values for name, values in columns.items() if len(values) == length}, about


def _old_mat(path: Path) -> tuple[dict[str, Array], dict[str, float]]:
    """The same from a MATLAB 5 to 7 file; its objects are never made, only arrays and structs of them."""
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        content = loadmat(path, struct_as_record=True, variable_names=["saveloc"])
        saved = content["saveloc"][0, 0]
        loc = saved["loc"][0, 0]
    except (MatReadError, ValueError, KeyError, IndexError, TypeError, NotImplementedError) as error:
        raise PinpointError(f"{path} holds no localizations of SMAP (saveloc.loc): {error}.") from error
    columns = {name: loc[name] for name in loc.dtype.names or () if loc[name].dtype.kind in "biuf"}
    about: dict[str, Array] = {}
    if "info" in (saved.dtype.names or ()):
        info = saved["info"][0, 0]
        about = {name: info[name] for name in info.dtype.names or () if info[name].dtype.kind in "biuf"}
    return columns, dict(_about(about))


def _about(info: dict[str, Array]) -> Iterator[tuple[str, float]]:
    """Pixel size in nanometres, and where the part of the chip that was read begins, in pixels."""
    size = np.ravel(info.get("cam_pixelsize_um", []))
    if len(size) and size[0] > 0 and np.allclose(size, size[0]):
        yield "pixel_size_nm", 1000 * float(size[0])
    roi = np.ravel(info.get("roi", []))
    if len(roi) == 4:
        yield "roi_x", float(roi[0])
        yield "roi_y", float(roi[1])


FORMAT = TextFormat(
    name="smap",
    suffixes=(".csv",),
    convention=CONVENTION,
    fields=FIELDS,
    required=("xnm", "ynm", "frame"),
)
MAT = SmapMat()
