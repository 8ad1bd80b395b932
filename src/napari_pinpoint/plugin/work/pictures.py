"""Pictures of tables are drawn for what is on screen, in a thread, while the user zooms and moves."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import Any

from qtpy.QtCore import QObject, QTimer

from napari_pinpoint.plugin.work.background import Answer, Background

#: Milliseconds without another part being asked for, after which one is drawn.
_PATIENCE_MS = 30

#: No viewer is kept alive by its pictures.
_FOLLOWERS: weakref.WeakKeyDictionary[Any, PictureFollower] = weakref.WeakKeyDictionary()


def follow_pictures(viewer: Any) -> PictureFollower:
    """See to it that the picture layers of a viewer are drawn, those to come, too."""
    viewer = getattr(viewer, "__wrapped__", viewer)
    if viewer not in _FOLLOWERS:
        _FOLLOWERS[viewer] = PictureFollower(viewer)
    return _FOLLOWERS[viewer]


class PictureFollower(QObject):
    """Draws what picture layers want (see `LivePicture`), one step after the other, and shows each.

    A layer is one of its if its metadata hold such a picture.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = weakref.ref(viewer)
        self._background = Background(self)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_PATIENCE_MS)
        self._timer.timeout.connect(self._draw)
        self._under_way: dict[int, Any] = {}  # the window that is drawn for each picture
        viewer.layers.events.inserted.connect(self._take)
        viewer.layers.events.removed.connect(self._leave)
        for layer in viewer.layers:
            self._follow(layer)

    def is_busy(self) -> bool:
        """Whether anything is still to be drawn."""
        return self._timer.isActive() or bool(self._under_way)

    def _take(self, event: Any) -> None:
        self._follow(event.value)

    def _follow(self, layer: Any) -> None:
        picture = _picture_of(layer)
        if picture is not None:
            picture.on_wanted = self._timer.start
            if picture.wanted is not None:
                self._timer.start()
            else:
                # Nobody has followed so far: there are histograms only, and Gaussians can come.
                layer.refresh(extent=False)

    def _leave(self, event: Any) -> None:
        picture = _picture_of(event.value)
        if picture is not None and not self._layers_of(picture):
            picture.on_wanted = None
            self._background.drop(_kind(picture))
            self._under_way.pop(id(picture), None)

    def _draw(self) -> None:
        """Begin with what is wanted; what was begun for another part is given up."""
        for picture in {id(p): p for p in map(_picture_of, self._layers()) if p is not None}.values():
            wanted = (picture.wanted, picture.version)
            if picture.wanted is not None and self._under_way.get(id(picture)) != wanted:
                self._under_way[id(picture)] = wanted
                self._step(picture, picture.improve(picture.wanted))

    def _step(self, picture: Any, steps: Iterator[None]) -> None:
        def show(answer: Answer) -> None:
            going_on = answer.value is _MORE
            if not going_on:
                self._under_way.pop(id(picture), None)
            for layer in self._layers_of(picture):
                layer.refresh(extent=False, highlight=False, thumbnail=not going_on)
            if going_on:
                self._step(picture, steps)

        self._background.ask(_kind(picture), lambda: _next(steps), show)

    def _layers(self) -> list[Any]:
        viewer = self._viewer()
        return [] if viewer is None else list(viewer.layers)

    def _layers_of(self, picture: Any) -> list[Any]:
        return [layer for layer in self._layers() if _picture_of(layer) is picture]


_MORE = object()


def _next(steps: Iterator[None]) -> Any:
    """Whether there was a further step."""
    for _ in steps:
        return _MORE
    return None


def _kind(picture: Any) -> str:
    return f"picture {id(picture)}"


def _picture_of(layer: Any) -> Any:
    """The `LivePicture` of a layer, None if it has none: what it is, only the layers of tables know."""
    own = layer.metadata.get("pinpoint")
    return own.get("picture") if isinstance(own, dict) else None
