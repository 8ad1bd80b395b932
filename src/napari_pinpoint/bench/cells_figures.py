"""Figures of the task with blood cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_pinpoint.datasets import Dataset
from napari_pinpoint.localizations import Localizations

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = np.ndarray[Any, Any]

#: Colours that remain apart for those who do not tell red from green (Okabe and Ito, 2008).
_COLOURS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#f0e442")


def examples_figure(
    dataset: Dataset, found: Localizations, truth: Localizations, classes: Sequence[str], *, n: int = 6
) -> Figure:
    """Pictures, evenly from the dataset, with found and annotated boxes; frame n of the tables is the n-th picture."""
    from matplotlib.figure import Figure

    chosen = np.unique(np.linspace(0, len(dataset) - 1, n).round().astype(int))
    figure = Figure(figsize=(11, 2.9 * -(-len(chosen) // 2)), layout="constrained")
    axes = np.atleast_1d(figure.subplots(-(-len(chosen) // 2), 2)).ravel()
    for ax in axes:
        ax.set_axis_off()
    for ax, index in zip(axes, chosen.tolist(), strict=False):
        ax.imshow(_picture(dataset, index))
        _draw(ax, truth.select(truth["frame"] == index), classes, dashed=True)
        _draw(ax, found.select(found["frame"] == index), classes)
        ax.set_title(dataset[index].name, fontsize=9)
    return figure


def unannotated_figure(dataset: Dataset, strangers: Localizations, *, n: int = 24, margin: int = 25) -> Figure:
    """The most probable of found boxes, each cut out of its picture with what is annotated around it."""
    from matplotlib.figure import Figure

    order = np.argsort(-strangers["probability"], kind="stable")[:n]
    rows = max(1, -(-len(order) // 8))
    figure = Figure(figsize=(11, 1.6 * rows), layout="constrained")
    axes = np.atleast_1d(figure.subplots(rows, 8)).ravel()
    for ax in axes:
        ax.set_axis_off()
    for ax, row in zip(axes, order.tolist(), strict=False):
        one = strangers.select([row])
        index = int(one["frame"][0])
        ax.imshow(_picture(dataset, index))
        _draw(ax, dataset[index].table, (), dashed=True)
        _draw(ax, one, ())
        y, x, height, width = (float(one[name][0]) for name in ("y", "x", "height", "width"))
        rows_, columns_ = dataset[index].shape
        half = max(height, width) / 2 + margin
        ax.set_xlim(max(-0.5, x - half), min(columns_ - 0.5, x + half))
        ax.set_ylim(min(rows_ - 0.5, y + half), max(-0.5, y - half))
        ax.set_title(f"{float(one['probability'][0]):.2f}", fontsize=8)
    return figure


def _picture(dataset: Dataset, index: int) -> Array:
    """A picture as (Y, X, 3) for showing."""
    return np.moveaxis(dataset[index].view().with_channels(3).read(0, 1)[0], 0, -1)


def _draw(ax: Axes, boxes: Localizations, classes: Sequence[str], *, dashed: bool = False) -> None:
    """Outlines of boxes, solid ones with the first letter of their class."""
    from matplotlib.patches import Rectangle

    for row in range(len(boxes)):
        y, x, height, width = (float(boxes[name][row]) for name in ("y", "x", "height", "width"))
        label = str(boxes["label"][row]) if "label" in boxes else ""
        colour = _COLOURS[classes.index(label) % len(_COLOURS)] if label in classes else "black"
        corner = (x - width / 2, y - height / 2)
        style = {"linestyle": "--", "linewidth": 0.7} if dashed else {"linewidth": 1.3}
        ax.add_patch(Rectangle(corner, width, height, fill=False, edgecolor="black" if dashed else colour, **style))
        if not dashed and label:
            ax.text(*corner, label[0], color="white", fontsize=6, backgroundcolor=colour, clip_on=True)
