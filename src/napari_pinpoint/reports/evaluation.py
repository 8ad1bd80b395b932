"""What is said of one table, or of two, against the truth: scores, figures, and the data behind them."""

from __future__ import annotations

import numpy as np

from napari_pinpoint.evaluation import CLASS_COLUMNS, Details, Evaluation, class_rows, score_table
from napari_pinpoint.evaluation.figures import plots_of
from napari_pinpoint.reports.writing import Picture, Report, Section, Table

_HOW = (
    "Points are paired one-to-one within a frame, never further apart than the tolerance; as many pairs as possible "
    "are made, and of all such sets the closest is taken (method optimal), or the closest pair again and again (method "
    "greedy). What the truth says is to be ignored need not be found, and is not wrong when it is. RMSE is radial: "
    "the root mean square of the distance. Intervals of 95 % are drawn over frames (bootstrap); where the same "
    "molecules shine in successive frames they are somewhat too narrow."
)
_REFERENCE = (
    "The reference is the truth itself, moved by errors that are drawn from the Cramer-Rao bound of all emitters of a "
    "frame together. It is a line to compare with, not a bound: nothing is missed or invented in it, and a method with "
    "a good prior beats it where emitters overlap."
)


def evaluation_report(evaluation: Evaluation, *, truth: str = "the truth", title: str = "Evaluation") -> Report:
    """The report of an evaluation, to be written into a folder.

    Parameters
    ----------
    evaluation
        What `evaluate_fully` found.
    truth
        What the true table is called.
    title
        The heading.

    Examples
    --------
    >>> from napari_pinpoint import Localizations
    >>> from napari_pinpoint.evaluation import evaluate_fully
    >>> table = Localizations({"frame": [0, 1], "y": [5.0, 9.0], "x": [5.0, 9.0]})
    >>> report = evaluation_report(evaluate_fully({"mine": table}, table, tolerance_px=1))
    >>> [section.title for section in report.sections]
    ['Scores', 'Figures', 'How it was measured']
    """
    names = evaluation.names
    start, stop = evaluation.frames
    what = " and ".join(f"{name} ({_rows(evaluation.details[name])})" for name in names)
    count = len(evaluation.details[names[0]].pairing.truth)
    summary = [f"{what} against {truth} ({count:,} true points), frames {start:,} to {stop - 1:,}."]
    sections = [_scores(evaluation), _figures(evaluation)]
    how = [_HOW] + ([_REFERENCE] if evaluation.reference else [])
    return Report(title, summary, [*sections, Section("How it was measured", how)])


def _scores(evaluation: Evaluation) -> Section:
    parts: list[str | Table | Picture] = [Table(*score_table(evaluation, counts=True))]
    for name in evaluation.names:
        rows = class_rows(evaluation.comparisons[name])
        if rows:
            parts.append(Table(tuple(CLASS_COLUMNS), rows, f"Classes: {name}"))
    files = {f"pairs{_suffix(evaluation, name)}.csv": _csv(evaluation.details[name]) for name in evaluation.names}
    return Section("Scores", parts, results=evaluation.to_dict(), files=files)


def _figures(evaluation: Evaluation) -> Section:
    curves = evaluation.curves()
    pictures = [Picture.of(plot.figure(curves), plot.name, plot.caption) for plot in plots_of(curves)]
    files = {f"counts{_suffix(evaluation, name)}.csv": _counts(evaluation, name) for name in evaluation.names}
    return Section("Figures", pictures, files=files)


def _counts(evaluation: Evaluation, name: str) -> str:
    """Points per frame as CSV."""
    true, found = evaluation.details[name].counts
    frames = np.arange(*evaluation.frames)
    rows = (f"{frame},{n_true},{n_found}" for frame, n_true, n_found in zip(frames, true, found, strict=True))
    return "\n".join(["frame,true,found", *rows]) + "\n"


def _csv(details: Details) -> str:
    text: str = details.pairing.to_frame().to_csv(index=False, float_format="%.7g", lineterminator="\n")
    return text


def _suffix(evaluation: Evaluation, name: str) -> str:
    """Told from the files of the other table by a number: names of tables may be no names of files."""
    return f"-{evaluation.names.index(name) + 1}" if len(evaluation.names) > 1 else ""


def _rows(details: Details) -> str:
    return f"{len(details.pairing.found):,} points"
