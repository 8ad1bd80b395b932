"""The SMLM challenges' truth (2013 and 2016): nanometres, the first pixel spans 0 to 100 nm, frames count from 1.

Both years name the columns alike, with blanks here and there; of a table in two dimensions z is 0 in every row, and is
left out.

Source: the challenge's own simulator and readers (Sage et al., Nat. Methods 12, 717 (2015) and 16, 387 (2019)): the
field of view is 6,400 nm for 64 pixels of 100 nm, beginning at 0.
"""

from __future__ import annotations

from napari_pinpoint.io.conventions import FRAME, PHOTONS, Convention, Field, X, Y, Z
from napari_pinpoint.io.text_tables import TextFormat

FIELDS: dict[str, Field] = {"frame": FRAME, "xnano": X, "ynano": Y, "znano": Z, "intensity": PHOTONS}

FORMAT = TextFormat(
    name="challenge",
    suffixes=(".csv",),
    convention=Convention("nm", "corner", 1),
    fields=FIELDS,
    required=("frame", "xnano", "ynano"),
    numbered="Ground-truth",
)
