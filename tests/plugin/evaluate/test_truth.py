"""Truth from annotation files and from layers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.plugin.evaluate.truth import likely_found, likely_truth, read_truth, table_source

layers = pytest.importorskip("napari.layers")
pytestmark = pytest.mark.gui

OBJECT = "<object><name>{}</name><bndbox><xmin>11</xmin><ymin>5</ymin><xmax>20</xmax><ymax>8</ymax></bndbox></object>"


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder with two images."""
    for name in ("a", "b"):
        tifffile.imwrite(tmp_path / f"{name}.tif", np.zeros((40, 48), np.uint8))
    return tmp_path


def test_boxes_of_pascal_voc_are_those_of_the_file(images: Path) -> None:
    for name, label in (("a", "RBC"), ("b", "WBC")):
        (images / f"{name}.xml").write_text(f"<annotation>{OBJECT.format(label)}</annotation>", encoding="utf-8")
    table = read_truth(images / "b.xml", image="whatever")
    assert table["label"].tolist() == ["WBC"]
    assert (table["height"] > 3).all()


def test_boxes_of_coco_are_those_of_the_image(images: Path) -> None:
    content = {
        "images": [{"id": n, "file_name": f"{name}.tif"} for n, name in enumerate("ab")],
        "categories": [{"id": 1, "name": "cell"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 4, 10, 4]}],
    }
    path = images / "boxes.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    table = read_truth(path, image="b.tif")
    assert (table["y"].tolist(), table["x"].tolist()) == ([5.5], [14.5])
    assert len(read_truth(path, image="a")) == 0
    with pytest.raises(
        PinpointError, match=r"boxes\.json is about 2 images \(a, b ...\), and none of them is called 'c'"
    ):
        read_truth(path, image="c")


def test_every_object_of_a_label_image_is_a_point_with_its_box(tmp_path: Path) -> None:
    labels = np.zeros((20, 20), np.uint16)
    labels[2:5, 10:14], labels[8:18, 3] = 4, 9
    tifffile.imwrite(tmp_path / "cells.tif", labels)
    table = read_truth(tmp_path / "cells.tif")
    assert sorted(zip(table["y"], table["x"], table["height"], table["width"], strict=True)) == [
        (3, 11.5, 3, 4),
        (12.5, 3, 10, 1),
    ]


def test_labels_over_time_have_frames_and_several_planes_are_refused() -> None:
    labels = np.zeros((3, 1, 20, 20), int)
    labels[2, 0, 4:7, 4:7] = 1
    table = table_source(layers.Labels(labels, axis_labels=("t", "z", "y", "x")))()
    assert (table["frame"].tolist(), table["y"].tolist()) == ([2], [5])
    one_image = table_source(layers.Labels(labels[2]))()
    assert (one_image["frame"].tolist(), one_image["x"].tolist()) == ([0], [5])
    with pytest.raises(PinpointError, match="only labels of one plane over time"):
        table_source(layers.Labels(np.zeros((3, 2, 20, 20), int), axis_labels=("t", "z", "y", "x")))


def test_what_is_likely_meant() -> None:
    drawn = layers.Shapes(name="drawn")
    older, newer, truth = (layers.Points(name=name) for name in ("older", "newer", "my truth"))
    assert likely_truth([newer, drawn]) is drawn
    assert likely_truth([drawn, newer, older]) is older
    assert likely_truth([drawn, truth, newer, older]) is truth
    assert likely_found([newer, truth, older]) is newer
    assert likely_found([newer]) is newer
