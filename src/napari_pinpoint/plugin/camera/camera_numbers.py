"""The numbers that the camera's form asks for, in the user's words."""

from __future__ import annotations

from napari_pinpoint.plugin.widgets.fields import NumberField

_INFINITY = float("inf")


def number_fields() -> dict[str, NumberField]:
    """The form's numbers in the order of the form; the camera's are named as in `Camera`."""
    return {
        "pixel_size_nm": NumberField(
            "Pixel size (nm)",
            "unknown",
            "Size of a pixel in the sample: the camera's pixel over the magnification, often about 100 nm. Without it "
            "distances are in pixels only.",
            limits=(0, _INFINITY),
            above=True,
        ),
        "offset_adu": NumberField(
            "Counts without light",
            "unknown",
            "What a pixel of the camera reads in the dark (its offset), often about 100. Without it photons cannot be "
            "counted.",
        ),
        "electrons_per_adu": NumberField(
            "Electrons per count",
            "unknown",
            "How many electrons make one count, from the camera's data sheet (there also called gain or conversion "
            "factor), often 0.2 to 5. Without it photons cannot be counted.",
            limits=(0, _INFINITY),
            above=True,
        ),
        "em_gain": NumberField(
            "EM gain",
            "1 (none)",
            "How far an EMCCD camera multiplies its electrons, often 100 to 300. Leave it empty for other cameras.",
            limits=(1, _INFINITY),
        ),
        "read_noise_e": NumberField(
            "Read noise (electrons)",
            "0",
            "How much a pixel of the camera scatters in the dark, in electrons (standard deviation), from its data "
            "sheet: often 1 to 2 for sCMOS cameras.",
            limits=(0, _INFINITY),
        ),
    }
