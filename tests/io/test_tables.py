from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from napari_pinpoint.errors import ConventionNeeded, PinpointError, PinpointWarning
from napari_pinpoint.io.tables import FORMATS, check_target, read_localizations, write_localizations
from napari_pinpoint.localizations import COLUMNS, FLAGS, Localizations

HEADER = '"id","frame","x [nm]","y [nm]","sigma [nm]","intensity [photon]","offset [photon]","uncertainty [nm]"'
ROWS = ["1,1,50,250,130,1000,10,12.5", "2,3,0.0,100.0,120,2000,20,7"]


def write_text(folder: Path, *lines: str, newline: str = "\n") -> Path:
    path = folder / "table.csv"
    path.write_bytes((newline.join(lines) + newline).encode())
    return path


@pytest.fixture
def table(rng: np.random.Generator) -> Localizations:
    """Two hundred rows with every column that has a meaning, and one that has none."""
    n = 200
    columns: dict[str, object] = {"my score": rng.random(n)}
    for name, column in COLUMNS.items():
        if column.dtype == "str":
            columns[name] = rng.choice(["one", "two", 'ein µm, "quoted"'], n)
        else:
            columns[name] = rng.integers(0, 50, n) if column.dtype == "int64" else rng.random(n) * 64
    columns["t"] = columns["frame"]
    columns["photons"] = np.where(rng.random(n) < 0.1, np.nan, 1000 * rng.random(n))
    record = {"model": {"name": "smlm-2d"}, "camera": {"offset_adu": 100.0}, "steps": []}
    return Localizations(columns, pixel_size_nm=107.3, z_step_nm=250, record=record)


def assert_same(found: Localizations, expected: Localizations, names: list[str] | None = None, **close: float) -> None:
    names = names or list(expected)
    pd.testing.assert_frame_equal(
        found.to_frame()[names], expected.to_frame()[names], check_exact=not close, rtol=0, **close
    )


