"""What every dataset has to stand, whatever its format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_pinpoint.datasets import DATASETS, Dataset, Sample, read_dataset, write_dataset
from napari_pinpoint.errors import PinpointError, PinpointWarning
from napari_pinpoint.localizations import Localizations

BOXES = """split,image,class,ymin,xmin,ymax,xmax
train,a,cell,2,4,8,10
train,a,cell,5,5,5,9
train,b,cell,0,0,3,3
val,c,cell,1,1,9,9
val,c,dust,11,1,13,3
"""


@pytest.fixture
def boxes(tmp_path: Path, picture) -> Path:
    for name in "abc":
        picture(f"images/{name}.png")
    (tmp_path / "boxes.csv").write_text(BOXES)
    return tmp_path


def test_boxes_without_area_are_named_and_left_out(boxes: Path) -> None:
    with pytest.warns(PinpointWarning, match=r"1 boxes have no area.*left out: a \(y 4.5, x 6.5\)"):
        dataset = read_dataset(boxes, classes=("cell", "dust"))
    assert [len(sample.table) for sample in dataset] == [1, 1, 2]
    first = dataset[0].table
    assert (first["y"][0], first["x"][0], first["height"][0], first["width"][0]) == (4.5, 6.5, 6, 6)


@pytest.mark.filterwarnings("ignore:.*no area")
def test_classes_that_only_the_test_part_has_are_named(boxes: Path) -> None:
    with pytest.warns(PinpointWarning, match=r"the class dust is in val, but not among those that are learnt \(cell\)"):
        dataset = read_dataset(boxes, split="val")
    assert dataset.classes == ("cell",)
    assert len(dataset) == 1
    assert dataset.labels == {"cell", "dust"}  # the truth stays what it is


@pytest.mark.filterwarnings("ignore::napari_pinpoint.errors.PinpointWarning")
def test_parts_and_the_order_of_classes(boxes: Path) -> None:
    dataset = read_dataset(boxes, classes=["dust", "cell"])
    assert dataset.classes == ("dust", "cell")
    assert dataset.splits == ("train", "val")
    assert [sample.name for sample in dataset.part("train")] == ["a", "b"]
    with pytest.warns(PinpointWarning, match="points of other classes than cell are left out: 1 of dust"):
        assert read_dataset(boxes, classes=["cell"]).labels == {"cell"}
    with pytest.raises(PinpointError, match="no part 'test'; it has train, val"):
        read_dataset(boxes, split="test")


def test_points_outside_of_their_image_are_named_and_left_out(tmp_path: Path, picture) -> None:
    picture("a.png")
    (tmp_path / "a.csv").write_text("y,x\n19.5,29.5\n-0.5,0\n3,30.2\n-1,4\n")
    with pytest.warns(PinpointWarning, match=r"2 points lie outside.*: a \(y 3, x 30.2\), a \(y -1, x 4\)"):
        dataset = read_dataset(tmp_path)
    assert dataset.n_points == 2


def test_points_without_a_class_among_others_that_have_one(tmp_path: Path, picture) -> None:
    picture("a.png")
    picture("b.png")
    (tmp_path / "a.csv").write_text("y,x,class\n3,4,cell\n5,6,\n")
    (tmp_path / "b.csv").write_text("y,x\n7,8\n")
    with pytest.warns(PinpointWarning, match=r"2 points have no class.*: a \(y 5, x 6\), b \(y 7, x 8\)"):
        dataset = read_dataset(tmp_path)
    assert [sample.table["label"].tolist() for sample in dataset] == [["cell"], []]


def test_folders_named_train_and_val_are_parts(tmp_path: Path, picture) -> None:
    for part, name in (("train", "1.png"), ("train", "2.png"), ("valid", "1.png")):
        picture(f"{part}/{name}")
        (tmp_path / part / name).with_suffix(".csv").write_text("y,x\n3,4\n")
    dataset = read_dataset(tmp_path)
    assert [(sample.name, sample.split) for sample in dataset] == [
        ("train/1", "train"),
        ("train/2", "train"),
        ("val/1", "val"),
    ]
    assert read_dataset(tmp_path, split="val")[0].name == "1"
    assert len(read_dataset(tmp_path, split="val")) == 1


def test_stray_files_are_passed_over(tmp_path: Path, picture) -> None:
    picture("a.png")
    (tmp_path / "a.csv").write_text("y,x\n3,4\n")
    for stray in ("notes.txt", "Thumbs.db", ".hidden.png", "model.pt"):
        (tmp_path / stray).write_bytes(b"stray")
    (tmp_path / "other").mkdir()
    assert [sample.name for sample in read_dataset(tmp_path)] == ["a"]


def test_what_lacks_image_or_annotation_is_named(tmp_path: Path, picture) -> None:
    for name in "abc":
        picture(f"{name}.png")
    (tmp_path / "a.csv").write_text("y,x\n3,4\n")
    (tmp_path / "b.csv").write_text("y,x\n")
    (tmp_path / "z.csv").write_text("y,x\n3,4\n")
    with pytest.warns(PinpointWarning) as warned:
        dataset = read_dataset(tmp_path)
    assert [(sample.name, len(sample.table)) for sample in dataset] == [("a", 1), ("b", 0)]
    said = " ".join(str(warning.message) for warning in warned)
    assert "1 images have no tables of points (.csv), and are left out: c.png" in said
    assert "have no image, and are left out: z" in said


def test_a_folder_of_nothing_known_says_what_is_there_and_what_there_is(tmp_path: Path) -> None:
    (tmp_path / "report.docx").write_text("")
    with pytest.raises(PinpointError) as error:
        read_dataset(tmp_path)
    assert "it has report.docx" in str(error.value)
    assert all(name in str(error.value) for name in DATASETS)
    with pytest.raises(PinpointError, match="does not exist"):
        read_dataset(tmp_path / "nowhere")
    with pytest.raises(PinpointError, match=r"no annotated images\. Expected: NAME\.tif"):
        read_dataset(tmp_path, format="csv")


def test_channels_of_a_file_that_does_not_name_them(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.stack([np.full((8, 9), 7), np.full((8, 9), 5)]).astype(np.uint8))
    (tmp_path / "a.csv").write_text("y,x\n3,4\n")
    with pytest.warns(PinpointWarning, match=r"a \(2 frames\)"):
        read_dataset(tmp_path)
    view = read_dataset(tmp_path, axes="CYX", channel=1)[0].view()
    assert (view.n_frames, view.channels, int(view.read(0, 1)[0, 0, 0, 0])) == (1, 1, 5)


def test_division_is_by_image() -> None:
    empty = Localizations.empty()
    dataset = Dataset(tuple(Sample(np.zeros((8, 8)), empty, str(i)) for i in range(12)))
    learn, check = dataset.divided(every=5)
    assert [sample.name for sample in check] == ["4", "9"]
    assert len(learn) == 10
    learn, check = dataset.divided(fraction=0.25, rng=np.random.default_rng(0))
    assert (len(learn), len(check)) == (9, 3)
    assert {sample.name for sample in learn} | {sample.name for sample in check} == set(map(str, range(12)))
    assert len(dataset[:1].divided(every=5)[1]) == 0


def test_pairs_are_views_and_truths(picture) -> None:
    grey, colour = picture("grey.png"), picture("colour.png", (20, 30, 3))
    table = Localizations({"frame": [0], "y": [1], "x": [2]})
    dataset = Dataset((Sample(grey, table, "grey"), Sample(colour, table, "colour")))
    assert dataset.channels == 3
    assert [(view.channels, truth["x"][0]) for view, truth in dataset.pairs(3)] == [(3, 2), (3, 2)]


def test_what_is_not_valid_is_read_from_an_image(picture, tmp_path: Path) -> None:
    mask = np.zeros((20, 30), np.uint8)
    mask[:5] = 255
    tifffile.imwrite(tmp_path / "mask.tif", mask)
    sample = Sample(picture("a.png"), Localizations.empty(), "a", valid=tmp_path / "mask.tif")
    np.testing.assert_array_equal(sample.believed(), mask > 0)
    with pytest.raises(PinpointError, match="valid has"):
        Sample(sample.image, sample.table, "a", valid=mask[:10]).believed()


def test_formats_that_are_only_read(tmp_path: Path) -> None:
    with pytest.raises(PinpointError, match="formats that are written: fractions"):
        write_dataset(Dataset(()), tmp_path, format="voc")


@pytest.mark.data
def test_real_folders(data_folder: Path) -> None:
    nuclei = read_dataset(data_folder / "nuclei")
    assert (len(nuclei), nuclei.n_points, nuclei.classes) == (240, 6706, ())
    with pytest.warns(PinpointWarning, match="BloodImage_00338.*BloodImage_00343"):
        cells = read_dataset(data_folder / "cells_boxes")
    assert (len(cells), cells.n_points, cells.classes) == (292, 3941, ("Platelets", "RBC", "WBC"))
    assert cells.channels == 3
    spots = read_dataset(data_folder / "spots", channel=0, axes="CYX")
    assert [(sample.name, len(sample.table)) for sample in spots] == [
        ("iss_rca", 416),
        ("piscis_macrophages", 318),
        ("piscis_melanoma_mice", 258),
    ]
