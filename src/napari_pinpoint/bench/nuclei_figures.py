"""Figures of the nuclei: counts against truth, and images with what was found in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from napari_pinpoint.localizations import Localizations

Array = np.ndarray[Any, Any]

_MARKS = ("o", "x", "+", "s")
#: Name, pixels (Y, X), numbers of blobs (Y, X), points found and true.
Example = tuple[str, Array, Array, Localizations, Localizations]


def counts_figure(true: Array, counts: Mapping[str, Array]) -> Figure:
    """Counts of every method against the true ones (n_images,)."""
    figure = Figure(figsize=(4.6, 4.4), layout="constrained")
    axes = figure.subplots()
    most = max(int(true.max()), *(int(found.max()) for found in counts.values())) * 1.05 + 1
    axes.plot([0, most], [0, most], color="0.6", linewidth=1, zorder=0)
    for (name, found), mark in zip(counts.items(), _MARKS, strict=False):
        axes.plot(true, found, mark, markersize=5, fillstyle="none", label=name)
    axes.set(xlabel="nuclei in the image", ylabel="nuclei found", xlim=(0, most), ylim=(0, most), aspect="equal")
    axes.legend(frameon=False)
    return figure


def examples_figure(examples: Sequence[Example], *, columns: int = 3) -> Figure:
    """Images with outlines of blobs, their points, and the true points."""
    rows = -(-len(examples) // columns)
    figure = Figure(figsize=(3.4 * columns, 3.6 * rows), layout="constrained")
    for axes in figure.subplots(rows, columns, squeeze=False).ravel():
        axes.set_axis_off()
    for axes, (name, pixels, labels, found, truth) in zip(figure.axes, examples, strict=False):
        low, high = np.percentile(pixels, (1, 99.8))
        axes.imshow(np.clip((pixels - low) / max(high - low, 1), 0, 1) ** 0.5, cmap="gray", interpolation="nearest")
        axes.contour(outlines(labels), levels=[0.5], colors="tab:orange", linewidths=0.8)
        axes.plot(found["x"], found["y"], "x", color="tab:orange", markersize=4, markeredgewidth=0.9)
        axes.plot(truth["x"], truth["y"], "o", color="tab:cyan", markersize=6, fillstyle="none", markeredgewidth=0.8)
        axes.set_title(f"{name[:8]}: {len(found)} found, {len(truth)} true", fontsize=9)
    return figure


def outlines(labels: Array) -> Array:
    """1 within blobs and 0 outside and where two blobs touch."""
    apart = np.ones(labels.shape, bool)
    for axis in range(labels.ndim):
        step = np.diff(labels, axis=axis) != 0
        here = tuple(slice(None, -1) if a == axis else slice(None) for a in range(labels.ndim))
        apart[here] &= ~step
    within: Array = ((labels > 0) & apart).astype(np.float32)
    return within
