"""Doubts whether two tables are about the same: mistakes that ruin a comparison, told by warnings."""

from __future__ import annotations

import warnings

import numpy as np

from napari_pinpoint.errors import PinpointWarning
from napari_pinpoint.evaluation.matching import match
from napari_pinpoint.evaluation.pairing import Pairing
from napari_pinpoint.localizations import Localizations

#: Fewer pairs than this do not tell an offset of the tables from chance.
_ENOUGH_PAIRS = 10
#: Steps after which rows are no more where, or in the frames in which, the camera saw them.
_MOVING_STEPS = {"drift": "was corrected for drift", "merge": "has one row for each molecule instead of each frame"}


def warn_if_misaligned(pairing: Pairing) -> None:
    """Warn of frames counted from 1, of pixels measured from their corner, and of steps that only one table took."""
    found, truth = pairing.found, pairing.truth
    if not len(found) or not len(truth):
        return
    message = _one_sided_steps(found, truth) or _offset(pairing)
    if message:
        warnings.warn(message, PinpointWarning, stacklevel=3)


def _one_sided_steps(found: Localizations, truth: Localizations) -> str:
    """What was done with one of the tables alone and moves its rows, in a sentence; empty if there is nothing."""
    for name, table, partner, other in (("found", found, "true", truth), ("true", truth, "found", found)):
        done = [words for step, words in _MOVING_STEPS.items() if step in _steps(table) - _steps(other)]
        if done:
            return (
                f"The {name} table {' and '.join(done)}, the {partner} one not: they need not agree even where all is "
                "right. Compare the table from before that step."
            )
    return ""


def _steps(table: Localizations) -> set[str]:
    """What was done with a table."""
    return {str(step.get("step")) for step in table.record.get("steps", [])}


def _offset(pairing: Pairing) -> str:
    """What seems to be wrong with the frames or the origin of a table, in words."""
    found, truth, matches = pairing.found, pairing.truth, pairing.matches
    spans = [f"{table['frame'].min()} to {table['frame'].max()}" for table in (found, truth)]
    if not np.isin(found["frame"], truth["frame"]).any():
        return f"The tables share no frame: found {spans[0]}, true {spans[1]}. Does one of them count from 1?"
    enough = max(_ENOUGH_PAIRS, min(len(found), len(truth)) // 2)
    if len(matches.found) < enough:
        for earlier, later, name in ((found, truth, "found"), (truth, found, "true")):
            shifted = earlier.with_columns(frame=earlier["frame"] + 1)
            pairs = match(shifted, later, tolerance=pairing.tolerance_px).found
            if len(pairs) >= max(enough, 2 * len(matches.found)):
                return (
                    f"Far more of the tables match when every frame of the {name} one is raised by 1. Does the other "
                    "count from 1?"
                )
        # A half-pixel offset, 0.71 px along the diagonal, hides from a tolerance below that.
        matches = match(found, truth, tolerance=max(pairing.tolerance_px, 1.0))
    if len(matches.found) >= enough:
        shift = [float(np.median(found[axis][matches.found] - truth[axis][matches.truth])) for axis in ("y", "x")]
        if all(abs(abs(along) - 0.5) < 0.1 for along in shift):
            return (
                f"Found positions are off by ({shift[0]:.2f}, {shift[1]:.2f}) px (y, x) in the median. Does one of the "
                "tables measure from the corner of the first pixel instead of its centre?"
            )
    return ""