class TestThunderStorm:
    def test_the_convention(self, tmp_path):
        table = read_localizations(write_text(tmp_path, HEADER, *ROWS), pixel_size_nm=100)
        assert table["frame"].tolist() == [0, 2]
        # The centre of the first pixel is at half a pixel size, its corner at 0.
        assert table["x"].tolist() == [0, -0.5]
        assert table["y"].tolist() == [2, 0.5]
        assert table["photons"].tolist() == [1000, 2000]
        assert table["background"].tolist() == [10, 20]
        for name in ("psf_sigma_y", "psf_sigma_x"):
            np.testing.assert_allclose(table[name], [1.3, 1.2])
        for name in ("uncertainty_y", "uncertainty_x"):
            np.testing.assert_allclose(table[name], [0.125, 0.07])
        assert table.pixel_size_nm == 100

    @pytest.mark.parametrize(
        "header",
        [
            HEADER,
            HEADER.replace('"', ""),
            HEADER.replace(",", ", "),
            HEADER.replace('"', "").replace(",", " , "),
            '"' + HEADER[1:].replace('"', '""').replace('""', "", 1) + '"',  # the whole line as one field
            HEADER.replace("uncertainty", "uncertainty_xy"),
            HEADER.replace("x [nm]", "X[nm]"),
            "\ufeff" + HEADER,
        ],
    )
    @pytest.mark.parametrize("newline", ["\n", "\r\n"])
    def test_headers_as_they_are_found(self, tmp_path, header, newline):
        expected = read_localizations(write_text(tmp_path, HEADER, *ROWS), pixel_size_nm=100)
        path = write_text(tmp_path, header, *ROWS, newline=newline)
        assert_same(read_localizations(path, pixel_size_nm=100), expected)

    @pytest.mark.parametrize(
        "lines",
        [
            ["frame;x [nm];y [nm]", "1;50,5;250,25"],
            ["frame;x [nm];y [nm]", "1;50.5;250.25"],
            ["frame\tx [nm]\ty [nm]", "1\t50.5\t250.25"],
            ["frame, x [nm], y [nm]", "1, 50.5, 250.25"],
            ["frame,x [nm],y [nm],", "1.0,50.5,250.25,"],
            ["frame,x [um],y [µm]", "1,0.0505,0.25025"],
            ["frame,x [px],y [px]", "1,0.505,2.5025"],
            ["frame,x [nm],y [nm]", '"1","50.5","250.25"'],
            ["frame,x [nm],y [nm]", "", "1,50.5,250.25", "", ""],
        ],
    )
    def test_fields_as_they_are_found(self, tmp_path, lines):
        table = read_localizations(write_text(tmp_path, *lines), pixel_size_nm=100)
        assert table["frame"].tolist() == [0]
        np.testing.assert_allclose([table["x"][0], table["y"][0]], [0.005, 2.0025], atol=1e-12)

    def test_what_has_no_name_here_is_kept_under_its_own(self, tmp_path):
        lines = ["id,frame,x [nm],y [nm],bkgstd [photon],intensity [ADU],chi2,note", "7,1,50,50,4.5,800,,good"]
        table = read_localizations(write_text(tmp_path, *lines), pixel_size_nm=100)
        assert {"id", "bkgstd [photon]", "intensity [ADU]", "chi2", "note"} < set(table)
        assert "photons" not in table
        assert table["note"].tolist() == ["good"]

    def test_missing_values_are_nan(self, tmp_path):
        lines = ["frame,x [nm],y [nm],uncertainty_xy [nm]", "1,50,50,", "1,50,50,NaN", "1,50,50,\ufffd", "1,50,50,5"]
        found = read_localizations(write_text(tmp_path, *lines), pixel_size_nm=100)["uncertainty_x"]
        np.testing.assert_allclose(found, [np.nan, np.nan, np.nan, 0.05])

    def test_z_without_planes_is_in_cubic_voxels(self, tmp_path):
        lines = ["frame,x [nm],y [nm],z [nm],sigma1 [nm],sigma2 [nm]", "1,50,50,-250,110,180"]
        table = read_localizations(write_text(tmp_path, *lines), pixel_size_nm=100)
        assert table["z"][0] * table.z_step_nm == pytest.approx(-250)
        np.testing.assert_allclose([table["psf_sigma_x"][0], table["psf_sigma_y"][0]], [1.1, 1.8])

    def test_pixels_need_no_pixel_size(self, tmp_path):
        table = read_localizations(write_text(tmp_path, "frame,x [px],y [px]", "1,0.5,1.5"))
        assert (table["x"][0], table["y"][0], table.pixel_size_nm) == (0, 1, None)

    def test_a_table_without_rows(self, tmp_path):
        table = read_localizations(write_text(tmp_path, HEADER), pixel_size_nm=100)
        assert len(table) == 0
        assert table["photons"].dtype == np.float32

    @pytest.mark.parametrize(
        "lines",
        [
            ["frame,x [nm],y [nm]", "0,50,50", "3,50,50"],
            ["id,frame,x [nm],y [nm]", "0,3,50,50", "1,4,50,50"],  # as Picasso numbers its rows
        ],
    )
    def test_what_another_program_wrote_is_asked_for(self, tmp_path, lines):
        path = write_text(tmp_path, *lines)
        with pytest.raises(ConventionNeeded, match=r"does not say where positions.*--origin") as needed:
            read_localizations(path, pixel_size_nm=100)
        assert "origin" in needed.value.options
        table = read_localizations(path, pixel_size_nm=100, origin="centre", first_frame=0)
        assert table["frame"][0] == int(lines[1].split(",")[-3])
        assert table["x"].tolist() == [0.5, 0.5]

    def test_columns_without_a_unit_are_asked_for(self, tmp_path):
        path = write_text(tmp_path, "frame,x,y,photons,detections [1]", "1,250,50,800,1")
        with pytest.raises(ConventionNeeded, match=r"Give --unit.*--origin.*--first-frame") as needed:
            read_localizations(path)
        assert needed.value.options == ("unit", "origin", "first_frame")
        said = {"unit": "um", "origin": "corner", "first_frame": 1, "pixel_size_nm": 1000}
        table = read_localizations(path, **said)
        assert (table["frame"][0], table["x"][0], table["y"][0], table["photons"][0]) == (0, 249.5, 49.5, 800)
        with pytest.raises(PinpointError, match="origin must be one of centre, corner, one, not 'middle'"):
            read_localizations(path, **{**said, "origin": "middle"})

    @pytest.mark.parametrize(
        ("lines", "message"),
        [
            ([], "is empty"),
            (["frame,y [nm]", "1,2"], r"no column for x\. Expected.*found 'frame', 'y \[nm\]'"),
            (["frame,x [inch],y [nm]", "1,2,3"], r"unit of 'x \[inch\]' is not known"),
            (["frame,x [nm],y [nm],intensity [lux]", "1,2,3,4"], r"unit of 'intensity \[lux\]'"),
            (["frame,x [nm],x [nm],y [nm]", "1,2,3,4"], r"'x \[nm\]' stands for several columns"),
            (["frame,x [nm],x [px],y [nm]", "1,2,3,4"], r"'x \[nm\]' and 'x \[px\]' both say x"),
            (["frame,x [nm],y [nm]", "1,2,3", "1,2"], r"line 3: 2 values, where the header names 3 columns"),
            (["frame,x [nm],y [nm]", "1,2,3", "1,2,3,4"], r"line 3: 4 values"),
            (["frame,x [nm],y [nm]", "1,2,3", "", "1,two,3"], r"line 4: 'two' is not a number \(x \[nm\]\)"),
            (["frame,x [nm],y [nm]", "1,2,3", "1,,3"], r"line 3: 'x \[nm\]' must be a finite number, not nan"),
            (["frame,x [nm],y [nm]", "1,2,inf"], r"line 2: 'y \[nm\]' must be a finite number, not inf"),
            (["frame,x [nm],y [nm]", "1,2,3", "1.5,2,3"], r"line 3: 'frame' must be a whole number from 1, not 1.5"),
            (["frame,x [nm],y [nm]", "-1,2,3"], r"line 2: 'frame' must be a whole number from 1, not -1"),
            (["frame,x [nm],y [nm],detections", "1,2,3,"], r"table.csv: Column 'n_frames' must hold whole numbers"),
        ],
    )
    def test_what_is_wrong_is_named_with_its_line(self, tmp_path, lines, message):
        with pytest.raises(PinpointError, match=message):
            read_localizations(write_text(tmp_path, *lines), pixel_size_nm=100)

    def test_nanometres_need_a_pixel_size(self, tmp_path):
        path = write_text(tmp_path, HEADER, *ROWS)
        with pytest.raises(PinpointError, match=r"the size of a pixel is not known; give it \(--pixel-size-nm"):
            read_localizations(path)
        with pytest.raises(PinpointError, match="must be above 0, not -100"):
            read_localizations(path, pixel_size_nm=-100)

    def test_round_trip(self, table, tmp_path):
        path = tmp_path / "out.csv"
        lost = [name for name in table if name in FORMATS["thunderstorm"].cannot_hold(table)]
        with pytest.warns(PinpointWarning, match="has no place for my score, t, trace"):
            write_localizations(table, path)
        found = read_localizations(path)
        lateral = ["uncertainty_y", "uncertainty_x"]  # ThunderSTORM has one for both
        assert_same(found, table, [name for name in table if name not in [*lost, *lateral]], atol=1e-3)
        both = np.hypot(table["uncertainty_y"], table["uncertainty_x"]) / np.sqrt(2)
        np.testing.assert_allclose(found["uncertainty_x"], both, atol=1e-3)
        assert found.record == table.record
        assert (found.pixel_size_nm, found.z_step_nm) == (107.3, 250)

    def test_the_file_is_what_thunderstorm_reads(self, tmp_path):
        columns = {"frame": [0, 4], "y": [0, 1], "x": [2, 3], "photons": [100, np.nan], "psf_sigma_y": [1, 1.5]}
        table = Localizations({**columns, "psf_sigma_x": [1, 1.5]}, pixel_size_nm=100)
        write_localizations(table, tmp_path / "out.csv")
        assert (tmp_path / "out.csv").read_text().splitlines() == [
            '"id","frame","x [nm]","y [nm]","sigma [nm]","intensity [photon]"',
            "1,1,250,50,100,100",
            "2,5,350,150,150,NaN",  # Java reads NaN, and neither nan nor nothing
        ]

    @pytest.mark.parametrize("pixel_size_nm", [0.5, 6.45, 100, 6500])
    def test_positions_survive_to_a_thousandth_of_a_pixel(self, tmp_path, rng, pixel_size_nm):
        table = Localizations({"frame": np.zeros(500), "y": rng.random(500), "x": 2000 * rng.random(500)})
        write_localizations(table, tmp_path / "out.csv", pixel_size_nm=pixel_size_nm)
        assert_same(read_localizations(tmp_path / "out.csv"), table, ["y", "x"], atol=1e-3)

    def test_a_table_without_pixel_size_is_not_written(self, tmp_path):
        with pytest.raises(PinpointError, match="the size of a pixel is not known"):
            write_localizations(Localizations.empty(), tmp_path / "out.csv")
        assert not (tmp_path / "out.csv").exists()

    def test_z_without_a_step_has_no_place(self, tmp_path):
        table = Localizations({"frame": [0], "y": [1], "x": [2], "z": [3]}, pixel_size_nm=100)
        with pytest.warns(PinpointWarning, match="no place for z"):
            write_localizations(table, tmp_path / "out.csv")
        assert "z" not in read_localizations(tmp_path / "out.csv")

    def test_the_sidecar_of_another_table_is_not_believed(self, tmp_path):
        path = tmp_path / "out.csv"
        write_localizations(Localizations({"frame": [0], "y": [1], "x": [2]}, pixel_size_nm=100), path)
        assert json.loads(path.with_name("out.csv.json").read_text())["pixel_size_nm"] == 100
        write_text(tmp_path, HEADER, *ROWS).rename(path)
        with pytest.warns(PinpointWarning, match=r"out.csv was changed after out.csv.json was written"):
            assert read_localizations(path, pixel_size_nm=50).pixel_size_nm == 50

    def test_somebody_elses_json_is_left_alone(self, tmp_path):
        path = write_text(tmp_path, HEADER, *ROWS)
        for text in ("not json", "[]", '{"pixel_size_nm": 3}'):
            path.with_name("table.csv.json").write_text(text)
            assert read_localizations(path, pixel_size_nm=100).pixel_size_nm == 100

    def test_the_given_pixel_size_wins_and_says_so(self, tmp_path):
        write_localizations(Localizations({"frame": [0], "y": [1], "x": [2]}, pixel_size_nm=100), tmp_path / "out.csv")
        with pytest.warns(PinpointWarning, match="pixel size of 100 nm; it is read with the given 50 nm"):
            table = read_localizations(tmp_path / "out.csv", pixel_size_nm=50)
        assert table["x"].tolist() == [4.5]  # 250 nm

    @pytest.mark.data
    def test_the_truth_of_the_deep_storm_sample(self, data_folder):
        table = read_localizations(data_folder / "smlm_high_density" / "positions_demo1.csv", pixel_size_nm=100)
        assert len(table) == 4956
        assert (table["frame"].min(), table["frame"].max()) == (0, 19)
        assert table["x"][0] == pytest.approx(67.843 / 100 - 0.5)
        assert table["y"][0] == pytest.approx(2484.15594 / 100 - 0.5)
        for name in ("y", "x"):  # 64 pixels, whose first spans -0.5 to 0.5
            assert -0.5 <= table[name].min() < -0.45
            assert 63.45 < table[name].max() <= 63.5

    @pytest.mark.data
    def test_that_truth_lies_on_the_light(self, data_folder):
        """Truth and image agree to a tenth of a pixel, so it is neither half a pixel off nor are its axes exchanged."""
        from tifffile import imread

        folder = data_folder / "smlm_high_density"
        table = read_localizations(folder / "positions_demo1.csv", pixel_size_nm=100)
        frames = imread(folder / "ArtificialDataset_demo1.tif").astype(float)
        frames -= frames.mean()
        place = [np.round(table[name]).astype(int) for name in ("y", "x")]
        inside = np.all([(axis >= 2) & (axis < 62) for axis in place], axis=0)
        y, x, frame = place[0][inside], place[1][inside], table["frame"][inside]
        offsets = np.mgrid[-2:3, -2:3]
        light = np.array([[frames[frame, y + dy, x + dx].mean() for dx in range(-2, 3)] for dy in range(-2, 3)])
        light -= light.min()
        centre = (offsets * light).sum((1, 2)) / light.sum()
        mean_offset = [(table["y"][inside] - y).mean(), (table["x"][inside] - x).mean()]
        np.testing.assert_allclose(centre, mean_offset, atol=0.1)

    @pytest.mark.data
    def test_a_real_table_with_a_header_in_one_quotation(self, data_folder):
        path = data_folder / "tables" / "locan" / "Thunderstorm_dstorm_data.csv"
        table = read_localizations(path, pixel_size_nm=133)
        assert len(table) == 19
        assert table["frame"][0] == 2000
        assert table["x"][0] == pytest.approx(1320.109670647555 / 133 - 0.5)
        assert table["uncertainty_x"][0] == pytest.approx(22.93255128689051 / 133)
        assert "chi2" in table

    @pytest.mark.data
    def test_a_table_of_another_program_is_not_one(self, data_folder):
        path = data_folder / "tables" / "locan" / "Nanoimager_dstorm_data.csv"
        with pytest.raises(PinpointError, match=r"no ThunderSTORM table.*'X \(nm\)'"):
            read_localizations(path, pixel_size_nm=100, format="thunderstorm")


