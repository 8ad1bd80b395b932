"""`pinpoint bench`: published studies and the comparison of the methods, each made again by one command."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_pinpoint.cli import options
from napari_pinpoint.cli.choices import CommandWithChoices
from napari_pinpoint.cli.terminal import emit, print_table, progress_bar, say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari_pinpoint.bench import Tell
    from napari_pinpoint.reports.writing import Report

Output = Annotated[
    Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the report and trained models go.")
]
Quick = Annotated[
    bool,
    options.flag("--quick", help="Only see that everything works: train for seconds, on little; scores mean nothing."),
]

bench = typer.Typer(
    name="bench",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Make the published studies again, and compare the methods, each on its own task.\n\n"
    "Each ends in a report: index.html, complete in itself; report.md with pictures; results.json. Trained models are "
    "kept in FOLDER/models under a hash of what they were made from: the same command again only draws the report, and "
    "an interrupted one goes on.",
)


@bench.command()
def sparsity(
    output: Output,
    quick: Quick = False,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
) -> None:
    """Three labels, fifty candidates: what the count term of method 1 is for, as two short movies and a figure."""
    from napari_pinpoint.bench import sparsity as study

    _report(partial(study.run, output, quick=quick), output, overwrite=overwrite, json=json)


@bench.command()
def pixel(
    output: Output,
    quick: Quick = False,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
) -> None:
    """One bright pixel among noise and clutter: train, and score on train, validation and test parts."""
    from napari_pinpoint.bench import pixel as study

    _report(partial(study.run, output, quick=quick), output, overwrite=overwrite, json=json)


@bench.command()
def fit(
    output: Output,
    quick: Quick = False,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
) -> None:
    """The maximum-likelihood fit (`--refine mle`) beside the Cramer-Rao bound: precision, uncertainties, neighbours."""
    from napari_pinpoint.bench import fit as study

    _report(partial(study.run, output, quick=quick), output, overwrite=overwrite, json=json)


@bench.command(cls=CommandWithChoices)
def methods(
    output: Output,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="FOLDER",
            envvar="PINPOINT_DATA",
            help="The development data: images with known truth.",
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="TASK",
            help="Only this task; may be given several times. One of <names of napari_pinpoint.bench:TASKS>.",
        ),
    ] = None,
    quick: Quick = False,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
) -> None:
    """Every method on the task it was made for, side by side, beside what is usual; trains what is not there yet.

    On two cores, the trainings take some hours in all, none of them more than 40 minutes.
    """
    from napari_pinpoint.bench import methods as study

    names = study.choose(only or (), data)
    _report(partial(study.run, output, data=data, only=names, quick=quick), output, overwrite=overwrite, json=json)


def _report(run: Callable[..., Report], output: Path, *, overwrite: bool, json: bool) -> None:
    """Do the work of a study, write its report, and say the figures to reach and where it is."""
    from napari_pinpoint.reports.writing import PAGE, claim, goal_table

    claim(output, overwrite=overwrite)
    with _told() as progress:
        report = run(progress=progress)
    report.write(output, overwrite=True)
    page = (output / PAGE).absolute()
    if json:
        emit({"report": str(page), **report.results()})
        return
    if report.goals:
        table = goal_table(report.goals)
        print_table(table.columns, table.texts(), title=table.caption)
    print(page)


@contextmanager
def _told() -> Iterator[Tell]:
    """A bar for terminals; what is done now is also said in lines, which remain."""
    with progress_bar() as bar:
        said = ""

        def tell(text: str, done: float, total: float) -> None:
            nonlocal said
            if text != said:
                say(text)
            said = text
            bar(text=text, done=done, total=total)

        yield tell
