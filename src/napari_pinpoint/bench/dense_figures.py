"""Figures of the task with dense emitters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
from matplotlib.figure import Figure

from napari_pinpoint.evaluation import match, nearest_neighbour
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.stack import Stack

#: Lines are told apart by style and marker, too, not by colour alone.
_STYLES = (("-", "o"), ("-", "s"), ("--", "^"), ("--", "v"), (":", "D"), ("-.", "P"))
#: Bins of the distance to the nearest neighbour, pixels.
_DISTANCES = np.array([0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0])
#: Pixels on each side of the part of a frame that is shown.
_SHOWN = 24


def density_figure(sweep: Mapping[str, Sequence[float]]) -> Figure:
    """Jaccard index against density: "density" has the densities, every other name those of a method."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    for (name, values), (line, marker) in zip(_methods(sweep), cycle(_STYLES), strict=False):
        axes.plot(sweep["density"], 100 * np.array(values), linestyle=line, marker=marker, label=name)
    axes.set(xlabel="emitters per square pixel", ylabel="Jaccard index, %", ylim=(0, 100), xlim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


def neighbour_figure(found: Mapping[str, Localizations], truth: Localizations, tolerance: float) -> Figure:
    """Recall of every method against the distance of an emitter to its nearest neighbour, pixels."""
    nearest = nearest_neighbour(truth)
    group = np.digitize(nearest, _DISTANCES) - 1
    middle = (_DISTANCES[1:] + _DISTANCES[:-1]) / 2
    number = np.array([(group == i).sum() for i in range(len(middle))])
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    for (name, table), (line, marker) in zip(found.items(), cycle(_STYLES), strict=False):
        hit = is_found(table, truth, tolerance)
        recall = [hit[group == i].mean() if n else np.nan for i, n in enumerate(number)]
        axes.plot(middle, 100 * np.array(recall), linestyle=line, marker=marker, label=name)
    axes.set(xlabel="distance to the nearest neighbour, pixels", ylabel="found, %", ylim=(0, 100), xlim=(0, None))
    for x, n in zip(middle, number, strict=True):
        axes.annotate(f"n = {n}", (x, 2), ha="center", fontsize=7, color="0.4")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right", bbox_to_anchor=(1, 0.06))
    return figure


def frame_figure(movie: Stack, found: Mapping[str, Localizations], truth: Localizations) -> Figure:
    """A corner of the first frame with the truth, and what each method finds there."""
    image = np.asarray(movie.data[0], dtype=float)
    columns = -(-len(found) // 2)
    figure = Figure(figsize=(3.3 * columns, 7), layout="constrained")
    for axes, (name, table) in zip(figure.subplots(2, columns, squeeze=False).flat, found.items(), strict=False):
        axes.imshow(image, cmap="inferno")
        for points, style in ((truth, {"marker": "+", "color": "white"}), (table, _RING)):
            here = points.select(points["frame"] == 0)
            axes.plot(here["x"], here["y"], linestyle="", markersize=7, **style)
        axes.set(title=name, xlim=(-0.5, _SHOWN - 0.5), ylim=(_SHOWN - 0.5, -0.5), xticks=[], yticks=[])
    for axes in figure.axes[len(found) :]:
        axes.remove()
    return figure


_RING = {"marker": "o", "markerfacecolor": "none", "color": "cyan"}


def is_found(
    found: Localizations, truth: Localizations, tolerance: float
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """(n,) whether each true row has a partner within the tolerance in pixels."""
    hit = np.zeros(len(truth), np.bool_)
    hit[match(found, truth, tolerance=tolerance).truth] = True
    return hit


def _methods(sweep: Mapping[str, Sequence[float]]) -> list[tuple[str, Sequence[float]]]:
    return [(name, values) for name, values in sweep.items() if name != "density"]
