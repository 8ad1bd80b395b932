from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import COLUMNS, Localizations, read_only, recorded_field

THREE = {"frame": [0, 0, 1], "y": [1.5, 2.0, 3.25], "x": [4.0, 5.0, 6.0]}


def test_known_columns_get_their_dtype_and_others_stay_as_they_are():
    table = Localizations({**THREE, "photons": [1, 2, 3], "chi2": np.array([1, 2, 3], dtype="uint8")})
    assert table["frame"].dtype == np.int64
    assert table["photons"].dtype == np.float32
    assert table["chi2"].dtype == np.uint8


def test_every_known_column_can_be_empty():
    table = Localizations.empty(COLUMNS)
    assert len(table) == 0
    assert set(table) == set(COLUMNS)


@pytest.mark.parametrize("missing", ["frame", "y", "x"])
def test_a_required_column_that_is_missing_is_named(missing):
    with pytest.raises(PinpointError, match=rf"{missing} is missing"):
        Localizations({name: values for name, values in THREE.items() if name != missing})


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("x", [1.0, np.nan, 2.0], r"'x' must be a finite number in every row; row 1 has nan"),
        ("y", [1.0, 2.0, np.inf], r"'y' must be a finite number in every row; row 2 has inf"),
        ("frame", [0, -1, 2], r"'frame' must be at least 0 in every row; row 1 has -1"),
        ("frame", [0, 0.5, 1], "whole numbers"),
        ("frame", [0, np.nan, 1], "whole numbers"),
        ("channel", [0, np.nan, 1], "'channel' must hold whole numbers"),
        ("particle", np.array([1, 2.5, 3], dtype=object), "whole numbers"),
        ("photons", ["a", "b", "c"], "'photons' must hold numbers"),
        ("photons", ["1", "2", "3"], "'photons' must hold numbers"),
        ("photons", np.zeros(3, dtype=complex), "not complex128 values"),
        ("frame", np.array(["2020", "2021", "2022"], dtype="datetime64[Y]"), "must hold numbers"),
        ("z", [1.0, 2.0], "equally long"),
        ("z", [[1.0, 2.0, 3.0]], "one dimension"),
    ],
)
def test_values_that_cannot_be_are_refused(column, values, message):
    with pytest.raises(PinpointError, match=message):
        Localizations({**THREE, column: values})


def test_unknown_single_values_are_nan_in_floats_and_none_in_text():
    table = Localizations(
        {**THREE, "photons": [1.0, np.nan, 3.0], "label": np.array(["a", np.nan, None], dtype=object)}
    )
    assert np.isnan(table["photons"][1])
    assert table["label"].tolist() == ["a", None, None]


def test_text_is_text_whatever_it_was():
    assert Localizations({**THREE, "label": [1, 2, 3]})["label"].tolist() == ["1", "2", "3"]
    assert Localizations({**THREE, "source": np.array(["a", "b", "c"])})["source"].dtype == object


def test_times_and_frames_agree():
    assert Localizations({**THREE, "t": [-0.5, 0.49, 0.5]})["t"][2] == 0.5
    with pytest.raises(PinpointError, match=r"row 2 has t = 0.4 and frame = 1"):
        Localizations({**THREE, "t": [0.0, 0.0, 0.4]})
    with pytest.raises(PinpointError, match="contradict"):
        Localizations({**THREE, "t": [0.0, 0.0, np.nan]})


def test_nobody_changes_a_table_from_outside():
    mine = np.array([1.0, 2.0, 3.0])
    layer = np.arange(6.0).reshape(3, 2)  # as the data of a napari layer, which is edited in place
    table = Localizations({"frame": [0, 0, 0], "y": layer[:, 0], "x": mine})
    mine[0] = layer[0, 0] = 99
    assert table["x"][0] == 1
    assert table["y"][0] == 0
    with pytest.raises(ValueError, match="read-only"):
        table["x"][0] = 5
    with pytest.raises(AttributeError):
        table.pixel_size_nm = 3
    assert mine.flags.writeable


def test_read_only_arrays_are_not_copied():
    x = read_only(np.array([1.0, 2.0, 3.0]))
    table = Localizations({**THREE, "x": x})
    assert np.shares_memory(table["x"], x)
    assert np.shares_memory(table.with_step("seen")["x"], x)


