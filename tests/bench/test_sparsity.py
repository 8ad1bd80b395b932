"""Without the count term probability stays spread; with it, points are crisp."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_pinpoint.bench import sparsity
from napari_pinpoint.bench.sparsity import LABELS, WITH, WITHOUT, Course, follow
from napari_pinpoint.reports.writing import Picture, Report


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return sparsity.run(tmp_path_factory.mktemp("sparsity"), quick=True)


def test_both_begin_alike_and_gather_at_the_labels() -> None:
    course = follow(steps=60, starts=1, frames=5)
    assert course.steps[0] == 0
    assert course.steps[-1] == 60
    assert np.all(np.diff(course.steps) > 0)
    np.testing.assert_array_equal(course.probability[0, WITHOUT], course.probability[0, WITH])
    assert course.position.shape == (len(course.steps), 2, 1, 50, 2)
    # Of fifty candidates at one half each, most lose their probability; the count term takes more of it away.
    assert 20 < course.mass[0, WITH, 0] < 30
    assert course.mass[-1, WITH, 0] < course.mass[-1, WITHOUT, 0] < 8
    # What is left of it lies around the labels.
    error = sparsity._error(course, WITH)
    assert error.shape == (1, len(LABELS))
    assert error.max() < 0.1


def test_what_is_measured() -> None:
    probability = np.array([[[[1.0, 0.6, 0.4]], [[1.0, 1.0, 0.0]]]])
    course = Course(np.array([0]), probability, np.zeros((1, 2, 1, 3, 2)))
    np.testing.assert_allclose(course.mass, [[[2.0], [2.0]]])
    np.testing.assert_array_equal(course.crisp, [[[2], [2]]])
    np.testing.assert_allclose(course.ambiguity, [[[0.48], [0.0]]])


def test_the_report_has_two_short_movies_and_a_figure(report: Report, tmp_path: Path) -> None:
    (section,) = report.sections
    pictures = {part.file: part for part in section.parts if isinstance(part, Picture)}
    assert list(pictures) == ["sparsity-without.gif", "sparsity-with.gif", "mass.png"]
    for name in list(pictures)[:2]:
        movie = Image.open(io.BytesIO(pictures[name].data))
        assert movie.n_frames >= 5
        assert len(pictures[name].data) < 1_000_000
    assert len(section.results["with"]["mass"]) == len(section.results["steps"])
    report.write(tmp_path)
    assert (tmp_path / "sparsity-with.gif").is_file()
