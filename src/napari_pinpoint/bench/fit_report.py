"""What the study of the fit says: its summary, tables, pictures and figures to reach."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from napari_pinpoint.bench.fit_figures import crowd_figure, precision_figure
from napari_pinpoint.reports.writing import Goal, Picture, Report, Section, Table

if TYPE_CHECKING:
    from napari_pinpoint.bench.fit import Case, Crowd


def report_of(cases: Sequence[Case], crowds: Sequence[Crowd]) -> Report:
    """The report of the study."""
    return Report("The fit beside the Cramer-Rao bound", _summary(cases), [_isolated(cases), _crowded(crowds)])


def _summary(cases: Sequence[Case]) -> Sequence[str]:
    sharp = [case for case in cases if case.is_sharp]
    worst = _worst(case.fitted / case.bound for case in sharp)
    return [
        "Emitters of sigma 1.3 px are localized by smlm-2d and fitted by maximum likelihood (`--refine mle`). Where "
        f"the radial bound is below 0.2 px and at least 95 % are found ({len(sharp)} of {len(cases)} cases), the fit's "
        f"radial RMSE is at most {worst:.3f} times the Cramer-Rao bound.",
        "Found and true are paired within four radial bounds, and at least half a pixel. Bounds are exact, of 25 x 25 "
        "px with the camera's read and excess noise, the mean variance over places in the pixel.",
    ]


def _isolated(cases: Sequence[Case]) -> Section:
    columns = ("camera", "photons", "background", "bound, px", "found", "model", "fit", "fit from the truth")
    rows = [
        (
            c.camera,
            c.photons,
            c.background,
            c.bound,
            f"{c.recall:.1%}",
            c.model / c.bound,
            c.fitted / c.bound,
            c.from_truth / c.bound,
        )
        for c in cases
    ]
    more = (
        "camera",
        "photons",
        "background",
        "bias, px",
        "error / uncertainty",
        "within 1 sigma",
        "within 1.96 sigma",
        "not converged",
        "photons, found / true",
    )
    told = [
        (
            c.camera,
            c.photons,
            c.background,
            c.bias,
            c.scatter,
            f"{c.within_68:.1%}",
            f"{c.within_95:.1%}",
            f"{c.flagged:.1%}",
            c.photon_ratio,
        )
        for c in cases
    ]
    parts: list[str | Table | Picture] = [
        Table(columns, rows, "Radial RMSE over the bound"),
        Picture.of(precision_figure(cases), "precision", "Radial RMSE over the bound against photons."),
        Table(
            more,
            told,
            "What the fit says of itself: errors over uncertainties should scatter by 1, robustly; "
            "68.3 % and 95 % of errors should lie within 1 and 1.96 sigma. "
            "Bias is the largest along an axis at any tenth of a pixel",
        ),
    ]
    sharp = [case for case in cases if case.is_sharp]
    goals = [
        Goal("largest radial RMSE over the bound", _worst(c.fitted / c.bound for c in sharp), at_most=1.03),
        Goal("68 % coverage, largest deviation", _worst(abs(c.within_68 - 0.6827) for c in sharp), at_most=0.02),
        Goal("95 % coverage, largest deviation", _worst(abs(c.within_95 - 0.95) for c in sharp), at_most=0.02),
        Goal(
            "scatter of error / uncertainty, largest deviation from 1",
            _worst(abs(c.scatter - 1) for c in sharp),
            at_most=0.05,
        ),
    ]
    return Section("Isolated emitters", parts, goals, {"cases": [vars(case) for case in cases]})


def _crowded(crowds: Sequence[Crowd]) -> Section:
    columns = (
        "emitters per px²",
        "bound",
        "model",
        "fitted alone",
        "fitted together",
        "model, median",
        "alone, median",
        "together, median",
        "error / uncertainty",
    )
    rows = [
        (c.density, c.bound, c.model, c.alone, c.joint, c.model_median, c.alone_median, c.joint_median, c.scatter)
        for c in crowds
    ]
    parts: list[str | Table | Picture] = [
        Table(
            columns,
            rows,
            "Radial errors in px (RMS and median) of what the model found within 1 px of an emitter; "
            "error / uncertainty of the joint fit",
        ),
        Picture.of(crowd_figure(crowds), "crowds", "Median radial error against density."),
        "One by one, a fit sees its neighbours' light as background and is drawn to them. Together they share a "
        "background and a width. What the model missed, or took two for one, no fit can mend.",
    ]
    goals = [
        Goal(
            "joint over single fits, largest ratio of median errors",
            _worst(c.joint_median / c.alone_median for c in crowds),
            at_most=1.0,
        )
    ]
    return Section("Crowded emitters", parts, goals, {"crowds": [vars(crowd) for crowd in crowds]})


def _worst(values: Iterable[float]) -> float:
    return max(values, default=float("nan"))
