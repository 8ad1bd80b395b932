"""Localize an image layer: what is asked for, the work for the thread, and the layers that come of it."""

from __future__ import annotations

import time
from collections.abc import Generator, Hashable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.layers.calibration import own_metadata
from napari_pinpoint.plugin.layers.tables import Placement
from napari_pinpoint.plugin.layers.views import check_is_grey
from napari_pinpoint.plugin.localize.run_layers import RunLabels, RunLayers, is_untouched, names_of
from napari_pinpoint.plugin.localize.streaming import LivePoints
from napari_pinpoint.plugin.work.jobs import Reporter
from napari_pinpoint.plugin.work.pictures import follow_pictures
from napari_pinpoint.plugin.work.torch_loading import load_torch
from napari_pinpoint.region import Region
from napari_pinpoint.stack import StackView

if TYPE_CHECKING:
    from napari_pinpoint.inference import Plan


@dataclass(frozen=True, eq=False)
class Request:
    """What the form asks to be localized.

    Parameters
    ----------
    view
        The frames, with pixel size and camera.
    placement
        Where the frames lie in the axes of the image layer.
    name
        What the image layer is called.
    image
        Which images these are: a result replaces an earlier one of the same images only.
    model
        The name of a model that ships, or a file.
    settings
        Fields of `LocalizeSettings`.
    region
        Where points are wanted, None for all of the image.
    device
        As for `plan`.
    """

    view: StackView
    placement: Placement
    name: str
    image: Hashable
    model: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    region: Region | None = None
    device: str = "auto"

    def plan(self) -> Plan:
        """Everything decided; brings torch, and so belongs into a thread."""
        from napari_pinpoint.inference import LocalizeSettings, plan
        from napari_pinpoint.model import load_model

        model = load_model(self.model)
        if model.spec.channels == 1:
            check_is_grey(self.view, name=self.name)
        settings = LocalizeSettings(**self.settings)
        return plan(self.view, model, settings=settings, region=self.region, device=self.device)


@dataclass(frozen=True)
class Output:
    """What becomes of the points.

    Parameters
    ----------
    replace
        Whether the former result of this image goes, where nobody has changed it; else the new one is added.
    offsets
        Whether to add a layer of the offsets from the pixels' centres, too.
    most_markers
        Beyond so many points a picture takes the place of the markers.
    """

    replace: bool = True
    offsets: bool = False
    most_markers: int = 200_000


@dataclass(frozen=True)
class Found:
    """The layers of a run, ready to be added, how far the run came, and what of it is not shown."""

    layers: tuple[Any, ...]
    count: int
    done: int
    total: int
    seconds: float
    notes: tuple[str, ...] = ()


