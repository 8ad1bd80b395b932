"""Scores in words."""

from __future__ import annotations

import pytest

from napari_pinpoint.evaluation import evaluate, rows_of
from napari_pinpoint.localizations import Localizations


@pytest.mark.parametrize(("pixel_size", "units"), [(100, {"nm", "px", "%", ""}), (None, {"px", "%", ""})])
def test_only_what_is_known_is_said(pixel_size: float | None, units: set[str]) -> None:
    truth = Localizations({"frame": [0, 0], "y": [5.0, 9.0], "x": [5.0, 9.0]}, pixel_size_nm=pixel_size)
    found = Localizations({"frame": [0], "y": [5.0], "x": [5.25]}, pixel_size_nm=pixel_size)
    rows = rows_of(evaluate(found, truth, tolerance_px=0.5))
    assert {unit for _, _, unit, _ in rows} == units
    values = {(name, unit): value for name, value, unit, _ in rows}
    assert (values["missed", ""], values["recall", "%"], values["RMSE", "px"]) == ("1", "50.0", "0.2500")
    assert not any("nan" in value for value in values.values())


def test_without_a_pair_there_is_no_error_to_speak_of() -> None:
    found, truth = (Localizations({"frame": [0], "y": [y], "x": [0]}, pixel_size_nm=100) for y in (0, 9))
    assert "RMSE" not in {name for name, *_ in rows_of(evaluate(found, truth, tolerance_px=1))}
