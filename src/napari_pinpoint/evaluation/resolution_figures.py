"""Figures of resolution: the Fourier ring correlation, and the histogram of nearest neighbours."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from napari_pinpoint.evaluation.resolution import FRC, NeNA

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def resolution_figure(frc: FRC | None = None, nena: NeNA | None = None) -> Figure:
    """A figure of what there is, side by side; lengths are in nanometres where the size of a pixel is known."""
    from matplotlib.figure import Figure

    shown = [(draw, result) for draw, result in ((_draw_frc, frc), (_draw_nena, nena)) if result is not None]
    figure = Figure(figsize=(5 * max(len(shown), 1), 3.6), layout="constrained")
    for index, (draw, result) in enumerate(shown):
        draw(figure.add_subplot(1, len(shown), index + 1), result)
    return figure


def _draw_frc(axes: Any, frc: Any) -> None:
    unit, size = ("nm", frc.pixel_size_nm) if frc.pixel_size_nm else ("px", 1.0)
    frequency = frc.frequency / size
    axes.plot(frequency, frc.correlation, color="0.75", linewidth=0.8, label="each ring")
    axes.plot(frequency, frc.smoothed, color="#0b62a4", linewidth=1.8, label="smoothed")
    axes.axhline(frc.threshold, color="black", linestyle="--", linewidth=1, label=f"threshold {frc.threshold:.3g}")
    if math.isfinite(frc.resolution_px):
        axes.axvline(1 / (frc.resolution_px * size), color="#c44e00", linestyle=":", linewidth=1.5)
        axes.set_title(f"FRC resolution {frc.resolution_px * size:.3g} {unit}")
        axes.set_xlim(0, min(2.5 / (frc.resolution_px * size), frequency[-1]))
    else:
        axes.set_title("FRC: the threshold is not crossed")
        axes.set_xlim(0, frequency[-1])
    axes.set_ylim(-0.1, 1.05)
    axes.set_xlabel(f"spatial frequency (1/{unit})")
    axes.set_ylabel("Fourier ring correlation")
    axes.legend(frameon=False)


def _draw_nena(axes: Any, nena: Any) -> None:
    unit, size = ("nm", nena.pixel_size_nm) if nena.pixel_size_nm else ("px", 1.0)
    distance = nena.distance * size
    width = distance[1] - distance[0]
    axes.bar(distance, nena.density / size, width=width, color="0.82", label="nearest neighbours")
    axes.plot(distance, nena.fitted / size, color="#0b62a4", linewidth=1.8, label="fit")
    axes.plot(distance, nena.same_molecule / size, color="#c44e00", linestyle="--", label="same molecule")
    axes.set_title(f"NeNA precision {nena.precision_px * size:.3g} {unit}")
    axes.set_xlim(0, distance[-1] + width / 2)
    axes.set_xlabel(f"distance to the nearest in the next frame ({unit})")
    axes.set_ylabel(f"part of the pairs per {unit}")
    axes.legend(frameon=False)
