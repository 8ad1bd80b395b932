"""A drop-down list of layers that follows the viewer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import Signal  # type: ignore[attr-defined]

from napari_pinpoint.plugin.fields import Choice

_EVENTS = ("inserted", "removed", "reordered", "renamed")


class LayerChoice(Choice):
    """The layers that `offered(viewer)` gives; `chosen` is emitted when another one is.

    A layer stays chosen as long as it is there, whatever happens to the others. `prefer` says which of those that
    are offered to take where none is chosen: by default the selected one, else the first.
    """

    chosen = Signal()

    def __init__(
        self,
        viewer: Any,
        offered: Callable[[Any], list[Any]],
        tooltip: str,
        *,
        prefer: Callable[[list[Any]], Any] | None = None,
    ) -> None:
        super().__init__(tooltip)
        self._viewer, self._offered, self._prefer = viewer, offered, prefer
        self._layers: list[Any] = []
        self._following = False
        self.setPlaceholderText("no points")
        self.update_layers()
        self.currentIndexChanged.connect(self._tell)

    @property
    def layer(self) -> Any:
        """The chosen layer, None if there is none."""
        index = self.currentIndex()
        return self._layers[index] if 0 <= index < len(self._layers) else None

    def choose(self, layer: Any) -> None:
        """Choose one of the layers that are offered."""
        self.setCurrentIndex(self._layers.index(layer))

    def follow(self) -> None:
        """Keep up with the viewer from now on."""
        if not self._following:
            self._following = True
            for name in _EVENTS:
                getattr(self._viewer.layers.events, name).connect(self.update_layers)
        self.update_layers()

    def unfollow(self) -> None:
        """Keep up no longer."""
        if self._following:
            self._following = False
            for name in _EVENTS:
                getattr(self._viewer.layers.events, name).disconnect(self.update_layers)

    def update_layers(self, event: Any = None) -> None:
        """Offer the layers there are now."""
        before = self.layer
        self._layers = self._offered(self._viewer)
        after = before if before in self._layers else self._preferred()
        self.blockSignals(True)
        self.clear()
        self.addItems([layer.name for layer in self._layers])
        self.setCurrentIndex(-1 if after is None else self._layers.index(after))
        self.blockSignals(False)
        if after is not before:
            self.chosen.emit()

    def _preferred(self) -> Any:
        if not self._layers:
            return None
        active = self._viewer.layers.selection.active
        if self._prefer is not None:
            return self._prefer(self._layers)
        return active if active in self._layers else self._layers[0]

    def _tell(self) -> None:
        self.chosen.emit()
