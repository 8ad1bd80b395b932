"""The report of an evaluation: one page with scores and figures, and the data behind them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from napari_pinpoint.evaluation import evaluate_fully
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.reports.evaluation import evaluation_report

TRUTH = Localizations(
    {"frame": np.arange(30), "y": np.full(30, 5.2), "x": np.full(30, 5.2), "label": ["a", "b"] * 15}, pixel_size_nm=100
)
FOUND = TRUTH.select(slice(0, 20)).with_columns(x=np.full(20, 5.5))
OTHER = TRUTH.select(slice(0, 25))


def test_one_table(tmp_path: Path) -> None:
    evaluation = evaluate_fully({"mine": FOUND}, TRUTH, tolerance_nm=100)
    evaluation_report(evaluation, truth="truth.csv").write(tmp_path)
    page = (tmp_path / "index.html").read_text()
    for words in ("mine (20 points)", "truth.csv (30 true points)", "frames 0 to 29", "Jaccard", "Classes: mine"):
        assert words in page
    assert page.count("data:image/png") == len(list(tmp_path.glob("*.png"))) >= 3
    assert "http" not in page
    pairs = pd.read_csv(tmp_path / "pairs.csv")
    assert len(pairs) == 20
    np.testing.assert_allclose(pairs["dx_px"], 0.3, atol=1e-6)
    counts = pd.read_csv(tmp_path / "counts.csv")
    assert (counts["true"].sum(), counts["found"].sum()) == (30, 20)
    scores = json.loads((tmp_path / "results.json").read_text())["sections"][0]["results"]
    assert scores["tp"] == 20
    assert scores["details"]["f1"]["f1"][-1] == 0.8


def test_two_tables(tmp_path: Path) -> None:
    evaluation = evaluate_fully({"mine": FOUND, "a/b": OTHER}, TRUTH, tolerance_nm=100)
    evaluation_report(evaluation).write(tmp_path)
    page = (tmp_path / "index.html").read_text()
    assert "difference" in page
    assert "a/b (25 points)" in page
    assert len(pd.read_csv(tmp_path / "pairs-1.csv")) == 20
    assert len(pd.read_csv(tmp_path / "pairs-2.csv")) == 25
