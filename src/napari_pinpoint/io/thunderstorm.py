"""ThunderSTORM CSV: nanometres, the first pixel spans 0 to one pixel size, frames count from 1.

A column is called ``name [unit]``; one of our columns fills it, or two that it does not tell apart. What ThunderSTORM
has and we have not (`bkgstd [photon]`, `chi2`, ...) is kept under its label. A CSV cannot say its pixel size nor how it
came to be: both lie beside it in ``NAME.csv.json``, and are read from there as long as it belongs to the CSV.

The convention is that of Ovesny et al., Bioinformatics 30, 2389 (2014), and of the tables that the program writes.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from napari_pinpoint.errors import PinpointError, PinpointWarning, PixelSizeNeeded
from napari_pinpoint.io import delimited, provenance
from napari_pinpoint.localizations import COLUMNS, REQUIRED, Localizations, read_only

#: ThunderSTORM's names of lengths, and the columns that each of them fills here. An elliptic PSF has its first axis
#: along x. Older versions call uncertainty_xy just uncertainty.
LENGTHS = {
    "x": ("x",),
    "y": ("y",),
    "z": ("z",),
    "sigma": ("psf_sigma_y", "psf_sigma_x"),
    "sigma1": ("psf_sigma_x",),
    "sigma2": ("psf_sigma_y",),
    "uncertainty": ("uncertainty_y", "uncertainty_x"),
    "uncertainty_xy": ("uncertainty_y", "uncertainty_x"),
    "uncertainty_z": ("uncertainty_z",),
}
INTENSITIES = {"intensity": ("photons",), "offset": ("background",)}
COUNTS = {"frame": ("frame",), "detections": ("n_frames",)}
#: Labels that ThunderSTORM knows and we have no name for.
KEPT = ("id", "bkgstd [photon]", "chi2", "gt_id", "gt_dist_xy [nm]", "gt_dist_z [nm]", "gt_dist_xyz [nm]")

NANOMETRES = {"nm": 1.0, "um": 1e3, "\u00b5m": 1e3, "\u03bcm": 1e3}  # the micro sign, and the Greek letter


class ThunderStorm:
    """The format; see the module."""

    name = "thunderstorm"
    suffixes: tuple[str, ...] = (".csv",)
    needs_pixel_size = True

    def recognizes(self, path: Path) -> bool:
        labels = [_split(label) for label in delimited.read_header(path).labels]
        return {"frame", "x", "y"} <= {name for name, _ in labels} and any(unit for _, unit in labels)

    def read(self, path: Path, *, pixel_size_nm: float | None) -> Localizations:
        header = delimited.read_header(path)
        targets = _targets(path, header.labels)
        calibration = provenance.calibration(path, provenance.read_sidecar(path), pixel_size_nm)
        if calibration["z_step_nm"] is None and any("z" in names for names in targets.values()):
            calibration["z_step_nm"] = calibration["pixel_size_nm"]  # the file knows no planes: cubic voxels
        per_pixel = _units_per_pixel(path, header.labels, calibration)
        numbers = [
            label for label, names in targets.items() if names[0] in COLUMNS and COLUMNS[names[0]].dtype != "str"
        ]
        columns: dict[str, Any] = {}
        for label, values in delimited.read_columns(path, header, numbers=numbers).items():
            if targets[label][0] in REQUIRED:
                _check_required(path, header, label, values)
            if label in per_pixel:
                values = values / per_pixel[label] - (0.5 if targets[label][0] in ("y", "x") else 0.0)
            elif targets[label] == ("frame",):
                values = values - _first_frame(path, values)
            columns |= dict.fromkeys(targets[label], read_only(values))
        try:
            return Localizations(columns, **calibration)
        except PinpointError as error:
            raise PinpointError(f"{path}: {error}") from None

    def cannot_hold(self, table: Localizations) -> list[str]:
        held = {*REQUIRED, "photons", "background", "n_frames"}
        held |= {label for label in KEPT if label in table and table[label].dtype.kind in "biuf"}
        for pair in ({"psf_sigma_y", "psf_sigma_x"}, {"uncertainty_y", "uncertainty_x"}):
            held |= pair if pair <= set(table) else set()
        if table.z_step_nm is not None:
            held |= {"z", "uncertainty_z"}
        return [name for name in table if name not in held]

    def write(self, table: Localizations, path: Path) -> None:
        lost = self.cannot_hold(table)
        delimited.write_columns(path, _labelled(table.without_columns(*lost)))
        provenance.write_sidecar(table, path)


def _split(label: str) -> tuple[str, str]:
    """The name in lower case and the unit of a label such as ``x [nm]``."""
    name, _, unit = label.partition("[")
    return name.strip().lower(), unit.rstrip("] ").strip()


def _targets(path: Path, labels: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The names here of the columns that each label fills."""
    targets = {label: _target(path, label) for label in labels if label}
    filled: dict[str, str] = {}
    for label, names in targets.items():
        for name in names:
            if name in filled:
                raise PinpointError(f"{path}: {filled[name]!r} and {label!r} both say {name}; remove one.")
            filled[name] = label
    missing = [name for name in REQUIRED if name not in filled]
    if missing:
        raise PinpointError(
            f"{path} is no ThunderSTORM table: there is no column for {', '.join(missing)}. "
            f"Expected at least 'frame', 'x [nm]' and 'y [nm]', and found {', '.join(map(repr, labels))}."
        )
    return targets


