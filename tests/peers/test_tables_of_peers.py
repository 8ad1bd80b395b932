"""Picasso and Locan open what we write and find the same positions, and we open what they write.

Run by `tox run -e peers`, in an environment of their own: Picasso needs an older pandas than napari.
"""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

locan = pytest.importorskip("locan", reason="runs by `tox run -e peers`")
pytest.importorskip("picasso", reason="runs by `tox run -e peers`")
from picasso import io as picasso_io  # noqa: E402

from napari_pinpoint.io.tables import read_localizations, write_localizations  # noqa: E402
from napari_pinpoint.localizations import Localizations  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("default::napari_pinpoint.errors.PinpointWarning"),
]

PIXEL_NM = 107.3
#: What positions may lose on their way.
CLOSE = 1e-3


@pytest.fixture
def table(rng: np.random.Generator) -> Localizations:
    """Five hundred molecules of a field of 200 x 300 pixels, with depths."""
    n = 500
    columns = {"frame": np.sort(rng.integers(3, 40, n)), "y": 199 * rng.random(n), "x": 299 * rng.random(n)}
    columns |= {"z": 4 * rng.random(n) - 2, "photons": 100 + 900 * rng.random(n), "background": 20 * rng.random(n)}
    columns |= {name: 0.01 + 0.1 * rng.random(n) for name in ("uncertainty_y", "uncertainty_x", "uncertainty_z")}
    columns |= {name: 1 + 0.2 * rng.random(n) for name in ("psf_sigma_y", "psf_sigma_x")}
    record = {"input": {"shape": [40, 200, 300]}}
    return Localizations(columns, pixel_size_nm=PIXEL_NM, z_step_nm=250, record=record)


def assert_at(found: object, expected: object) -> None:
    np.testing.assert_allclose(np.asarray(found, float), np.asarray(expected, float), rtol=0, atol=CLOSE)


class TestPicasso:
    def test_it_opens_what_we_write(self, table, tmp_path):
        write_localizations(table, tmp_path / "ours.hdf5")
        locs, info = picasso_io.load_locs(str(tmp_path / "ours.hdf5"))
        assert len(locs) == len(table)
        for theirs, ours in {"frame": "frame", "x": "x", "y": "y", "lpx": "uncertainty_x", "sy": "psf_sigma_y"}.items():
            assert_at(locs[theirs], table[ours])
        np.testing.assert_allclose(locs["z"], table["z"] * 250, atol=0.1)
        np.testing.assert_allclose(locs["photons"], table["photons"], rtol=1e-6)
        known = {name: value for document in info for name, value in document.items()}
        assert (known["Width"], known["Height"], known["Frames"], known["Pixelsize"]) == (300, 200, 40, PIXEL_NM)

    def test_it_opens_what_we_write_without_its_own_metadata(self, table, tmp_path):
        """Versions before 0.11 read the YAML file."""
        write_localizations(table, tmp_path / "ours.hdf5")
        with h5py.File(tmp_path / "ours.hdf5", "a") as file:
            del file["metadata"]
        assert len(picasso_io.load_locs(str(tmp_path / "ours.hdf5"))[0]) == len(table)

    def test_its_renderer_takes_our_tables(self, table, tmp_path):
        from picasso import render

        write_localizations(table, tmp_path / "ours.hdf5")
        locs, info = picasso_io.load_locs(str(tmp_path / "ours.hdf5"))
        number, image = render.render(locs, info, disp_px_size=PIXEL_NM / 4, viewport=((0, 0), (200, 300)))
        assert (number, image.shape) == (len(table), (800, 1200))
        # Picasso's pixel (0, 0) begins at 0, ours half a pixel before: its picture shows where it puts our points.
        y, x = np.unravel_index(np.flatnonzero(image), image.shape)
        places = zip(np.float32(table["y"]), np.float32(table["x"]), strict=True)
        expected = {(int(4 * y), int(4 * x)) for y, x in places}
        assert set(zip(y.tolist(), x.tolist(), strict=True)) == expected

    @pytest.mark.data
    def test_we_open_what_it_writes(self, data_folder, tmp_path):
        theirs, info = picasso_io.load_locs(str(data_folder / "tables" / "picasso" / "testdata_locs.hdf5"))
        picasso_io.save_locs(str(tmp_path / "theirs.hdf5"), theirs, info)
        found = read_localizations(tmp_path / "theirs.hdf5")
        assert found.pixel_size_nm == 130
        for name in ("frame", "x", "y"):
            np.testing.assert_array_equal(found[name], theirs[name])
        np.testing.assert_array_equal(found["uncertainty_x"], theirs["lpx"])

    @pytest.mark.data
    def test_round_trip_by_thunderstorm(self, data_folder, tmp_path):
        """Picasso -> ours -> ThunderSTORM -> Picasso keeps frame, x and y."""
        source = data_folder / "tables" / "picasso" / "testdata_locs.hdf5"
        write_localizations(read_localizations(source), tmp_path / "ours.parquet")
        with pytest.warns(match="no place for"):
            write_localizations(read_localizations(tmp_path / "ours.parquet"), tmp_path / "thunderstorm.csv")
        write_localizations(read_localizations(tmp_path / "thunderstorm.csv"), tmp_path / "back.hdf5")
        before, _ = picasso_io.load_locs(str(source))
        after, _ = picasso_io.load_locs(str(tmp_path / "back.hdf5"))
        assert len(after) == len(before)
        for name in ("frame", "x", "y"):
            assert_at(after[name], before[name])

    def test_we_read_its_export_to_thunderstorm(self, table, tmp_path):
        """Which counts rows and frames from 0, and has 0 at the centre of the first pixel."""
        write_localizations(table, tmp_path / "ours.hdf5")
        locs, info = picasso_io.load_locs(str(tmp_path / "ours.hdf5"))
        picasso_io.export_thunderstorm(str(tmp_path / "theirs.csv"), locs, info)
        found = read_localizations(tmp_path / "theirs.csv", pixel_size_nm=PIXEL_NM, origin="centre", first_frame=0)
        for name in ("frame", "y", "x"):
            assert_at(found[name], table[name])

    def test_its_import_of_our_thunderstorm_shifts_by_half_a_pixel(self, table, tmp_path):
        """Its own doing, and the reason why docs/formats.md sends Picasso's users to HDF5."""
        write_localizations(table, tmp_path / "ours.csv")
        locs, _ = picasso_io.import_ts(str(tmp_path / "ours.csv"), PIXEL_NM)
        assert_at(np.sort(locs["x"]), np.sort(table["x"] + 0.5))
        assert_at(np.sort(locs["frame"]), table["frame"] - table["frame"].min())

    def test_smap_by_picasso(self, table, tmp_path):
        write_localizations(table, tmp_path / "ours_sml.mat", format="smap-mat")
        locs, _ = picasso_io.import_smap(str(tmp_path / "ours_sml.mat"), PIXEL_NM)
        assert_at(np.sort(locs["x"]), np.sort(table["x"] + 1))  # SMAP's first pixel is 1; Picasso does not subtract it
        write_localizations(table, tmp_path / "ours.hdf5")
        theirs, info = picasso_io.load_locs(str(tmp_path / "ours.hdf5"))
        picasso_io.export_smap(str(tmp_path / "theirs_sml.mat"), theirs, info)
        found = read_localizations(tmp_path / "theirs_sml.mat", origin="centre")
        assert found.pixel_size_nm == pytest.approx(PIXEL_NM)
        for name in ("frame", "y", "x"):
            assert_at(found[name], table[name])


