"""`pinpoint demo`: see it work in a minute."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_pinpoint.cli import options
from napari_pinpoint.cli.terminal import emit, print_table, progress_bar

if TYPE_CHECKING:
    from napari_pinpoint.demo import Report


def demo(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where everything goes.")] = Path(
        "pinpoint-demo"
    ),
    frames: Annotated[int, typer.Option("--frames", metavar="N", min=1, help="Frames of the movie.")] = 500,
    device: options.Device = "auto",
    overwrite: Annotated[
        bool,
        options.flag("--overwrite", help="Replace files of these names even if no demonstration made them."),
    ] = False,
    json: options.Json = False,
) -> None:
    """Simulate blinking filaments, localize them with the shipped model, score and draw the result.

    The movie is written as a TIFF and read back like any other. A second demonstration replaces the files of the first.
    """
    from napari_pinpoint.demo import FILES, run_demo

    with progress_bar() as bar:
        report = run_demo(
            output,
            n_frames=frames,
            device=device,
            overwrite=overwrite,
            progress=lambda text, done, total: bar(text=text, done=done, total=total),
        )
    files = {name: str((output / file).absolute()) for name, file in FILES.items()}
    if json:
        emit({**report.to_dict(), "files": files})
    else:
        _print(report, files)


def _print(report: Report, files: dict[str, str]) -> None:
    from napari_pinpoint.scenes.examples import CAMERA

    print_table(
        ("score", "value", "meaning"),
        [
            ("emitters", f"{report.n_truth:,}", "all frames together"),
            ("localizations", f"{report.n_found:,}", ""),
            ("Jaccard", f"{100 * report.jaccard:.1f} %", f"within {report.tolerance_nm:g} nm"),
            ("precision", f"{100 * report.precision:.1f} %", "of the localizations are emitters"),
            ("recall", f"{100 * report.recall:.1f} %", "of the emitters are found"),
            ("RMSE", f"{report.rmse_nm:.1f} nm", "radial"),
            ("Cramer-Rao bound", f"{report.bound_nm:.1f} nm", "radial, median over the emitters"),
            ("error / bound", f"{report.error_over_bound:.2f}", "median; 1 is as precise as the photons allow"),
        ],
        title="What was found, against the truth",
    )
    names = {
        "movie": "the movie",
        "table": "the localizations, with the record of how they were made",
        "thunderstorm": "the same for other programs (ThunderSTORM)",
        "truth": "the truth",
        "picture": "the super-resolution picture",
        "comparison": "the same beside the average of the movie",
    }
    rows = [(Path(files[name]).name, words) for name, words in names.items()]
    print_table(("file", "what it is"), rows, title=str(Path(files["movie"]).parent))
    print("Open all of it in napari:")
    print(f"  {_quoted(sys.executable)} {_quoted(files['script'])}")
    print("Localize the movie as any other:")
    print(
        f"  {_quoted(str(Path(sys.executable).with_name('pinpoint')))} localize {_quoted(files['movie'])} -o found.csv "
        + options.camera_options(CAMERA.camera())
    )


def _quoted(path: str) -> str:
    import shlex

    return shlex.quote(path)
