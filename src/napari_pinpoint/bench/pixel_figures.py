"""Figures of the study of one bright pixel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

Array = np.ndarray[Any, Any]

_COLORS = ("tab:blue", "tab:orange")
#: Errors from this on share the last bin of a histogram, px.
_FAR = 6


class Sample(NamedTuple):
    """A frame (Y, X), its true and predicted heat map (Y, X), and the place of the pixel, true and found, y, x."""

    frame: Array
    wanted: Array
    heat: Array
    truth: Array
    found: Array


def samples(chosen: Sequence[Sample]) -> Figure:
    """One column for each sample: the frame, the heat map as it should be, and as the network gives it."""
    figure = Figure(figsize=(2.1 * len(chosen), 6.6), layout="constrained")
    axes = figure.subplots(3, len(chosen), squeeze=False)
    for column, sample in zip(axes.T, chosen, strict=True):
        for plot, (image, top, colors) in zip(
            column,
            ((sample.frame, 60, "gray"), (sample.wanted, 1, "viridis"), (sample.heat, 1, "viridis")),
            strict=True,
        ):
            plot.imshow(image, cmap=colors, vmin=0, vmax=top)
            plot.plot(*sample.truth[::-1], "o", color="tab:green", markersize=13, fillstyle="none", label="true")
            plot.plot(*sample.found[::-1], "x", color="tab:red", markersize=7, label="found")
            plot.set(xticks=[], yticks=[])
        error = np.hypot(*(sample.found - sample.truth))
        column[0].set_title(f"error {error:.3g} px", fontsize=9)
    for plot, name in zip(axes[:, 0], ("frame", "true heat map", "predicted heat map"), strict=True):
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
            plot.bar(place, counts, width=0.2, color=_COLORS[i % 2], label=who, hatch="//" if i else None)
        plot.set(xlabel=f"{name} in pixels", yscale="log", xlim=(-0.5, _FAR + 0.5))
        plot.set_ylim(bottom=0.5)
        plot.set_xticks(range(_FAR + 1), [*map(str, range(_FAR)), f"{_FAR}+"])
    figure.axes[0].set_ylabel("frames")
    figure.axes[-1].legend()
    return figure


def curves(curve: Sequence[Mapping[str, Any]]) -> Figure:
    """Loss on what was learned from, and what validation found, against the step; from a model's record."""
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    loss, exact = figure.subplots(1, 2)
    loss.plot([point["step"] for point in curve], [point["loss"] for point in curve])
    loss.set(xlabel="step", ylabel="loss (mean squared error)", yscale="log")
    checked = [point for point in curve if point.get("recall") is not None]
    exact.plot([point["step"] for point in checked], [point["recall"] for point in checked], "o-")
    exact.set(xlabel="step", ylabel="exact hits on the validation part")
    return figure
