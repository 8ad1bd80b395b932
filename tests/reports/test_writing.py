"""A report is one page, Markdown and JSON that say the same; nothing in it can be taken for markup."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.reports.writing import Goal, Picture, Report, Section, Table, html_of, markdown_of


def curve() -> Picture:
    figure = Figure(figsize=(2, 1))
    figure.add_subplot().plot([0, 1])
    return Picture.of(figure, "curve", "A <line> & more.")


def report() -> Report:
    table = Table(("name", "a|b", "n"), [("one <b>", 0.123456, 12_345), ("two", None, float("nan"))], "Numbers")
    goals = [Goal("Jaccard", 0.8, at_least=0.75), Goal("error", float("nan"), at_most=1.0)]
    section = Section("First", ["Some *text*.", table, curve()], goals, {"x": np.float32(np.inf), "y": np.arange(2)})
    return Report("Title & more", ["A summary."], [section])


class Tags(HTMLParser):
    """Which tags there are, that they are closed, and the text between them."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_complete_in_itself_and_escapes_what_it_shows() -> None:
    page = Tags()
    page.feed(html_of(report()))
    assert page.open == []
    names = [name for name, _ in page.seen]
    assert "script" not in names
    assert "link" not in names
    assert "b" not in names
    (image,) = (attributes for name, attributes in page.seen if name == "img")
    assert (image["src"] or "").startswith("data:image/png;base64,")
    assert image["alt"] == "A <line> & more."
    for words in ("Title & more", "one <b>", "0.1235", "12,345", "–", "Some *text*.", "at least 0.75", "not reached"):
        assert words in page.text


def test_markdown_says_the_same() -> None:
    text = markdown_of(report())
    assert text.startswith("# Title & more\n")
    assert "| one \\<b\\> | 0.1235 | 12,345 |" in text
    assert "| name | a\\|b | n |\n| --- | --- | --- |" in text
    assert "![A \\<line\\> & more.](curve.png)" in text
    assert "Some \\*text\\*." in text
    assert "| First | Jaccard | 0.8 | at least 0.75 | reached |" in text
    assert "| First | error | – | at most 1 | not reached |" in text


def test_it_writes_its_files_and_replaces_none_without_leave(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "study"
    report().write(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["curve.png", "index.html", "report.md", "results.json"]
    results = json.loads((folder / "results.json").read_text())
    assert results["sections"][0]["results"] == {"x": None, "y": [0, 1]}
    assert [goal["reached"] for goal in results["sections"][0]["goals"]] == [True, False]
    with pytest.raises(PinpointError, match=r"index\.html.*--overwrite"):
        report().write(folder)
    report().write(folder, overwrite=True)
    with pytest.raises(PinpointError, match="is a file"):
        report().write(folder / "report.md")


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="1 cells in a table of 2 columns"):
        Table(("a", "b"), [("alone",)])
    with pytest.raises(ValueError, match="either"):
        Goal("x", 1.0)
    assert Goal("x", 1.0, at_most=1.0).reached
    assert not Goal("x", 1.1, at_most=1.0).reached
    assert Goal("x", 0.0, at_most=0.0).reached


def test_files_are_written_beside_the_page_and_named_in_it(tmp_path: Path) -> None:
    section = Section("First", ["Text."], files={"pairs.csv": "a,b\n1,2\n"})
    Report("Title", [], [section]).write(tmp_path)
    assert (tmp_path / "pairs.csv").read_text() == "a,b\n1,2\n"
    assert '<a href="pairs.csv">' in (tmp_path / "index.html").read_text()
    assert "[pairs.csv](pairs.csv)" in (tmp_path / "report.md").read_text()
