"""What napari is offered, where its users find it, and the sample that it opens."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from napari._app_model.constants._menus import is_menu_contributable
from napari.layers import Image, Points
from napari.settings import get_plugin_settings
from npe2 import PluginManifest

from napari_pinpoint.localizations import FLAGS
from napari_pinpoint.plugin.files.sample_data import filaments, spots
from napari_pinpoint.plugin.layers.calibration import camera_of, pixel_size_of
from napari_pinpoint.plugin.layers.tables import table_from_points
from napari_pinpoint.plugin.preferences import preference

#: Where users look, and what they find there.
MENUS = {
    "napari/plugins/napari-pinpoint": [
        f"{name} (Pinpoint)" for name in ("Pinpoint", "Localize", "Results", "Evaluate")
    ],
    "napari/layers/measure": [f"{name} (Pinpoint)" for name in ("Pinpoint", "Localize", "Results", "Evaluate")],
    "napari/layers/visualize": ["Render the points of all frames as a picture (Pinpoint)"],
    "napari/file/samples/napari-pinpoint": ["Blinking filaments, with truth", "Fluorescent spots, with truth"],
    "napari/file/io_utilities": [
        "Open a TIFF stack with its calibration... (Pinpoint)",
        "Open a localization table... (Pinpoint)",
        "Export the points of the selected layer... (Pinpoint)",
        "Export the selected points... (Pinpoint)",
    ],
}
MANIFEST = Path(__file__).parents[2] / "src" / "napari_pinpoint" / "napari.yaml"


def test_everything_that_is_offered_is_there() -> None:
    manifest = PluginManifest.from_file(MANIFEST)
    manifest.validate_imports()
    offered = manifest.contributions
    assert {str(category) for category in manifest.categories} <= {"Measurement", "Image Processing", "Annotation"}
    assert len(manifest.display_name) <= 40
    assert [widget.display_name for widget in offered.widgets] == ["Pinpoint", "Localize", "Results", "Evaluate"]
    suffixes = {suffix for writer in offered.writers for suffix in writer.filename_extensions}
    assert suffixes == {".csv", ".hdf5", ".parquet"}
    assert [sample.key for sample in offered.sample_data] == ["filaments", "spots"]
    (reader,) = offered.readers
    assert set(reader.filename_patterns) == {"*.parquet", "*.hdf5", "*.h5", "*.bin", "*.mat"}
    # npe2 drops what it does not know in silence, also a misspelt kind of contribution.
    assert set(yaml.safe_load(MANIFEST.read_text())["contributions"]) <= set(type(offered).model_fields)
    assert all(is_menu_contributable(menu) for menu in offered.menus)


def test_napari_s_own_patterns_are_not_claimed() -> None:
    """A second reader of a pattern makes napari ask which one to take, for every such file."""
    import napari_builtins

    builtins = PluginManifest.from_file(Path(napari_builtins.__file__).with_name("builtins.yaml"))
    theirs = {pattern for reader in builtins.contributions.readers for pattern in reader.filename_patterns}
    ours = {p for reader in PluginManifest.from_file(MANIFEST).contributions.readers for p in reader.filename_patterns}
    assert ours
    # napari names these only because ITK could read them, were it installed: dropping one there ends in an error.
    assert ours & theirs <= {"*.hdf5", "*.h5"}


@pytest.mark.parametrize(("sample", "pixel_size"), [(filaments, 100), (spots, 108)])
def test_samples_are_images_with_their_truth(sample: Any, pixel_size: float) -> None:
    (data, image, kind), (points, truth, points_kind) = sample()
    assert (kind, points_kind) == ("image", "points")
    layer, drawn = Image(data, **image), Points(points, **truth)
    assert pixel_size_of(layer.scale, layer.units, layer.metadata) == pixel_size
    assert drawn.units == layer.units
    assert drawn.axis_labels == layer.axis_labels == ("t", "y", "x")
    np.testing.assert_array_equal(drawn.scale, layer.scale)
    table = table_from_points(*drawn.as_layer_data_tuple()[:2])
    bright = table.select((table["flags"] & FLAGS["ignore"]) == 0)
    place = [np.rint(bright[name]).astype(int) for name in ("frame", "y", "x")]
    assert np.median(data[tuple(place)]) > np.percentile(data, 90)
    np.testing.assert_array_equal(sample()[0][0], data)


def test_the_movie_knows_its_camera() -> None:
    assert camera_of(filaments()[0][1]["metadata"]).is_calibrated


@pytest.mark.gui
def test_napari_shows_it_where_its_users_look(qtbot: Any, make_napari_viewer: Any) -> None:
    from napari._app_model import get_app_model
    from napari.plugins import _initialize_plugins

    _initialize_plugins()
    make_napari_viewer()
    app = get_app_model()
    titles = {
        menu: [item.command.title for item in app.menus.get_menu(menu) if hasattr(item, "command")] for menu in MENUS
    }
    for menu, wanted in MENUS.items():
        assert set(wanted) <= set(titles[menu]), menu
    palette = {action.command.id: action.command for action in app.menus.get_menu(app.menus.COMMAND_PALETTE_ID)}
    assert {f"napari-pinpoint.{name}" for name in ("dock", "localize", "open_stack", "render_points")} <= set(palette)
    # Readers and writers cannot know what to read or write when they are called from the palette.
    for name in ("write_parquet", "write_thunderstorm", "get_reader"):
        assert not palette[f"napari-pinpoint.{name}"].enablement.eval({})
    # What needs a selected layer is grey without one.
    points = {"num_selected_layers": 1, "active_layer_type": "points"}
    for name in ("export_points", "export_selected_points", "render_points"):
        enablement = palette[f"napari-pinpoint.{name}"].enablement
        assert enablement.eval(points)
        assert not enablement.eval({"num_selected_layers": 0, "active_layer_type": None})


def test_preferences_have_their_defaults_and_refuse_nonsense() -> None:
    assert [preference(name) for name in ("device", "rerun", "offsets")] == ["auto", "replace", False]
    assert preference("most_points") == 200_000
    with pytest.raises(KeyError):
        preference("colour")
    with pytest.raises(ValueError, match="enum"):
        get_plugin_settings("napari-pinpoint").localizing.device = "abacus"
    get_plugin_settings("napari-pinpoint").display.most_points = 5000
    assert preference("most_points") == 5000


def test_nothing_in_the_menus_waits_for_torch() -> None:
    commands = yaml.safe_load(MANIFEST.read_text())["contributions"]["commands"]
    imports = ", ".join(sorted({command["python_name"].partition(":")[0] for command in commands}))
    assert "napari_pinpoint.plugin.localize.localize_tab" in imports
    code = f"import sys, {imports}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
