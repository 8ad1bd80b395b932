"""Short work on tables beside the viewer's one long job: reading, writing, comparing."""

from __future__ import annotations

import weakref
from typing import Any

from napari_pinpoint.plugin.work.jobs import Jobs

#: No viewer is kept alive by its tasks.
_TASKS: weakref.WeakKeyDictionary[Any, Jobs] = weakref.WeakKeyDictionary()


def tasks_of(viewer: Any) -> Jobs:
    """What runs the tasks of a viewer, one at a time, also while it localizes (see `Jobs`)."""
    viewer = getattr(viewer, "__wrapped__", viewer)
    if viewer not in _TASKS:
        _TASKS[viewer] = Jobs(viewer)
    return _TASKS[viewer]
