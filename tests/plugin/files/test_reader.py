"""Our own tables by drag and drop, and no others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from napari.components import ViewerModel
from napari.layers import Layer
from napari.settings import get_plugin_settings

from napari_pinpoint.errors import PinpointError, PinpointWarning
from napari_pinpoint.io.tables import write_localizations
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.files.export import losses, problem_with, title_of
from napari_pinpoint.plugin.files.reader import get_reader
from napari_pinpoint.plugin.layers.pictures import live_picture
from napari_pinpoint.plugin.layers.result_layers import placement_for, placement_of, shape_of, world_position
from napari_pinpoint.plugin.layers.tables import table_from_layer


@pytest.fixture
def file(table: Localizations, tmp_path: Path) -> Path:
    write_localizations(table, tmp_path / "found.parquet")
    return tmp_path / "found.parquet"


def read(path: Path) -> Any:
    reader = get_reader(str(path))
    assert reader is not None
    return Layer.create(*reader(str(path))[0])


def test_a_table_comes_back_as_the_layer_that_it_was(file: Path, table: Localizations) -> None:
    layer = read(file)
    found = table_from_layer(layer)
    assert set(found) == set(table)
    for name in table:
        np.testing.assert_array_equal(found[name], table[name], err_msg=name)
    assert (found.pixel_size_nm, found.record) == (table.pixel_size_nm, table.record)
    np.testing.assert_allclose(layer.scale, (1, 0.117, 0.117))
    assert [str(unit) for unit in layer.units] == ["pixel", "micrometer", "micrometer"]


def test_files_of_others_are_left_to_others(file: Path, tmp_path: Path) -> None:
    pd.DataFrame({"x": [1.0], "y": [2.0]}).to_parquet(tmp_path / "foreign.parquet")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and nothing more")
    assert get_reader(str(tmp_path / "foreign.parquet")) is None
    assert get_reader(str(tmp_path / "broken.parquet")) is None
    assert get_reader(str(tmp_path / "missing.parquet")) is None
    assert get_reader([str(file), str(tmp_path / "foreign.parquet")]) is None
    both = get_reader([str(file), str(file)])
    assert both is not None
    assert len(both([str(file), str(file)])) == 2


@pytest.mark.parametrize("suffix", [".hdf5", ".h5", ".bin", ".mat"])
@pytest.mark.filterwarnings("ignore:.*no place for")
@pytest.mark.filterwarnings("ignore:.*for Picasso")
def test_tables_of_other_programs_open_by_drag_and_drop(suffix: str, table: Localizations, tmp_path: Path) -> None:
    path = tmp_path / f"other{suffix}"
    path.write_bytes(b"something else")
    assert get_reader(str(path)) is None
    write_localizations(table, path, overwrite=True)
    found = table_from_layer(read(path))
    np.testing.assert_allclose(found["x"], table["x"], atol=1e-3)
    np.testing.assert_array_equal(found["frame"], table["frame"])


def test_what_is_open_is_said_and_where_it_is_asked_for(table: Localizations, tmp_path: Path) -> None:
    with pytest.warns(PinpointWarning):
        write_localizations(table, tmp_path / "a.mat")
    (tmp_path / "a.mat.json").unlink()
    from scipy.io import loadmat, savemat

    saved = loadmat(tmp_path / "a.mat")["saveloc"][0, 0]["loc"]
    savemat(tmp_path / "a.mat", {"saveloc": {"loc": saved[0, 0]}})  # without the size of a pixel
    reader = get_reader(str(tmp_path / "a.mat"))
    assert reader is not None
    with pytest.raises(PinpointError, match=r"size of a pixel is not known.*Open a localization table"):
        reader(str(tmp_path / "a.mat"))


def test_many_points_come_as_a_picture(tmp_path: Path, rng: np.random.Generator) -> None:
    get_plugin_settings("napari-pinpoint").display.most_points = 1000
    n = 1001
    columns = {"frame": np.zeros(n), "y": rng.uniform(0, 9, n), "x": rng.uniform(0, 19, n)}
    write_localizations(Localizations(columns, pixel_size_nm=100), tmp_path / "many.parquet")
    picture = read(tmp_path / "many.parquet")
    assert live_picture(picture).table["x"].size == n
    assert np.asarray(picture.data[-1]).any()
    assert len(table_from_layer(picture)) == n
    # Corner to corner with the image: the first pixel's corner lies half a pixel ahead of its centre.
    np.testing.assert_allclose(picture.data_to_world((-0.5, -0.5)), (-0.05, -0.05), atol=1e-12)


def test_a_table_is_laid_over_the_image_of_its_record() -> None:
    viewer = ViewerModel()
    viewer.add_image(np.zeros((3, 10, 20)), name="same shape", scale=(1, 0.5, 0.5), translate=(0, 3, 4))
    viewer.add_image(np.zeros((3, 30, 30)), name="newer")
    table = Localizations({"frame": [2], "y": [1], "x": [2]}, record={"input": {"shape": [3, 10, 20]}})
    placement = placement_for(table, viewer)
    np.testing.assert_allclose(world_position(placement, table, 0), (2, 3.5, 5))


def test_points_drawn_by_hand_have_a_place_too() -> None:
    viewer = ViewerModel()
    viewer.add_image(np.zeros((4, 10, 20)), name="image")
    clicks = viewer.add_points(np.array([[3, 1.0, 2.0]]))
    assert placement_of(clicks).time_axis == 0
    assert shape_of(viewer, clicks) == (10, 20)
    assert placement_of(viewer.add_points(np.array([[1.0, 2.0]]))).time_axis is None


def test_a_record_without_sense_is_no_reason_to_fail(tmp_path: Path, table: Localizations) -> None:
    write_localizations(table.with_record({"input": {"shape": [7]}}), tmp_path / "odd.parquet")
    assert len(read(tmp_path / "odd.parquet").data) == 3


def test_what_a_format_cannot_hold_is_known_before(table: Localizations) -> None:
    assert losses("parquet", table) == "The file holds every column."
    assert losses("thunderstorm", table).startswith("The file has no place for probability, label;")
    assert problem_with("thunderstorm", table) == ""
    unknown = Localizations({"frame": [0], "y": [0], "x": [0]})
    assert "in nanometres" in problem_with("thunderstorm", unknown)
    assert problem_with("parquet", unknown) == ""
    assert title_of("thunderstorm") == "ThunderSTORM (*.csv)"
    with pytest.raises(PinpointError, match="nothing"):
        title_of("nothing")
