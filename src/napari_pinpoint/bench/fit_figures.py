"""Figures of the study of the fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

if TYPE_CHECKING:
    from napari_pinpoint.bench.fit import Case, Crowd

_MARKS = {1: "o", 10: "s", 100: "^"}


def precision_figure(cases: Sequence[Case]) -> Figure:
    """Radial error over the bound against photons: model, fit, and fit started at the truth, a panel a camera."""
    names = list(dict.fromkeys(case.camera for case in cases))
    figure = Figure(figsize=(5 * len(names), 3.6), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        for background in sorted({case.background for case in cases if case.camera == name}):
            some = [case for case in cases if (case.camera, case.background) == (name, background)]
            photons = [case.photons for case in some]
            for what, label, style in (
                ("model", "model", ":"),
                ("fitted", "fit", "-"),
                ("from_truth", "from the truth", "--"),
            ):
                values = [getattr(case, what) / case.bound for case in some]
                mark = _MARKS.get(background, "o")
                axes.plot(photons, values, style, marker=mark, markersize=4, label=f"{label}, background {background}")
        axes.axhline(1, color="black", linewidth=0.8)
        axes.set(xscale="log", xlabel="photons", ylabel="radial RMSE / bound", ylim=(0.8, 2), title=name)
        axes.legend(fontsize=6)
    return figure


def crowd_figure(crowds: Sequence[Crowd]) -> Figure:
    """Median radial error against density."""
    figure = Figure(figsize=(5, 3.4), layout="constrained")
    axes = figure.subplots()
    density = [crowd.density for crowd in crowds]
    for what, label, style in (
        ("model_median", "model", ":o"),
        ("alone_median", "fitted alone", "--s"),
        ("joint_median", "fitted together", "-^"),
    ):
        axes.plot(density, [getattr(crowd, what) for crowd in crowds], style, label=label)
    axes.set(xscale="log", yscale="log", xlabel="emitters per square pixel", ylabel="median radial error, px")
    axes.legend(fontsize=8)
    return figure
