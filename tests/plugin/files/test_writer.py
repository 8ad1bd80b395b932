"""Tables behind napari's Save, beside what napari itself offers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.utils.notifications import notification_manager
from npe2 import PluginManager, PluginManifest

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.io.tables import read_localizations
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.files.writer import write_parquet, write_thunderstorm
from napari_pinpoint.plugin.layers.tables import points_layer_data, vectors_layer_data

MANIFEST = Path(__file__).parents[3] / "src" / "napari_pinpoint" / "napari.yaml"


@pytest.fixture
def viewer(table: Localizations) -> ViewerModel:
    viewer = ViewerModel()
    data, attributes, _ = points_layer_data(table)
    viewer.add_points(data, **attributes)
    return viewer


@pytest.fixture
def plugins() -> None:
    from napari.plugins import _initialize_plugins

    _initialize_plugins()


@pytest.mark.usefixtures("plugins")
def test_parquet_holds_the_layer_as_a_table(viewer: ViewerModel, table: Localizations, tmp_path: Path) -> None:
    written = viewer.layers.save(str(tmp_path / "found.parquet"))
    assert written == [str(tmp_path / "found.parquet")]
    found = read_localizations(written[0])
    assert set(found) == set(table)
    for name in table:
        np.testing.assert_array_equal(found[name], table[name], err_msg=name)
    assert (found.pixel_size_nm, found.record) == (table.pixel_size_nm, table.record)


@pytest.mark.usefixtures("plugins")
def test_thunderstorm_is_one_of_two_kinds_of_csv(viewer: ViewerModel, table: Localizations, tmp_path: Path) -> None:
    before = len(notification_manager.records)
    ours = viewer.layers.save(str(tmp_path / "ours.csv"), plugin="napari-pinpoint")
    assert Path(ours[0]).read_text().splitlines()[0].startswith('"id","frame","x [nm]","y [nm]"')
    found = read_localizations(ours[0])
    np.testing.assert_array_equal(found["frame"], table["frame"])
    np.testing.assert_allclose(found.positions(), table.positions(), atol=1e-4)
    lost = notification_manager.records[before].message
    assert "probability" in lost
    assert "label" in lost

    naparis = viewer.layers.save(str(tmp_path / "napari.csv"))
    assert Path(naparis[0]).read_text().startswith("index,axis-0,axis-1,axis-2")


def test_napari_s_own_writer_comes_first_whatever_is_installed_first() -> None:
    """napari finds plugins in the order of a folder; that must not change what `layer.save("points.csv")` writes."""
    import napari_builtins

    manifests = [
        PluginManifest.from_file(MANIFEST),
        PluginManifest.from_file(Path(napari_builtins.__file__).with_name("builtins.yaml")),
    ]
    for order in (manifests, manifests[::-1]):
        manager = PluginManager()
        for manifest in order:
            manager.register(manifest)
        chosen = {path: manager.get_writer(path, ["points"])[0].command for path in ("a", "a.csv", "a.parquet")}
        assert chosen == {
            "a": "napari.write_points", "a.csv": "napari.write_points", "a.parquet": "napari-pinpoint.write_parquet"
        }  # fmt: skip


def test_offsets_may_be_saved_along_with_their_points(table: Localizations, tmp_path: Path) -> None:
    layers = [vectors_layer_data(table), points_layer_data(table)]
    assert len(read_localizations(write_parquet(str(tmp_path / "both.parquet"), layers)[0])) == 3


def test_a_missing_suffix_is_added_and_then_nothing_is_overwritten(table: Localizations, tmp_path: Path) -> None:
    layers = [points_layer_data(table)]
    assert write_parquet(str(tmp_path / "found"), layers) == [str(tmp_path / "found.parquet")]
    with pytest.raises(PinpointError, match="exists"):
        write_parquet(str(tmp_path / "found"), layers)  # napari has asked about "found", not about "found.parquet"
    assert write_parquet(str(tmp_path / "found.parquet"), layers) == [str(tmp_path / "found.parquet")]


@pytest.mark.parametrize("layers", [[(np.zeros((2, 3)), {"name": "clicks"}, "points")]])
def test_points_of_unknown_size_are_not_written_in_nanometres(layers: list[Any], tmp_path: Path) -> None:
    with pytest.raises(PinpointError, match=r"'clicks' does not know the size of its pixels.*layer.scale"):
        write_thunderstorm(str(tmp_path / "x.csv"), layers)
    assert list(tmp_path.iterdir()) == []
    assert len(read_localizations(write_parquet(str(tmp_path / "x.parquet"), layers)[0])) == 2


def test_a_folder_that_is_not_there_is_named(table: Localizations, tmp_path: Path) -> None:
    with pytest.raises(PinpointError, match=r"folder .* does not exist"):
        write_parquet(str(tmp_path / "no" / "x.parquet"), [points_layer_data(table)])
