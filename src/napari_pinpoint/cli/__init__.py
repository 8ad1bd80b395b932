"""The command `pinpoint`: parse, read, call, write. One file per command; nothing heavy is imported before one runs."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from napari_pinpoint import __version__
from napari_pinpoint.cli import (
    bench,
    convert,
    count,
    demo,
    drift,
    evaluate,
    filter,
    info,
    link,
    localize,
    models,
    recalibrate,
    render,
    replay,
    rerun,
    resolution,
    simulate,
    train,
)
from napari_pinpoint.cli.choices import CommandWithChoices
from napari_pinpoint.cli.terminal import INTERRUPTED, fail, show_warning
from napari_pinpoint.errors import PinpointError, PinpointWarning


class Commands(typer.core.TyperGroup):
    """The commands, in the order in which they were added, and what becomes of the errors that users may see."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except PinpointError as error:
            fail(str(error))
        except BrokenPipeError:  # whoever read our output has seen enough
            raise
        except OSError as error:
            fail(f"{error.filename}: {error.strerror}." if error.filename and error.strerror else str(error))
        except MemoryError:
            fail("there is too little memory for this; work on fewer frames at once, or on smaller tiles (--tile).")
        except KeyboardInterrupt:
            fail("interrupted.", code=INTERRUPTED)


app = typer.Typer(
    cls=Commands,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"pinpoint {__version__}")
        raise typer.Exit


@app.callback(
    epilog="Exit codes: 0 = done, 1 = some of several files failed, 2 = bad input, 130 = interrupted.",
)
def pinpoint(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Find points in microscopy, to a fraction of a pixel, on every frame.

    Positions are in pixels, the centre of the first pixel is (0, 0), and frames count from 0; table formats that mean
    something else are converted when they are read and written.
    """


for command in (
    info.info,
    localize.localize,
    convert.convert,
    filter.filter,
    link.link,
    drift.drift,
    count.count,
    render.render,
    resolution.resolution,
    evaluate.evaluate,
    replay.replay,
    rerun.rerun,
    models.models,
    train.train,
    recalibrate.recalibrate,
    simulate.simulate,
    demo.demo,
):
    app.command(cls=CommandWithChoices)(command)
app.add_typer(bench.bench)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with these arguments (by default the program's own); returns the exit code."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", PinpointWarning)
        warnings.showwarning = show_warning
        try:
            app(args=None if arguments is None else list(arguments), prog_name="pinpoint")
        except SystemExit as end:
            return end.code if isinstance(end.code, int) else int(bool(end.code))
    return 0
