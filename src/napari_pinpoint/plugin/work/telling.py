"""What a thread owes its user: errors in words, and the warnings that are meant for users."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from napari_pinpoint.errors import PinpointError, PinpointWarning

_LOG = logging.getLogger(__name__)


def explained(error: BaseException) -> str:
    """The error for its user; what is not meant for users goes to the log as a whole."""
    if isinstance(error, PinpointError):
        return str(error)
    # When the program ends, threads fail for that reason; executors refuse work while the main thread still lives.
    if threading.main_thread().is_alive() and "interpreter shutdown" not in str(error):
        _LOG.error("napari-pinpoint failed in a thread", exc_info=error)
    if isinstance(error, MemoryError) or "out of memory" in str(error):
        return f"Not enough memory ({type(error).__name__}). Close what else needs memory, or give a smaller image."
    return f"{type(error).__name__}: {error} (Help > Show logs has the details)"


@contextmanager
def hearing(tell: Callable[[str], None]) -> Iterator[None]:
    """Pass every PinpointWarning of this thread to `tell`, all other warnings to whom they went before.

    `warnings.catch_warnings` would not do in a thread: napari enters and leaves it in the main thread all the time,
    and whoever leaves last restores what is over. This hook does no harm where it is restored by others after its
    end, and takes itself away only if it is still the last.
    """
    thread, before, over = threading.get_ident(), warnings.showwarning, threading.Event()

    def hook(message: Any, category: type[Warning], *where: Any, **more: Any) -> None:
        if issubclass(category, PinpointWarning) and threading.get_ident() == thread and not over.is_set():
            tell(str(message))
        else:
            before(message, category, *where, **more)

    warnings.simplefilter("always", PinpointWarning)  # a second run says its doubts again
    warnings.showwarning = hook
    try:
        yield
    finally:
        over.set()
        if warnings.showwarning is hook:
            warnings.showwarning = before
