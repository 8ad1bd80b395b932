"""CenterNet: its radius, its targets and its loss, against calculations by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from napari_pinpoint.decoders.centers import Centers
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.inference import LocalizeSettings, localize
from napari_pinpoint.methods import METHODS
from napari_pinpoint.methods.centernet import CenterNet, cells_holding, gaussian_radius
from napari_pinpoint.methods.points import Points
from napari_pinpoint.model import Localizer, ModelSpec
from napari_pinpoint.registry import Part
from napari_pinpoint.stack import Stack

STRIDE = 4


def objects(*rows: tuple[float, ...]) -> Points:
    """Objects of one image, given as y, x, height, width and class."""
    values = torch.tensor(rows, dtype=torch.float32).reshape(1, -1, 5)
    n = values.shape[1]
    return Points(
        values[..., :2],
        torch.ones(1, n, dtype=torch.bool),
        values[..., 4].long(),
        torch.full((1, n), math.nan),
        sizes=values[..., 2:4],
    )


def answer(points: Points, method: CenterNet, shape: tuple[int, int]) -> dict[str, Tensor]:
    """The maps of a network that has learned these objects by heart."""
    cells = (shape[0] // STRIDE, shape[1] // STRIDE)
    heat = method.heatmap(points, cells, stride=STRIDE)
    maps = {"heat": torch.logit(heat, eps=1e-6), "shift": torch.zeros(1, 2, *cells), "size": torch.ones(1, 2, *cells)}
    for position, size in zip(points.positions[0], points.sizes[0], strict=True):
        i, j = (int((p + 0.5) // STRIDE) for p in position)
        maps["shift"][0, :, i, j] = position - torch.tensor([i, j]) * STRIDE - 1.5
        maps["size"][0, :, i, j] = size
    return maps


def loss_of(
    maps: dict[str, Tensor], points: Points, method: CenterNet, valid: Tensor | None = None
) -> dict[str, float]:
    shape = tuple(n * STRIDE for n in maps["heat"].shape[2:])
    valid = torch.ones(1, *shape, dtype=torch.bool) if valid is None else valid
    return {name: term.item() for name, term in method.loss(maps, method.target(points, shape), valid).items()}


def overlap(first: tuple[float, ...], second: tuple[float, ...]) -> float:
    """Intersection over union of two boxes (top, left, bottom, right)."""
    size = [max(0.0, min(first[i + 2], second[i + 2]) - max(first[i], second[i])) for i in (0, 1)]
    area = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return size[0] * size[1] / (sum(area) - size[0] * size[1])


@pytest.mark.parametrize(("height", "width"), [(10.0, 10.0), (8.0, 30.0), (3.0, 4.0)])
def test_a_box_that_is_off_by_the_corrected_radius_overlaps_as_asked(height: float, width: float) -> None:
    r = float(gaussian_radius(torch.tensor(height), torch.tensor(width), min_overlap=0.7, formula="corrected"))
    true = (0.0, 0.0, height, width)
    boxes = [(r, r, height + r, width + r), (r, r, height - r, width - r), (-r, -r, height + r, width + r)]
    assert min(overlap(true, box) for box in boxes) == pytest.approx(0.7, abs=1e-5)


def test_the_published_radius_is_the_codes() -> None:
    """For 10 x 10 and 0.7 the last of its three counts, (-28 + sqrt(28^2 + 4 * 2.8 * 30)) / 2."""
    radius = gaussian_radius(torch.tensor(10.0), torch.tensor(10.0), min_overlap=0.7, formula="published")
    assert float(radius) == pytest.approx((-28 + math.sqrt(1120)) / 2)  # 2.733
    corrected = gaussian_radius(torch.tensor(10.0), torch.tensor(10.0), min_overlap=0.7, formula="corrected")
    assert float(corrected) == pytest.approx((40 - math.sqrt(1120)) / 8)  # 0.817, the box that shrinks


def test_radii_are_whole_cells_of_the_box_or_fixed() -> None:
    points = objects((20, 20, 37, 40, 0), (40, 40, 0, 0, 0), (9, 9, math.nan, math.nan, 0))
    known = CenterNet(radius_px=9.9)
    sizes = torch.where(points.sizes > 0, points.sizes, torch.nan)
    points = Points(points.positions, points.mask, points.labels, points.photons, sizes=sizes)
    assert known.radii(points, STRIDE).tolist() == [[2, 2, 2]]  # ceil(37 / 4) = 10: 2.733; without a box floor(9.9 / 4)
    assert CenterNet(radius_formula="corrected", radius_px=9.9).radii(points, STRIDE).tolist() == [[0, 2, 2]]
    assert CenterNet(radius="fixed", radius_px=4).radii(points, STRIDE).tolist() == [[1, 1, 1]]


def test_the_heat_map_is_a_cut_gaussian_around_the_cell() -> None:
    method = CenterNet()
    heat = method.heatmap(objects((21.3, 30.2, 40, 40, 0)), (16, 16), stride=STRIDE)[0, 0]
    sigma = 5 / 6  # radius 2
    expected = np.zeros((16, 16))
    for i in range(-2, 3):
        for j in range(-2, 3):
            expected[5 + i, 7 + j] = math.exp(-(i**2 + j**2) / (2 * sigma**2))
    np.testing.assert_allclose(heat.numpy(), expected, atol=1e-6)


def test_a_radius_of_0_is_a_single_1() -> None:
    heat = CenterNet(radius="fixed", radius_px=0).heatmap(objects((9, 14, 3, 3, 0)), (8, 8), stride=STRIDE)
    assert torch.nonzero(heat).tolist() == [[0, 0, 2, 3]]
    assert float(heat.max()) == 1


def test_classes_have_maps_of_their_own_and_the_higher_gaussian_counts() -> None:
    points = objects((10, 10, 40, 40, 0), (10, 18, 40, 40, 0), (10, 18, 40, 40, 1))
    heat = CenterNet(classes=2).heatmap(points, (8, 8), stride=STRIDE)[0]
    assert float(heat[0, 2, 2]) == float(heat[0, 2, 4]) == float(heat[1, 2, 4]) == 1
    assert float(heat[0, 2, 3]) == pytest.approx(math.exp(-0.72))  # one cell from either
    assert float(heat[1, 2, 2]) == pytest.approx(math.exp(-4 * 0.72))


@pytest.mark.parametrize("formula", ["published", "corrected"])
def test_decoding_the_targets_gives_the_boxes(formula: Any) -> None:
    """Two objects close to each other, one at each border and one in the corner; any number of classes."""
    rows = [
        (30.2, 40.7, 30, 22, 0),
        (30.9, 48.1, 36, 40, 0),
        (30.9, 44.0, 12, 9, 2),
        (0.0, 25.0, 8, 30, 1),
        (63.4, 95.4, 6, 5, 1),
        (-0.5, -0.5, 2, 3, 0),
        (50.0, 12.25, 16, 16, 2),
    ]
    method = CenterNet(classes=3, radius_formula=formula)
    found = Centers()(answer(objects(*rows), method, (64, 96)), stride=STRIDE).localizations
    given = np.stack([found[name].astype(float) for name in ("y", "x", "height", "width", "label")], axis=1)
    np.testing.assert_allclose(sorted(given.tolist()), sorted(map(list, rows)), atol=1e-5)
    assert (found["probability"] > 0.99).all()


def test_no_number_of_objects_is_too_many() -> None:
    y, x = np.divmod(np.arange(48 * 48), 48)
    rows = np.stack([y * 8 + 2.3, x * 8 + 4.4, np.full(48 * 48, 6), np.full(48 * 48, 7), np.zeros(48 * 48)], axis=1)
    points = objects(*rows.tolist())
    found = Centers()(answer(points, CenterNet(), (384, 384)), stride=STRIDE).localizations
    assert len(found) == 48 * 48


def test_the_loss_of_offset_and_size_is_their_mean_error_at_centres() -> None:
    points, method = objects((21, 30, 40, 24, 0), (41, 10, 12, 16, 0)), CenterNet()
    maps = answer(points, method, (64, 64))
    assert loss_of(maps, points, method)["shift"] == loss_of(maps, points, method)["size"] == 0
    for name in ("shift", "size"):
        elsewhere = maps[name].clone()
        elsewhere[..., 0, :] += 50
        assert loss_of(maps | {name: elsewhere}, points, method)[name] == 0
    maps["shift"][0, 0, 5, 7] += 2  # half a cell, one of four numbers
    maps["size"][0, 1, 10, 2] -= 8  # two cells
    terms = loss_of(maps, points, method)
    assert terms["shift"] == pytest.approx(0.5 / 4)
    assert terms["size"] == pytest.approx(0.1 * 2 / 4)


def test_two_objects_in_one_cell_are_one_peak_that_both_pull_at() -> None:
    points, method = objects((20.5, 20.5, 20, 20, 0), (22.5, 20.5, 20, 20, 0)), CenterNet()
    maps = answer(objects((21.5, 20.5, 20, 20, 0)), method, (32, 32))
    assert float(method.heatmap(points, (8, 8), stride=STRIDE).eq(1).sum()) == 1
    assert loss_of(maps, points, method)["shift"] == pytest.approx(2 * 0.25 / 4)


def test_unknown_and_degenerate_sizes_teach_no_size() -> None:
    method = CenterNet()
    odd = objects((20, 20, math.nan, math.nan, 0), (8, 8, 0, -3, 0), (26, 8, math.nan, 10, 0))
    maps = answer(objects((20, 20, 5, 5, 0), (8, 8, 5, 5, 0), (26, 8, 5, 10, 0)), method, (32, 32))
    maps["size"].requires_grad_()
    terms = method.loss(maps, odd, torch.ones(1, 32, 32, dtype=torch.bool))
    assert terms["size"].item() == 0
    terms["size"].backward()
    assert torch.isfinite(maps["size"].grad).all()
    assert all(math.isfinite(term.item()) for term in terms.values())


def test_objects_outside_or_hidden_teach_nothing() -> None:
    method, valid = CenterNet(), torch.ones(1, 32, 32, dtype=torch.bool)
    valid[:, 16:] = False
    seen, more = objects((8, 8, 9, 9, 0)), objects((8, 8, 9, 9, 0), (24, 8, 40, 40, 0), (8, 99, 40, 40, 0))
    maps = answer(objects((9, 9, 12, 9, 0)), method, (32, 32))
    assert loss_of(maps, more, method, valid) == loss_of(maps, seen, method, valid)


def test_a_model_that_never_learned_a_size_gives_no_boxes() -> None:
    def boxes_of(method: dict[str, Any]) -> bool:
        torch.manual_seed(0)
        part = Part(name="centernet", options={"bias": 5.0, **method})
        model = Localizer(ModelSpec(name="test", method=part, backbone=Part(name="plain")))
        with torch.no_grad():
            if model.head.size is not None and method.get("width") == 8:
                model.head.size.last.weight.normal_()
            return "height" in model.decode(model(torch.rand(1, 1, 16, 16))).localizations

    assert not boxes_of({})
    assert not boxes_of({"sizes": False})
    assert boxes_of({"width": 8})


def test_cells_hold_the_pixels_that_they_cover() -> None:
    positions = torch.tensor([[-0.5], [3.49], [3.5], [15.4], [99.0], [-7.0]])
    assert cells_holding(positions, (4,), STRIDE)[:, 0].tolist() == [0, 0, 1, 3, 3, 0]


def test_colour_and_classes_go_all_the_way() -> None:
    spec = ModelSpec(
        name="test",
        method=Part(name="centernet", options={"width": 4}),
        backbone=Part(name="unet", options={"widths": [4, 6], "stem": 4, "stride": 4}),
        channels=3,
        classes=("red cell", "platelet"),
    )
    maps = Localizer(spec)(torch.rand(2, 3, 32, 48))
    assert {name: tuple(values.shape) for name, values in maps.items()} == {
        "heat": (2, 2, 8, 12),
        "shift": (2, 2, 8, 12),
        "size": (2, 2, 8, 12),
    }


def test_other_decoders_are_told_which_fit() -> None:
    with pytest.raises(PinpointError, match="centers"):
        Localizer(ModelSpec(name="test", method=Part(name="centernet"), decoder=Part(name="blobs")))


def test_tiles_of_a_colour_picture_give_the_whole_pictures_boxes(rng: np.random.Generator) -> None:
    spec = ModelSpec(
        name="test",
        method=Part(name="centernet", options={"width": 4, "bias": 0.0}),
        backbone=Part(name="unet", options={"widths": [6, 6], "stem": 4, "stride": 4, "batch_norm": True}),
        normalization=Part(name="scaled", options={"scale": 10}),
        channels=3,
        classes=("red", "white"),
    )
    torch.manual_seed(1)
    model = Localizer(spec).eval()
    with torch.no_grad():
        for branch in (model.head.heat, model.head.shift, model.head.size):
            branch.last.weight.normal_()
    stack = Stack(rng.integers(0, 255, (3, 150, 210)).astype(np.uint8), "CYX", channel_names=("red", "green", "blue"))
    whole, tiled = (localize(stack, model, settings=LocalizeSettings(tile=tile), device="cpu") for tile in (512, 64))
    assert len(whole) > 100
    assert whole["label"].tolist() == tiled["label"].tolist()
    for name in ("y", "x", "height", "width", "probability"):
        np.testing.assert_allclose(whole[name], tiled[name], atol=2e-3)


def test_a_loss_that_does_not_exist_is_refused_at_once() -> None:
    with pytest.raises(PinpointError, match="no loss 'tea'"):
        METHODS.make(Part(name="centernet", options={"loss_function": "tea"}))
