"""What was done with a table, done again: every verb leaves a step in the record, and each step is enough for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.postprocessing.drift import Drift, correct_drift
from napari_pinpoint.postprocessing.filtering import filter_column, filter_rows
from napari_pinpoint.postprocessing.linking import link
from napari_pinpoint.postprocessing.merging import merge

Step = Mapping[str, Any]

#: Steps that tables begin with; they are not done with a table.
ORIGINS = ("localize", "simulate")


def _filter(table: Localizations, **settings: Any) -> Localizations:
    return (filter_rows if "expression" in settings else filter_column)(table, **settings)


def _drift(table: Localizations, **record: Any) -> Localizations:
    """The very drift that is recorded, not one that is estimated anew: so other channels can be given it, too."""
    return correct_drift(table, Drift.from_record(record))


#: What does each step again: ``STEPS[name](table, **settings)``.
STEPS: dict[str, Callable[..., Localizations]] = {"filter": _filter, "link": link, "merge": merge, "drift": _drift}


def steps_of(table: Localizations) -> list[dict[str, Any]]:
    """What was done with a table since it was made, in order."""
    return [step for step in table.record.get("steps", []) if step.get("step") not in ORIGINS]


def check_steps(steps: Iterable[Step]) -> None:
    """Raise a PinpointError unless each of the steps can be done again, as far as that is known without a table."""
    for step in steps:
        if not isinstance(step, Mapping):
            raise PinpointError(f'A step is a verb with its settings, as {{"step": "merge"}}, not {step!r}.')
        name = step.get("step")
        if name not in STEPS:
            raise PinpointError(f"The step {name!r} cannot be done again; those that can are {', '.join(STEPS)}.")


def replay(table: Localizations, steps: Iterable[Step]) -> Localizations:
    """Do with a table what was done with another: the steps of its record (`steps_of`), or of a file.

    Parameters
    ----------
    table
        The localizations.
    steps
        Each a mapping with the verb as ``step`` and its settings, in order. How a table was made (`localize`,
        `simulate`) is passed over.

    Returns
    -------
    Localizations
        The table with these steps added to its record.

    Raises
    ------
    PinpointError
        If there is a step that cannot be done again, or its settings do not fit.

    Examples
    --------
    >>> table = Localizations({"frame": [0, 1], "y": [1, 1], "x": [4, 4], "photons": [250, 900]})
    >>> done = link(filter_rows(table, "photons > 300"), radius_px=1)
    >>> again = replay(table, done.record["steps"])
    >>> again.record == done.record, len(again)
    (True, 1)
    """
    steps = [step for step in steps if not (isinstance(step, Mapping) and step.get("step") in ORIGINS)]
    check_steps(steps)
    for number, step in enumerate(steps, start=1):
        settings = {name: value for name, value in step.items() if name != "step"}
        try:
            table = STEPS[step["step"]](table, **settings)
        except TypeError as error:
            raise PinpointError(f"Step {number} ({step['step']}) has settings that do not fit: {error}.") from error
        except PinpointError as error:
            raise PinpointError(f"Step {number} ({step['step']}): {error}") from error
    return table
