"""The formats of other programs: real files, conventions, what is open, and what nobody should be able to do to us."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml

from napari_pinpoint.errors import ConventionNeeded, PinpointError, PinpointWarning, PixelSizeNeeded
from napari_pinpoint.io.tables import FORMATS, check_target, read_localizations, write_localizations
from napari_pinpoint.localizations import Localizations

#: For each format that we write: how its file calls x and y, the unit in nanometres (None: pixels), where the centre of
#: the first pixel lies, and the number of the first frame.
TEXT = {
    "thunderstorm": ("x [nm]", "y [nm]", "frame", 100, 0.5, 1),
    "challenge": ("xnano", "ynano", "frame", 100, 0.5, 1),
    "smap": ("xnm", "ynm", "frame", 100, 1.0, 1),
    "nanoimager": ("X (nm)", "Y (nm)", "Frame", 100, 0.5, 0),
    "elyra": ("Position X [nm]", "Position Y [nm]", "First Frame", 100, 0.5, 1),
    "napari-points": ("axis-2", "axis-1", "axis-0", 1, 0.0, 0),
    "decode-csv": ("y", "x", "frame_ix", 1, 0.0, 0),
    "rapidstorm": ("Position-0-0", "Position-1-0", "ImageNumber-0-0", 100, 0.0, 0),
}


@pytest.fixture
def points() -> Localizations:
    """Two points of which no number is another's."""
    return Localizations({"frame": [0, 7], "y": [1.25, 30.5], "x": [2.75, 11.0]}, pixel_size_nm=100)


@pytest.fixture
def measured(rng: np.random.Generator) -> Localizations:
    """Points with everything that is measured of a molecule, depth included."""
    n = 50
    columns = {"frame": np.sort(rng.integers(0, 9, n)), "y": 60 * rng.random(n), "x": 60 * rng.random(n)}
    columns |= {name: 0.1 + rng.random(n) for name in ("z", "psf_sigma_y", "psf_sigma_x", "photons", "background")}
    columns |= {f"uncertainty_{name}": 0.1 + rng.random(n) for name in ("y", "x", "z")}
    columns |= {"n_frames": rng.integers(1, 5, n), "channel": rng.integers(0, 3, n)}
    return Localizations(columns, pixel_size_nm=107.3, z_step_nm=250)


