"""The study of the fit: its frames are what it says, its measures are right, and its report is complete."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_pinpoint.bench import fit
from napari_pinpoint.reports.writing import Picture


def test_isolated_emitters_are_isolated(rng: np.random.Generator) -> None:
    stack, truth = fit.isolated(1000, 10, fit.CAMERAS["sCMOS"], emitters=10, rng=rng)
    assert stack.shape == (3, 64, 64)
    assert len(truth) == 12
    for frame in range(3):
        places = truth.positions()[truth["frame"] == frame]
        apart = np.linalg.norm(places[:, None] - places, axis=-1)[~np.eye(4, dtype=bool)]
        assert apart.min() >= 24


def test_the_bound_of_the_emccd_is_that_of_twice_the_noise() -> None:
    ideal, em = (fit.mean_bound(1000, 10, fit.CAMERAS[name]) for name in ("sCMOS", "EMCCD"))
    assert em == pytest.approx(np.sqrt(2) * ideal, rel=0.06)  # less the sCMOS camera's read noise


def test_bias_is_looked_for_at_every_tenth_of_a_pixel() -> None:
    true = np.stack([np.arange(0.05, 10, 0.1)] * 2, axis=1)
    error = np.zeros_like(true)
    error[:, 1] = np.where(np.abs(true[:, 1] - np.rint(true[:, 1]) - 0.25) < 0.02, 0.3, 0)
    assert fit._pixel_bias(true, error) == pytest.approx(0.3)


def test_the_report_is_complete(tmp_path: Path) -> None:
    report = fit.run(tmp_path, quick=True)
    report.write(tmp_path)
    assert [section.title for section in report.sections] == ["Isolated emitters", "Crowded emitters"]
    cases = report.sections[0].results["cases"]
    assert all(case["recall"] > 0.9 for case in cases)
    assert all(0.7 < case["fitted"] / case["bound"] < 1.4 for case in cases)
    assert len([part for section in report.sections for part in section.parts if isinstance(part, Picture)]) == 2
    assert len(report.goals) == 5
    assert (tmp_path / "index.html").is_file()
