"""A picture of drift against time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_pinpoint.postprocessing.drift import Drift

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def drift_figure(drift: Drift) -> Figure:
    """Drift along x and y against the frame, and its way in the plane; in nanometres where the pixel size is known.

    The lines differ in their dashes, too, so that nothing is told by colour alone.
    """
    from matplotlib.figure import Figure

    size, unit = (drift.pixel_size_nm, "nm") if drift.pixel_size_nm else (1.0, "px")
    y, x = drift.y * size, drift.x * size
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    over_time, way = figure.subplots(1, 2, width_ratios=(2, 1))
    over_time.plot(drift.frame, x, "-", color="tab:blue", label="x (to the right)")
    over_time.plot(drift.frame, y, "--", color="tab:orange", label="y (down)")
    over_time.axhline(0, color="0.7", linewidth=0.8, zorder=0)
    over_time.set(xlabel="frame", ylabel=f"drift [{unit}]")
    over_time.legend(frameon=False)
    way.plot(x, y, color="0.4", linewidth=1)
    way.plot(x[:1], y[:1], "o", color="black", markersize=4, label="first frame")
    way.legend(frameon=False)
    way.set(xlabel=f"x [{unit}]", ylabel=f"y [{unit}]")
    way.set_aspect("equal", adjustable="datalim")
    way.invert_yaxis()  # as in the image
    return figure