class Localizing:
    """One run: `work` in a thread, `receive`, `finish` and `failed` in the main thread, as `Jobs.start` wants."""

    def __init__(self, request: Request, output: Output) -> None:
        self.request, self.output = request, output
        self._live: LivePoints | None = None
        self._hidden: list[Any] = []  # former results that were hidden for the time of the run

    def work(self, reporter: Reporter) -> Found:
        """Localize all frames, or those until it is cancelled, and make the layers of them."""
        load_torch()
        from napari_pinpoint.inference import finish, localize_iter

        started = time.monotonic()
        plan = self.request.plan()
        total, done = plan.n_frames, 0
        tables: list[Localizations] = []
        labels = RunLabels(total, self.request.view.spatial_shape) if "labels" in plan.model.decoder.images else None
        reporter.report(0, total)

        def seen(frames: float) -> None:
            reporter.report(frames, total, f"{sum(map(len, tables)):,} points")

        if not reporter.cancel.is_set():
            for chunk in localize_iter(plan, cancel=reporter.cancel, progress=seen):
                tables.append(chunk.localizations)
                done = chunk.stop - plan.frames[0]
                if labels is not None:
                    labels.add(chunk.start - plan.frames[0], chunk.images["labels"])
                reporter.hand_over(chunk.localizations)
        if not done:
            return Found((), 0, 0, total, time.monotonic() - started)
        if done < total:
            # The record tells of the frames that were done: whoever makes the table again gets the same rows.
            plan = plan.with_frames(plan.frames[0], plan.frames[0] + done)
        table = finish(plan, tables)
        seconds = time.monotonic() - started
        layers = RunLayers(self.request, self.output)
        made = layers.make(table, labels, plan.frames[0], done)
        return Found(made, len(table), done, total, seconds, tuple(layers.notes))

    def receive(self, viewer: Any, table: Localizations) -> None:
        """Show what was found so far."""
        if self._live is None:
            # Former points are hidden when new ones have appeared, and not before: Mesa's software renderer (22.3)
            # crashes where hidden points are removed and none are shown.
            self._live = LivePoints(viewer, self.request.placement, self._name, appeared=self._hide_former)
        self._live.add(table)

    def finish(self, viewer: Any, found: Found) -> Generator[None, None, str]:
        """Add what was found to the viewer, layer by layer; returns what to tell the user."""
        if not found.done:
            self.failed(viewer)
            return "Cancelled before the first frames were done: nothing is added."
        follow_pictures(viewer)
        former = self._former(viewer) if self.output.replace else []
        live = None if self._live is None else self._live.layer
        *others, main = found.layers
        names = [layer.name for layer in found.layers]
        for layer in others:  # below the points, which may be there already
            viewer.layers.insert(viewer.layers.index(live) if live in viewer.layers else len(viewer.layers), layer)
            yield
        if self._live is not None and self._live.become(main):
            main = live
        else:
            if self._live is not None:
                self._live.remove()
                yield
            viewer.add_layer(main)
        complete = found.done == found.total
        kept: list[str] = []
        for layer in former:  # only now: whatever goes wrong on the way, one of the results is there
            if not complete or not is_untouched(layer):
                layer.visible = False
                kept.append(layer.name)
            else:
                yield
                if layer in viewer.layers:  # the user may have been quicker, between two steps
                    viewer.layers.remove(layer)
        for layer, name in zip((*others, main), names, strict=True):
            layer.name = name  # without the number that it has got beside the former one
        words = _words(found)
        if kept and complete:
            words += f" You have changed {' and '.join(kept)}: kept beside the new points, hidden."
        elif kept:
            words += " The earlier result is kept, hidden: show it by the eye in the layer list."
        return words

    def failed(self, viewer: Any) -> None:
        """Leave the viewer as it was."""
        if self._live is not None:
            self._live.remove()
        for layer in self._hidden:
            layer.visible = True

    @property
    def _name(self) -> str:
        return names_of(self.request.name)["points"]

    def _former(self, viewer: Any) -> list[Any]:
        """Layers that an earlier run has made of these images, as long as they keep their names."""
        names = names_of(self.request.name).values()
        return [
            layer
            for layer in viewer.layers
            if _plain_name(layer.name) in names and own_metadata(layer.metadata).get("image") == self.request.image
        ]

    def _hide_former(self, viewer: Any) -> None:
        if self.output.replace:
            self._hidden = [layer for layer in self._former(viewer) if layer.visible]
            for layer in self._hidden:
                layer.visible = False


def _plain_name(name: str) -> str:
    """A layer's name without the number that napari sets behind those that are there already."""
    plain, space, number = name.rpartition(" ")
    return plain if space and number.startswith("[") and number.endswith("]") else name


def _words(found: Found) -> str:
    """What a run has found, for its user."""
    points, seconds = f"{found.count:,} localization{'' if found.count == 1 else 's'}", f"{found.seconds:.1f} s"
    if found.done < found.total:
        words = f"Cancelled: {points} in the first {found.done:,} of {found.total:,} frames, {seconds}."
    else:
        words = f"{points} in {found.total:,} frame{'s' if found.total > 1 else ''}, {seconds}."
    if not found.count:
        words += " Nothing reached the threshold: lower it, or check pixel size, camera and model."
    return " ".join([words, *found.notes])
