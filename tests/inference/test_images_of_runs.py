"""Images beside the table: labels whose numbers the rows have, in chunks and in files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.inference import LocalizeSettings, Plan, localize, localize_iter, localize_to_file, plan, to_files
from napari_pinpoint.inference.planning import CHUNK_PIXELS
from napari_pinpoint.io.images import read_stack
from napari_pinpoint.io.tables import read_localizations
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.model import load_model


@pytest.fixture
def decided(blob_model: Callable, noise: Callable, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """Seven frames, two to a chunk."""
    monkeypatch.setitem(CHUNK_PIXELS, "cpu", 2 * 50 * 70)
    return plan(noise(7, 50, 70), blob_model(), device="cpu")


def labels_of(decided: Plan) -> np.ndarray:
    return np.concatenate([chunk.images["labels"] for chunk in localize_iter(decided)])


def run(*arguments: object, **options: object) -> Localizations | None:
    """`localize_to_file` from beginning to end."""
    work = localize_to_file(*arguments, **options)
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


def test_rows_and_blobs_have_the_same_numbers(decided: Plan) -> None:
    for chunk in localize_iter(decided):
        table = chunk.localizations
        assert chunk.images["labels"].dtype == np.int32
        assert len(chunk.images["labels"]) == chunk.stop - chunk.start
        for frame in range(chunk.start, chunk.stop):
            rows = table.select(table["frame"] == frame)
            labels, probability = (chunk.images[name][frame - chunk.start] for name in ("labels", "probability"))
            assert sorted(rows["blob"]) == list(range(1, labels.max() + 1))
            assert list(rows["blob"]) != sorted(rows["blob"])  # rows are in order of their place
            highest = [probability[labels == number].max() for number in rows["blob"]]
            np.testing.assert_array_equal(np.float32(highest), rows["probability"])


def test_what_is_not_kept_is_not_drawn(decided: Plan) -> None:
    everything = labels_of(decided)
    picked = decided.with_settings(min_contrast=2.0)
    labels, table = labels_of(picked), localize_table(picked)
    for frame in range(7):
        kept = table["blob"][table["frame"] == frame]
        expected = np.where(np.isin(everything[frame], kept), everything[frame], 0)
        np.testing.assert_array_equal(labels[frame], expected)
    assert 0 < np.count_nonzero(labels) < np.count_nonzero(everything)


def localize_table(decided: Plan) -> Localizations:
    return Localizations.concatenate(chunk.localizations for chunk in localize_iter(decided))


def test_labels_become_a_calibrated_file(decided: Plan, tmp_path: Path) -> None:
    table = run(decided, tmp_path / "found.parquet", labels=tmp_path / "labels.tif")
    assert table is not None
    stack = read_stack(tmp_path / "labels.tif")
    assert (stack.axes, stack.pixel_size_nm, stack.dtype) == ("TYX", 100, np.uint16)
    np.testing.assert_array_equal(np.asarray(stack.data), labels_of(decided))
    np.testing.assert_array_equal(read_localizations(tmp_path / "found.parquet")["blob"], table["blob"])
    assert sorted(file.name for file in tmp_path.iterdir()) == ["found.parquet", "labels.tif"]
    assert (tmp_path / "labels.tif").stat().st_size < labels_of(decided).size


def test_many_blobs_need_wider_numbers(decided: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_pinpoint.inference.decoding._rank", lambda frame: np.arange(len(frame)) + 70_000)
    monkeypatch.setattr("napari_pinpoint.inference.decoding._kept_labels", lambda labels, *_: labels.astype("int32"))
    run(decided, tmp_path / "found.parquet", labels=tmp_path / "labels.tif")
    assert tifffile.imread(tmp_path / "labels.tif").dtype == np.int32


def test_a_killed_run_goes_on_with_its_labels(decided: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(to_files, "PART_SECONDS", 0.0)
    files = {"path": tmp_path / "found.parquet", "labels": tmp_path / "labels.tif"}
    interrupted = localize_to_file(decided, **files)
    next(interrupted), next(interrupted)
    interrupted.close()
    assert not files["labels"].exists()
    parts = tmp_path / "found.parquet.parts"
    assert len(list(parts.glob("*.npz"))) == 2
    next(parts.glob("part-000001-*.npz")).write_bytes(b"damaged")
    with pytest.raises(PinpointError, match="labels was True"):
        next(localize_to_file(decided, files["path"], resume=True))

    again = [chunk.index for chunk in localize_to_file(decided, **files, resume=True)]

    assert again == [1, 2, 3]
    np.testing.assert_array_equal(tifffile.imread(files["labels"]), labels_of(decided))
    assert not parts.exists()


def test_many_labels_are_written_before_their_time(decided: Plan, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(to_files, "PART_SECONDS", 3600.0)
    monkeypatch.setattr(to_files, "PART_BYTES", 3 * 50 * 70 * (4 + 4))
    work = localize_to_file(decided, tmp_path / "a.csv", labels=tmp_path / "a.tif")
    next(work), next(work)
    assert [part.name for part in (tmp_path / "a.csv.parts").glob("*.npz")] == ["part-000000-000001.npz"]
    work.close()


def test_labels_of_some_frames_begin_with_the_first_of_them(decided: Plan, tmp_path: Path) -> None:
    run(decided.with_frames(3, 6), tmp_path / "found.parquet", labels=tmp_path / "labels.tif")
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "labels.tif"), labels_of(decided)[3:6])


def test_nothing_found_are_labels_of_zeros(decided: Plan, tmp_path: Path) -> None:
    nothing = decided.with_settings(threshold=1.0)
    table = run(nothing, tmp_path / "found.parquet", labels=tmp_path / "labels.tif")
    assert table is not None
    assert len(table) == 0
    assert "blob" in table
    assert not tifffile.imread(tmp_path / "labels.tif").any()


def test_what_cannot_be_is_refused_before_the_work(decided: Plan, noise: Callable, tmp_path: Path) -> None:
    (tmp_path / "there.tif").touch()
    for labels, words in (("there.tif", "exists"), ("labels.png", "TIFF"), ("no/labels.tif", "does not exist")):
        with pytest.raises(PinpointError, match=words):
            next(localize_to_file(decided, tmp_path / "found.csv", labels=tmp_path / labels))
    points = plan(noise(1, 40, 40), load_model("smlm-2d"))
    with pytest.raises(PinpointError, match=r"smlm-2d gives points, but no labels.*components"):
        next(localize_to_file(points, tmp_path / "found.csv", labels=tmp_path / "labels.tif"))
    assert [file.name for file in tmp_path.iterdir()] == ["there.tif"]


def test_a_table_alone_is_as_ever(decided: Plan, tmp_path: Path) -> None:
    table = run(decided, tmp_path / "found.parquet")
    np.testing.assert_array_equal(table["blob"], localize(decided.view, decided.model, device="cpu")["blob"])


def test_settings_of_a_record_are_settings_again() -> None:
    asked = LocalizeSettings(decoder="pooled_mass", threshold=0.3)
    assert LocalizeSettings(**asked.model_dump(mode="json")) == asked
