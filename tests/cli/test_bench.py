"""`pinpoint bench`: reports in a folder, a summary on the terminal, errors in words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from napari_pinpoint.cli import main


def test_a_study_ends_in_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "study"
    assert main(["bench", "sparsity", "-o", str(folder), "--quick", "--json"]) == 0
    said = capsys.readouterr()
    result = json.loads(said.out)
    assert Path(result["report"]) == folder / "index.html"
    assert (folder / "report.md").read_text().startswith("# ")
    assert "following fifty candidates" in said.err

    assert main(["bench", "sparsity", "-o", str(folder), "--quick"]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert main(["bench", "sparsity", "-o", str(folder), "--quick", "--overwrite"]) == 0
    assert "to reach" in capsys.readouterr().out


def test_what_is_lacking_is_said_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PINPOINT_DATA", raising=False)
    folder = tmp_path / "comparison"
    assert main(["bench", "methods", "-o", str(folder)]) == 2
    assert "PINPOINT_DATA" in capsys.readouterr().err
    assert main(["bench", "methods", "-o", str(folder), "--only", "nothing"]) == 2
    assert "no task 'nothing'" in capsys.readouterr().err
    assert not folder.exists()


def test_help_lists_the_tasks(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["bench", "methods", "--help"]) == 0
    assert "dense, nuclei, cells, spots, pixel" in capsys.readouterr().out
