"""Drift in files: CSV with a row for each frame, which every program reads."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.io.atomic import complete_file
from napari_pinpoint.postprocessing.drift import Drift


def write_drift(drift: Drift, path: str | Path, *, overwrite: bool = False) -> None:
    """Write the columns frame, y [px] and x [px], and y [nm] and x [nm] where the size of a pixel is known.

    ``corrected = measured - drift``; frames count from 0.
    """
    columns = {"y [px]": drift.y, "x [px]": drift.x}
    if drift.pixel_size_nm is not None:
        columns |= {"y [nm]": drift.y * drift.pixel_size_nm, "x [nm]": drift.x * drift.pixel_size_nm}
    with complete_file(path, overwrite=overwrite) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["frame", *columns])
        for frame, *values in zip(drift.frame, *columns.values(), strict=True):
            writer.writerow([frame, *(f"{value:.9g}" for value in values)])


def read_drift(path: str | Path, *, pixel_size_nm: float | None = None) -> Drift:
    """Read what `write_drift` wrote.

    A file with nanometres alone needs the size of a pixel.

    Examples
    --------
    >>> write_drift(Drift([0, 1], y=[0, 0.5], x=[0, -0.25], pixel_size_nm=100), "drift.csv")
    >>> print(Path("drift.csv").read_text(), end="")
    frame,y [px],x [px],y [nm],x [nm]
    0,0,0,0,0
    1,0.5,-0.25,50,-25
    >>> read_drift("drift.csv").pixel_size_nm
    100.0
    """
    path = Path(path)
    if not path.exists():
        raise PinpointError(f"{path}: there is no such file.")
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        names = reader.fieldnames or []
        unit = "px" if "y [px]" in names else "nm"
        wanted = ("frame", f"y [{unit}]", f"x [{unit}]")
        if not set(wanted) <= set(names):
            raise PinpointError(
                f"{path}: a drift has the columns frame, y [px] and x [px] (or [nm]); this has {', '.join(names)}."
            )
        try:
            rows = np.array([[float(row[name]) for name in (*wanted, "y [nm]") if name in names] for row in reader])
        except (TypeError, ValueError) as error:
            raise PinpointError(f"{path}, line {reader.line_num}: {error}.") from None
    if not len(rows):
        raise PinpointError(f"{path}: there is no frame in it.")
    y, x = rows[:, 1], rows[:, 2]
    if unit == "nm":
        if pixel_size_nm is None:
            raise PinpointError(f"{path} is in nanometres; give the size of a pixel (--pixel-size-nm).")
        y, x = y / pixel_size_nm, x / pixel_size_nm
    elif pixel_size_nm is None and "y [nm]" in names:
        most = int(np.argmax(np.abs(y)))
        pixel_size_nm = round(float(rows[most, 3] / y[most]), 4) if y[most] else None
    return Drift(rows[:, 0], y, x, pixel_size_nm, "file", {"path": str(path)})
