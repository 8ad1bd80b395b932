"""LCFCN: each term against a calculation by hand, both versions, and what has no influence."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import softplus

from napari_pinpoint.methods.lcfcn import LCFCN
from napari_pinpoint.methods.points import Points
from napari_pinpoint.model import Localizer, ModelSpec
from napari_pinpoint.registry import Part

LOW = -3.0


def points_at(*images: list[tuple[float, ...]], labels: list[list[int]] | None = None, dims: int = 2) -> Points:
    """One list of positions per image."""
    most = max(1, *map(len, images))
    positions = torch.zeros(len(images), most, dims)
    mask, classes = torch.zeros(len(images), most, dtype=torch.bool), torch.zeros(len(images), most).long()
    for i, image in enumerate(images):
        for j, position in enumerate(image):
            positions[i, j], mask[i, j] = torch.tensor(position), True
            classes[i, j] = labels[i][j] if labels else 0
    return Points(positions, mask, classes, torch.full((len(images), most), torch.nan))


def terms_of(logit: Tensor, points: Points, valid: Tensor | None = None, **options) -> dict[str, float]:
    method = LCFCN(**options)
    if valid is None:
        valid = torch.ones(len(logit), *logit.shape[2:], dtype=torch.bool)
    target = method.target(points, tuple(valid.shape[1:]))
    return {name: float(value) for name, value in method.loss({"blob": logit}, target, valid).items()}


def line(values: list[float]) -> Tensor:
    """A map of one row."""
    return torch.tensor(values)[None, None, None]


def plus(value: float) -> float:
    """-log(1 - p) of a logit."""
    return float(softplus(torch.tensor(value)))


def test_one_point_in_its_blob_asks_for_image_and_point_only() -> None:
    terms = terms_of(line([LOW, 1.0, 2.0, LOW - 1]), points_at([(0, 1.2)]))
    assert terms["image"] == pytest.approx(plus(-2.0) + plus(LOW - 1))
    assert terms["point"] == pytest.approx(plus(-1.0))
    assert terms["split"] == terms["false_positive"] == 0


def test_an_image_without_points_is_to_have_no_blob() -> None:
    """Two false blobs of one and two cells weigh the same; the smallest p is pushed to 0."""
    terms = terms_of(line([1.0, LOW, 2.0, 3.0]), points_at([]))
    assert terms["false_positive"] == pytest.approx(plus(1.0) + (plus(2.0) + plus(3.0)) / 2)
    assert terms["image"] == pytest.approx(plus(LOW))
    assert terms["point"] == terms["split"] == 0


def test_two_points_in_one_blob_are_split_in_the_dip_between_them() -> None:
    """The borders of all basins weigh N - 1 = 1, those in the blob n - 1 = 1: both lie in the dip, two cells wide."""
    values = [LOW, 3.0, 3.0, 1.0, 1.0, 3.0, 3.0, LOW]
    terms = terms_of(line(values), points_at([(0, 1.0), (0, 6.0)]))
    assert terms["split"] == pytest.approx(2 * plus(1.0))
    paper = terms_of(line(values), points_at([(0, 1.0), (0, 6.0)]), version="paper")
    assert paper["split"] == pytest.approx((3 + 2) * plus(1.0))  # n + 1 in the blob, N over all


def test_three_points_apart_are_split_by_the_borders_of_all_basins_only() -> None:
    """Three one-cell blobs: two borders of two cells share N - 1 = 2."""
    values = [3.0, -1.0, -1.0, 3.0, -2.0, -2.0, 3.0]
    terms = terms_of(line(values), points_at([(0, 0), (0, 3), (0, 6)]))
    assert terms["split"] == pytest.approx(2 * (2 * plus(-1.0) + 2 * plus(-2.0)) / 4)
    assert terms["false_positive"] == 0
    assert terms["point"] == pytest.approx(3 * plus(-3.0))


def test_borders_are_found_in_two_dimensions_and_corners_hold_a_blob_together() -> None:
    """Two cells that touch at a corner: one blob, and its border is both of them."""
    logit = torch.full((1, 1, 2, 2), LOW)
    logit[0, 0, 0, 0] = logit[0, 0, 1, 1] = 2.0
    terms = terms_of(logit, points_at([(0, 0), (1, 1)]))
    everywhere = (2 * plus(2.0) + 2 * plus(LOW)) / 4  # all four cells touch another basin
    assert terms["split"] == pytest.approx(everywhere + plus(2.0))


def test_points_in_the_same_cell_are_one() -> None:
    logit = line([LOW, 1.0, LOW])
    assert terms_of(logit, points_at([(0, 0.8), (0, 1.3)])) == terms_of(logit, points_at([(0, 1.0)]))


def test_a_batch_is_the_mean_of_its_images() -> None:
    random = torch.Generator().manual_seed(0)
    logit = 3 * torch.randn(3, 1, 12, 12, generator=random)
    places = [[(2.0, 3.0), (8.0, 9.0)], [], [(5.0, 5.0)]]
    together = terms_of(logit, points_at(*places))
    alone = [terms_of(logit[i : i + 1], points_at(places[i])) for i in range(3)]
    for name, value in together.items():
        assert value == pytest.approx(sum(terms[name] for terms in alone) / 3, rel=1e-5)


def test_classes_of_the_current_version_are_problems_of_their_own() -> None:
    random = torch.Generator().manual_seed(1)
    logit = 3 * torch.randn(1, 2, 12, 12, generator=random)
    a, b = [(2.0, 3.0), (8.0, 9.0)], [(5.0, 5.0)]
    together = terms_of(logit, points_at([*a, *b], labels=[[0, 0, 1]]), classes=2)
    first, second = terms_of(logit[:, :1], points_at(a)), terms_of(logit[:, 1:], points_at(b))
    for name, value in together.items():
        assert value == pytest.approx(first[name] + second[name], rel=1e-5)


def test_classes_of_the_paper_share_a_softmax_with_the_background() -> None:
    """Two classes in a row of cells: probabilities (background, first, second) as given, a false blob of the second."""
    p = torch.tensor([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.3, 0.1, 0.6], [0.9, 0.05, 0.05]]).T
    logit = torch.logit(p[1:])[None, :, None]
    terms = terms_of(logit, points_at([(0, 1)]), version="paper", classes=2)
    assert terms["point"] == pytest.approx(-math.log(0.7), rel=1e-5)
    assert terms["false_positive"] == pytest.approx(-math.log(0.3), rel=1e-5)
    # The first class is there, the second is not, background is.
    assert terms["image"] == pytest.approx(-math.log(0.7) - math.log(0.4) - math.log(0.9), rel=1e-5)


def test_the_papers_head_is_that_softmax() -> None:
    torch.manual_seed(0)
    spec = ModelSpec(
        name="two",
        backbone=Part(name="plain", options={"widths": [4], "kernels": [3]}),
        method=Part(name="lcfcn", options={"version": "paper"}),
        classes=("a", "b"),
    )
    model = Localizer(spec)
    images = torch.randn(2, 1, 6, 6)
    values = model.head.layer(model.backbone(images))
    expected = torch.cat([torch.zeros(2, 1, 6, 6), values], dim=1).softmax(dim=1)[:, 1:]
    torch.testing.assert_close(torch.sigmoid(model(images)["blob"]), expected)


@pytest.mark.parametrize("version", ["current", "paper"])
@pytest.mark.parametrize("scale", [3.0, 60.0])
def test_gradients_are_finite_and_of_the_right_sign(version: str, scale: float) -> None:
    random = torch.Generator().manual_seed(2)
    logit = (scale * torch.randn(2, 2, 16, 16, generator=random)).requires_grad_()
    method = LCFCN(version=version, classes=2)
    points = points_at([(3.0, 3.0), (9.0, 12.0)], [], labels=[[0, 1], []])
    terms = method.loss({"blob": logit}, method.target(points, (16, 16)), torch.ones(2, 16, 16, dtype=torch.bool))
    sum(terms.values()).backward()
    assert torch.isfinite(logit.grad).all()
    assert logit.grad[0, 0, 3, 3] < 0 or logit[0, 0, 3, 3] > 30


def test_a_blob_that_reaches_into_the_unknown_is_no_false_positive() -> None:
    """Its point may lie there; one that keeps away is false."""
    values = [2.0, LOW, LOW, 1.0, 1.0, 1.0]
    valid = torch.tensor([True, True, True, True, True, False])[None, None]
    terms = terms_of(line(values), points_at([]), valid)
    assert terms["false_positive"] == pytest.approx(plus(2.0))


def test_nothing_believed_is_no_loss() -> None:
    logit = torch.randn(1, 1, 8, 8, requires_grad=True)
    for version in ("current", "paper"):
        method = LCFCN(version=version)
        points = points_at([(3.0, 3.0)])
        terms = method.loss({"blob": logit}, method.target(points, (8, 8)), torch.zeros(1, 8, 8, dtype=torch.bool))
        loss = sum(terms.values())
        loss.backward()
        assert float(loss.detach()) == 0
        assert torch.isfinite(logit.grad).all()


def test_points_on_a_coarser_grid_fall_into_their_cell() -> None:
    """Stride 4: pixels 4 to 7 are the second cell, whose centre is 5.5."""
    logit = torch.full((1, 1, 2, 2), LOW)
    logit[0, 0, 1, 0] = 2.0
    valid = torch.ones(1, 8, 8, dtype=torch.bool)
    for y in (4.0, 6.9):
        assert terms_of(logit, points_at([(y, 1.0)]), valid)["point"] == pytest.approx(plus(-2.0))


def test_volumes_are_split_as_images_are() -> None:
    logit = torch.full((1, 1, 3, 3, 7), LOW)
    logit[0, 0, 1, 1, :] = torch.tensor([2.0, 2.0, 2.0, 0.5, 2.0, 2.0, 2.0])
    terms = terms_of(logit, points_at([(1.0, 1.0, 0.0), (1.0, 1.0, 6.0)], dims=3))
    assert terms["false_positive"] == 0
    assert terms["split"] > 0