class TestParquet:
    def test_round_trip_is_exact(self, table, tmp_path):
        write_localizations(table, tmp_path / "out.parquet")
        found = read_localizations(tmp_path / "out.parquet")
        assert_same(found, table)
        assert list(found) == list(table)
        assert found.record == table.record
        assert (found.pixel_size_nm, found.z_step_nm) == (107.3, 250)

    def test_an_empty_table_keeps_its_columns(self, tmp_path):
        write_localizations(Localizations.empty(["photons", "label"]), tmp_path / "out.parquet")
        found = read_localizations(tmp_path / "out.parquet")
        assert len(found) == 0
        assert list(found) == ["frame", "y", "x", "photons", "label"]

    def test_the_folder_does_not_add_columns(self, tmp_path):
        (tmp_path / "dose=3").mkdir()
        write_localizations(Localizations.empty(), tmp_path / "dose=3" / "out.parquet")
        assert list(read_localizations(tmp_path / "dose=3" / "out.parquet")) == ["frame", "y", "x"]

    def test_missing_text_stays_missing(self, tmp_path):
        table = Localizations({"frame": [0, 1], "y": [1, 2], "x": [3, 4], "label": [None, "a"]})
        write_localizations(table, tmp_path / "out.parquet")
        assert read_localizations(tmp_path / "out.parquet")["label"].tolist() == [None, "a"]

    def test_units_stand_in_the_file(self, table, tmp_path):
        from pyarrow import parquet

        write_localizations(table, tmp_path / "out.parquet")
        schema = parquet.read_schema(tmp_path / "out.parquet")
        assert schema.field("x").metadata[b"unit"] == b"px"
        assert schema.field("photons").metadata[b"unit"] == b"photoelectrons"

    def test_the_given_pixel_size_wins_and_says_so(self, table, tmp_path):
        write_localizations(table, tmp_path / "out.parquet")
        with pytest.warns(PinpointWarning, match="with the given 50 nm"):
            assert read_localizations(tmp_path / "out.parquet", pixel_size_nm=50).pixel_size_nm == 50

    def test_a_file_by_pandas_in_our_names(self, tmp_path):
        columns = {"frame": [0], "y": [1.0], "x": [2.0], "photons": [3.0]}
        pd.DataFrame(columns).to_parquet(tmp_path / "out.parquet")
        assert read_localizations(tmp_path / "out.parquet")["photons"].tolist() == [3]
        pd.DataFrame({**columns, "sx": [1.0]}).to_parquet(tmp_path / "out.parquet")
        with pytest.raises(PinpointError, match="not written by napari-pinpoint, and what sx mean"):
            read_localizations(tmp_path / "out.parquet")
        pd.DataFrame({"frame": [0], "y": [1.0]}).to_parquet(tmp_path / "out.parquet")
        with pytest.raises(PinpointError, match=r"out.parquet: A localization table needs.* x is missing"):
            read_localizations(tmp_path / "out.parquet")

    def test_a_file_of_a_newer_version_is_refused(self, tmp_path):
        import pyarrow as pa
        from pyarrow import parquet

        data = pa.table({"frame": [0], "y": [1.0], "x": [2.0]})
        data = data.replace_schema_metadata({"napari_pinpoint_table": json.dumps({"napari_pinpoint_table": 99})})
        parquet.write_table(data, tmp_path / "out.parquet")
        with pytest.raises(PinpointError, match="newer napari-pinpoint"):
            read_localizations(tmp_path / "out.parquet")

    @pytest.mark.parametrize("kept", [0, 3, 500])
    def test_a_damaged_file_is_named(self, table, tmp_path, kept):
        path = tmp_path / "out.parquet"
        write_localizations(table, path)
        path.write_bytes(path.read_bytes()[:kept])
        with pytest.raises(PinpointError, match=r"out.parquet is not a Parquet file, or damaged"):
            read_localizations(path)

    def test_values_of_several_kinds_are_refused(self, tmp_path):
        mixed = np.array([1, "a"], dtype=object)
        table = Localizations({"frame": [0, 1], "y": [1, 2], "x": [3, 4], "mixed": mixed})
        with pytest.raises(PinpointError, match="Column 'mixed' cannot be written"):
            write_localizations(table, tmp_path / "out.parquet")
        assert not (tmp_path / "out.parquet").exists()


