"""`pinpoint resolution`: how fine a picture of a table is."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_pinpoint.cli import options
from napari_pinpoint.cli.terminal import emit, print_table, say
from napari_pinpoint.errors import PinpointError

if TYPE_CHECKING:
    from napari_pinpoint.evaluation.resolution import FRC, NeNA


def resolution(
    source: Annotated[Path, typer.Argument(metavar="TABLE", help="The table of localizations.")],
    figure: Annotated[
        Path | None, typer.Option("--figure", metavar="FILE", help="Write both curves as a figure, .png or .svg.")
    ] = None,
    n_blocks: Annotated[
        int, typer.Option("--n-blocks", metavar="N", min=2, help="Blocks of frames that are split into halves.")
    ] = 20,
    repeats: Annotated[
        int, typer.Option("--repeats", metavar="N", min=1, help="Ways to split them; their scatter is the error.")
    ] = 5,
    threshold: Annotated[
        float, typer.Option("--threshold", metavar="F", help="Correlation that still counts. [default: 1/7]")
    ] = 1 / 7,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Of the splits.")] = 0,
    pixel_size_nm: options.PixelSize = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
) -> None:
    """Measure the resolution of a table's picture, and the precision of its localizations.

    Fourier ring correlation (FRC) compares the pictures of two halves of the frames; in a linked table the frames of a
    molecule count as one. NeNA tells the precision from molecules that are on in two frames in a row. A measure that
    the table does not allow is left out, and why is said.
    """
    from napari_pinpoint.evaluation.resolution import fourier_ring_correlation, nearest_neighbour_resolution
    from napari_pinpoint.io.tables import read_localizations

    table = read_localizations(source, pixel_size_nm=pixel_size_nm)
    problems: list[str] = []

    def measure(work: Any, **how: Any) -> Any:
        try:
            return work(table, **how)
        except PinpointError as error:
            problems.append(str(error))
            return None

    frc = measure(fourier_ring_correlation, n_blocks=n_blocks, repeats=repeats, threshold=threshold, seed=seed)
    nena = measure(nearest_neighbour_resolution)
    if frc is None and nena is None:
        raise PinpointError(" ".join(problems))
    if figure is not None:
        from napari_pinpoint.evaluation.resolution_figures import resolution_figure
        from napari_pinpoint.io.pictures import save_figure

        save_figure(resolution_figure(frc, nena), figure, overwrite=overwrite)
    for problem in problems:
        say(f"pinpoint: left out: {problem}")
    if json:
        emit(
            {
                "source": str(source),
                "frc": frc and _facts_of_frc(frc),
                "nena": nena and _facts_of_nena(nena),
                "left_out": problems,
            }
        )
    else:
        print_table(("measure", "px", "nm", "from"), _rows(frc, nena))


def _rows(frc: FRC | None, nena: NeNA | None) -> list[tuple[str, str, str, str]]:
    rows = []
    if frc is not None:
        of = f"{frc.n_localizations:,} {'molecules' if frc.linked else 'localizations'}, {frc.n_blocks} blocks"
        px, nm = ((frc.resolution_px, frc.error_px), (frc.resolution_nm, frc.error_nm))
        rows.append(("resolution (FRC)", _words(*px), _words(*nm), of))
    if nena is not None:
        px, nm = ((nena.precision_px, nena.error_px), (nena.precision_nm, nena.error_nm))
        rows.append(("precision (NeNA)", _words(*px), _words(*nm), f"{nena.n_pairs:,} pairs"))
    return rows


def _words(value: float, error: float) -> str:
    if not math.isfinite(value):
        return "-"
    return f"{value:.3g} ± {error:.1g}" if math.isfinite(error) else f"{value:.3g}"


def _facts_of_frc(frc: FRC) -> dict[str, Any]:
    names = "resolution_px resolution_nm error_px error_nm threshold picture_pixel_px n_blocks n_repeats"
    return {
        name: getattr(frc, name) for name in f"{names} n_localizations linked frequency correlation smoothed".split()
    }


def _facts_of_nena(nena: NeNA) -> dict[str, Any]:
    names = "precision_px precision_nm error_px error_nm n_pairs distance density fitted"
    return {name: getattr(nena, name) for name in names.split()}
