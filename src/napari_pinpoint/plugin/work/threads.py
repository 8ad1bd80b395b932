"""Threads of the plugin: none holds up the end of the program for long, and none is torn down while it computes."""

from __future__ import annotations

import atexit
import threading
import weakref
from collections.abc import Callable
from typing import Any

#: Seconds that the end of the program waits for all threads.
_PATIENCE_S = 10.0

#: What asks each thread to end.
_STOPS: weakref.WeakKeyDictionary[threading.Thread, Callable[[], Any]] = weakref.WeakKeyDictionary()


def start_thread(body: Callable[..., Any], *arguments: Any, name: str, stop: Callable[[], Any]) -> threading.Thread:
    """Start `body(*arguments)` in a thread of its own, which the end of the program stops and waits for.

    A daemon alone would not do: what torch computes in C++ when Python is gone aborts the program.

    Parameters
    ----------
    stop
        Asks the thread to end soon. It is kept as long as the thread, and so must not hold a widget.
    """
    # A daemon nevertheless: whatever goes wrong, the end of napari does not wait for the end of a movie.
    thread = threading.Thread(target=body, args=arguments, name=name, daemon=True)
    _STOPS[thread] = stop
    thread.start()
    return thread


@atexit.register
def end_threads() -> None:
    """Stop all threads and wait for them, but not for ever."""
    running = [(thread, stop) for thread, stop in list(_STOPS.items()) if thread.is_alive()]
    for _, stop in running:
        stop()
    for thread, _ in running:
        thread.join(_PATIENCE_S / len(running))