class TestTables:
    def test_a_suffix_that_says_nothing_lists_what_exists(self, tmp_path):
        (tmp_path / "a.xls").write_text("x")
        with pytest.raises(PinpointError, match=r"\.csv \(thunderstorm, .*\); \.parquet \(parquet\)"):
            read_localizations(tmp_path / "a.xls")
        with pytest.raises(PinpointError, match=r"\.csv \(thunderstorm, "):
            write_localizations(Localizations.empty(), tmp_path / "b.xyz")

    def test_the_format_can_be_named_or_given(self, table, tmp_path):
        write_localizations(table, tmp_path / "out.dat", format="parquet")
        assert_same(read_localizations(tmp_path / "out.dat", format=FORMATS["parquet"]), table)
        with pytest.raises(PinpointError, match=r"no table format 'parket'. Did you mean 'parquet'"):
            read_localizations(tmp_path / "out.dat", format="parket")

    def test_suffixes_may_be_in_capitals(self, table, tmp_path):
        write_localizations(table, tmp_path / "OUT.PARQUET")
        assert len(read_localizations(tmp_path / "OUT.PARQUET")) == len(table)

    @pytest.mark.parametrize("suffix", ["csv", "parquet"])
    def test_what_exists_is_replaced_only_on_request(self, tmp_path, suffix):
        path = tmp_path / f"out.{suffix}"
        table = Localizations({"frame": [0], "y": [1], "x": [2]}, pixel_size_nm=100)
        write_localizations(table, path)
        with pytest.raises(PinpointError, match="exists"):
            write_localizations(Localizations.empty(pixel_size_nm=100), path)
        assert len(read_localizations(path)) == 1
        write_localizations(Localizations.empty(pixel_size_nm=100), path, overwrite=True)
        assert len(read_localizations(path)) == 0

    def test_files_that_are_none(self, tmp_path):
        with pytest.raises(PinpointError, match="there is no such file"):
            read_localizations(tmp_path / "a.csv")
        with pytest.raises(PinpointError, match="this is a folder"):
            read_localizations(tmp_path)

    def test_a_target_can_be_checked_before_there_is_a_table(self, tmp_path):
        assert check_target(tmp_path / "a.parquet").name == "parquet"
        with pytest.raises(PinpointError, match="size of a pixel is not known"):
            check_target(tmp_path / "a.csv")
        with pytest.raises(PinpointError, match="does not exist"):
            check_target(tmp_path / "none" / "a.parquet")

    @pytest.mark.parametrize("name", FORMATS.names())
    def test_every_format_keeps_what_it_does_not_lose(self, name, table, tmp_path):
        chosen = FORMATS[name]
        assert chosen.name == name
        lost = chosen.cannot_hold(table)
        kept = table.without_columns(*lost)
        path = tmp_path / f"out{chosen.suffixes[0]}"
        write_localizations(kept, path, format=name)
        assert [one for one in FORMATS if FORMATS[one].recognizes(path)] == [name]
        assert set(kept) <= set(read_localizations(path, pixel_size_nm=107.3))

    def test_flags_survive_in_parquet(self, tmp_path):
        flags = [FLAGS["ignore"] | FLAGS["edge"], 0]
        table = Localizations({"frame": [0, 1], "y": [1, 2], "x": [3, 4], "flags": flags})
        write_localizations(table, tmp_path / "out.parquet")
        assert read_localizations(tmp_path / "out.parquet")["flags"].tolist() == flags
