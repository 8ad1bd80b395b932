"""The dock Pinpoint: there at once, and its tabs made when they are looked at."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

pytestmark = pytest.mark.gui


def test_each_tab_is_made_when_it_is_first_shown(make_napari_viewer: Any) -> None:
    from napari_pinpoint.plugin.dock import PinpointDock
    from napari_pinpoint.plugin.localize.localize_tab import LocalizeTab

    viewer = make_napari_viewer()
    dock = PinpointDock(viewer)
    viewer.window.add_dock_widget(dock, name="Pinpoint")
    names = [dock.tabText(n) for n in range(dock.count())]
    assert names[0] == "Localize"
    assert all(dock.tabToolTip(n) for n in range(dock.count()))
    assert len(dock.findChildren(LocalizeTab)) == 1
    first = dock.show_tab("Localize")
    assert isinstance(first, LocalizeTab)
    for name in names:
        widget = dock.show_tab(name)
        assert dock.currentIndex() == names.index(name)
        assert widget.isVisibleTo(dock)
    assert dock.show_tab("Localize") is first


def test_it_opens_without_waiting_for_torch_or_scipy() -> None:
    code = (
        "import sys, napari.layers, napari.viewer; before = set(sys.modules);"  # napari loads some of scipy itself
        "import napari_pinpoint.plugin.dock, napari_pinpoint.plugin.localize.localize_tab;"
        "print(*(set(sys.modules) - before))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert "napari_pinpoint.plugin.localize.sensitivity" in loaded
    assert not {"torch", "scipy", "pandas", "matplotlib"} & {name.partition(".")[0] for name in loaded}
