from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.io.atomic import complete_file


def test_the_file_appears_when_it_is_complete(tmp_path):
    target = tmp_path / "a.txt"
    with complete_file(target) as temporary:
        temporary.write_text("done")
        assert not target.exists()
        assert temporary.name == target.name
    assert target.read_text() == "done"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_an_error_leaves_everything_as_it_was(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")

    def fail() -> None:
        with complete_file(target, overwrite=True) as temporary:
            temporary.write_text("half")
            raise KeyError("something else")

    with pytest.raises(KeyError):
        fail()
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_what_exists_is_replaced_only_on_request(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(PinpointError, match=r"a.txt exists.*--overwrite"), complete_file(target):
        pytest.fail("the block must not run")
    with complete_file(target, overwrite=True) as temporary:
        temporary.write_text("new")
    assert target.read_text() == "new"


def test_files_beside_it_come_along(tmp_path):
    with complete_file(tmp_path / "a.csv") as temporary:
        temporary.write_text("table")
        temporary.with_name("a.csv.json").write_text("sidecar")
    assert sorted(os.listdir(tmp_path)) == ["a.csv", "a.csv.json"]


def test_files_beside_it_are_not_replaced_unasked(tmp_path):
    (tmp_path / "a.csv.json").write_text("somebody's")

    def write() -> None:
        with complete_file(tmp_path / "a.csv") as temporary:
            temporary.write_text("table")
            temporary.with_name("a.csv.json").write_text("sidecar")

    with pytest.raises(PinpointError, match=r"a.csv.json exists"):
        write()
    assert os.listdir(tmp_path) == ["a.csv.json"]
    assert (tmp_path / "a.csv.json").read_text() == "somebody's"


@pytest.mark.parametrize("before", [None, "old"])
def test_several_files_are_all_put_in_place_or_none(tmp_path, monkeypatch, before):
    beside = tmp_path / "a.yaml"
    if before:
        beside.write_text(before)
    replace = os.replace

    def fail_for_the_table(source, target):
        if Path(target).suffix == ".hdf5":
            raise OSError(5, "Input/output error")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail_for_the_table)

    def write() -> None:
        with complete_file(tmp_path / "a.hdf5", overwrite=True) as temporary:
            temporary.write_text("table")
            temporary.with_name("a.yaml").write_text("new")

    with pytest.raises(PinpointError, match="the device reports an error"):
        write()
    assert sorted(os.listdir(tmp_path)) == (["a.yaml"] if before else [])
    assert not before or beside.read_text() == before


def test_a_missing_folder_is_named(tmp_path):
    with (
        pytest.raises(PinpointError, match=r"the folder .*nowhere does not exist; create it"),
        complete_file(tmp_path / "nowhere" / "a.txt"),
    ):
        pytest.fail("the block must not run")


def test_a_folder_is_not_a_file(tmp_path):
    with pytest.raises(PinpointError, match="this is a folder"), complete_file(tmp_path):
        pytest.fail("the block must not run")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(PinpointError, match="no permission to write to the folder"), complete_file(tmp_path / "a.txt"):
        pytest.fail("the block must not run")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device that is always full")
def test_a_full_disk_is_said_and_nothing_is_left(tmp_path):
    def write() -> None:
        with complete_file(tmp_path / "a.txt") as temporary:
            temporary.symlink_to("/dev/full")
            temporary.write_text("too much")

    with pytest.raises(PinpointError, match=r"a.txt cannot be written: the disk is full; free some space"):
        write()
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file sizes are those of POSIX")
def test_a_table_that_outgrows_the_disk_leaves_nothing(tmp_path):
    script = """
import resource, signal, sys
import numpy as np
from napari_pinpoint import Localizations, write_localizations
from napari_pinpoint.errors import PinpointError

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
values = np.random.default_rng(0).random(10_000)
table = Localizations({"frame": np.zeros(10_000), "y": values, "x": values}, pixel_size_nm=100)
try:
    write_localizations(table, sys.argv[1])
except PinpointError as error:
    print(error)
"""
    for name in ("a.csv", "a.parquet"):
        run = subprocess.run(
            [sys.executable, "-c", script, tmp_path / name], capture_output=True, text=True, check=True, timeout=60
        )
        assert f"{name} cannot be written: the file is larger than this file system or user limit allows" in run.stdout
        assert os.listdir(tmp_path) == []


def test_errors_of_other_files_keep_their_kind(tmp_path):
    def write() -> None:
        with complete_file(tmp_path / "a.txt"):
            (tmp_path / "input.tif").read_bytes()

    with pytest.raises(FileNotFoundError, match=r"input.tif"):
        write()
