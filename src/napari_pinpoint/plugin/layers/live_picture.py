"""A picture of a table that napari shows at any zoom: drawn for the part that is on screen. No Qt, no napari in here.

For napari it is an image of several resolutions, of which it asks for the part and the resolution that it shows. It is
given what there is at once, and whoever follows the picture (`napari_pinpoint.plugin.work.pictures`) sees to it that
something better comes: first the histogram, then Gaussians as wide as the uncertainties.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from threading import Lock
from typing import Any

import numpy as np

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.layers.picture_level import PictureLevel, Window
from napari_pinpoint.rendering import Coloring, Picture, PictureRegion, contrast_limits, draw

Array = np.ndarray[Any, Any]

#: The finest resolution has so many pixels along a pixel of the stack; each of the others half of the one before.
FINEST = 64
#: The coarsest has at most so many pixels along its longer side: what a thumbnail is made of.
_COARSEST = 512
#: Pixels of a whole resolution that may be asked for at once.
_MOST_PIXELS = 5e7
#: Parts that are kept, lest going back has them drawn again.
_KEPT = 6


class LivePicture:
    """What a picture layer shows of a table.

    Parameters
    ----------
    table
        The localizations.
    shape
        (rows, columns) of the stack.
    coloring
        What the hues say; without it the picture is of brightness alone.
    deferred
        Whether to wait, black, for somebody who follows; else whatever nobody follows is drawn as it is asked for.

    Attributes
    ----------
    wanted
        The part that was asked for last and is not yet as good as it gets, None if there is none.
    on_wanted
        Called without arguments, in the thread that asks, when there is a new `wanted`.
    version
        Another with every change of what is shown.
    levels
        The resolutions, from fine to coarse, as napari takes them: brightness, 1 where the picture is to be white, or
        colours.
    """

    def __init__(
        self,
        table: Localizations,
        shape: tuple[int, int],
        *,
        coloring: Coloring | None = None,
        deferred: bool = False,
    ) -> None:
        self.table, self.shape, self.coloring = table, shape, coloring
        self.wanted: Window | None = None
        self.on_wanted: Callable[[], None] | None = None
        self._deferred = deferred
        self._lock = Lock()  # what is shown, and what is drawn of it, change together
        self._gaussians = True
        self._passing: Array | None = None
        self._all: Picture | None = None  # of the whole table
        self._picture: Picture | None = None  # of the rows that pass
        self.version = 0
        self._answers: dict[Window, tuple[Array, bool]] = {}  # images, and whether they are as good as it gets
        self._former: tuple[Window, Array] | None = None  # what was shown before there was an answer
        self._whites: dict[tuple[int, bool], float] = {}
        n_levels = max(math.ceil(math.log2(max(shape) * FINEST / _COARSEST)), 0) + 1
        coarse = 2 ** (n_levels - 1)
        rows, columns = (math.ceil(side * FINEST / coarse) for side in shape)
        sizes = [(rows * coarse >> level, columns * coarse >> level) for level in range(n_levels)]
        self.levels = [PictureLevel(self, level, size) for level, size in enumerate(sizes)]

    def set_table(self, table: Localizations) -> None:
        """Show another table of the same stack; what is shown stays until that is drawn."""
        if table is not self.table:
            with self._lock:
                self.table, self._all, self._passing = table, None, None
                self._forget()
            self._ask()

    def show_rows(self, passing: Array | None) -> None:
        """Show the rows that pass (n,) bool, all with None: much quicker than another table."""
        same = passing is self._passing
        if not same and (passing is None or self._passing is None or not np.array_equal(passing, self._passing)):
            with self._lock:
                self._passing = passing
                self._forget()
            self._ask()

    def show_gaussians(self, wanted: bool) -> None:
        """Whether Gaussians follow the histogram, where the table has uncertainties."""
        with self._lock:
            self._gaussians = wanted
            self._forget()
        self._ask()

    def image(self, window: Window) -> Array:
        """What there is to be shown in a part, at once."""
        answer, best = self._answers.get(window, (None, False))
        alone = self.on_wanted is None and not self._deferred
        if answer is not None and (best or alone):
            self.wanted = None
            return answer
        if alone:
            for _ in self.improve(window, gaussians=False):
                pass
            return self._answers[window][0]
        self.wanted = window
        if self.on_wanted is not None:
            self.on_wanted()
        return self._meanwhile(window) if answer is None else answer

    def whole(self, level: int) -> Array:
        """A whole resolution, as a thumbnail and whoever wants the numbers have it: never more than the histogram."""
        window = Window(level, 0, self.levels[level].shape[0], 0, self.levels[level].shape[1])
        if math.prod(window.shape) > _MOST_PIXELS:
            raise PinpointError(
                f"The whole picture has {window.shape[0]:,} x {window.shape[1]:,} pixels at this resolution, too many "
                "to be kept; write it by `pinpoint render` at the resolution that you need."
            )
        answer = self._answers.get(window)
        if answer is not None:
            return answer[0]
        if self._picture is None and (self._deferred or self.on_wanted is not None):
            return self._meanwhile(window)
        return self._shown(self._built(), window, None)

    def improve(self, window: Window, *, gaussians: bool = True) -> Iterator[None]:
        """Draw a part, better after each step; in any thread. Others may go on asking for images meanwhile."""
        version = self.version
        if self._picture is None and self._former is None:
            self._former = self._first_sight()
            yield
        picture = self._built()
        final = not (gaussians and self._gaussians and picture.has_widths)
        image = self._shown(picture, window, None)
        if not self._keep(version, window, image, best=final and gaussians):
            return
        yield
        if final:
            return
        _, *edges = self._edges(window)
        regions = picture.gaussians(*edges, shape=window.shape, every_s=0.1)
        next(regions)  # the histogram, again
        region = next(regions, None)
        while region is not None:
            better = next(regions, None)
            image = self._shown(picture, window, region, settled=better is None)
            if not self._keep(version, window, image, best=better is None):
                return
            yield
            region = better
        self._keep(version, window, image, best=True)  # of a part without any localization the histogram is the last

    def _first_sight(self) -> tuple[Window, Array]:
        """The whole at the coarsest resolution: a second's work, where sorting millions of rows takes several."""
        level = self.levels[-1]
        pixel = 2.0**level.level / FINEST
        column = None if self.coloring is None else self.coloring.column
        drawn = draw(self.table, shape=self.shape, magnification=1 / pixel, column=column)
        window = Window(level.level, 0, drawn.density.shape[0], 0, drawn.density.shape[1])
        region = PictureRegion(drawn.density, drawn.mean, -0.5, -0.5, pixel)
        return window, self._painted(region, contrast_limits(drawn.density)[1])

    def _painted(self, region: PictureRegion, white: float) -> Array:
        """Brightness or colours of a region."""
        if self.coloring is None or region.mean is None:
            return region.density / np.float32(white)
        return self.coloring.paint(region.density, region.mean, (0, white))

    def _built(self) -> Picture:
        """The picture of the rows that pass; takes seconds for millions of rows when it is wanted first."""
        while True:
            with self._lock:
                table, passing, every, picture = self.table, self._passing, self._all, self._picture
            if picture is not None:
                return picture
            if every is None:
                column = None if self.coloring is None else self.coloring.column
                every = Picture(table, shape=self.shape, color_by=column)
            picture = every if passing is None else every.where(passing)
            with self._lock:
                if table is self.table:
                    self._all = every
                    if passing is self._passing:
                        self._picture = picture

    def _forget(self) -> None:
        """What was drawn is no longer true; it is still shown until something else is there."""
        if self._answers:
            window = next(reversed(self._answers))
            self._former = (window, self._answers[window][0])
            self.wanted = self.wanted or window
        self.version += 1
        self._picture = None
        self._answers, self._whites = {}, {}

    def _ask(self) -> None:
        if self.on_wanted is not None:
            self.on_wanted()

    def _keep(self, version: int, window: Window, image: Array, *, best: bool) -> bool:
        """Keep an image unless the table is another by now."""
        with self._lock:
            if version != self.version:
                return False
            answers = {key: value for key, value in self._answers.items() if key != window}
            answers[window] = (image, best)
            while len(answers) > _KEPT:
                del answers[next(iter(answers))]
            self._answers = answers
            self._former = (window, image)
        return True

    def _shown(self, picture: Picture, window: Window, region: PictureRegion | None, *, settled: bool = False) -> Array:
        """Brightness or colours of a region of the window, of its histogram where none is given."""
        pixel, *edges = self._edges(window)
        gaussians = region is not None
        if region is None:
            region = picture.region(*edges, shape=window.shape)
        top, left = (round((low + 0.5) / pixel) for low in (region.top, region.left))
        place = np.s_[
            max(top - window.top, 0) : top - window.top + region.density.shape[0],
            max(left - window.left, 0) : left - window.left + region.density.shape[1],
        ]
        key = (window.level, gaussians and (settled or (window.level, True) in self._whites))
        if key not in self._whites:
            # White stays white wherever one moves at this zoom.
            white = contrast_limits(region.density)[1]
            if not region.density.any():
                return self._black(window)
            self._whites[key] = white
        image = self._black(window)
        rows, columns = image[place].shape[:2]
        image[place] = self._painted(region, self._whites[key])[:rows, :columns]
        return image

    def _meanwhile(self, window: Window) -> Array:
        """What was shown before, at another resolution or place, until something better is there."""
        image = self._black(window)
        if self._former is None:
            return image
        old, shown = self._former
        ratio = 2.0 ** (window.level - old.level)
        rows, columns = (
            np.floor((np.arange(low, high) + 0.5) * ratio).astype(np.intp) - first
            for low, high, first in ((window.top, window.bottom, old.top), (window.left, window.right, old.left))
        )
        top, bottom = np.searchsorted(rows, (0, shown.shape[0]))
        left, right = np.searchsorted(columns, (0, shown.shape[1]))
        image[top:bottom, left:right] = shown[rows[top:bottom]].take(columns[left:right], axis=1)
        return image

    def _black(self, window: Window) -> Array:
        return np.zeros(window.shape + self.levels[window.level].shape[2:], self.levels[window.level].dtype)

    @staticmethod
    def _edges(window: Window) -> tuple[float, float, float, float, float]:
        """Side of a pixel, and y0, y1, x0 and x1 in pixels of the stack."""
        pixel = 2.0**window.level / FINEST
        y0, y1, x0, x1 = (edge * pixel - 0.5 for edge in window[1:])
        return pixel, y0, y1, x0, x1
