"""The nuclei task: what it gives LCFCN to learn from, and that it runs from data to a section of the report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_pinpoint.bench import nuclei
from napari_pinpoint.bench.nuclei_figures import outlines
from napari_pinpoint.datasets import read_dataset


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Nine small images of discs, in the form of the development data; one without any."""
    rng = np.random.default_rng(5)
    (tmp_path / "nuclei" / "images").mkdir(parents=True)
    rows = ["image,object,y,x,area_px,ymin,xmin,ymax,xmax"]
    y, x = np.indices((64, 72))
    for name in "abcdefghi":
        image = rng.normal(20, 2, y.shape)
        for number in range(0 if name == "c" else 4):
            cy, cx = rng.uniform(5, 58, 2)
            image[(y - cy) ** 2 + (x - cx) ** 2 < 16] += 100
            rows.append(f"{name},{number + 1},{cy:.2f},{cx:.2f},49,{cy - 4:.0f},{cx - 4:.0f},{cy + 5:.0f},{cx + 5:.0f}")
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(tmp_path / "nuclei" / "images" / f"{name}.png")
    (tmp_path / "nuclei" / "objects.csv").write_text("\n".join(rows))
    return tmp_path


def test_only_points_are_learned_from(data: Path) -> None:
    for sample in nuclei.points_only(read_dataset(data / "nuclei")):
        assert set(sample.table) == {"frame", "y", "x"}


def test_a_quick_run_says_what_came_out(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nuclei, "N_TEST", 4)
    monkeypatch.setattr(nuclei, "N_CHOICE", 1)
    section = nuclei.Nuclei().run(tmp_path / "bench", data, quick=True)
    assert section.results["n_true"] == [4, 4, 4, 4]
    ours, usual = section.results["methods"].values()
    assert 0 <= usual["mae"]["value"] <= usual["game"][3]["value"]
    assert 0 <= ours["mae"]["value"] <= ours["game"][3]["value"]
    (goal,) = section.goals
    assert goal.at_most == nuclei.TO_REACH
    assert len(list((tmp_path / "bench" / "models").glob("nuclei-*.safetensors"))) == 1


def test_blobs_that_touch_are_outlined_apart() -> None:
    labels = np.zeros((3, 6), int)
    labels[:, 1:3], labels[:, 3:5] = 1, 2
    np.testing.assert_array_equal(outlines(labels)[0], [0, 1, 0, 1, 0, 0])
