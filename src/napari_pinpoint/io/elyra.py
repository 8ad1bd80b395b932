"""Zeiss Elyra (ZEN) tables: tab-delimited text, nanometres, frames from 1; a footer behind a NUL knows the pixel size.

Where positions count from is not documented, and is asked for. `PSF half width` is kept under its own name: whether it
is a standard deviation is not said.

Source: a real table (Locan's fixture), whose first frame is 1 and whose footer has VoxelSizeX in micrometres.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_pinpoint.io import provenance
from napari_pinpoint.io.conventions import ERROR, FRAME, N_FRAMES, PHOTONS, Convention, Field, X, Y, Z
from napari_pinpoint.io.text_tables import TextFormat
from napari_pinpoint.localizations import Localizations

FIELDS: dict[str, Field] = {
    "First Frame": FRAME,
    "Number Frames": N_FRAMES,
    "Position X [nm]": X,
    "Position Y [nm]": Y,
    "Position Z [nm]": Z,
    "Precision [nm]": ERROR,
    "Number Photons": PHOTONS,
    "Channel": Field(("channel",), offset=-1.0),
    "Z Slice": Field(("plane",), offset=-1.0),
}


@dataclass(frozen=True)
class Elyra(TextFormat):
    """The format; see the module."""

    def content(self, path: Path) -> bytes:
        return path.read_bytes().partition(b"\0")[0]

    def stored(self, path: Path) -> dict[str, Any] | None:
        """What lies beside a file of ours; else the size of a pixel from the footer."""
        beside = provenance.read_sidecar(path)
        if beside is not None:
            return beside
        footer = path.read_bytes().partition(b"\0")[2]
        found = re.search(rb"VoxelSizeX\s*:\s*([\d.]+)", footer)
        return {"pixel_size_nm": 1000 * float(found[1])} if found and float(found[1]) > 0 else None

    def write(self, table: Localizations, path: Path) -> None:
        super().write(table, path)
        if table.pixel_size_nm is not None:
            size = f"{table.pixel_size_nm / 1000:.10f} \u00b5m"
            with path.open("ab") as file:
                file.write(f"\0\nVoxelSizeX : {size}\nVoxelSizeY : {size}\n".encode("latin-1"))
        provenance.write_sidecar(table, path, origin=self.writing.origin, first_frame=1)


FORMAT = Elyra(
    name="elyra",
    suffixes=(".txt",),
    convention=Convention("nm", None, 1),
    fields=FIELDS,
    required=("First Frame", "Position X [nm]", "Position Y [nm]"),
    delimiter="\t",
    numbered="Index",
)
