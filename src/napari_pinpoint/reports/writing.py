"""A report: text, tables, figures and goals, as one HTML page, as Markdown with pictures, and as JSON."""

from __future__ import annotations

import base64
import html
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.io.atomic import complete_file
from napari_pinpoint.json_values import plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: The files of a report besides its pictures.
PAGE, MARKDOWN, RESULTS = "index.html", "report.md", "results.json"


@dataclass(frozen=True)
class Goal:
    """A figure to reach: what was measured, and the least (or the most) that it should be."""

    what: str
    value: float
    at_least: float | None = None
    at_most: float | None = None

    def __post_init__(self) -> None:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError(f"the goal {self.what!r} needs either at_least or at_most")

    @property
    def reached(self) -> bool:
        """Whether it is reached; never by what is not a number."""
        return self.value >= self.at_least if self.at_least is not None else self.value <= (self.at_most or 0.0)

    @property
    def bound(self) -> str:
        """The figure to reach in words."""
        return f"at most {self.at_most:g}" if self.at_least is None else f"at least {self.at_least:g}"


@dataclass(frozen=True)
class Table:
    """Rows of text and numbers under a caption; None is an empty cell."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str | float | None]]
    caption: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"a row of {len(row)} cells in a table of {len(self.columns)} columns: {row}")

    def texts(self) -> list[list[str]]:
        """The rows in words: numbers with four digits, a dash for what is not known."""
        return [[_text(cell) for cell in row] for row in self.rows]


@dataclass(frozen=True)
class Picture:
    """A picture in a report: `data` are the bytes of a PNG or a GIF; the caption also serves who cannot see it."""

    name: str
    data: bytes
    caption: str

    @classmethod
    def of(cls, figure: Figure, name: str, caption: str, *, dots_per_inch: float = 110) -> Picture:
        """A figure of matplotlib, drawn now; it should have been made without pyplot, which keeps it in memory."""
        buffer = BytesIO()
        figure.savefig(buffer, format="png", dpi=dots_per_inch)
        return cls(name, buffer.getvalue(), caption)

    @property
    def kind(self) -> str:
        return "gif" if self.data.startswith(b"GIF8") else "png"

    @property
    def file(self) -> str:
        return f"{self.name}.{self.kind}"


@dataclass(frozen=True)
class Section:
    """A part of a report: paragraphs, tables and pictures in their order, goals, and the figures as plain JSON.

    `files` are written beside the page as they are, by name: what is too long for it, such as all pairs as CSV.
    """

    title: str
    parts: Sequence[str | Table | Picture]
    goals: Sequence[Goal] = ()
    results: dict[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """A title, a summary in paragraphs, and sections."""

    title: str
    summary: Sequence[str]
    sections: Sequence[Section]

    @property
    def goals(self) -> list[tuple[str, Goal]]:
        """All goals, each with the title of its section."""
        return [(section.title, goal) for section in self.sections for goal in section.goals]

    def write(self, folder: str | Path, *, overwrite: bool = False) -> None:
        """Write `index.html`, which is complete in itself, and `report.md`, `results.json`, pictures and files.

        Raises
        ------
        PinpointError
            If a report is there and must not be replaced.
        """
        folder = Path(folder)
        claim(folder, overwrite=overwrite)
        pictures = {part.file: part.data for section in self.sections for part in _pictures(section)}
        files = {name: text for section in self.sections for name, text in section.files.items()}
        texts = files | {
            MARKDOWN: markdown_of(self),
            RESULTS: json.dumps(self.results(), indent=1),
            PAGE: html_of(self),
        }
        for name, data in (pictures | {name: text.encode() for name, text in texts.items()}).items():
            with complete_file(folder / name, overwrite=True) as temporary:
                temporary.write_bytes(data)

    def results(self) -> dict[str, Any]:
        """What `results.json` holds; what is not finite is null."""
        sections = [
            {
                "title": section.title,
                "goals": [
                    {"what": g.what, "value": g.value, "to_reach": g.bound, "reached": g.reached} for g in section.goals
                ],
                "results": section.results,
            }
            for section in self.sections
        ]
        return {"title": self.title, "sections": [plain(section) for section in sections]}


def claim(folder: Path, *, overwrite: bool = False) -> None:
    """Make the folder of a report, in which there must be none unless it may be replaced; long work asks this first."""
    if folder.exists() and not folder.is_dir():
        raise PinpointError(f"{folder} is a file; a report needs a folder.")
    taken = [name for name in (PAGE, MARKDOWN, RESULTS) if (folder / name).exists()]
    if taken and not overwrite:
        raise PinpointError(
            f"{folder} holds a report already ({', '.join(taken)}); "
            "give another folder, or allow it to be replaced (--overwrite)."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PinpointError(f"{folder} cannot be made: {error.strerror or error}.") from error


def goal_table(goals: Sequence[tuple[str, Goal]]) -> Table:
    """Figures to reach, and whether they were."""
    rows = [(title, g.what, g.value, g.bound, "reached" if g.reached else "not reached") for title, g in goals]
    return Table(("task", "measure", "measured", "to reach", "result"), rows, "Figures to reach")


def html_of(report: Report) -> str:
    """One page that needs no other file; readable without style and on a narrow screen."""
    body = [f"<h1>{html.escape(report.title)}</h1>", *(_paragraph(text) for text in report.summary)]
    if report.goals:
        body.append(_html_table(goal_table(report.goals)))
    for section in report.sections:
        body.append(f"<h2>{html.escape(section.title)}</h2>")
        body += [_html_part(part) for part in section.parts]
        if section.files:
            links = (f'<a href="{html.escape(name)}">{html.escape(name)}</a>' for name in section.files)
            body.append(f"<p>Data: {', '.join(links)}</p>")
    return _PAGE.format(title=html.escape(report.title), style=_STYLE, body="\n".join(body))


def markdown_of(report: Report) -> str:
    """The same as Markdown; its pictures are files beside it."""
    blocks = [f"# {_md(report.title)}", *map(_md, report.summary)]
    if report.goals:
        blocks.append(_markdown_table(goal_table(report.goals)))
    for section in report.sections:
        blocks.append(f"## {_md(section.title)}")
        for part in section.parts:
            if isinstance(part, Table):
                blocks.append(_markdown_table(part))
            elif isinstance(part, Picture):
                blocks.append(f"![{_md(part.caption)}]({part.file})\n\n*{_md(part.caption)}*")
            else:
                blocks.append(_md(part))
        if section.files:
            blocks.append(f"Data: {', '.join(f'[{_md(name)}]({name})' for name in section.files)}")
    return "\n\n".join(blocks) + "\n"


def _pictures(section: Section) -> Iterator[Picture]:
    return (part for part in section.parts if isinstance(part, Picture))


def _html_part(part: str | Table | Picture) -> str:
    if isinstance(part, Table):
        return _html_table(part)
    if isinstance(part, Picture):
        source = f"data:image/{part.kind};base64,{base64.b64encode(part.data).decode()}"
        caption = html.escape(part.caption)
        return f'<figure><img src="{source}" alt="{caption}"><figcaption>{caption}</figcaption></figure>'
    return _paragraph(part)


def _paragraph(text: str) -> str:
    return f"<p>{html.escape(text)}</p>"


def _html_table(table: Table) -> str:
    caption = f"<caption>{html.escape(table.caption)}</caption>" if table.caption else ""
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in table.columns)
    rows = "".join(f"<tr>{''.join(_html_cell(cell) for cell in row)}</tr>\n" for row in table.rows)
    return f'<div class="wide"><table>{caption}<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody></table></div>'


def _html_cell(cell: str | float | None) -> str:
    kind = " class=number" if isinstance(cell, int | float) else ""
    return f"<td{kind}>{html.escape(_text(cell))}</td>"


def _markdown_table(table: Table) -> str:
    lines = [_markdown_row(table.columns), _markdown_row(["---"] * len(table.columns), plain=True)]
    lines += [_markdown_row(row) for row in table.texts()]
    return "\n".join(([f"**{_md(table.caption)}**", ""] if table.caption else []) + lines)


def _markdown_row(cells: Sequence[str], *, plain: bool = False) -> str:
    return f"| {' | '.join(cell if plain else _md(cell) for cell in cells)} |"


def _md(text: str) -> str:
    """Text in which Markdown finds no marks of its own."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", " ".join(text.split()))


def _text(cell: str | float | None) -> str:
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return "–"
    return cell if isinstance(cell, str) else f"{cell:,}" if isinstance(cell, int) else f"{cell:.4g}"


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""

_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #222; background: #fff; max-width: 62rem; margin: 2rem auto;
  padding: 0 1rem; }
h1, h2 { line-height: 1.2; }
h2 { margin-top: 3rem; border-bottom: 1px solid #ccc; padding-bottom: .3rem; }
p { max-width: 46rem; }
.wide { overflow-x: auto; margin: 1.2rem 0; }
table { border-collapse: collapse; font-size: .92em; }
caption { text-align: left; font-weight: 600; padding: .3rem 0; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid #ddd; text-align: left; vertical-align: top; }
th { border-bottom: 2px solid #888; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
figure { margin: 1.5rem 0; }
figure img { max-width: 100%; height: auto; }
figcaption { color: #555; font-size: .92em; max-width: 46rem; }
"""
