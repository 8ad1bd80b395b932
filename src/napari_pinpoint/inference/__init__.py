"""plan -> localize_iter -> localize: the only way from a stack to points.

`plan` decides everything once: device, windows, batch, halo, camera. After that nothing branches; an image that fits
at once is one tile. Reading, the network and decoding overlap, chunk by chunk, and memory does not grow with the
length of the stack.
"""

from napari_pinpoint.inference.chunks import Chunk
from napari_pinpoint.inference.devices import choose_device, describe_device
from napari_pinpoint.inference.planning import LocalizeSettings, Plan, Window, plan
from napari_pinpoint.inference.running import candidates, finish, keep, localize, localize_iter
from napari_pinpoint.inference.to_files import check_gives_labels, localize_to_file
from napari_pinpoint.region import Region

__all__ = [
    "Chunk",
    "LocalizeSettings",
    "Plan",
    "Region",
    "Window",
    "candidates",
    "check_gives_labels",
    "choose_device",
    "describe_device",
    "finish",
    "keep",
    "localize",
    "localize_iter",
    "localize_to_file",
    "plan",
]
