"""All images of a folder, localized one after the other into tables: the work for the thread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_pinpoint.camera import Camera
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.plugin.work.jobs import Reporter
from napari_pinpoint.plugin.work.torch_loading import load_torch
from napari_pinpoint.region import Region
from napari_pinpoint.stack import Stack

if TYPE_CHECKING:
    from napari_pinpoint.batch import Outcome
    from napari_pinpoint.inference import Plan


@dataclass(frozen=True)
class Folder:
    """What the form asks for: files, and how each is localized.

    Parameters
    ----------
    source, output
        The folder of images, and the one that the tables are written to.
    format
        A name out of `FORMATS`.
    model, settings, region, device
        As in `Request`.
    axes
        What the axes of every file are, as `read_stack` takes them, None for what each file says.
    choice
        Channel, plane and position, as `Stack.view` takes them.
    pixel_size_nm, camera, sources
        The form's. What the user typed holds for every file; the rest where a file says nothing.
    """

    source: str
    output: str
    format: str
    model: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    region: Region | None = None
    device: str = "auto"
    axes: str | None = None
    choice: Mapping[str, Any] = field(default_factory=dict)
    pixel_size_nm: float | None = None
    camera: Camera = field(default_factory=Camera)
    sources: Mapping[str, str] = field(default_factory=dict)

    def check(self) -> None:
        """PinpointError where a folder is missing or is none."""
        if not self.source or not Path(self.source).is_dir():
            raise PinpointError(f"Choose the folder with the images: {self.source or 'nothing'!r} is no folder.")
        if not self.output or not Path(self.output).absolute().parent.is_dir():
            raise PinpointError(f"Choose a folder for the tables; {self.output or 'nothing'!r} cannot be one.")

    def work(self, reporter: Reporter) -> list[Outcome]:
        """Localize file after file; one that fails does not stop the others."""
        load_torch()
        from napari_pinpoint.batch import find_stacks, plan_jobs, run_jobs
        from napari_pinpoint.inference import LocalizeSettings, plan
        from napari_pinpoint.io.images import read_stack
        from napari_pinpoint.io.tables import FORMATS
        from napari_pinpoint.model import load_model

        jobs = plan_jobs(find_stacks([self.source]), self.output, suffix=FORMATS[self.format].suffixes[0])
        Path(self.output).mkdir(exist_ok=True)
        model, settings = load_model(self.model), LocalizeSettings(**self.settings)
        outcomes: list[Outcome] = []

        def prepare(source: str) -> Plan:
            view = self.calibrated(read_stack(source, axes=self.axes)).view(**self.choice)
            return plan(view, model, settings=settings, region=self.region, device=self.device)

        def progress(decided: Plan, frames: float) -> None:
            name = Path(jobs[len(outcomes)].source).name
            reporter.report(len(outcomes) + frames / decided.n_frames, len(jobs), name, unit="file")

        reporter.report(0, len(jobs), unit="file")
        for outcome in run_jobs(jobs, prepare, format=self.format, cancel=reporter.cancel, progress=progress):
            outcomes.append(outcome)
            reporter.report(len(outcomes), len(jobs), unit="file")
        return outcomes

    def finish(self, viewer: Any, outcomes: list[Outcome]) -> str:
        """What to tell the user."""
        words = {
            "done": "localized",
            "skipped": "skipped: their tables are there",
            "failed": "failed",
            "cancelled": "cancelled, to be gone on with when you run it again",
        }
        counts = {status: [o for o in outcomes if o.status == status] for status in words}
        parts = [f"{len(counts[status]):,} {said}" for status, said in words.items() if counts[status]]
        text = f"Files in {self.output}: {', '.join(parts) or 'none is complete'}."
        failed = [f"{Path(o.source).name}: {o.reason}" for o in counts["failed"]]
        return "\n".join([text, *failed])

    def calibrated(self, stack: Stack) -> Stack:
        """A file's stack with the form's numbers."""
        numbers: dict[str, tuple[Any, str]] = {
            name: (getattr(self.camera, name), source) for name, source in self.camera.sources.items()
        }
        if self.pixel_size_nm is not None:
            numbers["pixel_size_nm"] = (self.pixel_size_nm, self.sources.get("pixel_size_nm", "given"))
        known = {*stack.camera.sources, *(["pixel_size_nm"] if stack.pixel_size_nm is not None else [])}
        for name, (value, source) in numbers.items():
            if source == "given" or name not in known:
                stack = stack.with_values(source, **{name: value})
        return stack
