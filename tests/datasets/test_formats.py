"""Each format's convention, down to the half pixel: of these pictures (20 rows, 30 columns) or label images."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_pinpoint.datasets import Dataset, Sample, read_dataset, write_dataset
from napari_pinpoint.errors import PinpointError, PinpointWarning
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.stack import Stack


def columns(table: Localizations, *names: str) -> list[list]:
    return [table[name].tolist() for name in names]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("index,axis-0,axis-1\n0,3.5,4.25\n1,10,20\n", {"y": [3.5, 10], "x": [4.25, 20]}),  # napari
        ("axis-0,axis-1\n3.5,4.25\n", {"y": [3.5], "x": [4.25]}),  # U-FISH
        ("y,x\n3.5,4.25\n", {"y": [3.5], "x": [4.25]}),  # Spotiflow
        ("x,y\n3.5,4.25\n", {"y": [4.25], "x": [3.5]}),
        ("row;col\n3,5;4,25\n", {"y": [3.5], "x": [4.25]}),  # with decimal commas
        ("3.5,4.25\n10,20\n", {"y": [3.5, 10], "x": [4.25, 20]}),  # Piscis: no header
        ("z,y,x\n2,3.5,4.25\n", {"z": [2], "y": [3.5], "x": [4.25]}),
        ("axis-0,axis-1,axis-2\n2,3.5,4.25\n", {"z": [2], "y": [3.5], "x": [4.25]}),
        ("Y,X,Class\n3,4,a\n5,6,b\n", {"y": [3, 5], "x": [4, 6], "label": ["a", "b"]}),
        ("y,x,category\n3,4,1\n5,6,2\n", {"y": [3, 5], "x": [4, 6], "label": ["1", "2"]}),
        (",label,centroid-0,centroid-1\n0,1,3.5,4.25\n", {"y": [3.5], "x": [4.25]}),  # scikit-image
        ("ymin,xmin,ymax,xmax\n0,2,1,6\n", {"y": [0], "x": [3.5], "height": [1], "width": [4]}),
        (
            "index,shape-type,vertex-index,axis-0,axis-1\n"
            "0,rectangle,0,2,3\n0,rectangle,1,2,9\n0,rectangle,2,6,9\n0,rectangle,3,6,3\n",
            {"y": [4], "x": [6], "height": [4], "width": [6]},
        ),
        (
            "index,shape-type,vertex-index,axis-0,axis-1,axis-2\n"  # of a volume: the plane first
            "0,ellipse,0,5,2,3\n0,ellipse,1,5,6,9\n",
            {"z": [5], "y": [4], "x": [6], "height": [4], "width": [6]},
        ),
        ("", {"y": [], "x": []}),
    ],
)
def test_a_csv_beside_an_image(tmp_path: Path, picture, text: str, expected: dict[str, list]) -> None:
    picture("a.png")
    (tmp_path / "a.csv").write_text(text)
    table = read_dataset(tmp_path)[0].table
    assert {name: table[name].tolist() for name in expected} == expected
    assert table["frame"].tolist() == [0] * len(expected["y"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", r"a\.csv: no columns of points.*among a, b"),
        ("y,x\n1,two\n", r"a\.csv, line 2: 'two' is not a number"),
        ("y,x\n1,\n", r"a\.csv: x is missing in row 1"),
        ("1,2\n3,4,5\n", r"a\.csv, line 2: expected 2 numbers, not 3, 4, 5"),
        ("1,2,3,4\n", "4 columns and no header"),
    ],
)
def test_a_csv_that_cannot_be_used(tmp_path: Path, picture, text: str, message: str) -> None:
    picture("a.png")
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(PinpointError, match=message):
        read_dataset(tmp_path)


def test_points_of_a_channel(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((2, 8, 9), np.uint8))
    (tmp_path / "a.csv").write_text("y,x,channel\n3,4,0\n5,6,1\n")
    assert columns(read_dataset(tmp_path, axes="CYX", channel=1)[0].table, "y") == [[5]]


def test_the_first_of_three_axes_is_time_in_a_movie_and_depth_in_a_volume(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("index,axis-0,axis-1,axis-2\n0,2,3.5,4\n1,5,1,1\n")
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((4, 8, 9), np.uint8), photometric="minisblack")
    with pytest.warns(PinpointWarning, match="1 points lie outside"):  # in a frame that is not there
        table = read_dataset(tmp_path)[0].table
    assert columns(table, "frame", "y", "x") == [[2], [3.5], [4]]
    assert "z" not in table
    with pytest.warns(PinpointWarning, match="1 points lie outside"):  # in a plane that is not there
        volume = read_dataset(tmp_path, axes="ZYX", plane="volume")[0]
    assert columns(volume.table, "frame", "z", "y") == [[0], [2], [3.5]]
    assert volume.view().dims == 3


def test_numbers_of_objects_are_no_classes(tmp_path: Path, picture) -> None:
    picture("a.png")
    (tmp_path / "a.csv").write_text("label,centroid-0,centroid-1\n1,3,4\n2,5,6\n")
    assert read_dataset(tmp_path).classes == ()


def test_csv_files_in_a_folder_of_their_own(tmp_path: Path, picture) -> None:
    picture("images/a.png")
    (tmp_path / "points").mkdir()
    (tmp_path / "points" / "a.csv").write_text("y,x\n3,4\n")
    assert columns(read_dataset(tmp_path)[0].table, "y", "x") == [[3], [4]]


def test_one_table_of_all_images(tmp_path: Path, picture) -> None:
    picture("images/a.png")
    picture("images/b.png")
    table = tmp_path / "objects.csv"
    table.write_text("image,y,x,ymin,xmin,ymax,xmax\nimages/a.png,3.2,4.1,0,0,8,10\n")
    dataset = read_dataset(tmp_path)
    assert columns(dataset[0].table, "y", "x", "height", "width") == [[3.2], [4.1], [8], [10]]
    assert [len(sample.table) for sample in dataset] == [1, 0]  # b is empty, and so says the table
    assert columns(dataset.centred_on_boxes()[0].table, "y", "x") == [[3.5], [4.5]]
    assert read_dataset(table)[0].table["y"].tolist() == [3.2]
    table.write_text("image,y,x\na,3,4\ngone,3,4\n")
    with pytest.warns(PinpointWarning, match="1 images that it names are not there.*gone"):
        read_dataset(tmp_path)
    (tmp_path / "more.csv").write_text("image,y,x\na,3,4\n")
    with pytest.raises(PinpointError, match=r"several tables of all images: more\.csv, objects\.csv"):
        read_dataset(tmp_path)


VOC = """<annotation><filename>a.png</filename>
<object><name>cell</name><bndbox><xmin>1</xmin><ymin>5</ymin><xmax>3</xmax><ymax>10</ymax></bndbox></object>
{more}</annotation>"""
FLAT = "<object><name>dust</name><bndbox><xmin>4</xmin><ymin>7</ymin><xmax>4</xmax><ymax>9</ymax></bndbox></object>"


@pytest.mark.parametrize("folders", [("Annotations/", "JPEGImages/"), ("", "")])
def test_pascal_voc_counts_from_one_and_includes_both_ends(tmp_path: Path, picture, folders) -> None:
    xml = tmp_path / f"{folders[0]}a.xml"
    xml.parent.mkdir(exist_ok=True)
    xml.write_text(VOC.format(more=FLAT))
    picture(f"{folders[1]}a.png")
    with pytest.warns(PinpointWarning, match="1 boxes have no area"):
        table = read_dataset(tmp_path)[0].table
    assert columns(table, "y", "x", "height", "width", "label") == [[6.5], [1], [6], [3], ["cell"]]


def test_pascal_voc_lists_its_parts(tmp_path: Path, picture) -> None:
    lists = tmp_path / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    for name, part in (("a", "train"), ("b", "test")):
        picture(f"JPEGImages/{name}.png")
        (tmp_path / "Annotations").mkdir(exist_ok=True)
        (tmp_path / "Annotations" / f"{name}.xml").write_text(VOC.format(more=""))
        (lists / f"{part}.txt").write_text(f"{name}\n")
    assert [(sample.name, sample.split) for sample in read_dataset(tmp_path)] == [("a", "train"), ("b", "test")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<annotation><object>", r"a\.xml cannot be read as XML"),
        (VOC.format(more="<object><name>b</name></object>"), "object 2 has no box of four numbers"),
        ('<!DOCTYPE a [<!ENTITY e "boom">]><annotation>&e;</annotation>', "cannot be read as XML"),
    ],
)
def test_xml_that_cannot_be_used(tmp_path: Path, picture, text: str, message: str) -> None:
    picture("a.png")
    (tmp_path / "a.xml").write_text(text)
    with pytest.raises(PinpointError, match=message):
        read_dataset(tmp_path)


def coco(**changes) -> dict:
    """Two images, of which the second is empty, and a box of the first three pixels of rows 4 to 9."""
    return {
        "images": [{"id": 7, "file_name": "a.png"}, {"id": 9, "file_name": "b.png"}],
        "categories": [{"id": 3, "name": "cell"}, {"id": 5, "name": "dust"}],
        "annotations": [
            {"image_id": 7, "category_id": 3, "bbox": [0, 4, 3, 6]},
            {"image_id": 7, "category_id": 5, "bbox": [0, 0, 9, 9], "iscrowd": 1},
        ],
    } | changes


@pytest.mark.parametrize(("place", "images"), [("annotations/instances_val.json", "images/"), ("boxes.json", "")])
def test_coco_measures_from_the_corner(tmp_path: Path, picture, place: str, images: str) -> None:
    for name in "ab":
        picture(f"{images}{name}.png")
    file = tmp_path / place
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(coco()))
    dataset = read_dataset(tmp_path)
    assert columns(dataset[0].table, "y", "x", "height", "width", "label") == [[6.5], [1], [6], [3], ["cell"]]
    assert len(dataset[1].table) == 0
    assert dataset.splits == (("val",) if "val" in place else ())
    assert len(read_dataset(file)) == 2


def test_coco_has_its_images_in_folders_of_parts(tmp_path: Path, picture) -> None:
    for part in ("train", "val"):
        picture(f"{part}/a.png")
        picture(f"{part}/b.png")
        file = tmp_path / "annotations" / f"instances_{part}.json"
        file.parent.mkdir(exist_ok=True)
        names = [{"id": 7, "file_name": f"{part}/a.png"}, {"id": 9, "file_name": f"{part}/b.png"}]
        file.write_text(json.dumps(coco(images=names)))
    dataset = read_dataset(tmp_path)
    assert [sample.name for sample in dataset] == ["train/a", "train/b", "val/a", "val/b"]
    assert dataset.part("val").n_points == 1


def test_coco_that_cannot_be_used(tmp_path: Path, picture) -> None:
    picture("a.png")
    file = tmp_path / "boxes.json"
    file.write_text(json.dumps(coco()))
    with pytest.warns(PinpointWarning, match=r"1 images that it names are not there.*b\.png"):
        assert len(read_dataset(tmp_path)) == 1
    file.write_text(json.dumps(coco(annotations=[{"image_id": 8, "bbox": [0, 0, 1, 1]}])))
    with pytest.raises(PinpointError, match=r"annotation 0 has the box .* in the image 8"):
        read_dataset(tmp_path)
    file.write_text(json.dumps(coco())[:200])
    with pytest.raises(PinpointError, match="not a COCO file"):
        read_dataset(tmp_path)


def test_label_images_give_centroid_and_box(tmp_path: Path, picture) -> None:
    picture("images/a.png")
    picture("images/b.png")
    labels = np.zeros((20, 30), np.uint16)
    labels[4:10, 0:3] = 5
    labels[12, 20:30] = 9
    labels[13:17, 20] = 9  # an L: its centroid is not its box's centre
    (tmp_path / "labels").mkdir()
    tifffile.imwrite(tmp_path / "labels" / "a.tif", labels)
    tifffile.imwrite(tmp_path / "labels" / "b.tif", labels * 0)
    dataset = read_dataset(tmp_path)
    table = dataset[0].table
    assert columns(table, "height", "width") == [[6, 5], [3, 10]]
    rows, cols = np.nonzero(labels == 9)
    np.testing.assert_allclose(table.positions(), [[6.5, 1], [rows.mean(), cols.mean()]])
    assert columns(dataset.centred_on_boxes()[0].table, "y", "x") == [[6.5, 14], [1, 24.5]]
    assert len(dataset[1].table) == 0
    assert dataset.classes == ()


def test_fractions_are_of_width_and_height_from_edge_to_edge(tmp_path: Path, picture) -> None:
    picture("a.png")
    (tmp_path / "a.txt").write_text("0.5,0.25\n\n0,0\n1,1\n")
    table = read_dataset(tmp_path)[0].table
    assert columns(table, "x", "y") == [[14.5, -0.5, 29.5], [4.5, -0.5, 19.5]]


def test_fractions_come_back_as_they_were_written(tmp_path: Path, picture, rng) -> None:
    table = Localizations({"frame": [0] * 5, "y": rng.uniform(0, 19, 5), "x": rng.uniform(0, 29, 5)})
    array = np.zeros((40, 10), np.uint16)
    empty = Localizations.empty()
    dataset = Dataset((Sample(picture("a.png"), table, "a"), Sample(array, empty, "b"), Sample(array, table, "c")))
    folder = tmp_path / "written"
    write_dataset(dataset[:2], folder)
    back = read_dataset(folder, format="fractions")
    assert [sample.name for sample in back] == ["a", "b"]
    np.testing.assert_allclose(back[0].table.positions(), table.positions(), atol=1e-6)
    assert len(back[1].table) == 0
    assert back[1].view().read(0, 1).shape == (1, 1, 40, 10)
    with pytest.raises(PinpointError, match="exists"):
        write_dataset(dataset[:2], folder)
    write_dataset(dataset[:2], folder, overwrite=True)
    movie = Sample(Stack(np.zeros((3, 9, 9), np.uint8), "TYX").view(), table, "movie")
    with pytest.raises(PinpointError, match="movie has 3 frames"):
        write_dataset(Dataset((movie,)), tmp_path / "other")


def test_text_that_is_no_fractions(tmp_path: Path, picture) -> None:
    picture("a.png")
    picture("b.png")
    (tmp_path / "a.txt").write_text("0.5,0.25\n")
    (tmp_path / "b.txt").write_text("0.5,0.25\n0.5 0.25\n")
    with pytest.raises(PinpointError, match=r"b\.txt, line 2: expected x,y as two fractions"):
        read_dataset(tmp_path)
