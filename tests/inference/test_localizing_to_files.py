"""Tables that grow on disk: what is written when, and how a run that was killed goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.inference import LocalizeSettings, localize, localize_to_file, plan, to_files
from napari_pinpoint.inference.planning import CHUNK_PIXELS
from napari_pinpoint.io.tables import read_localizations
from napari_pinpoint.model import Localizer, load_model
from napari_pinpoint.scenes.emitters import EmitterScene
from napari_pinpoint.stack import Stack


@pytest.fixture(scope="module")
def model() -> Localizer:
    return load_model("smlm-2d")


def movie(n_frames: int) -> Stack:
    scene = EmitterScene(shape=(40, 40), density=(0.02, 0.02), background=(10, 10), independent_frames=True)
    return scene.sample(n_frames, np.random.default_rng(5))[0]


def test_a_killed_run_goes_on(model: Localizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CHUNK_PIXELS, "cpu", 2 * 40 * 40)
    stack = movie(8)
    target = tmp_path / "table.parquet"
    decided = plan(stack, model, device="cpu")
    interrupted = localize_to_file(decided, target)
    next(interrupted)
    interrupted.close()
    assert not target.exists()
    with pytest.raises(PinpointError, match="resume"):
        next(localize_to_file(decided, target))

    done_again = [chunk.index for chunk in localize_to_file(decided, target, resume=True)]

    assert done_again == [1, 2, 3]
    table, expected = read_localizations(target), localize(stack, model, device="cpu")
    for name in ("frame", "y", "x", "probability"):
        np.testing.assert_array_equal(table[name], expected[name])
    assert [path.name for path in tmp_path.iterdir()] == ["table.parquet"]


def test_parts_hold_the_chunks_of_some_seconds(
    model: Localizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However a run ends, what was yielded is on disk; only the rest is done again, and also what comes in between."""
    monkeypatch.setitem(CHUNK_PIXELS, "cpu", 40 * 40)
    monkeypatch.setattr(to_files, "PART_SECONDS", 3600.0)
    stack = movie(9)
    decided, target = plan(stack, model, device="cpu"), tmp_path / "table.parquet"
    folder = tmp_path / "table.parquet.parts"
    run = localize_to_file(decided, target)
    for _ in range(3):
        next(run)
    assert not list(folder.glob("part-*"))
    run.close()
    assert [part.name for part in folder.glob("part-*")] == ["part-000000-000002.parquet"]

    (folder / "part-000000-000002.parquet").rename(folder / "part-000004-000006.parquet")
    again = localize_to_file(decided, target, resume=True)
    assert [next(again).index for _ in range(5)] == [0, 1, 2, 3, 7]
    assert (folder / "part-000000-000003.parquet").exists()
    assert [chunk.index for chunk in again] == [8]
    assert target.exists()


def test_many_rows_are_written_before_their_time(
    model: Localizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CHUNK_PIXELS, "cpu", 40 * 40)
    monkeypatch.setattr(to_files, "PART_ROWS", 40)
    monkeypatch.setattr(to_files, "PART_SECONDS", 3600.0)
    stack = movie(4)
    run = localize_to_file(plan(stack, model, device="cpu"), tmp_path / "table.parquet")
    rows = [len(next(run).localizations) for _ in range(3)]
    assert rows[0] < 40 < rows[0] + rows[1]
    assert [p.name for p in (tmp_path / "table.parquet.parts").glob("part-*")] == ["part-000000-000001.parquet"]
    run.close()


def test_another_run_is_not_resumed(model: Localizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CHUNK_PIXELS, "cpu", 2 * 40 * 40)
    stack = movie(4)
    run = localize_to_file(plan(stack, model), tmp_path / "a.parquet")
    next(run)
    run.close()
    other = plan(stack, model, settings=LocalizeSettings(threshold=0.8))
    with pytest.raises(PinpointError, match="threshold"):
        next(localize_to_file(other, tmp_path / "a.parquet", resume=True))