#: Formats that Locan reads, with what it calls them; the unit of its numbers, how far its origin is from ours in pixels
#: and its first frame, for it takes numbers as they are.
LOCAN = {
    "thunderstorm": ("load_thunderstorm_file", ".csv", PIXEL_NM, 0.5, 1),
    "rapidstorm": ("load_rapidSTORM_file", ".txt", PIXEL_NM, 0.0, 0),
    "elyra": ("load_Elyra_file", ".txt", PIXEL_NM, 0.5, 1),
    "nanoimager": ("load_Nanoimager_file", ".csv", PIXEL_NM, 0.5, 0),
    "decode": ("load_decode_file", ".h5", 1.0, 0.0, 0),
}


class TestLocan:
    @pytest.mark.parametrize("name", LOCAN)
    def test_it_opens_what_we_write(self, table, tmp_path, name):
        load, suffix, per_pixel, origin, first = LOCAN[name]
        with pytest.warns(match="no place for"):
            write_localizations(table.with_columns(contrast=table["x"]), tmp_path / f"ours{suffix}", format=name)
        found = getattr(locan, load)(tmp_path / f"ours{suffix}").data
        x, y = ("position_y", "position_x") if name == "decode" else ("position_x", "position_y")
        assert_at(found["frame"], table["frame"] + first)
        assert_at(found[x] / per_pixel - origin, table["x"])
        assert_at(found[y] / per_pixel - origin, table["y"])
        np.testing.assert_allclose(found["intensity"], table["photons"], rtol=1e-5)

    def test_we_open_its_thunderstorm(self, tmp_path):
        theirs = pd.DataFrame({"frame": [1, 4], "position_x": [53.65, 300.0], "position_y": [160.95, 20.0]})
        locan.save_thunderstorm_csv(locan.LocData.from_dataframe(theirs), tmp_path / "theirs.csv")
        found = read_localizations(tmp_path / "theirs.csv", pixel_size_nm=PIXEL_NM)
        assert_at(found["x"], [0, 300 / PIXEL_NM - 0.5])
        assert_at(found["y"], [1, 20 / PIXEL_NM - 0.5])
        assert found["frame"].tolist() == [0, 3]

    def test_we_open_its_smap(self, tmp_path):
        theirs = pd.DataFrame({"frame": [1, 4], "position_x": [107.3, 300.0], "position_y": [214.6, 20.0]})
        locan.save_SMAP_csv(locan.LocData.from_dataframe(theirs), tmp_path / "theirs.csv")
        found = read_localizations(tmp_path / "theirs.csv", pixel_size_nm=PIXEL_NM)
        assert_at(found["x"], [0, 300 / PIXEL_NM - 1])
        assert_at(found["y"], [1, 20 / PIXEL_NM - 1])

    @pytest.mark.data
    @pytest.mark.parametrize(
        ("file", "load", "said"),
        [
            ("Thunderstorm_dstorm_data.csv", "load_thunderstorm_file", {}),
            ("rapidSTORM_dstorm_data.txt", "load_rapidSTORM_file", {}),
            ("Elyra_dstorm_data.txt", "load_Elyra_file", {"origin": "corner"}),
            ("Nanoimager_dstorm_data.csv", "load_Nanoimager_file", {"origin": "corner"}),
        ],
    )
    def test_we_read_real_files_as_it_does(self, data_folder, file: str, load: str, said: dict[str, str]):
        path: Path = data_folder / "tables" / "locan" / file
        theirs = getattr(locan, load)(path).data
        found = read_localizations(path, pixel_size_nm=100, **said)
        origin = 0.0 if "rapid" in file else 0.5
        first = 1 if file.startswith(("Thunder", "Elyra")) else 0
        assert_at(100 * (found["x"] + origin), theirs["position_x"])
        assert_at(100 * (found["y"] + origin), theirs["position_y"])
        np.testing.assert_array_equal(found["frame"] + first, theirs["frame"])
