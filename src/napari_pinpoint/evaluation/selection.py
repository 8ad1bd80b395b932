"""What of two tables counts in a comparison: frames, tolerance, border and dim emitters."""

from __future__ import annotations

import numpy as np

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.evaluation.coverage import Frames, in_frames
from napari_pinpoint.evaluation.matching import is_ignored, shared_calibration
from napari_pinpoint.localizations import FLAGS, Localizations


def what_counts(
    found: Localizations,
    truth: Localizations,
    frames: Frames,
    *,
    border_nm: float = 0.0,
    field_shape: tuple[int, int] | None = None,
    photon_cut: float = 0.0,
) -> tuple[Localizations, Localizations]:
    """Both tables without what is left out; truth that is too dim is flagged "ignore"."""
    pixel_size = shared_calibration(found, truth, "pixel_size_nm")
    found, truth = in_frames(found, frames), in_frames(truth, frames)
    if border_nm:
        found, truth = (_inside(table, border_nm, pixel_size, field_shape) for table in (found, truth))
    return found, _without_dimmest(truth, photon_cut)


def tolerance_in_px(nm: float | None, px: float | None, pixel_size: float | None) -> float:
    """The one tolerance that was given, in pixels."""
    given = [value for value in (nm, px) if value is not None]
    if len(given) != 1:
        which = "both" if given else "neither"
        raise PinpointError(f"Give the tolerance either in nanometres or in pixels; {which} was given.")
    if not (np.isfinite(given[0]) and given[0] > 0):
        raise PinpointError(f"The tolerance must be a distance above 0, not {given[0]}.")
    return float(given[0]) if nm is None else float(nm) / _known(pixel_size, "A tolerance")


def _known(pixel_size: float | None, what: str) -> float:
    if pixel_size is None:
        raise PinpointError(
            f"{what} in nanometres needs a pixel size, and neither table has one: give one of them its pixel size"
            " (or the tolerance in pixels)."
        )
    return pixel_size


def _inside(
    table: Localizations, border_nm: float, pixel_size: float | None, field_shape: tuple[int, int] | None
) -> Localizations:
    """The rows that are further than the border from the edge of the field, which is half a pixel from the centres."""
    if field_shape is None:
        raise PinpointError("Leaving out a border needs the shape of the field: give field_shape=(rows, columns).")
    border = border_nm / _known(pixel_size, "A border")
    if not 0 <= border < min(field_shape) / 2:
        raise PinpointError(
            f"The border must be at least 0 and leave something of the field of {field_shape} pixels; "
            f"{border_nm:g} nm are {border:g} pixels on each side."
        )
    inside = np.ones(len(table), dtype=bool)
    for name, size in zip(("y", "x"), field_shape, strict=True):
        from_edge = table[name] + 0.5
        inside &= (from_edge > border) & (from_edge < size - border)
    return table.select(inside)


def _without_dimmest(truth: Localizations, fraction: float) -> Localizations:
    """The truth with the dimmest fraction flagged "ignore"; what was flagged before stays so and is not counted."""
    if not 0 <= fraction < 1:
        raise PinpointError(f"The photon cut is the fraction of emitters to ignore, 0 to 1, not {fraction}.")
    kept = ~is_ignored(truth)
    if fraction == 0 or not kept.any():
        return truth
    if "photons" not in truth or not np.isfinite(truth["photons"]).all():
        raise PinpointError("A photon cut needs the column 'photons' in the true table, with a number in every row.")
    dim = truth["photons"] < np.quantile(truth["photons"][kept], fraction)
    flags = truth["flags"] if "flags" in truth else np.zeros(len(truth), dtype=np.int64)
    return truth.with_columns(flags=np.where(dim, flags | FLAGS["ignore"], flags))
