from __future__ import annotations

import os

import numpy as np
import pytest

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.io.parts import PartFolder
from napari_pinpoint.localizations import Localizations

PLAN = {"stack": "a1b2", "threshold": 0.5, "frames": (0, 30)}


def part(index: int) -> Localizations:
    frames = np.arange(10 * index, 10 * index + 10)
    columns = {"frame": frames, "y": frames / 2, "x": frames / 4, "probability": np.full(10, 0.9)}
    return Localizations(columns, pixel_size_nm=100, record={"model": "smlm-2d"})


@pytest.fixture
def parts(tmp_path) -> PartFolder:
    """A run that was killed after the first and the third of its parts."""
    folder = PartFolder(tmp_path / "found.csv")
    folder.start(PLAN)
    folder.write(range(2, 3), part(2))
    folder.write(range(1), part(0))
    return folder


def test_parts_become_one_table_in_order(parts, tmp_path):
    assert parts.path == tmp_path / "found.csv.parts"
    assert parts.finished() == {0, 2}
    parts.write(range(1, 2), part(1))
    table = parts.collect()
    assert table["frame"].tolist() == list(range(30))
    assert (table.pixel_size_nm, table.record) == (100, {"model": "smlm-2d"})
    parts.remove()
    assert os.listdir(tmp_path) == []


def test_a_killed_run_is_resumed(parts):
    again = PartFolder(parts.output)
    again.start({**PLAN, "frames": [0, 30]}, resume=True)
    assert again.finished() == {0, 2}


def test_resume_starts_where_there_is_nothing(tmp_path):
    folder = PartFolder(tmp_path / "found.csv")
    folder.start(PLAN, resume=True)
    assert folder.finished() == set()


def test_leftovers_are_neither_mixed_nor_thrown_away_unasked(parts):
    with pytest.raises(PinpointError, match=r"found.csv.parts holds parts of a run.*--resume.*--overwrite"):
        parts.start(PLAN)
    assert parts.finished() == {0, 2}
    parts.start(PLAN, overwrite=True)
    assert parts.finished() == set()


def test_parts_of_another_plan_are_not_resumed(parts):
    other = {"stack": "a1b2", "threshold": 0.7, "model": "new"}
    with pytest.raises(PinpointError) as caught:
        parts.start(other, resume=True)
    for words in ("threshold was 0.5 and is 0.7", "model was None and is 'new'", "frames was [0, 30] and is None"):
        assert words in str(caught.value)
    assert "stack" not in str(caught.value).split("another run")[1]
    assert parts.finished() == {0, 2}
    parts.start(other, resume=True, overwrite=True)
    assert parts.finished() == set()


def test_a_part_that_is_cut_off_does_not_count(parts):
    file = parts.path / "part-000002-000002.parquet"
    file.write_bytes(file.read_bytes()[:-20])
    assert parts.finished() == {0}
    parts.write(range(1, 4), Localizations.concatenate([part(1), part(2), part(3)]))
    assert parts.finished() == {0, 1, 2, 3}
    assert len(parts.collect()) == 40


def test_several_chunks_are_one_file(tmp_path):
    folder = PartFolder(tmp_path / "found.csv")
    folder.start(PLAN)
    folder.write(range(2, 3), part(2))
    folder.write(range(2), Localizations.concatenate([part(0), part(1)]))
    assert len(list(folder.path.glob("part-*"))) == 2
    assert folder.finished() == {0, 1, 2}
    assert folder.collect()["frame"].tolist() == list(range(30))


def test_a_part_that_is_missing_is_named(parts):
    with pytest.raises(PinpointError, match="chunk 1 is missing"):
        parts.collect()


def test_a_plan_that_cannot_be_read_is_not_resumed(parts):
    (parts.path / "plan.json").write_text('{"stack": ')
    with pytest.raises(PinpointError, match="their plan cannot be read"):
        parts.start(PLAN, resume=True)


def test_a_run_killed_before_its_plan_was_written_is_no_obstacle(tmp_path):
    (tmp_path / "found.csv.parts").mkdir()
    folder = PartFolder(tmp_path / "found.csv")
    folder.start(PLAN)
    folder.write(range(1), part(0))
    assert folder.finished() == {0}


def test_empty_chunks_do_not_cost_columns(tmp_path):
    folder = PartFolder(tmp_path / "found.csv")
    folder.start(PLAN)
    folder.write(range(1), Localizations.empty(pixel_size_nm=100))
    folder.write(range(1, 2), part(1))
    assert list(folder.collect()) == ["frame", "y", "x", "probability"]


def test_other_files_in_the_folder_stay(parts):
    (parts.path / "mine.txt").write_text("keep")
    parts.remove()
    assert os.listdir(parts.path) == ["mine.txt"]


def test_nothing_begins_where_the_output_cannot_be(tmp_path):
    with pytest.raises(PinpointError, match="does not exist"):
        PartFolder(tmp_path / "none" / "found.csv").start(PLAN)
    (tmp_path / "found.csv").write_text("there")
    with pytest.raises(PinpointError, match=r"found.csv exists"):
        PartFolder(tmp_path / "found.csv").start(PLAN)
    assert os.listdir(tmp_path) == ["found.csv"]
