"""A drop-down list of layers that follows the viewer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import Signal  # type: ignore[attr-defined]

from napari_pinpoint.plugin.widgets.fields import Choice

_EVENTS = ("inserted", "removed", "reordered", "renamed")


class LayerChoice(Choice):
    """The layers that `offered(viewer)` gives; `chosen` is emitted when another one is.

    A layer stays chosen as long as it is there, whatever happens to the others; where none is chosen, `prefer` says
    which of those that are offered. With `proposes_again`, it does so whenever layers come or go until the user has
    chosen one. With `nobody`, which says so in words, no layer may be chosen either, and none is at first.
    """

    chosen = Signal()

    def __init__(
        self,
        viewer: Any,
        offered: Callable[[Any], list[Any]],
        tooltip: str,
        *,
        prefer: Callable[[list[Any]], Any],
        proposes_again: bool = False,
        nobody: str = "",
    ) -> None:
        super().__init__(tooltip)
        self._viewer, self._offered, self._prefer = viewer, offered, prefer
        self._layers: list[Any] = []
        self._nobody = nobody
        self._following, self._picked, self._proposes_again = False, False, proposes_again
        self.setPlaceholderText("no points")
        self.update_layers()
        self.activated.connect(self._pick)
        self.currentIndexChanged.connect(self._tell)

    @property
    def layer(self) -> Any:
        """The chosen layer, None if there is none."""
        index = self.currentIndex()
        return self._layers[index] if 0 <= index < len(self._layers) else None

    def choose(self, layer: Any) -> None:
        """Choose one of the layers that are offered, as a user would."""
        self.update_layers()
        self._picked = True
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
        self._layers = [*([None] if self._nobody else []), *self._offered(self._viewer)]
        self._picked = self._picked and before in self._layers
        stays = before in self._layers and (self._picked or not self._proposes_again)
        proposed = self._prefer(self._layers) if self._layers and not self._nobody else None
        after = before if stays else proposed
        self.blockSignals(True)
        self.clear()
        self.addItems([self._nobody if layer is None else layer.name for layer in self._layers])
        self.setCurrentIndex(self._layers.index(after) if after in self._layers else -1)
        self.blockSignals(False)
        if after is not before:
            self.chosen.emit()

    def _pick(self, index: int) -> None:
        self._picked = True

    def _tell(self) -> None:
        self.chosen.emit()
