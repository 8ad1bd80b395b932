"""The task with blood cells: what counts as annotated, and that it runs from data to a section of the report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_pinpoint.bench import cells
from napari_pinpoint.datasets import read_dataset
from napari_pinpoint.evaluation.boxes import average_precision
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.model import load_model


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Ten small pictures of coloured squares, in the form of the development data; four of them to test on."""
    rng = np.random.default_rng(5)
    (tmp_path / "cells_boxes" / "images").mkdir(parents=True)
    rows = ["split,image,class,ymin,xmin,ymax,xmax"]
    for n, name in enumerate("abcdefghij"):
        picture = rng.normal(200, 4, (96, 128, 3)).clip(0, 255).astype(np.uint8)
        for k, label in enumerate(cells.CLASSES):
            y, x, side = 10 + 20 * k + n, 8 + 35 * k, 30 - 8 * k
            picture[y : y + side, x : x + side, k] = 20
            rows.append(f"{'train' if n < 6 else 'val'},{name},{label},{y},{x},{y + side},{x + side}")
        Image.fromarray(picture).save(tmp_path / "cells_boxes" / "images" / f"{name}.png")
    (tmp_path / "cells_boxes" / "boxes.csv").write_text("\n".join(rows))
    return tmp_path


def test_a_quick_run_says_what_came_out(data: Path, tmp_path: Path) -> None:
    section = cells.BloodCells().run(tmp_path / "bench", data, quick=True)
    assert section.results["scores"]["n_truth"] == {"Platelets": 4, "RBC": 4, "WBC": 4}
    assert set(section.results["intervals"]) == {"mean", "RBC", "WBC", "Platelets"}
    (goal,) = section.goals
    assert goal.at_least == cells.TO_REACH
    assert 0 <= goal.value <= 1
    assert len(list((tmp_path / "bench" / "models").glob("blood-cells-*.safetensors"))) == 1


@pytest.mark.data
@pytest.mark.filterwarnings("ignore:.*boxes have no area")
def test_the_model_that_ships_is_as_good_as_its_card_says(data_folder: Path) -> None:
    """On every fourth picture that it was not trained on; on all of them mAP is 0.87."""
    test = read_dataset(data_folder / "cells_boxes", classes=cells.CLASSES).part("val")[::4]
    model = load_model("blood-cells")
    assert model.spec == cells.RECIPE.model
    assert average_precision(cells.boxes_of(model, test), cells.truth_of(test)).map_50 >= 0.8


def test_truth_is_numbered_by_picture_and_scores_itself_1(data: Path) -> None:
    truth = cells.truth_of(read_dataset(data / "cells_boxes").part("val"))
    assert np.bincount(truth["frame"]).tolist() == [3, 3, 3, 3]
    assert average_precision(truth.with_columns(probability=np.ones(len(truth))), truth).map_50 == 1


def test_what_touches_no_annotated_box_is_a_stranger() -> None:
    def boxes(*rows: tuple[float, ...]) -> Localizations:
        frame, y, x, side = zip(*rows, strict=True)
        return Localizations({"frame": frame, "y": y, "x": x, "height": side, "width": side})

    truth = boxes((0, 20, 20, 10), (2, 20, 20, 10))
    found = boxes((0, 24, 24, 10), (0, 29, 29, 10), (0, 60, 60, 10), (1, 20, 20, 10), (2, 20, 20, 40))
    # IoU: 36 / 164, 1 / 199, none, no truth in this frame, 100 / 1600
    assert cells.touches_none(found, truth).tolist() == [False, True, True, True, True]
