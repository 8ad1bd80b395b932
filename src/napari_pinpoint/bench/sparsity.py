r"""Why a count term: three labels, fifty candidates, with and without it (Schroeter et al., ACCV 2020, section 3.3).

The heat-map distance does not care whether one candidate says a label with probability 1 or five of them with 0.2
each. The likelihood of the count does: it is largest where every probability is 0 or 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from matplotlib.animation import PillowWriter
from matplotlib.figure import Figure
from torch import Tensor

from napari_pinpoint.bench import Tell, tell_nobody
from napari_pinpoint.methods.count import count_log_likelihood
from napari_pinpoint.methods.heatmap_distance import heatmap_distance
from napari_pinpoint.reports.writing import Goal, Picture, Report, Section, Table

Array = np.ndarray[Any, Any]

#: (y, x) in the unit square.
LABELS = ((0.25, 0.3), (0.7, 0.25), (0.55, 0.75))
WIDTH = 0.2
COUNT_WEIGHT = 0.1
#: The paper goes 100,000 steps at 0.2. The way is smooth enough for steps ten times as long, and a tenth as many.
RATE, STEPS = 2.0, 10_000
#: Candidates lie in cells, as in a network; windows as large as the grid leave no pair out.
GRID = (5, 10)
#: Random starts that are followed side by side.
STARTS = 8
#: Frames of a movie, at steps that grow by a constant factor.
FRAMES = 60
#: The rows of a `Course`: the one with the count term and the one without.
WITHOUT, WITH = 0, 1
NAMES = {WITHOUT: "without the count term", WITH: "with the count term"}
COLORS = {WITHOUT: "tab:orange", WITH: "tab:blue"}


@dataclass(frozen=True)
class Course:
    """Where the candidates were at some steps: without and with the count term, from the same random starts.

    Attributes
    ----------
    steps
        (F,) how many steps were done.
    probability
        (F, 2, starts, candidates).
    position
        (F, 2, starts, candidates, 2), (y, x) in the unit square.
    """

    steps: Array
    probability: Array
    position: Array

    @property
    def mass(self) -> Array:
        """(F, 2, starts) sum of the probabilities: the expected number of points."""
        return np.asarray(self.probability.sum(axis=-1))

    @property
    def crisp(self) -> Array:
        """(F, 2, starts) number of candidates that are more likely than not."""
        return np.asarray((self.probability > 0.5).sum(axis=-1))

    @property
    def ambiguity(self) -> Array:
        """(F, 2, starts) sum of p (1 - p): the variance of the number of points."""
        return np.asarray((self.probability * (1 - self.probability)).sum(axis=-1))


def follow(*, steps: int = STEPS, starts: int = STARTS, frames: int = FRAMES, progress: Tell = tell_nobody) -> Course:
    """Gradient descent on positions and probabilities of free candidates.

    Coordinates and probabilities are sigmoids of numbers that are drawn from N(0, 1) at first. Both variants descend
    side by side in one batch; the gradient is the true one of the closed form.
    """
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(starts, 3, *GRID, generator=generator)
    free = torch.cat([start, start]).requires_grad_()  # without, then with
    shown = set(_log_spaced(steps, frames).tolist())
    done, probability, position = [], [], []
    for step in range(steps + 1):
        if step in shown:
            values = torch.sigmoid(free.detach()).reshape(2, starts, 3, -1).numpy()
            done.append(step)
            probability.append(values[:, :, 0])
            position.append(values[:, :, 1:].swapaxes(2, 3))
            progress("following fifty candidates", step, steps)
        (gradient,) = torch.autograd.grad(_loss(free, starts), free)
        with torch.no_grad():
            free -= RATE * gradient
    return Course(np.array(done), np.array(probability), np.array(position))


def run(folder: str | Path, *, quick: bool = False, progress: Tell = tell_nobody) -> Report:
    """The study as a report; `quick` stops long before anything is crisp. Nothing is kept in `folder`."""
    course = follow(steps=20, starts=2, frames=5, progress=progress) if quick else follow(progress=progress)
    progress("drawing", 0, 1)
    return Report("The count term makes points crisp", _summary(course), [_section(course)])


def _loss(free: Tensor, starts: int) -> Tensor:
    """The sum over the batch; only the second half of it (as many as there are starts) has the count term."""
    values = torch.sigmoid(free)
    labels = torch.tensor(LABELS)[None].expand(len(free), -1, -1)
    distance = heatmap_distance(
        values[:, :1, None],
        values[:, None, 1:],
        labels,
        torch.ones(len(free), 1, len(LABELS)),
        width=WIDTH,
        pair_window=max(GRID),
        label_window=max(GRID),
    )
    counts = torch.full((starts,), float(len(LABELS)))
    return distance.sum() - COUNT_WEIGHT * count_log_likelihood(free[starts:, 0].flatten(1), counts).sum()


def _log_spaced(steps: int, frames: int) -> Array:
    """Steps from 0 to the last one; between two of them lies about the same factor."""
    return np.unique(np.concatenate([[0], np.geomspace(1, steps, frames - 1)]).round().astype(int))


def _summary(course: Course) -> list[str]:
    mass, crisp = course.mass[-1], course.crisp[-1]
    return [
        "Fifty candidates in the unit square, each with a position and a probability that are free to move, are to "
        f"represent three labels. They descend the heat-map distance (lambda {WIDTH:g}) with and without the "
        f"likelihood of the count (weight {COUNT_WEIGHT:g}), from the same random starts.",
        f"After {course.steps[-1]:,} steps the probabilities add up to {mass[WITHOUT].mean():.2f} without and "
        f"{mass[WITH].mean():.2f} with the count term. But without it they are spread over many candidates, of which "
        f"{crisp[WITHOUT].mean():.2g} on average are more likely than not; with it, {crisp[WITH].mean():.2g} are.",
    ]


def _section(course: Course) -> Section:
    crisp = course.crisp[-1]
    n = len(LABELS)
    share = [float((crisp[which] == n).mean()) for which in NAMES]
    rows = [
        (
            NAMES[which],
            float(course.mass[-1, which].mean()),
            float(crisp[which].mean()),
            f"{(crisp[which] == n).sum()} of {crisp.shape[1]}",
            float(course.ambiguity[-1, which].mean()),
            float(np.median(_error(course, which))),
        )
        for which in NAMES
    ]
    columns = ("", "mass", "candidates above 0.5", "starts with exactly three", "ambiguity", "median error")
    parts: list[str | Table | Picture] = [
        Table(columns, rows, f"After {course.steps[-1]:,} steps, mean over {crisp.shape[1]} starts"),
        "Mass is the sum of all probabilities, ambiguity the sum of p (1 - p), which is the variance of the number of "
        "points. The error is the distance from a label to the nearest centre of mass: that of the candidates that "
        "are nearer to this label than to the others, weighted by their probability; the unit square has side 1.",
        *(_movie(course, which) for which in NAMES),
        Picture.of(_curves(course), "mass", "Mass, candidates above 0.5 and ambiguity against the step. Thick: mean."),
        f"Descent is plain: rate {RATE:g}, {course.steps[-1]:,} steps, which is the way that the paper's toy goes in "
        f"{course.steps[-1] * RATE / 0.2:,.0f} steps at 0.2, save that its code halves the gradient of the positions; "
        "here the true one is taken. The losses are those that the method matching trains with.",
    ]
    goals = [
        Goal("starts that end in exactly three points, with the count term", share[WITH], at_least=1.0),
        Goal("the same without it", share[WITHOUT], at_most=0.0),
    ]
    results = {
        "steps": course.steps,
        **{
            name: {what: getattr(course, what)[:, which].mean(axis=1) for what in ("mass", "crisp", "ambiguity")}
            for which, name in ((WITHOUT, "without"), (WITH, "with"))
        },
    }
    return Section("Three labels, fifty candidates", parts, goals, results)


def _error(course: Course, which: int) -> Array:
    """(starts, labels) distance from each label to the centre of the mass that is nearest to it."""
    position, probability = course.position[-1, which], course.probability[-1, which]
    labels = np.array(LABELS)
    distance = np.linalg.norm(position[:, :, None] - labels, axis=-1)  # (starts, candidates, labels)
    weight = probability[:, :, None] * (distance == distance.min(axis=-1, keepdims=True))
    centre = np.einsum("sck,scd->skd", weight, position) / np.maximum(weight.sum(axis=1), 1e-12)[:, :, None]
    error: Array = np.linalg.norm(centre - labels, axis=-1)
    return error


def _movie(course: Course, which: int) -> Picture:
    """The first start as a GIF, at steps that grow by a constant factor."""
    figure = Figure(figsize=(3.6, 3.9), dpi=90, layout="constrained")
    axes = figure.add_subplot()

    def draw(frame: int) -> None:
        axes.clear()
        position, probability = course.position[frame, which, 0], course.probability[frame, which, 0]
        (y, x), (label_y, label_x) = position.T, np.array(LABELS).T
        axes.scatter(x, y, s=250 * probability, color=COLORS[which], alpha=0.55, edgecolors="black", linewidths=0.6)
        axes.scatter(label_x, label_y, s=60, color="black", marker="+")
        axes.set(xlim=(0, 1), ylim=(1, 0), aspect="equal", xticks=[], yticks=[])
        above = int(course.crisp[frame, which, 0])
        words = f"mass {course.mass[frame, which, 0]:.2f}, {above} above 0.5"
        axes.set_title(f"{NAMES[which]}\nstep {course.steps[frame]:,}: {words}", fontsize=9)

    caption = (
        f"{NAMES[which].capitalize()}: candidates (discs; their area is their probability) and labels (crosses), "
        "first slow, then fast."
    )
    name = "sparsity-without" if which == WITHOUT else "sparsity-with"
    return Picture(name, _gif(figure, draw, len(course.steps)), caption)


def _gif(figure: Figure, draw: Callable[[int], None], frames: int) -> bytes:
    """An animated picture that runs for ever; the last frame stays for a quarter of the time more."""
    writer = PillowWriter(fps=8)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "movie.gif"
        with writer.saving(figure, path, dpi=figure.dpi):
            for frame in range(frames):
                draw(frame)
                writer.grab_frame()
            for _ in range(frames // 4):
                writer.grab_frame()
        return path.read_bytes()


def _curves(course: Course) -> Figure:
    figure = Figure(figsize=(9.5, 3.2), layout="constrained")
    names = {"mass": "mass", "crisp": "candidates above 0.5", "ambiguity": "ambiguity"}
    for axes, (what, label) in zip(figure.subplots(1, len(names)), names.items(), strict=True):
        values = getattr(course, what)
        for which, style in ((WITHOUT, "--"), (WITH, "-")):
            axes.plot(course.steps, values[:, which], color=COLORS[which], linewidth=0.5, alpha=0.5)
            mean = values[:, which].mean(axis=1)
            axes.plot(course.steps, mean, style, color=COLORS[which], linewidth=2.2, label=NAMES[which])
        axes.axhline(0 if what == "ambiguity" else len(LABELS), color="black", linewidth=0.8, linestyle=":")
        axes.set(xscale="symlog", xlabel="step", ylabel=label, xlim=(0, math.ceil(course.steps[-1])))
        if what != "ambiguity":
            axes.set_ylim(0, 4 * len(LABELS))
    axes.legend(fontsize=8, loc="upper right")
    return figure
