"""Localize an image layer: the work for the thread, and the layers that come of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.jobs import Reporter
from napari_pinpoint.plugin.layers import Placement, points_layer_data, vectors_layer_data
from napari_pinpoint.stack import StackView


@dataclass(frozen=True)
class Found:
    """The table of a run, and how far the run came."""

    table: Localizations
    done: int
    total: int
    seconds: float


@dataclass(frozen=True, eq=False)
class Localizing:
    """What the form asks for: `work` does it in a thread, `add_layers` shows it in the main thread.

    Parameters
    ----------
    view
        The frames, with pixel size and camera.
    placement
        Where the frames lie in the axes of the image layer.
    name
        What the image layer is called.
    model
        The name of a model that ships, or a file.
    threshold
        Least probability, None for the model's own.
    offsets
        Whether to add a layer of the offsets from the pixels' centres, too.
    """

    view: StackView
    placement: Placement
    name: str
    model: str
    threshold: float | None = None
    offsets: bool = False

    def work(self, reporter: Reporter) -> Found:
        """The table of all frames; of those that are done, when it is cancelled."""
        from napari_pinpoint.inference import LocalizeSettings, finish, localize_iter, plan  # brings torch

        started = time.monotonic()
        decided = plan(self.view, self.model, settings=LocalizeSettings(threshold=self.threshold))
        total, done, tables = decided.n_frames, 0, []
        reporter.report(0, total)
        if not reporter.cancel.is_set():
            for chunk in localize_iter(decided, cancel=reporter.cancel):
                tables.append(chunk.localizations)
                done = chunk.stop - decided.chunks[0][0]
                reporter.report(done, total, f"{sum(map(len, tables)):,} points")
        table = finish(decided, tables)
        if done < total:
            # The record tells of the frames that were done: whoever makes the table again gets the same rows.
            settings = {**table.record["settings"], "frames": [decided.chunks[0][0], decided.chunks[0][0] + done]}
            table = table.with_record({**table.record, "settings": settings})
        return Found(table, done, total, time.monotonic() - started)

    def add_layers(self, viewer: Any, found: Found) -> str:
        """Add what was found to the viewer; returns what to tell the user."""
        table = found.table
        if found.done == 0:
            return "Cancelled before the first frames were done: nothing is added."
        if self.offsets:
            data, attributes, _ = vectors_layer_data(table, self.placement, name=f"{self.name} offsets")
            viewer.add_vectors(data, **attributes)
        data, attributes, _ = points_layer_data(table, self.placement, name=f"{self.name} localizations")
        viewer.add_points(data, **attributes)
        points, seconds = f"{len(table):,} localizations", f"{found.seconds:.1f} s"
        if found.done < found.total:
            return f"Cancelled: {points} in the first {found.done:,} of {found.total:,} frames, {seconds}."
        words = f"{points} in {found.total:,} frame{'s' if found.total > 1 else ''}, {seconds}."
        if not len(table):
            return f"{words} Nothing reached the threshold: lower it, or check pixel size, camera and model."
        return words
