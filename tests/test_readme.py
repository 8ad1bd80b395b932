"""What the README shows works as it stands there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_pinpoint.cli import main

REPOSITORY = Path(__file__).parents[1]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
SET_UP = "python3 -m venv .venv && .venv/bin/pip install tox && .venv/bin/tox"


def section(title: str) -> str:
    return README.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


@pytest.fixture
def movies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with the files that the README speaks of."""
    monkeypatch.chdir(tmp_path)
    small = ("--frames", "4", "--set", "shape=[64, 64]")
    assert main(["simulate", "emitters", "-o", "movie.tif", "--truth", "truth.csv", *small]) == 0
    Path("movies").mkdir()
    assert main(["simulate", "emitters", "-o", "movies/first.tif", "--truth", "first.csv", *small]) == 0
    assert main(["simulate", "spots", "-o", "cells.tif", "--truth", "spots.csv", *small]) == 0
    tifffile.imwrite("labels.tif", np.ones((64, 64), np.uint8))


def test_the_two_commands() -> None:
    commands = re.findall(r"^    (python3 .*)$", README, flags=re.MULTILINE)
    assert commands == [f"{SET_UP} run -e demo", SET_UP]
    assert f"\n{SET_UP} ||" in (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8"), "CI runs the README's command"


@pytest.mark.usefixtures("movies")
def test_the_command_line() -> None:
    lines = re.findall(r"^    pinpoint (.*)$", section("Quick start on the command line"), flags=re.MULTILINE)
    assert len(lines) == 7
    for line in lines:
        assert main(shlex.split(line, comments=True)) == 0, line
    assert {path.name for path in Path().glob("*.parquet")} == {"table.parquet", "spots.parquet", "again.parquet"}
    assert Path("tables/first.parquet").is_file()


@pytest.mark.usefixtures("movies")
def test_python() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", section("Quick start in Python"), flags=re.DOTALL)
    names: dict[str, object] = {}
    exec(code, names)
    assert len(names["table"]) > 0  # type: ignore[arg-type]
    assert Path("table.parquet").is_file()


def test_it_can_be_shown_anywhere() -> None:
    """The napari hub shows the README away from the repository: links must be whole."""
    links = re.findall(r"\]\(([^)]*)\)", README)
    assert links
    assert [link for link in links if not link.startswith("https://")] == []
