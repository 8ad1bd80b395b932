"""The points of the frame on screen, for the threshold as it is now."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined]

from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.layers.tables import Placement, points_layer_data, transient_metadata
from napari_pinpoint.plugin.localize.localizing import Request
from napari_pinpoint.plugin.work.background import Answer, Background
from napari_pinpoint.plugin.work.telling import hearing
from napari_pinpoint.plugin.work.torch_loading import load_torch

if TYPE_CHECKING:
    from napari_pinpoint.inference import LocalizeSettings, Plan
    from napari_pinpoint.model import Localizer

#: Frames whose candidates are remembered.
_REMEMBERED = 64
NAME = "preview"
_STYLE = {"symbol": "diamond", "face_color": "transparent", "border_color": "#00e5ff", "border_width": 0.15, "size": 4}


class Preview(QObject):
    """A layer with what a run would find in one frame.

    The network runs once for a frame, in a thread; whatever the threshold is then, only its candidates are looked
    through. Where a decoder finds others at another threshold, and not just fewer, it runs again. `changed` says that
    candidates, problem or layer are others.
    """

    changed = Signal()
    #: The user has removed the layer.
    removed = Signal()

    def __init__(self, viewer: Any, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.candidates: Localizations | None = None
        self.kept: Localizations | None = None
        self.problem = ""
        self.warnings: tuple[str, ...] = ()
        self.layer: Any = None
        self._viewer, self._background = viewer, background
        self._finder = _Finder()
        self._found: OrderedDict[Hashable, Answer] = OrderedDict()
        self._asked: Any = None  # key and frame
        self._request: Any = None
        self._settings: Mapping[str, Any] = {}
        self._placement = Placement()

    @property
    def is_busy(self) -> bool:
        return self._background.is_asked("preview")

    def show(self, key: Hashable, frame: int, request: Callable[[], Request], settings: Mapping[str, Any]) -> None:
        """Show the points of a frame.

        Parameters
        ----------
        key
            Another one whenever anything but frame and settings is.
        frame
            The frame on screen.
        request
            Gives what would be localized; PinpointError where nothing can be.
        settings
            Threshold and contrast, as `LocalizeSettings` has them.
        """
        self._settings = settings
        if (key, frame) == self._asked and (self.is_busy or self.candidates is not None):
            self.update(settings)
            return
        self._asked = (key, frame)
        asked = request()
        self._placement = asked.placement
        self._request = asked
        if self._asked in self._found:
            self._background.drop("preview")
            self._take(self._found[self._asked])
            return
        self.candidates = self.kept = None
        self.problem = ""
        self._ask()
        self.changed.emit()

    def update(self, settings: Mapping[str, Any]) -> None:
        """Show the same frame with other settings."""
        self._settings = settings
        if self._asked in self._found and not self.is_busy:
            self._take(self._found[self._asked])

    def clear(self) -> None:
        """No preview: the layer goes, and nothing is computed."""
        self._background.drop("preview")
        self._asked = self.candidates = self.kept = None
        self.problem = ""
        layer, self.layer = self.layer, None
        if layer is not None and layer in self._viewer.layers:
            self._viewer.layers.remove(layer)
        self.changed.emit()

    def on_layer_removed(self, layer: Any) -> None:
        """A layer of the viewer was removed."""
        if self.layer is not None and layer == self.layer:
            self.layer = None
            self.removed.emit()

    def _ask(self) -> None:
        """Find the candidates of the frame, at the threshold as it is now."""
        finder, (key, frame), request, settings = self._finder, self._asked, self._request, self._settings
        self._background.ask("preview", lambda: finder(key, request, frame, settings), self._take)

    def _take(self, answer: Answer) -> None:
        self.problem = answer.problem
        if answer.value is not None:
            from napari_pinpoint.inference import LocalizeSettings, keep  # torch is there by now

            if not _serves(answer.value, LocalizeSettings(**self._settings)):
                self._ask()  # what was found stays in sight meanwhile
                return
            self._found[self._asked] = answer
            self._found.move_to_end(self._asked)
            while len(self._found) > _REMEMBERED:
                self._found.popitem(last=False)
            found: _Found = answer.value
            self.candidates, self.warnings = found.candidates, (*found.warnings, *answer.warnings)
            self.kept = keep(found.candidates, LocalizeSettings(**self._settings), found.model)
            self._show_points(self.kept)
        self.changed.emit()

    def _show_points(self, table: Localizations) -> None:
        data, attributes, _ = points_layer_data(
            table.without_columns(*(set(table) - {"frame", "y", "x"})), self._placement, name=NAME
        )
        if self.layer is not None and self.layer.ndim != data.shape[1]:
            layer, self.layer = self.layer, None
            self._viewer.layers.remove(layer)
        if self.layer is None:
            active = self._viewer.layers.selection.active
            attributes |= {**_STYLE, "metadata": transient_metadata()}
            self.layer = self._viewer.add_points(data, **attributes)
            self._viewer.layers.selection.active = active  # what the user has chosen stays chosen
        else:
            self.layer.data = data


class _Found(NamedTuple):
    """Candidates, the model that found them, and what there was to doubt when all but the frame was decided."""

    candidates: Localizations
    model: Localizer
    warnings: tuple[str, ...]


class _Finder:
    """Finds candidates, in the thread of the questions; the model and all that is decided once is kept."""

    def __init__(self) -> None:
        self._key: Hashable = None
        self._plan: Plan | None = None
        self._doubts: list[str] = []
        self._lock = threading.Lock()  # when a thread ends, the next one may have begun

    def __call__(self, key: Hashable, request: Request, frame: int, settings: Mapping[str, Any]) -> _Found:
        load_torch()
        from napari_pinpoint.inference import LocalizeSettings, candidates

        with self._lock:
            if self._plan is None or key != self._key:
                self._doubts.clear()
                with hearing(self._doubts.append):  # they hold for every frame
                    self._plan, self._key = request.plan(), key
            threshold = LocalizeSettings(**settings).resolved(self._plan.model).threshold
            found = candidates(self._plan.with_settings(threshold=threshold), frame)
            return _Found(found, self._plan.model, tuple(self._doubts))


def _serves(found: _Found, settings: LocalizeSettings) -> bool:
    """Whether what these settings keep can be selected from candidates; not every decoder's points can."""
    found_at = found.candidates.record["settings"]["threshold"]
    return bool(found.model.decoder.selectable or found_at == settings.resolved(found.model).threshold)
