"""One resolution of a live picture, as an array that napari can slice. No Qt and no napari in here."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from napari_pinpoint.plugin.layers.live_picture import LivePicture

Array = np.ndarray[Any, Any]

#: napari asks for whole squares of so many pixels, so that moving a little asks for nothing.
_SQUARE = 256


class Window(NamedTuple):
    """Rows top to bottom - 1 and columns left to right - 1 of a resolution."""

    level: int
    top: int
    bottom: int
    left: int
    right: int

    @property
    def shape(self) -> tuple[int, int]:
        return self.bottom - self.top, self.right - self.left


class PictureLevel:
    """One resolution of a picture as an array that is drawn where it is looked at."""

    def __init__(self, picture: LivePicture, level: int, size: tuple[int, int]) -> None:
        colored = picture.coloring is not None
        self.picture, self.level = picture, level
        self.shape: tuple[int, ...] = (*size, 3) if colored else size
        self.dtype = np.dtype(np.uint8 if colored else np.float32)
        self.ndim = len(self.shape)
        self.size = math.prod(self.shape)
        self.chunks = (_SQUARE, _SQUARE, 3)[: self.ndim]

    def __getitem__(self, key: Any) -> Array:
        """Of two slices the part that they cut out; all else is taken from the whole."""
        keys = key if isinstance(key, tuple) else (key,)
        if len(keys) < 2 or not all(isinstance(one, slice) for one in keys) or keys[:2] == (slice(None),) * 2:
            whole: Array = self.picture.whole(self.level)[key]
            return whole
        (top, bottom, down), (left, right, across) = (
            one.indices(side) for one, side in zip(keys[:2], self.shape[:2], strict=True)
        )
        if bottom <= top or right <= left or down < 1 or across < 1:
            return np.zeros((0, 0, *self.shape[2:]), self.dtype)
        image = self.picture.image(Window(self.level, top, bottom, left, right))
        return image[(slice(None, None, down), slice(None, None, across), *keys[2:])]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.asarray(self.picture.whole(self.level), dtype=dtype)

    def __deepcopy__(self, memo: Any) -> PictureLevel:
        # A layer that is duplicated shows the same table.
        return self
