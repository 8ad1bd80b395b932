"""Figures of comparisons, with one line for each of the models that are compared. Here matplotlib is needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from napari_pinpoint.evaluation.curves import Histogram, Shares
from napari_pinpoint.evaluation.details import Details

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Lines are told apart by style and marker, too, not by colour alone; the colours are Okabe and Ito's.
_STYLES: tuple[dict[str, Any], ...] = (
    {"color": "#0072b2", "linestyle": "-", "marker": "o"},
    {"color": "#d55e00", "linestyle": "--", "marker": "s"},
    {"color": "#009e73", "linestyle": ":", "marker": "^"},
)
#: What there is only once: the truth, or what should be.
_PLAIN: dict[str, Any] = {"color": "0.45", "linestyle": "-.", "linewidth": 1.2}

Named = Mapping[str, Details]


@dataclass(frozen=True)
class Plot:
    """A figure that can be drawn of named comparisons.

    Attributes
    ----------
    name
        For files.
    title
        For lists and headings.
    caption
        What is to be seen, and how it is measured.
    draw
        Puts it into an empty figure.
    has_data
        Whether there is anything to draw.
    """

    name: str
    title: str
    caption: str
    draw: Callable[[Figure, Named], None]
    has_data: Callable[[Named], bool] = lambda compared: any(len(d.pairing.matches.found) for d in compared.values())

    def figure(self, compared: Named) -> Figure:
        """The figure by itself."""
        figure = Figure(figsize=(8, 3.6) if self.name in _WIDE else (6, 3.8), layout="constrained")
        self.draw(figure, compared)
        return figure


def _draw_f1(figure: Figure, compared: Named) -> None:
    axes = figure.add_subplot()
    unit, factor = _length(compared)
    for style, (name, details) in zip(cycle(_STYLES), compared.items(), strict=False):
        axes.plot(details.f1.distance_px * factor, 100 * details.f1.f1, label=name, markersize=4, **style)
        tolerance = details.pairing.tolerance_px * factor
    axes.axvline(tolerance, **_PLAIN, label="tolerance")
    axes.set(xlabel=f"largest distance of a pair, {unit}", ylabel="F1, %", ylim=(0, 102), xlim=(0, None))
    _finish(axes)


def _draw_photons(figure: Figure, compared: Named) -> None:
    axes = figure.add_subplot()
    _draw_shares(axes, {name: d.recall_photons for name, d in compared.items()})
    axes.set(xlabel="true photons", ylabel="found, %", ylim=(0, 102))
    _scale_by_factors(axes)
    _finish(axes)


def _draw_neighbours(figure: Figure, compared: Named) -> None:
    axes = figure.add_subplot()
    unit, factor = _length(compared)
    _draw_shares(axes, {name: d.recall_neighbour for name, d in compared.items()}, factor)
    axes.set(xlabel=f"distance of the nearest other true point, {unit}", ylabel="found, %", ylim=(0, 102))
    _scale_by_factors(axes)
    _finish(axes)


def _draw_errors(figure: Figure, compared: Named) -> None:
    unit, factor = _length(compared)
    titles = {"x": "|error along x|", "y": "|error along y|", "distance": "distance"}
    for axes, (which, title) in zip(figure.subplots(1, 3, sharey=True), titles.items(), strict=True):
        for style, (name, details) in zip(cycle(_STYLES), compared.items(), strict=False):
            _draw_histogram(axes, details.errors[which], style, name, factor)
        axes.set(xlabel=f"{title}, {unit}", xlim=(0, None), ylim=(0, None))
        _finish(axes, legend=which == "distance")
    figure.axes[0].set_ylabel("pairs, %")


def _draw_positions(figure: Figure, compared: Named) -> None:
    for axes, axis in zip(figure.subplots(1, 2, sharey=True), ("x", "y"), strict=True):
        for style, (name, details) in zip(cycle(_STYLES), compared.items(), strict=False):
            _draw_histogram(axes, details.positions[axis].found, style, name)
        counts = details.positions[axis].true
        _draw_histogram(axes, counts, _PLAIN, "true")
        axes.set(xlabel=f"{axis} within the pixel (0: centre), pixels", xlim=(-0.5, 0.5), ylim=(0, None))
        _finish(axes, legend=axis == "y")
    figure.axes[0].set_ylabel("points, %")


def _draw_uncertainties(figure: Figure, compared: Named) -> None:
    left, right = figure.subplots(1, 2)
    ratio = np.linspace(-5, 5, 201)
    for style, (name, details) in zip(cycle(_STYLES), compared.items(), strict=False):
        check = details.uncertainties
        if check is not None and check.n_pairs:
            density = check.ratio.counts / max(1, check.ratio.counts.sum()) / np.diff(check.ratio.edges)
            left.stairs(density, check.ratio.edges, label=name, color=style["color"], linestyle=style["linestyle"])
            right.plot(100 * check.level, 100 * check.coverage, label=name, markersize=4, **style)
    left.plot(ratio, np.exp(-(ratio**2) / 2) / np.sqrt(2 * np.pi), **_PLAIN, label="should be")
    right.plot([0, 100], [0, 100], **_PLAIN, label="should be")
    left.set(xlabel="error / uncertainty", ylabel="density", xlim=(-5, 5), ylim=(0, None))
    right.set(xlabel="interval that should hold, %", ylabel="errors that it holds, %", xlim=(0, 100), ylim=(0, 102))
    _finish(left, legend=False)
    _finish(right)


def _draw_probabilities(figure: Figure, compared: Named) -> None:
    axes = figure.add_subplot()
    axes.plot([0, 100], [0, 100], **_PLAIN, label="should be")
    _draw_shares(axes, {name: d.probabilities for name, d in compared.items()}, 100)
    axes.set(xlabel="probability, %", ylabel="right, %", xlim=(0, 100), ylim=(0, 102))
    _finish(axes)


def _draw_counts(figure: Figure, compared: Named) -> None:
    axes = figure.add_subplot()
    largest = 1
    for style, (name, details) in zip(cycle(_STYLES), compared.items(), strict=False):
        true, found = details.counts
        largest = max(largest, int(true.max(initial=0)), int(found.max(initial=0)))
        axes.plot(true, found, linestyle="", marker=style["marker"], color=style["color"], alpha=0.4, label=name)
    axes.plot([0, largest], [0, largest], **_PLAIN, label="should be")
    axes.set(xlabel="true points in a frame", ylabel="found points in it")
    _finish(axes)


def _draw_shares(axes: Axes, shares: Mapping[str, Shares | None], factor: float = 1.0) -> None:
    for style, (name, part) in zip(cycle(_STYLES), shares.items(), strict=False):
        if part is None:
            continue
        low, high = part.interval
        some = part.n > 0
        ends = 100 * np.stack([part.share - low, high - part.share])[:, some]
        axes.errorbar(
            part.value[some] * factor,
            100 * part.share[some],
            yerr=np.maximum(ends, 0),
            label=name,
            markersize=4,
            capsize=2,
            **style,
        )


def _draw_histogram(axes: Axes, histogram: Histogram, style: Mapping[str, Any], name: str, factor: float = 1) -> None:
    share = 100 * histogram.counts / max(1, histogram.counts.sum())
    line = {key: value for key, value in style.items() if key != "marker"}
    axes.stairs(share, histogram.edges * factor, label=name, **line)


def _length(compared: Named) -> tuple[str, float]:
    """The unit of lengths, and how many of it a pixel has: nanometres where all tables know them."""
    sizes = {details.pairing.pixel_size_nm for details in compared.values()}
    size = sizes.pop() if len(sizes) == 1 else None
    return ("pixels", 1.0) if size is None else ("nm", size)


def _scale_by_factors(axes: Axes) -> None:
    """A logarithmic scale along x whose numbers are plain."""
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))


def _finish(axes: Axes, *, legend: bool = True) -> None:
    axes.grid(alpha=0.3)
    if legend:
        axes.legend(fontsize=8)


def _any(part: str) -> Callable[[Named], bool]:
    def has_data(compared: Named) -> bool:
        parts = [getattr(details, part) for details in compared.values()]
        return any(p is not None and np.sum(getattr(p, "n", getattr(p, "n_pairs", 0))) > 0 for p in parts)

    return has_data


_WIDE = ("errors", "positions", "uncertainties")

#: All figures in the order in which they are shown.
PLOTS = (
    Plot(
        "f1-distance",
        "F1 against distance",
        "F1 against the largest distance of a pair; points are paired anew at every distance.",
        _draw_f1,
        lambda compared: True,
    ),
    Plot(
        "recall-photons",
        "Recall against photons",
        "Share of the true points that was found against their photons, in groups of equal size; bars: 95 % intervals.",
        _draw_photons,
        _any("recall_photons"),
    ),
    Plot(
        "recall-neighbours",
        "Recall against neighbours",
        "Share of the true points that was found against the distance of their nearest true neighbour in the frame, in "
        "groups of equal size; bars: 95 % intervals. Points that are alone in their frame are left out.",
        _draw_neighbours,
        _any("recall_neighbour"),
    ),
    Plot(
        "errors",
        "Errors",
        "How large the errors of the pairs are along each axis, and as a distance, up to the tolerance.",
        _draw_errors,
    ),
    Plot(
        "positions",
        "Within the pixel",
        "Where within their pixel points lie. Found points that gather at the centre or at the edges, where the true "
        "ones do not, were pulled there by the method (pixel locking).",
        _draw_positions,
        lambda compared: any(len(details.pairing.found) for details in compared.values()),
    ),
    Plot(
        "uncertainties",
        "Uncertainties",
        "Left: errors over their uncertainties, which should be a normal distribution of width 1. Right: how many of "
        "the errors lie in the interval that should hold so many of them; below the line uncertainties are too small.",
        _draw_uncertainties,
        _any("uncertainties"),
    ),
    Plot(
        "probabilities",
        "Probabilities",
        "Share of the found points that is right against the probability that they were given, by tenths; bars: 95 % "
        "intervals. Below the line the model is too sure.",
        _draw_probabilities,
        _any("probabilities"),
    ),
    Plot(
        "counts",
        "Counts",
        "Found against true points in every frame.",
        _draw_counts,
        lambda compared: True,
    ),
)


def plots_of(compared: Named) -> list[Plot]:
    """The figures that there are data for."""
    return [plot for plot in PLOTS if plot.has_data(compared)]
