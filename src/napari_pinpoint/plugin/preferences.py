"""What users set once, under Preferences > Pinpoint; napari.yaml says what there is, and with which defaults."""

from __future__ import annotations

from typing import Any

from napari.settings import get_plugin_settings

PLUGIN = "napari-pinpoint"


def preference(name: str) -> Any:
    """The value of a preference by its key in the manifest, as it is now.

    Raises
    ------
    KeyError
        If the manifest has no such preference.

    Examples
    --------
    >>> preference("device")
    'auto'
    """
    for category in get_plugin_settings(PLUGIN).model_dump().values():
        if isinstance(category, dict) and name in category:
            return category[name]
    raise KeyError(name)
