"""Loading torch in a thread without freezing the window."""

from __future__ import annotations

import ctypes
import sys
from importlib.util import find_spec
from pathlib import Path


def load_torch() -> None:
    """Import torch and what localizes with it; call it in a thread.

    While Python loads a compiled module nothing else runs in Python, and linking torch's library takes some 0.3 s.
    Called as a plain function of the system, the linker works beside the other threads; the import finds it done.
    """
    found = find_spec("torch")
    if sys.platform == "linux" and "torch" not in sys.modules and found is not None and found.origin is not None:
        dlopen = ctypes.CDLL(None).dlopen
        dlopen.argtypes, dlopen.restype = (ctypes.c_char_p, ctypes.c_int), ctypes.c_void_p
        dlopen(bytes(Path(found.origin).with_name("lib") / "libtorch_cpu.so"), 2)  # RTLD_NOW
    import napari_pinpoint.inference  # noqa: F401
