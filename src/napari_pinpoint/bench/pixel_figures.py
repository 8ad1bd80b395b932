"""Figures of the study of one bright pixel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

Array = np.ndarray[Any, Any]

_COLORS = ("tab:blue", "tab:orange", "tab:green")
_HATCHES = ("", "//", "..")
#: Errors from this on share the last bin of a histogram, px.
_FAR = 6
#: What is shown of heat maps to each side of the pixel.
_AROUND = 6


class Sample(NamedTuple):
    """A frame (Y, X), its true and predicted heat map (Y, X), and the place of the pixel, true and found, y, x."""

    frame: Array
    wanted: Array
    heat: Array
    truth: Array
    found: Array


def samples(chosen: Sequence[Sample]) -> Figure:
    """One column for each sample: the frame; and around the pixel, the frame and the true and predicted heat map."""
    figure = Figure(figsize=(2.1 * len(chosen), 8.6), layout="constrained")
    axes = figure.subplots(4, len(chosen), squeeze=False)
    for column, sample in zip(axes.T, chosen, strict=True):
        images = (sample.frame, sample.frame, sample.wanted, sample.heat)
        for row, (plot, image) in enumerate(zip(column, images, strict=True)):
            plot.imshow(image, cmap="gray" if row < 2 else "viridis", vmin=0, vmax=60 if row < 2 else 1)
            size = 14 if row == 0 else 16
            plot.plot(*sample.truth[::-1], "o", color="tab:orange", markersize=size, fillstyle="none", label="true")
            plot.plot(*sample.found[::-1], "x", color="tab:red", markersize=5, label="found")
            plot.set(xticks=[], yticks=[])
            if row:
                y, x = sample.truth
                plot.set(xlim=(x - _AROUND - 0.5, x + _AROUND + 0.5), ylim=(y + _AROUND + 0.5, y - _AROUND - 0.5))
        error = np.hypot(*(sample.found - sample.truth))
        column[0].set_title(f"error {error:.3g} px", fontsize=9)
    names = ("frame", "around the pixel", "true heat map", "predicted heat map")
    for plot, name in zip(axes[:, 0], names, strict=True):
        plot.set_ylabel(name)
    axes[0, 0].legend(fontsize=7, loc="lower left")
    return figure


def histograms(found: Mapping[str, Array], truth: Array) -> Figure:
    """How often |dx|, |dy| and the distance have which size, on a logarithmic scale, for each of the estimators."""
    figure = Figure(figsize=(9.5, 3.2), layout="constrained")
    edges = np.concatenate([np.arange(-0.25, _FAR, 0.5), [_FAR + 0.25]])
    for plot, name in zip(figure.subplots(1, 3, sharey=True), ("|dx|", "|dy|", "distance"), strict=True):
        for i, (who, at) in enumerate(found.items()):
            dy, dx = np.abs(at - truth).T
            sizes = {"|dx|": dx, "|dy|": dy, "distance": np.hypot(dy, dx)}[name]
            counts, _ = np.histogram(np.minimum(sizes, _FAR), edges)
            place = edges[:-1] + 0.25 + 0.2 * (i - (len(found) - 1) / 2)
            plot.bar(place, counts, width=0.2, color=_COLORS[i], hatch=_HATCHES[i], label=who)
        plot.set(xlabel=f"{name} in pixels", yscale="log", xlim=(-0.5, _FAR + 0.5))
        plot.set_ylim(bottom=0.5)
        plot.set_xticks(range(_FAR + 1), [*map(str, range(_FAR)), f"{_FAR}+"])
    figure.axes[0].set_ylabel("frames")
    figure.axes[-1].legend()
    return figure


def curves(learned: Mapping[str, Sequence[Mapping[str, Any]]]) -> Figure:
    """Losses on what was learned from, and exact hits on validation, against the step; from the models' records."""
    figure = Figure(figsize=(3.6 * (len(learned) + 1), 3.2), layout="constrained")
    *losses, exact = figure.subplots(1, len(learned) + 1)
    for plot, (who, curve), color, mark in zip(losses, learned.items(), _COLORS, "os", strict=False):
        plot.plot([point["step"] for point in curve], [point["loss"] for point in curve], color=color)
        plot.set(xlabel="step", ylabel="loss", yscale="log", title=who)
        checked = [point for point in curve if point.get("recall") is not None]
        steps, hits = [point["step"] for point in checked], [point["recall"] for point in checked]
        exact.plot(steps, hits, color=color, marker=mark, label=who)
    exact.set(xlabel="step", ylabel="exact hits", title="validation part")
    exact.legend(fontsize=8)
    return figure
