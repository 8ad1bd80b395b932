"""CSV of napari's Points layers: pixels, the centre of the first one is 0; axes as in the layer, (frame,) y, x.

Without a scale of the layer a coordinate is an index into the image, which is our convention. Three axes are frame, y
and x (of planes there is no word), four are frame, z, y and x.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_pinpoint.io import delimited, provenance
from napari_pinpoint.io.conventions import FRAME, Convention, Field, Given, X, Y, to_ours
from napari_pinpoint.io.text_tables import TextFormat
from napari_pinpoint.localizations import COLUMNS, Localizations

_PLANE = Field(("z",))
_AXES = {2: (Y, X), 3: (FRAME, Y, X), 4: (FRAME, _PLANE, Y, X)}


@dataclass(frozen=True)
class NapariPoints(TextFormat):
    """The format; see the module."""

    def read(self, path: Path, given: Given) -> Localizations:
        header = self.header(path)
        axes = [label for label in header.labels if label.startswith("axis-")]
        fields = dict(zip(axes, _AXES.get(len(axes), ()), strict=False))
        columns = delimited.read_columns(path, header, numbers=axes)
        columns.pop("index", None)
        if len(axes) == 2:
            columns["frame"] = np.zeros(len(columns[axes[0]]))
        fields |= {name: Field((name,)) for name in columns if name in COLUMNS and name not in ("y", "x")}
        if "frame" in fields:
            fields["frame"] = FRAME
        stored = provenance.read_sidecar(path)
        return to_ours(
            path,
            columns,
            fields,
            self.convention,
            given=given,
            stored=stored,
            where=lambda row: f"line {delimited.line_of(path, header, row)}",
        )

    def cannot_hold(self, table: Localizations) -> list[str]:
        """Text only: numbers become features of the points, under their names."""
        return [name for name in table if table[name].dtype.kind not in "biuf"]

    def write(self, table: Localizations, path: Path) -> None:
        axes = [name for name in ("frame", "z", "y", "x") if name in table]
        columns = {"index": np.arange(len(table))}
        columns |= {f"axis-{index}": table[name] for index, name in enumerate(axes)}
        columns |= {name: table[name] for name in table if name not in axes and name not in self.cannot_hold(table)}
        delimited.write_columns(path, columns, header=",".join(columns))
        provenance.write_sidecar(table, path)


FORMAT = NapariPoints(
    name="napari-points",
    suffixes=(".csv",),
    convention=Convention("px", "centre", 0),
    fields={},
    required=("axis-0", "axis-1"),
)