def test_the_documentation_lists_every_format():
    """docs/formats.md, whose table says the suffixes, and unit, origin and first frame of each."""
    page = Path(__file__).parents[2] / "docs" / "formats.md"
    rows = [line.split("|")[1:6] for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    listed = {row[0].strip(" `"): [cell.strip() for cell in row[1:]] for row in rows if len(row) == 5}
    listed = {name: cells for name, cells in listed.items() if not name.startswith("--")}
    assert list(listed) == sorted(FORMATS, key=list(listed).index)
    for name, (files, unit, origin, first) in listed.items():
        convention = FORMATS[name].convention
        assert all(suffix in files for suffix in FORMATS[name].suffixes)
        assert unit.startswith(("as above", convention.unit))
        assert origin.startswith(("as above", convention.origin or "**asked for**"))
        assert first in ("as above", str(convention.first_frame))


def text_columns(path, name):
    """The columns of a text file, read by nothing of ours."""
    lines = path.read_bytes().split(b"\0")[0].decode().splitlines()
    if name == "rapidstorm":
        labels = [part.split('"')[0] for part in lines[0].split('identifier="')[1:]]
        lines, delimiter = lines[1:], " "
    else:
        lines = lines[3:] if name == "decode-csv" else lines
        delimiter = "\t" if name == "elyra" else ","
        labels, lines = [label.strip('"') for label in lines[0].split(delimiter)], lines[1:]
    rows = [[float(value) for value in line.split(delimiter)] for line in lines if line.strip()]
    return dict(zip(labels, np.array(rows).T, strict=True))


@pytest.mark.parametrize("name", TEXT)
def test_what_stands_in_the_file(points, tmp_path, name):
    x, y, frame, size, origin, first = TEXT[name]
    path = tmp_path / f"table{FORMATS[name].suffixes[0]}"
    write_localizations(points, path, format=name)
    columns = text_columns(path, name)
    np.testing.assert_allclose(columns[x], (points["x"] + origin) * size)
    np.testing.assert_allclose(columns[y], (points["y"] + origin) * size)
    np.testing.assert_array_equal(columns[frame], points["frame"] + first)


@pytest.mark.filterwarnings("ignore:.*for Picasso")
@pytest.mark.parametrize("name", [name for name in FORMATS if name != "parquet"])
def test_measured_values_come_back(measured, tmp_path, name):
    kept = measured.without_columns(*FORMATS[name].cannot_hold(measured))
    path = tmp_path / f"table{FORMATS[name].suffixes[0]}"
    write_localizations(kept, path, format=name)
    back = read_localizations(path)
    assert set(kept) <= set(back)
    assert (back.pixel_size_nm, back.z_step_nm) == (107.3, 250)
    for column in kept:
        expected = kept[column]
        together = {"uncertainty_y": "uncertainty_x", "uncertainty_x": "uncertainty_y"}
        if name in ("thunderstorm", "elyra") and column in together:  # which have one number for both
            expected = np.sqrt((kept[column] ** 2 + kept[together[column]] ** 2) / 2)
        np.testing.assert_allclose(back[column], expected, atol=1e-3, err_msg=column)


@pytest.mark.parametrize("name", ["nanoimager", "elyra"])
def test_an_origin_that_nobody_documents_is_asked_for(points, tmp_path, name):
    path = tmp_path / f"table{FORMATS[name].suffixes[0]}"
    write_localizations(points, path, format=name)
    path.with_name(path.name + ".json").unlink()  # as if somebody else had written it
    with pytest.raises(ConventionNeeded, match="where positions count from") as needed:
        read_localizations(path)
    assert "origin" in needed.value.options
    for origin, shift in {"corner": 0.0, "centre": 0.5, "one": -0.5}.items():
        table = read_localizations(path, origin=origin, pixel_size_nm=100)
        np.testing.assert_allclose(table["x"], points["x"] + shift)


@pytest.mark.parametrize("name", ["challenge", "smap", "smap-mat", "rapidstorm"])
def test_a_pixel_size_is_asked_for_alone(points, tmp_path, name):
    path = tmp_path / f"table{FORMATS[name].suffixes[0]}"
    write_localizations(points, path, format=name)
    path.with_name(path.name + ".json").unlink()
    if name == "smap-mat":
        assert read_localizations(path).pixel_size_nm == pytest.approx(100)  # stands in the file
        return
    with pytest.raises(PixelSizeNeeded, match="--pixel-size-nm"):
        read_localizations(path)
    np.testing.assert_allclose(read_localizations(path, pixel_size_nm=100)["y"], points["y"])


def test_a_depth_of_zero_in_every_row_is_none(tmp_path):
    (tmp_path / "a.csv").write_text("Ground-truth, frame, xnano, ynano, znano, intensity \n1, 1, 50, 150, 0, 900\n")
    table = read_localizations(tmp_path / "a.csv", pixel_size_nm=100)
    assert "z" not in table
    assert (table["frame"][0], table["x"][0], table["y"][0], table["photons"][0]) == (0, 0, 1, 900)


class TestPicasso:
    @pytest.mark.data
    def test_a_real_file(self, data_folder):
        table = read_localizations(data_folder / "tables" / "picasso" / "testdata_locs.hdf5")
        assert len(table) == 564
        assert table.pixel_size_nm == 130
        assert (table["frame"][0], round(float(table["x"][0]), 4), round(float(table["y"][0]), 4)) == (
            11,
            5.618,
            5.3064,
        )
        assert table["photons"][0] == pytest.approx(5788.2, abs=0.1)
        assert table["uncertainty_x"][0] == pytest.approx(0.01806, abs=1e-5)
        assert "log_likelihood" in table

    @pytest.mark.data
    def test_its_points_lie_on_the_light(self, data_folder):
        """The first pixel's centre is 0, and x is the column: the light around the points is centred on them."""
        folder = data_folder / "tables" / "picasso"
        table = read_localizations(folder / "testdata_locs.hdf5")
        frames = np.fromfile(folder / "testdata.raw", "<u2").reshape(-1, 32, 32).astype(float)
        table = table.select(table["frame"] < len(frames))
        offsets = []
        for frame, y, x in zip(table["frame"], table["y"], table["x"], strict=True):
            row, column = round(y), round(x)
            window = frames[frame, row - 3 : row + 4, column - 3 : column + 4]
            if window.shape == (7, 7):
                light = np.clip(window - np.median(window), 0, None)
                place = np.mgrid[-3:4, -3:4]
                offsets.append([(place[i] * light).sum() / light.sum() - (v - round(v)) for i, v in ((0, y), (1, x))])
        assert len(offsets) > 20
        np.testing.assert_allclose(np.median(offsets, axis=0), 0, atol=0.1)

    def test_both_files_or_none(self, points, tmp_path):
        with pytest.warns(PinpointWarning, match="lpx, lpy"):
            write_localizations(points, tmp_path / "a.hdf5")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a.hdf5", "a.yaml"]
        documents = list(yaml.safe_load_all((tmp_path / "a.yaml").read_text()))
        assert {"Width": 12, "Height": 32, "Frames": 8}.items() <= documents[0].items()
        assert documents[1]["Pixelsize"] == 100
        (tmp_path / "b.yaml").write_text("somebody: else's")
        with pytest.raises(PinpointError, match=r"b\.yaml exists"):
            check_target(tmp_path / "b.hdf5")  # before there is a table
        assert not (tmp_path / "b.hdf5").exists()

    @pytest.mark.filterwarnings("ignore:.*for Picasso")
    def test_without_its_yaml_file(self, points, tmp_path):
        write_localizations(points, tmp_path / "a.hdf5")
        (tmp_path / "a.yaml").unlink()
        assert read_localizations(tmp_path / "a.hdf5").pixel_size_nm == 100  # the file has the same within
        with h5py.File(tmp_path / "a.hdf5", "a") as file:
            del file["metadata"]
        with pytest.raises(ConventionNeeded, match=r"a\.yaml is missing.*Put it back.*--pixel-size-nm"):
            read_localizations(tmp_path / "a.hdf5")
        table = read_localizations(tmp_path / "a.hdf5", pixel_size_nm=80)
        assert (table.pixel_size_nm, table["x"].tolist()) == (80, points["x"].tolist())

    def test_what_it_would_drop_is_said(self, points, tmp_path):
        table = points.with_columns(x=[-0.25, 3.0], photons=[100, np.nan], uncertainty_x=[1, 1], uncertainty_y=[1, 1])
        with (
            pytest.warns(PinpointWarning, match="no place for photons"),
            pytest.warns(PinpointWarning, match="drops the 1 rows above or left"),
        ):
            write_localizations(table, tmp_path / "a.hdf5")

    def test_python_objects_in_yaml_are_not_made(self, points, tmp_path):
        with pytest.warns(PinpointWarning):
            write_localizations(points, tmp_path / "a.hdf5")
        with h5py.File(tmp_path / "a.hdf5", "a") as file:
            del file["metadata"]
        evil = f"Evil: !!python/object/apply:os.mkdir ['{tmp_path / 'made'}']"
        (tmp_path / "a.yaml").write_text(f"{evil}\nPixelsize: 90\nPair: !!python/tuple [1, 2]\n")
        assert read_localizations(tmp_path / "a.hdf5").pixel_size_nm == 90
        assert not (tmp_path / "made").exists()
        (tmp_path / "a.yaml").write_text("a: [1,")
        with pytest.raises(PinpointError, match=r"a\.yaml is not YAML, or damaged"):
            read_localizations(tmp_path / "a.hdf5")


class TestHdf5:
    @pytest.mark.parametrize("way", ["external link", "soft link", "external storage", "virtual"])
    def test_nothing_outside_of_a_file_is_read(self, tmp_path, way):
        locs = np.zeros(3, [("frame", "u4"), ("x", "f4"), ("y", "f4"), ("lpx", "f4"), ("lpy", "f4")])
        with h5py.File(tmp_path / "secret.h5", "w") as file:
            file["locs"] = locs
        locs.tofile(tmp_path / "secret.raw")
        with h5py.File(tmp_path / "bad.hdf5", "w") as file:
            if way == "external link":
                file["locs"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "locs")
            elif way == "soft link":
                file["locs"] = h5py.SoftLink("/elsewhere")
            elif way == "external storage":
                kept = [(str(tmp_path / "secret.raw"), 0, locs.nbytes)]
                file.create_dataset("locs", (3,), locs.dtype, external=kept)
            else:
                layout = h5py.VirtualLayout((3,), locs.dtype)
                layout[:] = h5py.VirtualSource(str(tmp_path / "secret.h5"), "locs", (3,), locs.dtype)
                file.create_virtual_dataset("locs", layout)
        for call in (read_localizations, FORMATS["picasso"].recognizes):
            with pytest.raises(PinpointError, match="is a link, or its numbers lie in another file"):
                call(tmp_path / "bad.hdf5")

    @pytest.mark.parametrize("name", ["picasso", "decode", "smap-mat"])
    def test_other_and_damaged_files(self, tmp_path, name):
        path = tmp_path / f"a{FORMATS[name].suffixes[0]}"
        with h5py.File(path, "w") as file:
            file["other"] = [1, 2]
        with pytest.raises(PinpointError, match="holds no"):
            read_localizations(path, format=name)
        path.write_bytes(b"no such thing")
        with pytest.raises(PinpointError, match=r"damaged|holds no"):
            read_localizations(path, format=name)


class TestDecode:
    def test_its_x_is_the_row(self, points, tmp_path):
        write_localizations(points, tmp_path / "a.h5")
        with h5py.File(tmp_path / "a.h5") as file:
            np.testing.assert_allclose(file["data/xyz"][:, 0], points["y"])
            np.testing.assert_allclose(file["data/xyz"][:, 1], points["x"])
            assert file["data/frame_ix"][:].tolist() == [0, 7]
            assert file["meta"].attrs["xy_unit"] == "px"
            assert file["meta"].attrs["px_size"].tolist() == [100, 100]
            assert file["data/xyz_sig"].shape is None  # empty, as DECODE leaves what it does not know

    @pytest.mark.parametrize("suffix", ["h5", "csv"])
    def test_nanometres(self, tmp_path, suffix):
        meta = {"xy_unit": "nm", "px_size": [110.0, 110.0]}
        path = tmp_path / f"a.{suffix}"
        if suffix == "h5":
            with h5py.File(path, "w") as file:
                file.create_group("meta").attrs.update(meta)
                file["data/xyz"] = np.array([[220.0, 55.0, 300.0]], np.float32)
                file["data/frame_ix"], file["data/prob"] = [4], [0.5]
                file["data/phot"] = np.array([np.nan], np.float32)
        else:
            lines = ["# DECODE EmitterSet", '# {"version": "v"}', f"# {json.dumps(meta)}", "x,y,z,phot,frame_ix,prob"]
            path.write_text("\n".join([*lines, "220.0,55.0,300.0,,4,0.5", ""]))
        table = read_localizations(path)
        assert (table["frame"][0], table["y"][0], table["x"][0]) == (4, 2.0, 0.5)
        assert table["z"][0] * table.z_step_nm == pytest.approx(300)
        assert (table.pixel_size_nm, "photons" in table) == (110, False)


class TestSmap:
    @pytest.mark.parametrize("version", ["7.3", "5"])
    def test_a_file_of_its_own(self, tmp_path, version):
        """SMAP counts pixels from 1, on the whole chip: the part that was read begins at (16, 32) here."""
        loc = {"xnm": (16 + 1 + 2.5) * 120, "ynm": (32 + 1 + 4.0) * 120, "frame": 3, "phot": 700, "locprecnm": 12}
        info = {"cam_pixelsize_um": [[0.12, 0.12]], "roi": [[16.0, 32.0, 64.0, 64.0]]}
        path = tmp_path / "a_sml.mat"
        if version == "7.3":
            with h5py.File(path, "w", userblock_size=512) as file:
                for name, value in loc.items():
                    file[f"saveloc/loc/{name}"] = np.array([[value]], float)
                for name, value in info.items():
                    file[f"saveloc/file/info/{name}"] = np.array(value).T
            with path.open("r+b") as file:
                file.write(b"MATLAB 7.3 MAT-file")
        else:
            from scipy.io import savemat

            columns = {name: np.array([[value]], float) for name, value in loc.items()}
            savemat(path, {"saveloc": {"loc": columns, "info": info}})
        table = read_localizations(path)
        np.testing.assert_allclose([table["x"][0], table["y"][0]], [2.5, 4.0])
        assert (table["frame"][0], table["photons"][0], table.pixel_size_nm) == (2, 700, pytest.approx(120))
        np.testing.assert_allclose(table["uncertainty_y"], 0.1)

    def test_errors_of_each_axis_win_over_their_mean(self, tmp_path):
        (tmp_path / "a.csv").write_text("xnm,ynm,frame,locprecnm,xnmerr,ynmerr\n100,200,1,15,10,20\n")
        table = read_localizations(tmp_path / "a.csv", pixel_size_nm=100)
        np.testing.assert_allclose([table["uncertainty_x"][0], table["uncertainty_y"][0]], [0.1, 0.2])
        assert table["locprecnm"][0] == 15


class TestRapidStorm:
    @pytest.mark.data
    def test_its_points_lie_on_the_light(self, data_folder):
        """Real dSTORM frames: 0 is the first pixel's centre, frames count from 0 (128 columns are 16954.5 nm apart)."""
        from tifffile import imread

        folder = data_folder / "tables" / "locan"
        table = read_localizations(folder / "rapidSTORM_from_images.txt", pixel_size_nm=16954.5 / 127)
        frames = imread(folder / "images.tif").astype(float)
        table = table.select(table["frame"] < len(frames))
        offsets = []
        for frame, y, x in zip(table["frame"], table["y"], table["x"], strict=True):
            row, column = round(y), round(x)
            window = frames[frame, row - 2 : row + 3, column - 2 : column + 3]
            light = np.clip(window - np.percentile(window, 30), 0, None)
            place = np.mgrid[-2:3, -2:3]
            offsets.append([(place[i] * light).sum() / light.sum() - (v - round(v)) for i, v in ((0, y), (1, x))])
        np.testing.assert_allclose(np.mean(offsets, axis=0), 0, atol=0.2)

    @pytest.mark.data
    def test_counts_are_no_photons(self, data_folder):
        table = read_localizations(data_folder / "tables" / "locan" / "rapidSTORM_from_images.txt", pixel_size_nm=133.5)
        assert len(table) == 12
        assert "photons" not in table
        assert table["Amplitude-0-0"][0] == 2213.93
        assert table["psf_sigma_x"][0] == pytest.approx(345.357 / 2.354820045 / 133.5)

    @pytest.mark.data
    def test_tracks(self, data_folder):
        path = data_folder / "tables" / "locan" / "rapidSTORM_dstorm_track_data.txt"
        table = read_localizations(path, pixel_size_nm=100)
        np.testing.assert_allclose([table["x"][0], table["y"][0]], [54.1767, 84.3985])
        assert table["n_frames"][:4].tolist() == [2, 2, 3, 11]

    def test_an_xml_bomb_does_not_go_off(self, tmp_path):
        bomb = '<!DOCTYPE l [<!ENTITY a "aaaa">]><localizations><field identifier="&a;"/></localizations>'
        (tmp_path / "a.txt").write_text(f"# {bomb}\n1 2 3\n")
        with pytest.raises(PinpointError, match="not rapidSTORM's header"):
            read_localizations(tmp_path / "a.txt", format="rapidstorm")


class TestElyraAndNanoimager:
    @pytest.mark.data
    def test_a_real_elyra_table_knows_its_pixels(self, data_folder):
        table = read_localizations(data_folder / "tables" / "locan" / "Elyra_dstorm_data.txt", origin="corner")
        assert len(table) == 15
        assert table.pixel_size_nm == pytest.approx(97.0873786)
        assert (table["frame"][0], table["channel"][0], table["n_frames"][0]) == (0, 0, 1)
        assert table["x"][0] == pytest.approx(15850.6 / 97.0873786 - 0.5)
        assert table["uncertainty_x"][0] == pytest.approx(8.6 / 97.0873786)
        assert table["photons"][0] == 472
        assert "PSF half width [nm]" in table

    @pytest.mark.data
    def test_a_real_nanoimager_table(self, data_folder):
        path = data_folder / "tables" / "locan" / "Nanoimager_dstorm_data.csv"
        with pytest.raises(ConventionNeeded, match=r"how large a pixel is; nor where positions count from"):
            read_localizations(path)
        table = read_localizations(path, pixel_size_nm=117, origin="centre")
        assert table["frame"][0] == 1548
        assert table["frame"].min() == 0
        assert table["y"][0] == pytest.approx(56104.691406 / 117)
        assert table["photons"][0] == pytest.approx(139.828, abs=1e-3)
        assert "z" not in table  # 0 in every row


class TestInsight3:
    @pytest.mark.data
    def test_a_real_list(self, data_folder):
        folder = data_folder / "smlm_sparse"
        table = read_localizations(folder / "test_300x200_olist.bin")
        expected = np.loadtxt(folder / "test_300x200_points.csv", delimiter=",", skiprows=1)
        np.testing.assert_allclose(table.positions(), expected, atol=1e-4)
        assert (table["frame"].min(), table["frame"].max()) == (0, 9)
        assert "photons" not in table
        assert table["area"][0] == 10000

    def test_drift_corrected_positions_are_the_points(self, points, tmp_path):
        write_localizations(points, tmp_path / "a.bin")
        content = bytearray((tmp_path / "a.bin").read_bytes())
        content[16:20] = struct.pack("<f", 5.0)
        (tmp_path / "a.bin").write_bytes(bytes(content))
        table = read_localizations(tmp_path / "a.bin")
        np.testing.assert_allclose(table["x"], points["x"])
        assert table["x measured"][0] == 5

    def test_a_truncated_list(self, points, tmp_path):
        write_localizations(points, tmp_path / "a.bin")
        (tmp_path / "a.bin").write_bytes((tmp_path / "a.bin").read_bytes()[:100])
        (tmp_path / "a.bin.json").unlink()
        with pytest.raises(PinpointError, match="is truncated: it says that it has 2 molecules, and holds 1"):
            read_localizations(tmp_path / "a.bin")


class TestNapariPoints:
    def test_what_napari_saves_itself(self, tmp_path):
        from napari_pinpoint.io.napari_points import FORMAT

        (tmp_path / "a.csv").write_text("index,axis-0,axis-1,axis-2\n0.0,3.0,10.5,20.25\n")
        assert FORMAT.recognizes(tmp_path / "a.csv")
        table = read_localizations(tmp_path / "a.csv")
        assert (table["frame"][0], table["y"][0], table["x"][0]) == (3, 10.5, 20.25)
        (tmp_path / "b.csv").write_text("index,axis-0,axis-1\n0,10.5,20.25\n")
        assert read_localizations(tmp_path / "b.csv")["frame"].tolist() == [0]

    def test_a_volume_is_not_taken_for_a_movie(self, tmp_path):
        (tmp_path / "a.csv").write_text("index,axis-0,axis-1,axis-2\n0,3.5,10.5,20.25\n")
        with pytest.raises(PinpointError, match=r"'axis-0' must be a whole number from 0, not 3\.5"):
            read_localizations(tmp_path / "a.csv")