def _target(path: Path, label: str) -> tuple[str, ...]:
    name, unit = _split(label)
    if name in LENGTHS:
        if unit != "px" and unit not in NANOMETRES:
            raise PinpointError(f"{path}: the unit of {label!r} is not known; expected '{name} [nm]', [um] or [px].")
        return LENGTHS[name]
    if name in INTENSITIES:
        if unit not in ("photon", "photons", "ADU", ""):
            raise PinpointError(f"{path}: the unit of {label!r} is not known; expected '{name} [photon]' or [ADU].")
        # Counts are not photons: they are kept under their own name.
        return INTENSITIES[name] if unit.startswith("photon") else (label,)
    return COUNTS.get(name, (label,))


def _units_per_pixel(path: Path, labels: Iterable[str], calibration: dict[str, Any]) -> dict[str, float]:
    """How many of its unit make a pixel (or a step of planes), for each label that is a length."""
    per_pixel = {}
    pixel, step = calibration["pixel_size_nm"], calibration["z_step_nm"]
    for label in labels:
        name, unit = _split(label)
        if name not in LENGTHS:
            continue
        axial = LENGTHS[name][0] in ("z", "uncertainty_z")
        if unit == "px":
            per_pixel[label] = step / pixel if axial and pixel and step else 1.0
        elif (size := step if axial else pixel) is None:
            raise PixelSizeNeeded(
                f"{path}: {label!r} is a length, and the size of a pixel is not known; "
                "give it (--pixel-size-nm, pixel_size_nm=) so that positions can be in pixels."
            )
        else:
            per_pixel[label] = size / NANOMETRES[unit]
    return per_pixel


def _check_required(path: Path, header: delimited.Header, label: str, values: np.ndarray[Any, Any]) -> None:
    wrong = ~np.isfinite(values)
    wanted = "a finite number"
    if _split(label)[0] == "frame":
        wrong |= (values < 0) | (np.floor(values) != values)
        wanted = "a whole number from 1"
    if wrong.any():
        row = int(np.argmax(wrong))
        line = delimited.line_of(path, header, row)
        raise PinpointError(f"{path}, line {line}: {label!r} must be {wanted}, not {values[row]}.")


def _first_frame(path: Path, frames: np.ndarray[Any, Any]) -> int:
    """What the file calls its first frame: 1, unless there is a frame 0."""
    if not (frames == 0).any():
        return 1
    warnings.warn(
        f"{path} has a frame 0, where ThunderSTORM counts from 1: frames are taken to count from 0. "
        "The program that wrote it may also place positions half a pixel off (Picasso does).",
        PinpointWarning,
        stacklevel=4,
    )
    return 0


def _labelled(table: Localizations) -> dict[str, np.ndarray[Any, Any]]:
    """The columns of the file, in ThunderSTORM's order."""
    pixel_size_nm = table.pixel_size_nm
    if pixel_size_nm is None:
        raise RuntimeError("check_target lets no table pass whose pixel size is not known")
    decimals = max(2, math.ceil(-math.log10(1e-4 * pixel_size_nm)))  # a ten thousandth of a pixel

    def nanometres(values: np.ndarray[Any, Any], size: float = pixel_size_nm) -> np.ndarray[Any, Any]:
        return np.round(values * size, decimals)

    columns = {
        "id": table["id"] if "id" in table else np.arange(1, len(table) + 1),
        "frame": table["frame"] + 1,
        "x [nm]": nanometres(table["x"] + 0.5),
        "y [nm]": nanometres(table["y"] + 0.5),
    }
    if "z" in table and table.z_step_nm is not None:
        columns["z [nm]"] = nanometres(table["z"], table.z_step_nm)
    if "psf_sigma_x" in table:
        along_x, along_y = nanometres(table["psf_sigma_x"]), nanometres(table["psf_sigma_y"])
        if np.array_equal(along_x, along_y, equal_nan=True):
            columns["sigma [nm]"] = along_x
        else:
            columns |= {"sigma1 [nm]": along_x, "sigma2 [nm]": along_y}
    columns |= {f"{name} [photon]": np.round(table[ours], 3) for name, (ours,) in INTENSITIES.items() if ours in table}
    columns |= {label: table[label] for label in KEPT[1:] if label in table}
    if "uncertainty_x" in table:
        lateral = np.sqrt((np.square(table["uncertainty_x"]) + np.square(table["uncertainty_y"])) / 2)
        columns["uncertainty_xy [nm]"] = nanometres(lateral)
    if "uncertainty_z" in table and table.z_step_nm is not None:
        columns["uncertainty_z [nm]"] = nanometres(table["uncertainty_z"], table.z_step_nm)
    if "n_frames" in table:
        columns["detections"] = table["n_frames"]
    return columns


FORMAT = ThunderStorm()
