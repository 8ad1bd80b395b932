"""plan -> localize_iter -> localize: the only way from a stack to points.

`plan` decides everything once: device, windows, batch, halo, camera. After that nothing branches; an image that fits
at once is one tile. Reading, the network and decoding overlap, chunk by chunk, and memory does not grow with the
length of the stack.
"""

from napari_pinpoint.inference.planning import LocalizeSettings, Plan, Window, choose_device, plan
from napari_pinpoint.inference.running import Chunk, finish, localize, localize_iter, localize_to_file

__all__ = [
    "Chunk",
    "LocalizeSettings",
    "Plan",
    "Window",
    "choose_device",
    "finish",
    "localize",
    "localize_iter",
    "localize_to_file",
    "plan",
]
