"""ONI Nanoimager CSV: nanometres, frames from 0; where positions count from is not documented, and is asked for.

Source: a real table (Locan's fixture), which has a frame 0; columns of newer versions by their self-explaining names.
"""

from __future__ import annotations

from napari_pinpoint.io.conventions import (
    BACKGROUND,
    CHANNEL,
    ERROR_X,
    ERROR_Y,
    FRAME,
    PHOTONS,
    Convention,
    Field,
    X,
    Y,
    Z,
)
from napari_pinpoint.io.text_tables import TextFormat

FIELDS: dict[str, Field] = {
    "Channel": CHANNEL,
    "Frame": FRAME,
    "X (nm)": X,
    "Y (nm)": Y,
    "Z (nm)": Z,
    "X precision (nm)": ERROR_X,
    "Y precision (nm)": ERROR_Y,
    "Photons": PHOTONS,
    "Background": BACKGROUND,
    "PSF Sigma X (pix)": Field(("psf_sigma_x",), "length", unit="px"),
    "PSF Sigma Y (pix)": Field(("psf_sigma_y",), "length", unit="px"),
}

FORMAT = TextFormat(
    name="nanoimager",
    suffixes=(".csv",),
    convention=Convention("nm", None, 0),
    fields=FIELDS,
    required=("Frame", "X (nm)", "Y (nm)"),
)
