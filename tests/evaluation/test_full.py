"""One table or two in every way, and what figures are drawn of them."""

from __future__ import annotations

import numpy as np
import pytest

from napari_pinpoint.camera import Camera
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.evaluation import compare, compare_models, evaluate_fully, score_table
from napari_pinpoint.evaluation.figures import PLOTS, plots_of
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.scenes.emitters import EmitterScene


@pytest.fixture(scope="module")
def truth() -> Localizations:
    return EmitterScene(shape=(32, 32), density=(0.01, 0.01)).sample(12, np.random.default_rng(1))[1]


@pytest.fixture(scope="module")
def found(truth: Localizations) -> Localizations:
    rng = np.random.default_rng(2)
    n = len(truth)
    error = rng.normal(0, 0.2, (2, n))
    table = truth.without_columns("photons").with_columns(
        y=truth["y"] + error[0],
        x=truth["x"] + error[1],
        uncertainty_y=np.full(n, 0.2),
        uncertainty_x=np.full(n, 0.2),
        probability=rng.uniform(0.5, 1, n),
    )
    return table.select(rng.uniform(size=n) < 0.8).with_record({"input": {"shape": [12, 32, 32]}})


def test_two_tables_give_what_each_gives_alone(found: Localizations, truth: Localizations) -> None:
    other = found.select(slice(0, len(found) // 2))
    evaluation = evaluate_fully({"first": found, "second": other}, truth, tolerance_nm=100, camera=Camera())
    assert evaluation.names == ["first", "second"]
    alone = compare(other, truth, frames=evaluation.frames, shape=(32, 32), tolerance_nm=100)
    assert evaluation.comparisons["second"].to_dict() == alone.to_dict()
    assert evaluation.difference is not None
    assert evaluation.difference.to_dict() == compare_models(found, other, truth, tolerance_nm=100).to_dict()
    plain = evaluation.to_dict()
    assert plain["tp"] == evaluation.comparisons["first"].scores.tp  # type: ignore[union-attr]
    assert set(plain["against"]) == {"second"}
    assert plain["reference"]["jaccard"] > plain["jaccard"]
    assert plain["details"]["uncertainties"]["n_pairs"] > 0


def test_one_table_has_nothing_to_differ_from(found: Localizations, truth: Localizations) -> None:
    plain = evaluate_fully({"only": found}, truth, tolerance_nm=100).to_dict()
    assert plain["difference"] is plain["reference"] is None
    assert plain["against"] == {}
    with pytest.raises(PinpointError, match="One or two tables"):
        evaluate_fully({}, truth, tolerance_nm=100)


def test_the_table_of_scores_puts_models_side_by_side(found: Localizations, truth: Localizations) -> None:
    evaluation = evaluate_fully({"a": found, "b": found.select([0])}, truth, tolerance_nm=100, camera=Camera())
    columns, rows = score_table(evaluation, counts=True)
    assert columns == ("score", "unit", "a", "b", "difference", "reference", "meaning")
    by_name = {row[:2]: row for row in rows}
    difference = by_name["recall", "%"][4]
    assert difference.startswith("+")
    assert " to " in difference
    assert "±" in by_name["Jaccard", "%"][5]
    assert by_name["bias of count", ""][4] == "-"
    assert all(len(row) == len(columns) for row in rows)
    assert ("MAE", "") not in {row[:2] for row in score_table(evaluation, counts=False)[1]}


def test_figures_are_drawn_of_what_there_is(found: Localizations, truth: Localizations) -> None:
    evaluation = evaluate_fully({"a": found, "b": found}, truth, tolerance_nm=100, camera=Camera())
    plots = plots_of(evaluation.curves())
    assert [plot.name for plot in plots] == [plot.name for plot in PLOTS]
    for plot in plots:
        axes = plot.figure(evaluation.curves()).axes[0]
        assert axes.get_xlabel()
        assert axes.lines or axes.patches or axes.collections
    f1 = next(plot for plot in plots if plot.name == "f1-distance").figure(evaluation.curves())
    legend = f1.axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["a", "b", "reference", "tolerance"]
    assert "nm" in f1.axes[0].get_xlabel()


def test_a_table_of_nothing_has_figures_of_little(truth: Localizations) -> None:
    empty = Localizations.empty(pixel_size_nm=100)
    evaluation = evaluate_fully({"none": empty}, truth, tolerance_nm=100)
    names = [plot.name for plot in plots_of(evaluation.curves())]
    assert names == ["f1-distance", "recall-photons", "recall-neighbours", "counts"]
    for plot in plots_of(evaluation.curves()):
        plot.figure(evaluation.curves()).canvas.draw()
    nothing = evaluate_fully({"none": empty}, empty, tolerance_nm=100)
    assert [plot.name for plot in plots_of(nothing.curves())] == ["f1-distance", "counts"]
