"""What napari is offered, where its users find it, and the sample that it opens."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.layers import Image, Points
from npe2 import PluginManifest

from napari_pinpoint.plugin.calibration import camera_of, pixel_size_of
from napari_pinpoint.plugin.layers import table_from_points
from napari_pinpoint.plugin.sample_data import filaments

MANIFEST = Path(__file__).parents[2] / "src" / "napari_pinpoint" / "napari.yaml"


def test_everything_that_is_offered_is_there() -> None:
    manifest = PluginManifest.from_file(MANIFEST)
    manifest.validate_imports()
    offered = manifest.contributions
    assert {str(category) for category in manifest.categories} <= {"Measurement", "Image Processing", "Annotation"}
    assert len(manifest.display_name) <= 40
    assert [widget.display_name for widget in offered.widgets] == ["Localize"]
    assert {suffix for writer in offered.writers for suffix in writer.filename_extensions} == {".csv", ".parquet"}
    assert [sample.key for sample in offered.sample_data] == ["filaments"]
    assert not offered.readers  # napari's own patterns are not claimed


def test_the_sample_is_a_movie_with_its_camera_and_its_truth() -> None:
    (data, movie, image), (points, truth, kind) = filaments()
    assert (image, kind) == ("image", "points")
    layer, drawn = Image(data, **movie), Points(points, **truth)
    assert pixel_size_of(layer.scale, layer.units, layer.metadata) == 100
    assert camera_of(layer.metadata).is_calibrated
    assert drawn.units == layer.units
    assert drawn.axis_labels == layer.axis_labels == ("t", "y", "x")
    table = table_from_points(*drawn.as_layer_data_tuple()[:2])
    bright = table.select(table["photons"] > 1500)
    place = [np.rint(bright[name]).astype(int) for name in ("frame", "y", "x")]
    assert np.median(data[tuple(place)]) > np.percentile(data, 99)
    again = filaments()
    np.testing.assert_array_equal(again[0][0], data)


@pytest.mark.gui
def test_napari_shows_it_where_its_users_look(qtbot: Any, make_napari_viewer: Any) -> None:
    from napari._app_model import get_app_model
    from napari.plugins import _initialize_plugins

    _initialize_plugins()
    make_napari_viewer()
    app = get_app_model()
    titles = {
        menu: [item.command.title for item in app.menus.get_menu(menu) if hasattr(item, "command")]
        for menu in ("napari/plugins", "napari/layers/measure", "napari/file/samples")
    }
    for menu, title in [
        ("napari/plugins", "Localize (Pinpoint)"),
        ("napari/layers/measure", "Localize (Pinpoint)"),
        ("napari/file/samples", "Blinking filaments, with truth (Pinpoint)"),
    ]:
        assert title in titles[menu]
    palette = {action.command.id: action.command for action in app.menus.get_menu(app.menus.COMMAND_PALETTE_ID)}
    assert "napari-pinpoint.localize" in palette
    # A writer cannot know what to write when it is called from the palette.
    assert not palette["napari-pinpoint.write_parquet"].enablement.eval({})


def test_the_dock_opens_without_waiting_for_torch() -> None:
    code = "import sys, napari_pinpoint.plugin.localize_tab; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