def test_concatenate_keeps_order_and_shared_columns():
    first = Localizations({**THREE, "photons": [1.0, 2.0, 3.0]}, record={"model": "a"})
    second = Localizations({**THREE, "label": ["a", "b", "c"]}, pixel_size_nm=100)
    joined = Localizations.concatenate([first, second])
    assert list(joined) == ["frame", "y", "x"]
    assert joined["x"].tolist() == [4, 5, 6, 4, 5, 6]
    assert joined.record == {"model": "a"}
    assert joined.pixel_size_nm == 100


def test_a_frame_without_points_costs_no_columns():
    full = Localizations({**THREE, "photons": [1.0, 2.0, 3.0]})
    assert "photons" in Localizations.concatenate([Localizations.empty(), full, Localizations.empty()])
    assert "photons" in Localizations.concatenate([Localizations.empty(["photons"]), Localizations.empty(["photons"])])
    assert len(Localizations.concatenate([])) == 0


def test_tables_of_different_pixels_are_not_joined():
    with pytest.raises(PinpointError, match=r"pixel_size_nm \(100.0, 160.0\)"):
        Localizations.concatenate([Localizations(THREE, pixel_size_nm=100), Localizations(THREE, pixel_size_nm=160)])


@pytest.mark.parametrize("rows", [[True, False, True], [0, 2], slice(0, 3, 2)])
def test_select(rows):
    table = Localizations(THREE, pixel_size_nm=100, z_step_nm=300).select(rows)
    assert table["x"].tolist() == [4, 6]
    assert (table.pixel_size_nm, table.z_step_nm) == (100, 300)


def test_positions_have_a_z_where_the_table_has():
    table = Localizations(THREE)
    np.testing.assert_array_equal(table.positions(), [[1.5, 4], [2, 5], [3.25, 6]])
    np.testing.assert_array_equal(table.with_columns(z=[7, 8, 9]).positions()[0], [7, 1.5, 4])


def test_columns_come_and_go_and_the_original_stays():
    table = Localizations(THREE)
    wider = table.with_columns(photons=[1, 2, 3])
    assert "photons" in wider
    assert "photons" not in table
    assert list(wider.without_columns("photons", "nothing")) == ["frame", "y", "x"]
    with pytest.raises(PinpointError, match="no column 'photons'; it has frame, y, x"):
        table["photons"]


def test_the_record_is_a_copy_in_plain_json():
    given = {"model": {"name": "a"}, "path": Path("a/b"), "n": np.int64(3), "sizes": (1, np.array([2.0]))}
    table = Localizations(THREE, record=given).with_step("filter", min_photons=100)
    given["model"]["name"] = "b"
    assert table.record == {
        "model": {"name": "a"},
        "path": str(Path("a/b")),
        "n": 3,
        "sizes": [1, [2.0]],
        "steps": [{"step": "filter", "min_photons": 100}],
    }
    with pytest.raises(PinpointError, match="plain JSON"):
        Localizations(THREE, record={"model": object()})


@pytest.mark.parametrize("size", [0, -100, np.nan, np.inf])
def test_sizes_are_above_zero(size):
    with pytest.raises(PinpointError, match="pixel_size_nm must be above 0"):
        Localizations(THREE, pixel_size_nm=size)
    with pytest.raises(PinpointError, match="z_step_nm must be above 0"):
        Localizations(THREE, z_step_nm=size)


def test_to_pandas_and_back():
    table = Localizations({**THREE, "photons": [1.0, np.nan, 3.0], "label": ["a", None, "c"]}, pixel_size_nm=100)
    back = Localizations.from_frame(table.to_frame(), pixel_size_nm=100)
    pd.testing.assert_frame_equal(back.to_frame(), table.to_frame())
    assert back["label"].tolist() == ["a", None, "c"]
    assert back["photons"].dtype == np.float32


def test_the_field_is_that_of_the_record():
    assert recorded_field({"input": {"shape": [3, 40, 48]}}) == (40, 48)
    assert recorded_field({"input": {"shape": [40]}}) is None
    assert recorded_field({}) is None
