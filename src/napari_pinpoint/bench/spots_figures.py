"""Figures of the task with spots."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import cycle

import numpy as np
from matplotlib.figure import Figure

from napari_pinpoint.datasets import Sample
from napari_pinpoint.evaluation import match
from napari_pinpoint.localizations import Localizations

#: Lines are told apart by style and marker, too, not by colour alone.
_STYLES = (("-", ""), (":", ""), ("-", "o"), ("-", "s"), ("--", "^"), ("--", "v"), (":", "D"))
_DISTANCES = np.array([0.25, 0.5, 0.75, 1, 1.5, 2, 3])
#: Pixels on each side of the part of an image that is shown.
_SHOWN = 160


def curve_figure(found: Mapping[str, Mapping[str, Localizations]], samples: Iterable[Sample]) -> Figure:
    """F1 of every method against the tolerance; one panel per image."""
    shown = [sample for sample in samples if sample.name in found]
    figure = Figure(figsize=(3.6 * len(shown) + 0.5, 3.8), layout="constrained")
    panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for axes, sample in zip(panels, shown, strict=True):
        for (name, table), (line, marker) in zip(found[sample.name].items(), cycle(_STYLES), strict=False):
            pairs = [len(match(table, sample.table, tolerance=float(d)).truth) for d in _DISTANCES]
            f1 = 2 * np.array(pairs) / max(1, len(table) + len(sample.table))
            axes.plot(_DISTANCES, f1, linestyle=line, marker=marker, markersize=4, label=name)
        axes.set(title=sample.name, xlabel="distance, pixels", ylim=(0, 1))
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("F1")
    panels[0].legend(fontsize=7, loc="lower right")
    return figure


def examples_figure(samples: Iterable[Sample], found: Mapping[str, Localizations]) -> Figure:
    """The part of each image with the most marks, with what is right, false and missed."""
    samples = list(samples)
    figure = Figure(figsize=(4.2 * len(samples), 4.6), layout="constrained")
    for axes, sample in zip(figure.subplots(1, len(samples), squeeze=False)[0], samples, strict=True):
        image = sample.view().read(0, 1)[0, 0].astype(float)
        y, x = _busiest(sample.table, sample.shape)
        part = image[y : y + _SHOWN, x : x + _SHOWN]
        axes.imshow(
            part,
            cmap="gray",
            vmax=np.percentile(part, 99.8),
            extent=(x - 0.5, x + part.shape[1] - 0.5, y + part.shape[0] - 0.5, y - 0.5),
        )
        pairs = match(found[sample.name], sample.table, tolerance=3)
        for table, which, marker, color in (
            (found[sample.name], pairs.found, "o", "tab:cyan"),
            (found[sample.name], pairs.false, "s", "tab:orange"),
            (sample.table, pairs.missed, "x", "tab:pink"),
        ):
            axes.plot(table["x"][which], table["y"][which], marker, color=color, fillstyle="none", markersize=6)
        axes.set(title=sample.name, xlim=(x - 0.5, x + part.shape[1] - 0.5), ylim=(y + part.shape[0] - 0.5, y - 0.5))
    return figure


def _busiest(table: Localizations, shape: tuple[int, int]) -> tuple[int, int]:
    """Where the part of an image begins that holds the most points, on a coarse grid."""
    best, place = -1, (0, 0)
    for y in range(0, max(1, shape[0] - _SHOWN + 1), _SHOWN // 4):
        for x in range(0, max(1, shape[1] - _SHOWN + 1), _SHOWN // 4):
            inside = (table["y"] >= y) & (table["y"] < y + _SHOWN) & (table["x"] >= x) & (table["x"] < x + _SHOWN)
            if inside.sum() > best:
                best, place = int(inside.sum()), (y, x)
    return place
