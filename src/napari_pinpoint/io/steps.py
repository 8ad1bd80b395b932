"""Steps in files: the list of what was done with a table, as JSON, or a table whose record holds it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.io.atomic import complete_file
from napari_pinpoint.io.tables import read_localizations
from napari_pinpoint.postprocessing.steps import check_steps, steps_of


def read_steps(path: str | Path, *, pixel_size_nm: float | None = None) -> list[dict[str, Any]]:
    """The steps of a JSON file (a list, as `write_steps` writes it), or those in the record of a table.

    Raises
    ------
    PinpointError
        If the file cannot be read, or holds a step that cannot be done again.
    """
    path = Path(path)
    if path.suffix.lower() != ".json":
        steps = steps_of(read_localizations(path, pixel_size_nm=pixel_size_nm))
        if not steps:
            raise PinpointError(f"{path}: nothing was done with this table, so there is nothing to repeat.")
    else:
        try:
            steps = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise PinpointError(f"{path}: there is no such file.") from None
        except ValueError as error:
            raise PinpointError(f"{path} is not JSON: {error}.") from None
        if not isinstance(steps, list):
            raise PinpointError(f'{path}: steps are a list, as [{{"step": "filter", "expression": "photons > 300"}}].')
    check_steps(steps)
    return steps


def write_steps(steps: Sequence[dict[str, Any]], path: str | Path, *, overwrite: bool = False) -> None:
    """Write steps as a JSON list.

    Examples
    --------
    >>> write_steps([{"step": "merge"}], "steps.json")
    >>> read_steps("steps.json")
    [{'step': 'merge'}]
    """
    with complete_file(path, overwrite=overwrite) as temporary:
        temporary.write_text(json.dumps(list(steps), indent=2) + "\n", encoding="utf-8")
