"""Conditions as users write them: what they keep, and what is said about those that cannot be read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.postprocessing import filter_column, filter_rows
from napari_pinpoint.postprocessing.expressions import rows_that_pass


@pytest.fixture
def table() -> Localizations:
    columns: dict[str, Any] = {"frame": [0, 1, 2, 3], "y": np.arange(4.0), "x": [3.0, 2.0, 1.0, 0.0]}
    columns |= {"photons": [100, 400, np.nan, 900], "uncertainty_x": [0.1, 0.2, 0.3, np.nan], "z": [0.0, 1.0, 2.0, 3.0]}
    columns |= {"label": ["bead", "cell", None, "bead"], "chi 2 [a.u.]": [0.5, 1.5, 2.5, 3.5], "x_nm": [7.0, 8, 9, 10]}
    return Localizations(columns, pixel_size_nm=100, z_step_nm=250, record={"steps": [{"step": "localize"}]})


@pytest.mark.parametrize(
    ("expression", "kept"),
    [
        ("photons > 300", [1, 3]),
        ("photons > 300 and uncertainty_x_nm <= 20", [1]),
        ("uncertainty_x <= 0.2", [0, 1]),  # the same number in single precision is no more
        ("100 <= photons < 900", [0, 1]),
        ("not 100 <= photons < 900", [3]),
        ("photons > 300 or frame == 0", [0, 1, 3]),
        ("photons > 1000 or not (frame < 2)", [2, 3]),
        ("photons / 100 - 2 * (frame + 1) > 0", [3]),
        ("abs(y - x) < 1.5 and sqrt(photons) >= 20", [1]),
        ("log10(photons) > 2.5", [1, 3]),
        ("-x < -2", [0]),
        ("label == 'bead'", [0, 3]),
        ('label != "bead" and frame >= 0', [1]),
        ("'cell' == label", [1]),
        ("z_nm >= 500", [2, 3]),
        ("y_nm >= 200", [2, 3]),
        ("x_nm > 8.5", [2, 3]),  # a column of its own comes before the suffix
        ("`chi 2 [a.u.]` < 2 and\n frame > 0", [1]),
        ("isfinite(photons)", [0, 1, 3]),
        ("not isfinite(photons)", [2]),
        ("frame < 100000000000000000000000", [0, 1, 2, 3]),
        ("1 < 2", [0, 1, 2, 3]),
    ],
)
def test_what_is_kept(table: Localizations, expression: str, kept: list[int]) -> None:
    assert np.flatnonzero(rows_that_pass(table, expression)).tolist() == kept
    assert filter_rows(table, expression)["frame"].tolist() == kept


@pytest.mark.parametrize(
    "comparison", ["photons > 5", "photons != 5", "photons < 5", "photons == photons", "photons + 1 > 0"]
)
@pytest.mark.parametrize("form", ["{}", "not {}", "not (not {})", "{} and frame >= 0", "not ({} or frame < 0)"])
def test_what_is_not_known_never_passes(table: Localizations, comparison: str, form: str) -> None:
    assert not rows_that_pass(table, form.format(comparison))[2]


def test_text_that_is_missing_never_passes(table: Localizations) -> None:
    assert not rows_that_pass(table, "label != 'bead'")[2]
    assert not rows_that_pass(table, "not label == 'bead'")[2]


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("", "empty"),
        ("foton > 3", "no column 'foton'.*It has: frame, y, x, photons"),
        ("Photons > 3", "Did you mean photons"),
        ("photons >", "cannot be read at its end"),
        ("photons > 3 && x < 2", "character 14.*Write and in place of &&"),
        ("photons = 3", "Write == in place of ="),
        ("photons > 3 AND x < 2", "Write and in place of AND"),
        ("(photons > 3) & (x < 2)", "has no place in a filter.*Write and in place of &"),
        ("photons", "is a value, not a condition"),
        ("photons + 2", "is a value, not a condition"),
        ("label > 'a'", "puts texts in order"),
        ("label == 3", "compares text with a number"),
        ("label + 1 > 2", "'label'.* is text"),
        ("(x > 1) + 2 > 2", "is a condition"),
        ("frame in (1, 2)", "has no place"),
        ("photons.mean() > 3", r"'photons\.mean\(\)' \(character 1\) has no place"),
        ("frame > photons[0]", r"'photons\[0\]' \(character 9\) has no place"),
        ("__import__('os').system('true') == 0", "has no place"),
        ("eval('1') == 1", "has no place"),
        ("(lambda: 1)() == 1", "has no place"),
        ("[x for x in y] == 1", "has no place"),
        ("x ** 2 > 1", "has no place"),
        ("x > True", "'True'.* has no place"),
        ("abs(x, y) > 1", "exactly one value"),
        ("abs(k=x) > 1", "exactly one value"),
        ("x > 1 / 0", "cannot be"),
        ("x if y else x", "has no place"),
        ("(y := 3) > 2", "has no place"),
        ("x > 3j", "has no place"),
        ("(" * 500 + "x" + ")" * 500 + " > 1", "cannot be read"),
        ("-" * 5000 + "x > 1", "cannot be read|nested"),
        ("x > 1\0", "cannot be read"),
        ("x > " + "1" * 20_000, "characters long"),
    ],
)
def test_what_cannot_be_asked_is_named(table: Localizations, expression: str, words: str) -> None:
    for asked in (table, table.select(slice(0, 0))):
        with pytest.raises(PinpointError, match=words):
            rows_that_pass(asked, expression)


def test_nanometres_need_the_size_of_a_pixel() -> None:
    table = Localizations({"frame": [0], "y": [1.0], "x": [2.0], "uncertainty_x": [0.1], "photons": [5]})
    with pytest.raises(PinpointError, match="uncertainty_x_nm needs the size of a pixel"):
        rows_that_pass(table, "uncertainty_x_nm < 20")
    with pytest.raises(PinpointError, match="no column 'photons_nm'"):  # photons are no length
        rows_that_pass(table, "photons_nm < 20")


def test_many_rows_are_asked_in_blocks_with_the_same_answer(rng: np.random.Generator) -> None:
    n = 150_000
    photons = rng.random(n)
    table = Localizations({"frame": np.zeros(n, int), "y": np.zeros(n), "x": np.zeros(n), "photons": photons})
    np.testing.assert_array_equal(rows_that_pass(table, "photons > 0.5"), table["photons"] > 0.5)
    limits = filter_column(table, "photons", at_least=0.3, at_most=0.6)
    np.testing.assert_array_equal(filter_rows(table, "0.3 <= photons <= 0.6")["photons"], limits["photons"])


def test_the_record_says_the_condition(table: Localizations) -> None:
    assert filter_rows(table, " photons > 300 ").record["steps"][1:] == [
        {"step": "filter", "expression": "photons > 300"}
    ]
